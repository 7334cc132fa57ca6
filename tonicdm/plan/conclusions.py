"""What follows when a list was read to its end: the phases that are left, and the watermark that was earned."""

from __future__ import annotations

from typing import Final

import attrs

from tonicdm.plan.arithmetic import ROUND_SIZES
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.ties import earliest, latest

ROUNDS: Final = 5
"""Lists of what changed during the list before, until the next run may care for the rest."""


def _fresh_list(progress: Progress, todo: tuple[Phase, ...]) -> Progress:
    """Return the progress at the beginning of another list."""
    return attrs.evolve(
        progress,
        todo=todo,
        series=progress.series + 1,
        page=1,
        pages=0,
        list_number=0,
        size=0,
        fetch_size=progress.size,
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
        # What was compared with them, or read after them, is settled.
        ties=progress.next_ties,
        next_ties=None,
        since=progress.since if todo[:1] == (Phase.FETCH,) else None,
    )


def _has_several(progress: Progress) -> bool:
    """Tell whether a list had several pages that held something: then records may have moved between them."""
    return progress.pages - (progress.last_count == 0) > 1


def _asks_for_changes(progress: Progress) -> bool:
    return progress.updated_after is not False


def end_of_load(facts: TypeFacts, progress: Progress) -> Progress:
    """All records were read: what follows depends on whether they may have changed meanwhile."""
    started, several = progress.started or progress.now, _has_several(progress)
    front: tuple[Phase, ...] = () if progress.stale == 0 else (Phase.FETCH,)
    if several and not facts.partial:
        if _asks_for_changes(progress):
            # It finds again what was read within the second of its change, on fewer pages.
            front = (Phase.CHECK,)
            progress = attrs.evolve(progress, stale=0, settles_at=None, next_ties=progress.marked_from)
        elif facts.exact and facts.compares and progress.stub_times is not False and progress.rounds < ROUNDS:
            front += (Phase.COMPARE,)
    done = attrs.evolve(
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
    """All stubs were read."""
    if progress.unstamped:
        why = "its stubs carry no timestamps, so that only reading all records shows changes"
        without = attrs.evolve(progress, stub_times=False, stale=0, settles_at=None, why=(*progress.why, why))
        return _fresh_list(without, (Phase.LOAD, *progress.todo[1:]))
    front: tuple[Phase, ...] = () if progress.stale == 0 else (Phase.FETCH,)
    audit = progress.phase is Phase.AUDIT
    several = _has_several(progress)
    again = progress.rounds
    if several and (audit or facts.exact):
        # While pages were listed, records of the earlier ones may have changed.
        if _asks_for_changes(progress):
            front += (Phase.CHECK,)
        elif facts.exact and progress.stale != 0 and progress.rounds < ROUNDS:
            front, again = (*front, progress.phase), again + 1
    started = progress.started
    keep = audit and _asks_for_changes(progress)
    done = attrs.evolve(
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
    """A list of what changed was read to its end."""
    rest = progress.todo[1:]
    news = progress.stale != 0 or progress.calls > 0
    front: tuple[Phase, ...] = () if progress.stale == 0 else (Phase.FETCH,)
    several = _has_several(progress)
    # What one call shows, and one call brings, is exact as of that call.
    at_once = not several
    all_of_it = progress.counted if progress.counted is not None else facts.count
    works = progress.updated_after
    if works is None and progress.total < (all_of_it or 0):
        works = True
    done = attrs.evolve(progress, changes_read=True, relist=None, updated_after=works)
    if progress.phase is Phase.CHANGES:
        if at_once:
            return _fresh_list(attrs.evolve(done, until=progress.started), (*front, *rest))
        check = attrs.evolve(done, checked=progress.started, origin=progress.since, many=several)
        return _again(check, (*front, Phase.CHECK, *rest))
    if not news:
        until = progress.checked if several else progress.started
        return _fresh_list(attrs.evolve(done, until=latest(progress.until, until)), rest)
    return _after_news(facts, done, front, at_once=at_once)


def _after_news(facts: TypeFacts, done: Progress, front: tuple[Phase, ...], *, at_once: bool) -> Progress:
    """A check has found that records changed while a list was read: decide what is listed once more."""
    rest = done.todo[1:]
    if done.rounds >= ROUNDS:
        why = "records keep changing faster than they can be read; the next run goes on"
        return _fresh_list(attrs.evolve(done, why=(*done.why, why)), (*front, *rest))
    if done.many and done.origin is not None:
        # Records may have moved from a page to come to one that had been read: the whole list is compared again.
        again = attrs.evolve(done, rounds=done.rounds + 1, relist=done.origin)
        return _fresh_list(again, (*front, Phase.CHANGES, *rest))
    if done.many and facts.compares and done.stub_times is not False:
        once = attrs.evolve(done, many=False, rounds=done.rounds + 1)
        return _fresh_list(once, (*front, Phase.COMPARE, *rest))
    if at_once:
        return _fresh_list(attrs.evolve(done, until=latest(done.until, done.started)), (*front, *rest))
    check = attrs.evolve(done, checked=done.started, origin=done.since, many=_has_several(done))
    return _again(check, (*front, Phase.CHECK, *rest))


def _again(progress: Progress, todo: tuple[Phase, ...]) -> Progress:
    return _fresh_list(attrs.evolve(progress, rounds=progress.rounds + 1), todo)


def disproved(facts: TypeFacts, progress: Progress) -> Progress:
    """``updated_after`` does not work here: stubs are compared instead, or the end of a load is left as it is."""
    why = "the server does not heed updated_after here: all stubs are compared instead"
    left = tuple(phase for phase in progress.todo[1:] if phase is not Phase.CHECK)
    next_ties = earliest(progress.ties, progress.next_ties)
    without = attrs.evolve(
        progress, updated_after=False, why=(*progress.why, why), stale=0, settles_at=None, next_ties=next_ties
    )
    if progress.phase is Phase.CHANGES:
        # An audit that was to come sees what changed as well.
        left = (Phase.COMPARE, *(phase for phase in left if phase is not Phase.AUDIT))
    elif facts.exact and facts.compares and progress.rounds < ROUNDS:
        without, left = attrs.evolve(without, rounds=progress.rounds + 1), (Phase.COMPARE, *left)
    return _fresh_list(without, left)


def resumed_unpaged(facts: TypeFacts, progress: Progress, next_page: int) -> Progress:
    """Return where a pass over a list without pages goes on that an earlier version has left behind its only page."""
    if next_page == 1:
        return progress
    if next_page > 2:
        # Behind a second page: this server pages the list all the same.
        return attrs.evolve(progress, pages_anyway=True)
    if facts.count in ROUND_SIZES:
        # It may have been the first page of many; nothing tells.
        return attrs.evolve(progress, page=1, pages=0)
    return end_of_load(facts, progress) if progress.phase is Phase.LOAD else end_of_scan(facts, progress)
