"""The end of a list: as few calls as make it certain, and what follows it.

What shows the end stands in docs/explanation/plan.md ("The end of a list"). What follows are the phases that are left,
and the watermark that was earned.
"""

from __future__ import annotations

import enum
from typing import Final

from tonicdm.plan.arithmetic import ROUND_SIZES, UNPROVEN_PAGE, ends_by_repetition, is_last_page, size_behind_first
from tonicdm.plan.evolve import evolve
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import Outcome
from tonicdm.plan.ties import earliest, latest

MAX_FRUITLESS: Final = 2
"""Pages in a row without a new record after which a list is taken to have no end."""
MAX_ROUNDS: Final = 5
"""Lists of what changed during the list before, until the next run may care for the rest."""


class ListError(Exception):
    """A list can't be read to its end; a driver says so in the words of its users.

    Attributes:
        option: The option that the server does not heed.
        reason: What shows it.
        endless: Whether it goes on without end; else it repeats one page.
    """

    def __init__(self, option: str, reason: str, *, endless: bool = False) -> None:
        super().__init__(option, reason)
        self.option = option
        self.reason = reason
        self.endless = endless


class Move(enum.Enum):
    """What follows a page."""

    NEXT = "next"
    PEEK = "peek"
    """The page behind is peeked at, to see whether there is any."""
    END = "end"


def is_paged(facts: TypeFacts, progress: Progress) -> bool:
    """Tell whether the list is asked for in pages."""
    return facts.paged or progress.pages_anyway


def size_of(facts: TypeFacts, progress: Progress) -> int:
    """Return the pageSize that is asked for."""
    return progress.size or facts.page_limit


def with_page(facts: TypeFacts, progress: Progress, outcome: Outcome) -> Progress:
    """Return the progress with what a page has shown of its list."""
    size, count = size_of(facts, progress), outcome.count
    paged = is_paged(facts, progress)
    return evolve(
        progress,
        pages=progress.pages + 1,
        full=progress.full or (paged and count >= size and not outcome.repeated),
        total=progress.total + count,
        last_count=count,
        last_has_ids=outcome.has_ids,
        fruitless=progress.fruitless + 1 if count and not outcome.fresh else 0,
        damaged=progress.damaged or outcome.damaged,
        largest_page=max(progress.largest_page, count) if paged and count > UNPROVEN_PAGE else progress.largest_page,
    )


def move_after(facts: TypeFacts, progress: Progress, outcome: Outcome, *, foreseen: int | None = None) -> Move:
    """Tell what follows the page that *progress* has taken in (see `with_page`).

    Args:
        facts: What is known of the type.
        progress: With that page.
        outcome: What came of it.
        foreseen: Pages that the list is taken to have: behind a full one after so many, only the end is checked.

    Raises:
        ListError: The list has no end.
    """
    size, count = size_of(facts, progress), outcome.count
    if not is_paged(facts, progress):
        return Move.PEEK if count in ROUND_SIZES else Move.END
    if outcome.repeated:
        check_repetition(facts, progress, count)
    if count == 0 or outcome.repeated:
        return Move.END
    if progress.fruitless >= MAX_FRUITLESS:
        raise ListError(
            "pageNumber",
            f"{MAX_FRUITLESS} pages running showed no record that earlier ones had not shown",
            endless=True,
        )
    if progress.page >= facts.max_pages:
        raise ListError("pageNumber", f"the list does not end within {facts.max_pages:,} pages", endless=True)
    if count >= size:
        return Move.PEEK if progress.pages == foreseen else Move.NEXT
    return Move.END if _is_short(facts, progress, count) else Move.PEEK


def _is_short(facts: TypeFacts, progress: Progress, count: int) -> bool:
    """Tell whether a page with fewer records than were asked for must be the last one."""
    # This server may have shown in this very list how long its pages are.
    return progress.full or is_last_page(count, _longest(facts, progress))


def goes_on(facts: TypeFacts, progress: Progress, outcome: Outcome) -> bool:
    """Tell whether the page behind the last one holds anything.

    A mere part of the page before counts: records moved meanwhile, or, where no pages were asked for, another size.
    """
    if outcome.count and outcome.repeated:
        check_repetition(facts, progress, progress.last_count)
        return False
    return outcome.count > 0


def check_repetition(facts: TypeFacts, progress: Progress, count: int) -> None:
    """Refuse to take a repeated page for the end of a list that its size says may be cut.

    Raises:
        ListError: It does.
    """
    size = size_of(facts, progress) if progress.full else facts.page_limit
    if facts.paged and not ends_by_repetition(count, size, _longest(facts, progress)):
        raise ListError("pageNumber", f"the page after {count} records was the same page again")


