"""Estimates: what the run of each type will cost, and the facts that this rests on."""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Final

import attrs

from tonicdm import display
from tonicdm.plan.arithmetic import pages
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.forecast import Run, Scenario, scenarios, simulate
from tonicdm.plan.owner import MAX_UNITS, MIN_UNITS, OwnerFacts
from tonicdm.plan.passes import begin
from tonicdm.plan.progress import Phase
from tonicdm.types import DataQuantity


class Strategy(enum.StrEnum):
    """How a type is brought up to date."""

    OWNER = "whose records"
    LOAD = "first load"
    PART = "some projects"
    CHANGES = "what changed"
    COMPARE = "compare all"
    RELOAD = "read all anew"
    RESUME = "go on"


@attrs.frozen(kw_only=True)
class Fact:
    """Something that the price depends on."""

    name: str
    value: str
    proven: bool
    """Whether this server and this store have shown it."""


@attrs.frozen(kw_only=True)
class Estimate:
    """What the run of one type will cost."""

    record_type: str
    strategy: Strategy
    audit: bool = False
    """Whether deletions are looked for."""
    expected: int
    """Units that it costs if all is as it was; exactly those, where all facts are proven and no call fails."""
    max_units: int | None
    """Units that it costs at most on a server that stays as it is; None where nobody knows how many records it has."""
    per_thousand: int | None = None
    """Units for each 1,000 records, where their number is not known."""
    likely: int | None = None
    """Units if as much changed as lately."""
    seconds: float = 0.0
    """Longest wait for records that were changed just before."""
    max_call_units: int = 1
    """Units that one call of it costs at most."""
    facts: tuple[Fact, ...] = ()
    run: Run | None = attrs.field(default=None, repr=False, eq=False)
    """The run that is expected, step by step."""


@attrs.frozen(kw_only=True)
class Plan:
    """What a whole run will cost."""

    types: tuple[Estimate, ...]

    @property
    def expected(self) -> int:
        """Units of all types, at least."""
        return sum(estimate.expected for estimate in self.types)

    @property
    def max_units(self) -> int | None:
        """Units of all types, at most; None where a type's is not known."""
        known = [estimate.max_units for estimate in self.types if estimate.max_units is not None]
        return sum(known) if len(known) == len(self.types) else None

    @property
    def seconds(self) -> float:
        """Longest wait for the second of a change; types wait side by side."""
        return max((estimate.seconds for estimate in self.types), default=0.0)

    def _repr_html_(self) -> str:
        rows = [
            (estimate.record_type, estimate.strategy, estimate.expected, estimate.max_units) for estimate in self.types
        ]
        caption = (
            f"Plan: {self.expected:,} units expected; where no most is given, nobody knows how many records there are"
        )
        return display.table(caption, ("type", "strategy", "units expected", "units at most"), rows)

    def hours(
        self, units_left: int, limit: int = 3600, window: float = 3600.0, *, until_reset: float | None = None
    ) -> float:
        """Return the hours until the last call that is expected may leave: now, or after whole windows.

        Args:
            units_left: Units left in the current window.
            limit: Units of a window.
            window: Its length in seconds.
            until_reset: Seconds until the current one ends; a whole window where it is not known.

        Raises:
            ValueError: A single call costs more than a window allows, so that it can never be made.
        """
        price = max((estimate.max_call_units for estimate in self.types), default=1)
        if price > limit:
            raise ValueError(f"a call of {price} units can't be made where a window allows {limit}")
        if self.expected <= units_left:
            return 0.0
        # A remainder smaller than a call ends its window unused.
        waiting = self.expected - max(0, units_left - units_left % price)
        windows = pages(waiting, limit - limit % price) - 1
        return ((window if until_reset is None else until_reset) + windows * window) / 3600


def estimate_type(facts: TypeFacts) -> Estimate:
    """Return what the run of one type will cost."""
    runs = [simulate(facts, scenario) for scenario in scenarios(facts)]
    expected = min((runs[0], *_runs_of_shorter_lists(facts)), key=lambda run: run.units)
    counted = _is_counted(facts)
    return Estimate(
        record_type=facts.record_type,
        strategy=_strategy(facts),
        audit=facts.audit,
        expected=expected.units,
        max_units=max(run.max_units for run in runs) if counted else None,
        per_thousand=None if counted else facts.units("basic")[0],
        likely=_likely(facts),
        seconds=max(run.seconds for run in runs),
        max_call_units=DataQuantity.BASIC.units if facts.has_data_quantity else DataQuantity.COMPLETE.units,
        facts=_facts_of(facts),
        run=expected,
    )


