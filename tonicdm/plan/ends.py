"""When a list is at its end: as few calls as make that certain (docs/explanation/decisions.md, "Pages")."""

from __future__ import annotations

import enum
from typing import Final

import attrs

from tonicdm.plan.arithmetic import ROUND_SIZES, UNPROVEN_PAGE
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.progress import Progress
from tonicdm.plan.steps import Outcome

MAX_FRUITLESS: Final = 2
"""Pages in a row without a new record after which a list is taken to have no end."""


class ListError(Exception):
    """A list that can't be read to its end; a driver says so in the words of its users.

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
    """The page behind is looked at, to see whether there is any."""
    OVER = "over"


def is_paged(facts: TypeFacts, progress: Progress) -> bool:
    """Tell whether the list is asked for in pages."""
    return facts.paged or progress.pages_anyway


def size_of(facts: TypeFacts, progress: Progress) -> int:
    """Return the pageSize that is asked for."""
    return progress.size or facts.page_limit


def took_in(facts: TypeFacts, progress: Progress, outcome: Outcome) -> Progress:
    """Return the progress with what a page has shown of its list."""
    size, count = size_of(facts, progress), outcome.count
    paged = is_paged(facts, progress)
    return attrs.evolve(
        progress,
        pages=progress.pages + 1,
        full=progress.full or (paged and count >= size),
        total=progress.total + count,
        last_count=count,
        last_has_ids=outcome.has_ids,
        fruitless=progress.fruitless + 1 if count and not outcome.fresh else 0,
        damaged=progress.damaged or outcome.damaged,
        largest_page=max(progress.largest_page, count) if paged and count > UNPROVEN_PAGE else progress.largest_page,
    )


def move_after(facts: TypeFacts, progress: Progress, outcome: Outcome, *, foreseen: int | None = None) -> Move:
    """Tell what follows the page that *progress* has taken in (see `took_in`).

    Args:
        facts: What is known of the type.
        progress: With that page.
        outcome: What came of it.
        foreseen: Pages that the list is taken to have: behind a full one after so many it is only looked.

    Raises:
        ListError: The list has no end.
    """
    size, count = size_of(facts, progress), outcome.count
    if not is_paged(facts, progress):
        return Move.PEEK if count in ROUND_SIZES else Move.OVER
    if outcome.repeated:
        check_repetition(facts, progress, count)
    if count == 0 or outcome.repeated:
        return Move.OVER
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
    return Move.OVER if _is_short(facts, progress, count) else Move.PEEK


def _is_short(facts: TypeFacts, progress: Progress, count: int) -> bool:
    """Tell whether a page with fewer records than were asked for must be the last one."""
    # This server may have shown in this very list how long its pages are; else it must be known to heed pageSize, and
    # this must be no number at which it would cut.
    proven = facts.proven_elsewhere or max(count, progress.largest_page) > UNPROVEN_PAGE
    return progress.full or (proven and count not in ROUND_SIZES)


def goes_on(facts: TypeFacts, progress: Progress, outcome: Outcome) -> bool:
    """Tell whether a look at the page behind the last one has shown anything.

    A mere part of the page before counts: records moved meanwhile, or, where no pages were asked for, another size.
    """
    if outcome.count and outcome.repeated:
        check_repetition(facts, progress, progress.last_count)
        return False
    return outcome.count > 0


def check_repetition(facts: TypeFacts, progress: Progress, count: int) -> None:
    """Refuse to take a repeated page for the end of a list that its size says may be cut.

    Raises:
        ListError: It is as long as a full page.
    """
    if facts.paged and count in {size_of(facts, progress), UNPROVEN_PAGE}:
        raise ListError("pageNumber", f"the page after {count} records was the same page again")


def continue_list(facts: TypeFacts, progress: Progress) -> Progress:
    """Return the progress when a look has shown that the list goes on."""
    if not is_paged(facts, progress):
        # The server pages this list after all; its pages are smaller than it would allow.
        return attrs.evolve(progress, pages_anyway=True, page=1, pages=0, peeks=False, total=0, last_count=0)
    short = progress.last_count < size_of(facts, progress)
    size = progress.last_count if short else progress.size
    return attrs.evolve(progress, peeks=False, size=size, full=progress.full or short)