def _longest(facts: TypeFacts, progress: Progress) -> int:
    """Return the records on the longest page that this server is known to have sent."""
    return max(facts.largest_page, progress.largest_page, UNPROVEN_PAGE + 1 if facts.proven_elsewhere else 0)


def continue_list(facts: TypeFacts, progress: Progress) -> Progress:
    """Return the progress when that page has shown that the list goes on."""
    if not is_paged(facts, progress):
        # The server pages this list after all; its pages are smaller than it would allow.
        return evolve(progress, pages_anyway=True, page=1, pages=0, peeks=False, total=0, last_count=0)
    return evolve(progress, peeks=False, full=True)


def next_page(facts: TypeFacts, progress: Progress, *, peeks: bool = False) -> Progress:
    """Return the progress at the page behind the last one, which may be asked for in pages of another size."""
    return behind_first_page(facts, evolve(progress, page=progress.page + 1, peeks=peeks))


def behind_first_page(facts: TypeFacts, progress: Progress) -> Progress:
    """Return the progress with the size of the page to come, if that is the second one (see `size_behind_first`)."""
    if progress.page != 2 or progress.full or not is_paged(facts, progress):
        return progress
    size = size_of(facts, progress)
    behind = size_behind_first(progress.last_count, size)
    return progress if behind == size else evolve(progress, size=behind)


# --- what follows -----------------------------------------------------------------------------------------------------


def _fresh_list(progress: Progress, todo: tuple[Phase, ...]) -> Progress:
    """Return the progress at the beginning of another list."""
    return evolve(
        progress,
        todo=todo,
        series=progress.series + 1,
        page=1,
        pages=0,
        list_number=0,
        size=0,
        fetch_size=progress.size if _has_several(progress) else 0,
        peeks=False,
        reads=False,
        full=False,
        total=0,
        last_count=0,
        last_has_ids=True,
        fruitless=0,
        unstamped=None,
        started=None,
        calls=0,
        tallied=False,
        # What was compared with them, or read after them, is settled. A record may have moved from one of several pages
        # to another, and was shown by none.
        ties=earliest(progress.next_ties, progress.ties) if _has_several(progress) else progress.next_ties,
        next_ties=None,
        since=progress.since if todo[:1] == (Phase.FETCH,) else None,
    )


def _has_several(progress: Progress) -> bool:
    """Tell whether a list had several pages that held something: then records may have moved between them."""
    return progress.pages - (progress.last_count == 0) > 1


def _asks_for_changes(progress: Progress) -> bool:
    return progress.updated_after is not False


def end_of_load(facts: TypeFacts, progress: Progress) -> Progress:
    """Return the progress when all records were read.

    What follows depends on whether they may have changed meanwhile.
    """
    started, several = progress.started or progress.now, _has_several(progress)
    front: tuple[Phase, ...] = () if progress.stale == 0 else (Phase.FETCH,)
    if several and not facts.partial:
        if _asks_for_changes(progress):
            # It finds again what was read within the second of its change, on fewer pages.
            front = (Phase.CHECK,)
            progress = evolve(progress, stale=0, settles_at=None, next_ties=progress.marked_from)
        elif facts.exact and facts.compares and progress.stub_times is not False and progress.rounds < MAX_ROUNDS:
            front += (Phase.COMPARE,)
    done = evolve(
        progress,
        until=started,
        counted=progress.total,
        listed=started,
        scanned=not facts.partial,
        checked=started,
        origin=None,
        many=several,
        rounds=progress.rounds + (Phase.COMPARE in front),
    )
    return _fresh_list(done, (*front, *progress.todo[1:]))


def end_of_scan(facts: TypeFacts, progress: Progress) -> Progress:
    """Return the progress when all stubs were read."""
    if progress.unstamped:
        why = "its stubs carry no timestamps, so that only reading all records shows changes"
        without = evolve(progress, stub_times=False, stale=0, settles_at=None, why=(*progress.why, why))
        return _fresh_list(without, (Phase.LOAD, *progress.todo[1:]))
    front: tuple[Phase, ...] = () if progress.stale == 0 else (Phase.FETCH,)
    audit = progress.phase is Phase.AUDIT
    several = _has_several(progress)
    again = progress.rounds
    if several and (audit or facts.exact):
        # While pages were listed, records of the earlier ones may have changed.
        if _asks_for_changes(progress):
            front += (Phase.CHECK,)
        elif facts.exact and progress.stale != 0 and progress.rounds < MAX_ROUNDS:
            front, again = (*front, progress.phase), again + 1
    started = progress.started
    keep = audit and _asks_for_changes(progress)
    done = evolve(
        progress,
        until=progress.until if keep else progress.until or started,
        counted=progress.total,
        listed=started,
        scanned=True,
        checked=started,
        origin=None,
        many=False,
        rounds=again,
        stub_times=progress.stub_times if progress.unstamped is None else True,
    )
    return _fresh_list(done, (*front, *progress.todo[1:]))


