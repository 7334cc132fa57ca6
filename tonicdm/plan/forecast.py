"""The cost of a run to come: its own generator, sent the outcomes that the store's knowledge predicts.

What is not known is a fact with several outcomes, and each choice of them makes a scenario. Where all is as it was, a
run costs what is expected. The costliest scenario is what it costs at most, on a server that stays as it is.
"""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterator
from typing import Final, Literal

import attrs

from tonicdm.plan.arithmetic import MIN_IDS, UNPROVEN_PAGE
from tonicdm.plan.evolve import evolve
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.list_end import ListError
from tonicdm.plan.lists import StepFailedError
from tonicdm.plan.passes import run_type
from tonicdm.plan.steps import Outcome, Step, StepKind, Trouble
from tonicdm.plan.ties import TIE

_START: Final = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
"""Any time: a forecast's outcomes are compared with each other alone."""

MissingRecords = Literal["none", "gone", "alive"]


@attrs.frozen(kw_only=True)
class Scenario:
    """One choice of outcomes of what is not known."""

    count: int
    """Elements that the server lists."""
    changed: int = 0
    """How many of them the store lacks, or has another version of."""
    recent: bool = False
    """Whether all were changed just before the run."""
    updated_after: bool = True
    stub_times: bool = True
    page_size: int
    """Records of a full page."""
    ids_per_call: int
    reshaped: bool = False
    """Whether a licence was switched."""
    missing: MissingRecords = "none"
    """What becomes of records that the list does not show."""


@attrs.frozen
class Run:
    """The cost of a run in one scenario."""

    units: int
    """If calls without a documented price are charged as the cheapest, and refused ones not at all."""
    max_units: int
    """If they are charged as the costliest."""
    calls: int
    seconds: float
    """Time that it waits for ties."""
    steps: tuple[Step, ...]


def simulate(facts: TypeFacts, scenario: Scenario) -> Run:
    """Return the run that *facts* lead to in *scenario*."""
    server = _Server(facts, scenario)
    run = run_type(facts)
    steps: list[Step] = []
    units = max_units = calls = 0
    seconds = 0.0
    try:
        step = next(run)
        while step.kind is not StepKind.STOP:
            steps.append(step)
            outcome = server.answer(step)
            if step.data_quantity is not None:
                lowest, highest = facts.units(step.data_quantity)
                refused = outcome.trouble is Trouble.HEADER_TOO_LONG
                units += 0 if refused else lowest
                max_units += highest
                calls += 1
            seconds += step.seconds
            step = run.send(outcome)
    except (StopIteration, ListError, StepFailedError):
        pass
    return Run(units, max_units, calls, seconds, tuple(steps))


def scenarios(facts: TypeFacts) -> Iterator[Scenario]:
    """Return every choice of outcomes of what is not proven; the first is the one that is hoped for."""
    count = facts.count or 0
    follow = facts.until is not None or facts.checkpoint is not None
    whole = facts.audit or facts.updated_after is not True or not facts.has_updated_after
    by_id = facts.lists_of_ids or (facts.by_id and (follow or facts.held > 0))
    few_ids = max(MIN_IDS, facts.ids_proven)
    missing: tuple[MissingRecords, ...] = ("none",)
    if facts.held and whole and not facts.partial:
        missing = ("none", "gone") if facts.statuses_shown else ("none", "gone", "alive")
    choices = itertools.product(
        (0, count) if follow else (0,),
        (False, True) if facts.marks else (False,),
        (True, False) if facts.has_updated_after and facts.updated_after is None else (facts.updated_after is True,),
        (True, False) if facts.compares and facts.stub_times is None and follow else (facts.stub_times is not False,),
        (facts.page_limit, UNPROVEN_PAGE) if facts.paged and not facts.size_proven else (facts.page_limit,),
        (facts.ids_per_call, few_ids) if by_id and few_ids < facts.ids_per_call else (facts.ids_per_call,),
        (False, True) if facts.audit and facts.licensed and facts.sample else (False,),
        missing,
    )
    for changed, recent, works, times, size, ids, reshaped, gone in choices:
        yield Scenario(
            # As many may have come as fill another page.
            count=count + (facts.page_limit if changed else 0),
            changed=changed + (facts.page_limit if changed else 0),
            recent=recent,
            updated_after=works,
            stub_times=times,
            page_size=size,
            ids_per_call=ids,
            reshaped=reshaped,
            missing=gone,
        )


