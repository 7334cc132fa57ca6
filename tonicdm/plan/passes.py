"""The passes over one type as a generator: it yields the next step, is sent what came of it, and ends with a watermark.

It does no I/O and asks no clock. The run sends what a server has answered, the forecast what the store's knowledge
predicts, so a plan is the run's own path. Each step carries the progress from which it would be yielded again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Final

import attrs

from tonicdm.plan import deletions, list_end, lists, stale_records
from tonicdm.plan.evolve import evolve
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import Outcome, Step


@attrs.frozen(kw_only=True)
class Watermark:
    """The watermark that a run has earned."""

    until: str | None
    """All changes before this are in the store; None leaves the watermark that there is."""
    listed: str | None
    """When the whole list began that shows what is gone; None where none was read, or where it proves nothing."""
    audited: bool
    """Whether deletions were looked for, or none could have been missed."""
    progress: Progress
    """The last one, with all that was learned of the server."""


_Ask = Callable[[TypeFacts, Progress], Step | Progress]
_Take = Callable[[TypeFacts, Progress, Step, Outcome], Progress]

_PHASES: Final[Mapping[Phase, tuple[_Ask, _Take]]] = {
    Phase.LOAD: (lists.load, lists.loaded),
    Phase.COMPARE: (lists.scan, lists.scanned),
    Phase.AUDIT: (lists.scan, lists.scanned),
    Phase.CHANGES: (lists.changes, lists.changed),
    Phase.CHECK: (lists.changes, lists.changed),
    Phase.FETCH: (stale_records.fetch, stale_records.fetched),
    Phase.LICENCE: (stale_records.licence, stale_records.sampled),
    Phase.MISSING: (deletions.count_missing, deletions.counted),
    Phase.CONFIRM: (deletions.confirm, deletions.confirmed),
    Phase.TOMBSTONES: (deletions.tombstones, deletions.marked),
    Phase.STOP: (deletions.stop, deletions.marked),
}
"""For each phase: which step comes next, or how to go on without one; and what follows from its outcome."""


_LISTING: Final = frozenset({Phase.LOAD, Phase.COMPARE, Phase.AUDIT})
_CHANGING: Final = frozenset({Phase.LOAD, Phase.COMPARE, Phase.CHANGES, Phase.CHECK})
_SETTLING: Final = frozenset({Phase.LICENCE, Phase.MISSING, Phase.CONFIRM, Phase.TOMBSTONES})


def run_type(facts: TypeFacts) -> Generator[Step, Outcome, Watermark]:
    """Bring one type up to date: a first load, or what changed since, and what is gone if that is wanted.

    Args:
        facts: What is known; an interrupted run goes on from `TypeFacts.checkpoint`.

    Raises:
        ListError: A list can't be read to its end.
        StepFailedError: A call failed in a way that no other step makes good.
    """
    progress = begin(facts)
    while progress.todo:
        ask, take = _PHASES[progress.phase]
        step = ask(facts, progress)
        if isinstance(step, Progress):
            progress = step
            continue
        outcome = yield evolve(step, record_type=facts.record_type, progress=progress)
        progress = take(facts, _noted(progress, step, outcome), step, outcome)
    return Watermark(
        until=None if facts.partial else progress.until,
        listed=progress.listed,
        audited=not facts.partial and not progress.damaged and (progress.scanned or progress.first),
        progress=progress,
    )


def begin(facts: TypeFacts) -> Progress:
    """Return where a run starts: where an interrupted one ended, or at the beginning."""
    before = facts.checkpoint
    if before is not None and not facts.partial and (resumed := _resumed(facts, before)) is not None:
        return resumed
    fresh = Progress(
        todo=_todo(facts),
        lists=facts.lists,
        first=facts.until is None,
        ties=facts.ties,
        updated_after=facts.updated_after if facts.has_updated_after else False,
        largest_page=facts.largest_page,
        pages_anyway=facts.pages_anyway,
        ids_per_call=facts.batch,
        ids_proven=facts.ids_proven,
        stub_times=facts.stub_times,
        stub_units=facts.stub_units,
        record_units=facts.record_units,
    )
    if facts.partial:
        return evolve(fresh, why=("only the projects that were named",))
    if fresh.phase is Phase.COMPARE:
        why = "without updated_after all of the type is listed to find what changed"
        return evolve(fresh, why=(why,))
    return fresh


def _resumed(facts: TypeFacts, before: Progress) -> Progress | None:
    """Return where an interrupted run goes on; None where beginning anew is right."""
    if before.todo[:1] == (Phase.STOP,):
        return evolve(before, todo=(Phase.MISSING,)) if facts.confirmed else None
    if before.lists != facts.lists:
        # The type is listed by other records than before, or by none: its place in the lists means nothing.
        return None
    if facts.late:
        if before.phase in _SETTLING or Phase.STOP in before.todo:
            # What a list has not shown so long ago proves nothing of today.
            return None
        before = evolve(before, scans=0)
        if _LISTING.isdisjoint(before.todo):
            # Nor does a list that lies behind it: where an audit is wanted, it is made anew.
            before = evolve(before, scanned=False, listed=None)
    # An earlier version kept the size that was asked for.
    progress = list_end.behind_first_page(facts, evolve(before, todo=_wanted(facts, before)))
    if not facts.late:
        return progress
    if not _CHANGING.isdisjoint(progress.todo) or progress.updated_after is False or not facts.has_updated_after:
        return progress
    # All lists of changes lie behind it, and since then much may have changed.
    checked = progress.checked or progress.until or facts.until
    return evolve(progress, todo=(*progress.todo, Phase.CHECK), checked=checked)


def resume_point(
    facts: TypeFacts, *, stage: str, next_page: int, since: str | None, started: str | None
) -> Progress | None:
    """Return the progress that a checkpoint of an earlier version stands for; None where it is of no use.

    Args:
        facts: What is known of the type, without a checkpoint.
        stage: What the pass reads.
        next_page: The page that would have come next, from 1.
        since: The ``updated_after`` of the pass.
        started: Server time at which it began.
    """
    fresh = begin(evolve(facts, checkpoint=None))
    # Which of its pages showed timestamps is not known any more: that the ones to come show none proves nothing.
    at = evolve(fresh, page=next_page, pages=next_page - 1, started=started)
    at = evolve(at, unstamped=False if next_page > 1 else None)
    if stage == Phase.CHANGES:
        if since is None or started is None:
            return None
        return evolve(at, todo=(Phase.CHANGES, *fresh.todo[1:]), since=since, reads=True)
    if stage not in {Phase.LOAD, Phase.COMPARE, Phase.AUDIT} or started is None:
        return None
    phase = Phase(stage)
    at = evolve(at, todo=(phase, *_after(fresh, phase)))
    if facts.lists is not None:
        # The last of several lists may have had another page.
        return evolve(at, page=1, pages=0, list_number=max(0, next_page - 2))
    if not facts.paged and not facts.pages_anyway:
        return list_end.resumed_unpaged(facts, at, next_page)
    return at


def _todo(facts: TypeFacts) -> tuple[Phase, ...]:
    if facts.partial:
        return (Phase.LOAD,)
    if facts.until is None:
        return (Phase.LOAD, Phase.MISSING)
    usable = facts.has_updated_after and facts.updated_after is not False
    first = Phase.CHANGES if usable else Phase.COMPARE
    audit = (Phase.AUDIT,) if facts.audit and usable else ()
    return (first, *audit, *_licence(facts), Phase.MISSING)


def _licence(facts: TypeFacts) -> tuple[Phase, ...]:
    return (Phase.LICENCE,) if facts.audit and facts.licensed and facts.by_id and facts.until is not None else ()


def _after(fresh: Progress, phase: Phase) -> tuple[Phase, ...]:
    """Return what is left of a fresh run's phases behind *phase*."""
    return fresh.todo[fresh.todo.index(phase) + 1 :] if phase in fresh.todo else fresh.todo


def _wanted(facts: TypeFacts, before: Progress) -> tuple[Phase, ...]:
    """Return the phases of an interrupted run with what this run wants else: an audit, or none."""
    under_way, *left = before.todo
    audit = {Phase.AUDIT, Phase.LICENCE}
    if not facts.audit and not before.scans:
        left = [phase for phase in left if phase not in audit]
    elif facts.audit and not before.first and not before.scanned and _LISTING.isdisjoint(before.todo):
        left = [*(phase for phase in left if phase is not Phase.MISSING), Phase.AUDIT, *_licence(facts), Phase.MISSING]
    return (under_way, *left)


def _noted(progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Return the progress with what any outcome tells: the time, and what a call is charged."""
    progress = evolve(progress, now=outcome.at)
    if outcome.units is None:
        return progress
    if step.data_quantity == "id_only":
        return evolve(progress, stub_units=outcome.units)
    return evolve(progress, record_units=outcome.units)