def end_of_changes(facts: TypeFacts, progress: Progress) -> Progress:
    """Return the progress when a list of what changed was read to its end."""
    remaining = progress.todo[1:]
    news = progress.stale != 0 or progress.calls > 0
    front: tuple[Phase, ...] = () if progress.stale == 0 else (Phase.FETCH,)
    several = _has_several(progress)
    # What one call shows, and one call brings, is exact as of that call.
    at_once = not several
    all_of_it = progress.counted if progress.counted is not None else facts.count
    works = progress.updated_after
    if works is None and progress.total < (all_of_it or 0):
        works = True
    done = evolve(progress, changes_read=True, relist=None, updated_after=works)
    if progress.phase is Phase.CHANGES:
        if at_once:
            return _fresh_list(evolve(done, until=progress.started), (*front, *remaining))
        check = evolve(done, checked=progress.started, origin=progress.since, many=several)
        return _another_round(check, (*front, Phase.CHECK, *remaining))
    if not news:
        until = progress.checked if several else progress.started
        return _fresh_list(evolve(done, until=latest(progress.until, until)), remaining)
    return _after_news(facts, done, front, at_once=at_once)


def _after_news(facts: TypeFacts, done: Progress, front: tuple[Phase, ...], *, at_once: bool) -> Progress:
    """Decide what is listed once more, when a check has shown that records changed while a list was read."""
    remaining = done.todo[1:]
    if done.rounds >= MAX_ROUNDS:
        why = "records keep changing faster than they can be read; the next run goes on"
        return _fresh_list(evolve(done, why=(*done.why, why)), (*front, *remaining))
    if done.many and done.origin is not None:
        # Records may have moved from a page to come to one that had been read: the whole list is compared again.
        again = evolve(done, rounds=done.rounds + 1, relist=done.origin)
        return _fresh_list(again, (*front, Phase.CHANGES, *remaining))
    if done.many and facts.compares and done.stub_times is not False:
        once = evolve(done, many=False, rounds=done.rounds + 1)
        return _fresh_list(once, (*front, Phase.COMPARE, *remaining))
    if at_once:
        return _fresh_list(evolve(done, until=latest(done.until, done.started)), (*front, *remaining))
    check = evolve(done, checked=done.started, origin=done.since, many=_has_several(done))
    return _another_round(check, (*front, Phase.CHECK, *remaining))


def _another_round(progress: Progress, todo: tuple[Phase, ...]) -> Progress:
    return _fresh_list(evolve(progress, rounds=progress.rounds + 1), todo)


def disproved(facts: TypeFacts, progress: Progress) -> Progress:
    """Return the progress when ``updated_after`` turned out not to work.

    Stubs are compared instead, or the end of a load is left as it is.
    """
    why = "the server does not heed updated_after here: all stubs are compared instead"
    left = tuple(phase for phase in progress.todo[1:] if phase is not Phase.CHECK)
    next_ties = earliest(progress.ties, progress.next_ties)
    without = evolve(
        progress, updated_after=False, why=(*progress.why, why), stale=0, settles_at=None, next_ties=next_ties
    )
    if progress.phase is Phase.CHANGES:
        # An audit that was to come sees what changed as well.
        left = (Phase.COMPARE, *(phase for phase in left if phase is not Phase.AUDIT))
    elif facts.exact and facts.compares and progress.rounds < MAX_ROUNDS:
        without, left = evolve(without, rounds=progress.rounds + 1), (Phase.COMPARE, *left)
    return _fresh_list(without, left)


def resumed_unpaged(facts: TypeFacts, progress: Progress, next_page: int) -> Progress:
    """Return where a pass over a list without pages goes on that an earlier version has left behind its only page."""
    if next_page == 1:
        return progress
    if next_page > 2:
        # Behind a second page: this server pages the list all the same.
        return evolve(progress, pages_anyway=True)
    if facts.count in ROUND_SIZES:
        # It may have been the first page of many; nothing tells.
        return evolve(progress, page=1, pages=0)
    return end_of_load(facts, progress) if progress.phase is Phase.LOAD else end_of_scan(facts, progress)
