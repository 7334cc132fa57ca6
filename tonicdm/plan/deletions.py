"""Deletions: from a record that no page has shown to its tombstone.

A record that is missing from a list is not taken for deleted until it was asked for by its ID, where that is possible.
"""

from __future__ import annotations

from typing import Final

from tonicdm.plan.evolve import evolve
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.lists import RECORD, STUB, StepFailedError, with_fewer_ids
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import Outcome, Stage, Step, StepKind, Trouble

MAX_DELETED_SHARE: Final = 0.2
"""Share of a type's records that may be deleted at once without being confirmed."""
MIN_DELETIONS: Final = 5
"""Records that may be deleted at once whatever their share."""
CONTROLS: Final = 3
"""Records known to be there that each question for missing ones names too: an answer without them proves nothing."""
MAX_SCANS: Final = 3
"""Lists made before it counts as settled that they do not show everything."""


def too_many_deletions(deleted: int, held: int) -> bool:
    """Tell whether so many of a type's records were deleted at once that somebody has to confirm it."""
    return deleted > max(MIN_DELETIONS, MAX_DELETED_SHARE * held)


def _step(kind: StepKind, why: str) -> Step:
    return Step(record_type="", kind=kind, stage=Stage.AUDIT, why=why)


def count_missing(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the count of what no page has shown, where a whole list was read that proves something."""
    if facts.partial or not progress.scanned or progress.listed is None:
        return evolve(progress, todo=progress.todo[1:])
    if progress.damaged:
        why = "an element whose ID can't be read may be any record, so nothing was marked as deleted"
        return evolve(progress, todo=progress.todo[1:], why=(*progress.why, why), listed=None)
    return _step(StepKind.MISSING, "what the store holds and no page has shown")


def counted(facts: TypeFacts, progress: Progress, _step: Step, outcome: Outcome) -> Progress:
    """Take in how many there are."""
    remaining = progress.todo[1:]
    if not outcome.count or not outcome.earlier:
        return evolve(progress, todo=remaining)
    counted = evolve(
        progress,
        candidates=outcome.count,
        denied=0 if facts.by_id else outcome.count,
        alive=0,
        held=outcome.held,
        controls=min(CONTROLS, outcome.controls),
        after="",
    )
    return evolve(counted, todo=(Phase.CONFIRM if facts.by_id else Phase.TOMBSTONES, *remaining))


def confirm(facts: TypeFacts, progress: Progress) -> Step:
    """Return the next question for missing records."""
    free_ids = max(1, progress.ids_per_call - progress.controls)
    step = _step(StepKind.CONFIRM, "whether they are gone, beside some that are there")
    data_quantity = STUB if facts.has_data_quantity else RECORD
    return evolve(step, data_quantity=data_quantity, ids=min(progress.candidates, free_ids), after=progress.after)


def confirmed(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in which of them are there after all."""
    remaining = progress.todo[1:]
    if outcome.trouble is Trouble.HEADER_TOO_LONG:
        return with_fewer_ids(progress, step.ids + progress.controls)
    if outcome.trouble is not None:
        raise StepFailedError
    if progress.controls and not outcome.controls:
        why = "filterIDs does not return records that are there, so nothing was marked as deleted"
        return evolve(progress, todo=remaining, listed=None, why=(*progress.why, why))
    progress = evolve(
        progress,
        candidates=progress.candidates - step.ids,
        denied=progress.denied + step.ids - outcome.alive,
        alive=progress.alive + outcome.alive,
        after=outcome.last,
        ids_proven=max(progress.ids_proven, step.ids),
    )
    return progress if progress.candidates > 0 else _judged(facts, progress)


def _judged(facts: TypeFacts, progress: Progress) -> Progress:
    """All missing records were asked for: decide between tombstones, another list, and a stop."""
    remaining = progress.todo[1:]
    if not progress.alive:
        return evolve(progress, todo=(Phase.TOMBSTONES, *remaining))
    # They are read; what a pass over the changes has brought since makes no difference to them.
    read = evolve(progress, stale=None, tallied=True, since=None, scans=progress.scans + 1)
    if not facts.has_statuses:
        # Without filterStatuses a list hides inactive records, which is no contradiction.
        return evolve(read, todo=(Phase.FETCH, Phase.TOMBSTONES, *remaining))
    if read.scans < MAX_SCANS:
        # Either records moved from page to page while they were listed, or the list hides some.
        return evolve(read, todo=(Phase.FETCH, Phase.AUDIT, Phase.MISSING, *remaining))
    reason = (
        f"{progress.alive:,} records are there when asked for by ID but not in the list: the server does not heed "
        "filterStatuses or pageNumber"
    )
    return evolve(read, todo=(Phase.FETCH, Phase.STOP, *remaining), reason=reason)


def tombstones(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the marking of what is gone, or the stop where that is too much."""
    remaining = progress.todo[1:]
    if not progress.denied:
        return evolve(progress, todo=remaining)
    if too_many_deletions(progress.denied, progress.held) and not facts.confirmed:
        reason = (
            f"{progress.denied:,} of {progress.held:,} records vanished at once; if that is right, run again with "
            "--confirm-deletions"
        )
        return evolve(progress, todo=(Phase.STOP, *remaining), reason=reason)
    return _step(StepKind.TOMBSTONES, "what is gone")


def stop(_facts: TypeFacts, progress: Progress) -> Step:
    """Return the stop."""
    return _step(StepKind.STOP, progress.reason)


def marked(_facts: TypeFacts, progress: Progress, _step: Step, _outcome: Outcome) -> Progress:
    """Take in that it was done."""
    return evolve(progress, todo=progress.todo[1:])