def _runs_of_shorter_lists(facts: TypeFacts) -> list[Run]:
    """Return the run over a list that is a record shorter than somebody says.

    Without filterStatuses a list hides what is not active, so that a round number of records, which needs a look behind
    it, may not be what the list shows.
    """
    if facts.counted or facts.has_statuses or not facts.count:
        return []
    fewer = attrs.evolve(facts, count=facts.count - 1)
    return [simulate(fewer, next(scenarios(fewer)))]


def estimate_owner(facts: OwnerFacts) -> Estimate | None:
    """Return what the check of the owner will cost; None where none is needed."""
    if facts.known:
        return None
    fact = Fact(name="price of the own organization", value=f"{MIN_UNITS} to {MAX_UNITS}", proven=False)
    return Estimate(
        record_type="owner",
        strategy=Strategy.OWNER,
        expected=MIN_UNITS,
        max_units=MAX_UNITS,
        max_call_units=MAX_UNITS,
        facts=(fact,),
    )


def _is_counted(facts: TypeFacts) -> bool:
    if facts.lists is not None and facts.lists_of_ids:
        return True
    if facts.lists is not None:
        return facts.list_counts is not None and facts.until is not None
    return facts.count is not None


def _strategy(facts: TypeFacts) -> Strategy:
    if facts.partial:
        return Strategy.PART
    progress = begin(facts)
    if facts.checkpoint is not None and progress.todo[:1] == facts.checkpoint.todo[:1]:
        return Strategy.RESUME
    if progress.phase is Phase.LOAD:
        return Strategy.LOAD
    if progress.phase is Phase.CHANGES:
        return Strategy.CHANGES
    return Strategy.COMPARE if facts.compares and progress.stub_times is not False else Strategy.RELOAD


def _likely(facts: TypeFacts) -> int | None:
    """Return the units of a run that finds as much as the last ones did on average."""
    if facts.likely is None or facts.until is None or facts.checkpoint is not None or facts.count is None:
        return None
    scenario = Scenario(
        count=facts.count,
        changed=min(facts.likely, facts.count),
        updated_after=facts.updated_after is not False,
        stub_times=facts.stub_times is not False,
        page_size=facts.page_limit,
        ids_per_call=facts.ids_per_call,
    )
    return simulate(facts, scenario).units


_CHANGES: Final = "no record changed"


def _facts_of(facts: TypeFacts) -> tuple[Fact, ...]:
    """Return what the price depends on."""
    follow = facts.until is not None
    known: list[Fact] = []

    def add(name: str, value: str, *, proven: bool) -> None:
        known.append(Fact(name=name, value=value, proven=proven))

    if facts.lists is None or not facts.lists_of_ids:
        add("count", "not known" if facts.count is None else f"{facts.count:,}", proven=facts.counted)
    if facts.paged or facts.pages_anyway:
        add("page size", f"{facts.page_limit:,}", proven=facts.size_proven)
    if facts.lists_of_ids or (facts.by_id and (follow or facts.held)):
        add("IDs per call", f"{facts.ids_per_call:,}", proven=facts.ids_proven >= facts.ids_per_call)
    if facts.has_updated_after:
        works = "does not work" if facts.updated_after is False else "works"
        add("updated_after", works, proven=facts.updated_after is not None)
    if facts.compares or facts.stub_times is False:
        times = "carry times" if facts.stub_times is not False else "carry no times"
        add("stubs", times, proven=facts.stub_times is not None)
    if not facts.has_data_quantity:
        value = "/".join(str(facts.units(word)[0]) for word in ("id_only", "basic"))
        add(
            "price",
            value,
            proven=facts.record_units is not None and (not facts.has_updated_after or facts.stub_units is not None),
        )
    if facts.licensed and facts.audit:
        add("licences", "as before", proven=False)
    if follow:
        add(_CHANGES, "since the last run", proven=False)
    return tuple(known)


def describe_facts(types: Sequence[Estimate]) -> list[str]:
    """Return the facts of several types as lines for people, the unproven ones first."""
    lines: list[str] = []
    for proven in (False, True):
        names: dict[str, list[str]] = {}
        for estimate in types:
            for fact in estimate.facts:
                if fact.proven is proven:
                    names.setdefault(fact.name, []).append(estimate.record_type)
        parts = [f"{name} ({_listed(of, len(types))})" for name, of in names.items()]
        if parts:
            lines.append(f"{'Proven' if proven else 'Not proven'}: {', '.join(parts)}.")
    return lines


def _listed(names: Sequence[str], of: int) -> str:
    if len(names) == of and of > 1:
        return "all types"
    return f"{len(names)} types" if len(names) > 3 else ", ".join(names)


def hours_text(hours: float) -> str:
    """Return a time for people."""
    return "now" if math.isclose(hours, 0.0) else f"in {hours:,.1f} h"
