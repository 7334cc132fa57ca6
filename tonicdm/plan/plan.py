"""The values of a plan: what is wanted of a type, and the steps that bring it (design 6)."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Final

import attrs

from tonicdm.plan.arithmetic import pages
from tonicdm.plan.known import Known, Missing
from tonicdm.types import DataQuantity


class How(enum.StrEnum):
    """How a step reads: what the engine dispatches on."""

    PAGES = "pages"
    """The whole type, page by page."""
    PROBE = "probe"
    """``updated_after``, stubs, from page 1 until one shows an (id, updated) that the store lacks: then the next step
    runs, else the type is done. It goes on only while a page is full."""
    CHANGED_PAGES = "changed pages"
    """``updated_after``, records, to the end. What follows a full page after as many as foreseen is looked at as stubs
    first: mostly it is the end, for 1 unit."""
    CHANGED_STUBS = "changed stubs"
    """``updated_after``, stubs, to the end: most of what changed is here already."""
    STUBS = "stubs"
    """The whole type as stubs, to be compared with the store; `choose` then settles the steps that follow."""
    WHOLE_PAGES = "whole pages"
    """Those pages of the type that `choose` names, whole."""
    BY_ID = "by id"
    """filterIDs: the records found stale or missing, pooled over all pages."""
    BY_ID_CHECKED = "by id, checked"
    """filterIDs, stubs: shows which of the given IDs are stale or gone. BY_ID follows with the stale ones."""
    AUDIT = "audit"
    """The whole type as stubs: what the store holds and no page shows is gone. Compared like STUBS where they carry
    timestamps."""
    PROBE_NEWEST = "probe newest"
    """Page 1 of the type sorted by last update, newest first, as stubs. If nothing on it is new it is the first page of
    REST_STUBS, else NEWEST_PAGES reads it again."""
    NEWEST_PAGES = "newest pages"
    """The type sorted by last update, newest first, records, until a page reaches behind the watermark. What
    follows after as many pages as foreseen is looked at as stubs first."""
    REST_STUBS = "rest as stubs"
    """The same sorted list from the next page on, as stubs: an audit of what did not change."""
    PER_PARENT = "per parent"
    """One list for each parent (or filterful of parents), such as the team of each project."""


class Goal(enum.StrEnum):
    """What a plan is for."""

    FIRST_LOAD = "first load"
    INCREMENTAL = "incremental"
    REFRESH = "refresh"
    REFERENCES = "with references"
    AUDIT = "deletion audit"
    OPT_IN = "opt-in"


@attrs.frozen(kw_only=True)
class Wish:
    """What a plan was asked for, so that it can be made again when something turns out otherwise."""

    goal: Goal
    ids: int = 0
    stale_share: float = attrs.field(
        default=1.0, validator=attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(1))
    )
    changed_since: int | None = None
    references: tuple[Missing, ...] = ()


@attrs.frozen(kw_only=True)
class Step:
    """Calls of one kind."""

    type: str
    how: How
    quality: DataQuantity
    calls: int
    units: int
    """What they cost if things are as foreseen."""
    why: str
    expected: float
    """The mean over what may be found: less than `units` for a step that may not be needed."""
    worst: int
    """What they cost if each call is charged as the dearest there is."""
    price: int
    """Units of the dearest call among them."""
    ends: int = 0
    """How many of the calls only look, in stubs, whether the list goes on behind a full page."""
    at_least: bool = False
    """Whether calls and units are a lower limit, because a number of records is not known."""

    @property
    def foreseen(self) -> int:
        """Calls that are to bring something: behind so many full pages the list is taken to end."""
        return self.calls - self.ends


COLUMNS: Final = ("type", "how", "quality", "calls", "units", "worst", "why")
"""Headings of `Plan.rows`."""


@attrs.frozen(kw_only=True)
class Plan:
    """Which calls to make, in order, and what they cost. It spends nothing by itself."""

    steps: tuple[Step, ...]
    lower_bound: int
    """Units below which no sequence of calls could do it."""
    why: str
    """Why these steps, beside the next best."""
    known: Known | None = None
    wish: Wish | None = None

    @property
    def calls(self) -> int:
        """Calls of all steps."""
        return sum(step.calls for step in self.steps)

    @property
    def units(self) -> int:
        """Units of all steps, if things are as foreseen."""
        return sum(step.units for step in self.steps)

    @property
    def expected(self) -> float:
        """Mean units, over what the steps may find."""
        return math.fsum(step.expected for step in self.steps)

    @property
    def worst(self) -> int:
        """Units if every call is charged as the dearest there is."""
        return sum(step.worst for step in self.steps)

    @property
    def at_least(self) -> bool:
        """Whether units and calls are lower limits."""
        return any(step.at_least for step in self.steps)

    def hours(
        self, units_left: int, limit: int = 3600, window: float = 3600.0, *, until_reset: float | None = None
    ) -> float:
        """Return the hours until the last call may leave: what fits now goes now, the rest waits for whole windows.

        Args:
            units_left: Units left in the current window.
            limit: Units of a window.
            window: Its length in seconds.
            until_reset: Seconds until the current one ends; a whole window where it is not known.

        Raises:
            ValueError: A single call costs more than a window allows, so that it can never be made.
        """
        price = max((step.price for step in self.steps if step.calls), default=1)
        if price > limit:
            raise ValueError(f"a call of {price} units can't be made where a window allows {limit}")
        if self.units <= units_left:
            return 0.0
        # A remainder smaller than a call ends its window unused.
        waiting = self.units - max(0, units_left - units_left % price)
        windows = pages(waiting, limit - limit % price) - 1
        return ((window if until_reset is None else until_reset) + windows * window) / 3600

    def rows(self) -> list[tuple[str, ...]]:
        """Return the plan as a table under `COLUMNS`, its sum in the last row."""
        lines = [
            (
                step.type,
                step.how.value,
                step.quality.value,
                _number(step.calls, at_least=step.at_least),
                _number(step.units, at_least=step.at_least),
                _number(step.worst, at_least=step.at_least),
                step.why,
            )
            for step in self.steps
        ]
        figures = (_number(figure, at_least=self.at_least) for figure in (self.calls, self.units, self.worst))
        return [*lines, ("total", "", "", *figures, self.why)]


def together(plans: Sequence[Plan]) -> Plan:
    """Return the plans of several types as one, to be shown; each type is run, and planned anew, by its own."""
    return Plan(
        steps=tuple(step for plan in plans for step in plan.steps),
        lower_bound=sum(plan.lower_bound for plan in plans),
        why=f"{len(plans)} types side by side",
    )


def _number(value: int, *, at_least: bool) -> str:
    return f"{'≥ ' if at_least else ''}{value:,}"