class _Server:
    """Answers steps as the server and the store would in one scenario."""

    def __init__(self, facts: TypeFacts, scenario: Scenario) -> None:
        self._facts, self._scenario = facts, scenario
        self._now = _START
        self._pending = scenario.changed
        """Records that the store has not got as they are now."""
        self._stale: dict[int, int] = {}
        """What stubs have shown to be stale, by `Step.number`."""
        self._reshaped = scenario.reshaped
        self._listing = self._lists = 0
        """Elements of the list of changes under way, and how many such lists there were."""

    def answer(self, step: Step) -> Outcome:
        """Return what comes of *step*."""
        self._now += datetime.timedelta(seconds=step.seconds)
        outcome = _ANSWERS[step.kind](self, step)
        return evolve(outcome, at=self._now.isoformat())

    # --- lists ----------------------------------------------------------------------------------------------------

    def _on_page(self, step: Step, listed: int) -> int:
        """Return how many of *listed* elements stand on a page."""
        if not step.page_size:
            return listed
        size = min(step.page_size, self._scenario.page_size)
        return max(0, min(size, listed - (step.page - 1) * size))

    def _records(self, step: Step, count: int) -> Outcome:
        """Return records, which may have been changed just before."""
        if not (self._scenario.recent and count and self._facts.marks):
            return Outcome(at="", count=count, fresh=count)
        # Such pages are marked: what may change again is stale.
        self._stale[step.number] = count
        settled = self._now + 2 * TIE
        return Outcome(at="", count=count, fresh=count, settles_at=settled.isoformat(), ties_from=self._now.isoformat())

    def _page(self, step: Step) -> Outcome:
        if self._facts.lists_of_ids:
            if step.ids > self._scenario.ids_per_call:
                return Outcome(at="", trouble=Trouble.HEADER_TOO_LONG)
            return Outcome(at="", count=step.ids, fresh=step.ids)
        self._pending = 0
        return self._records(step, self._on_page(step, self._listed(step)))

    def _listed(self, step: Step) -> int:
        counts = self._facts.list_counts
        if self._facts.lists is None:
            return self._scenario.count
        return counts[step.list_number] if counts is not None and step.list_number < len(counts) else 0

    def _end(self, step: Step) -> Outcome:
        listed = self._listing if step.since is not None else self._listed(step)
        paged = self._facts.paged or step.page == 1
        count = self._on_page(step, listed) if paged else 0
        return Outcome(at="", count=count, fresh=count)

    def _stubs(self, step: Step) -> Outcome:
        count = self._on_page(step, self._scenario.count)
        stale = min(count, self._pending) if self._scenario.stub_times else count
        self._pending -= min(count, self._pending)
        return self._compared(step, count, stale)

    def _compared(self, step: Step, count: int, stale: int) -> Outcome:
        if stale:
            self._stale[step.number] = stale
        settled = (self._now + 2 * TIE).isoformat() if stale and self._scenario.recent else None
        return Outcome(
            at="", count=count, fresh=count, stale=stale, unstamped=not self._scenario.stub_times, settles_at=settled
        )

    # --- what changed ---------------------------------------------------------------------------------------------

    def _changes(self) -> int:
        """Return how many a list of changes shows that is begun now."""
        if self._scenario.recent:
            return self._scenario.count
        first = self._facts.until is not None and self._facts.checkpoint is None
        return min(self._scenario.count, self._pending + (self._facts.overlap if first and not self._lists else 0))

    def _probe(self, step: Step) -> Outcome:
        if not self._scenario.updated_after and self._scenario.count:
            return Outcome(at="", trouble=Trouble.OPTION_IGNORED)
        if step.page == 1:
            self._listing = self._changes()
            self._lists += 1
        count = self._on_page(step, self._listing)
        tied = self._facts.tied if step.ties is not None and step.page == 1 and self._lists == 1 else 0
        stale = count if not self._scenario.stub_times else min(count, max(self._pending, tied))
        if stale < (self._scenario.ids_per_call if self._facts.by_id else 1):
            self._pending -= min(stale, self._pending)
        return self._compared(step, count, stale)

    def _changed_page(self, step: Step) -> Outcome:
        if not self._lists:
            self._listing = self._changes()
            self._lists = 1
        count = self._on_page(step, self._listing)
        self._stale.pop(step.number, None)
        self._pending -= min(count, self._pending)
        return self._records(step, count) if step.mark else Outcome(at="", count=count, fresh=count)

    # --- by ID ----------------------------------------------------------------------------------------------------

    def _tally(self, _step: Step) -> Outcome:
        return Outcome(at="", stale_by_page=tuple((number, count) for number, count in self._stale.items() if count))

    def _stale_page(self, step: Step) -> Outcome:
        count = self._stale.pop(step.number, 0)
        return Outcome(at="", count=count, fresh=count)

    def _by_id(self, step: Step) -> Outcome:
        if step.ids > self._scenario.ids_per_call:
            return Outcome(at="", trouble=Trouble.HEADER_TOO_LONG)
        left = step.ids
        for number in list(self._stale):
            taken = min(left, self._stale[number])
            self._stale[number] -= taken
            left -= taken
        return Outcome(at="", count=step.ids)

    def _sample(self, step: Step) -> Outcome:
        if step.ids > self._scenario.ids_per_call:
            return Outcome(at="", trouble=Trouble.HEADER_TOO_LONG)
        reshaped, self._reshaped = self._reshaped, False
        return Outcome(at="", count=step.ids, reshaped=reshaped)

    def _missing(self, _step: Step) -> Outcome:
        held = self._facts.held
        count = 0 if self._scenario.missing == "none" else held
        return Outcome(
            at="", count=count, held=held, earlier=held > 0, controls=3 if self._scenario.missing == "alive" else 0
        )

    def _confirm(self, step: Step) -> Outcome:
        if step.ids > self._scenario.ids_per_call:
            return Outcome(at="", trouble=Trouble.HEADER_TOO_LONG)
        if self._scenario.missing == "gone":
            return Outcome(at="", count=0)
        self._stale[0] = self._stale.get(0, 0) + step.ids
        return Outcome(at="", count=step.ids, alive=step.ids, controls=3)

    def _nothing(self, _step: Step) -> Outcome:
        return Outcome(at="")


_ANSWERS: Final = {
    StepKind.PAGE: _Server._page,
    StepKind.END: _Server._end,
    StepKind.PROBE: _Server._probe,
    StepKind.CHANGED_PAGE: _Server._changed_page,
    StepKind.STUBS: _Server._stubs,
    StepKind.TALLY: _Server._tally,
    StepKind.STALE_PAGE: _Server._stale_page,
    StepKind.BY_ID: _Server._by_id,
    StepKind.WAIT: _Server._nothing,
    StepKind.SAMPLE: _Server._sample,
    StepKind.MISSING: _Server._missing,
    StepKind.CONFIRM: _Server._confirm,
    StepKind.TOMBSTONES: _Server._nothing,
}
