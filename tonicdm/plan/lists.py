"""Lists: the whole type as records or as stubs, and what changed. Which page comes next.

A function `load`, `scan` or `changes` names the next step, its partner `loaded`, `scanned` or `changed` takes in what
came of it.
"""

from __future__ import annotations

from typing import Final

from tonicdm.plan.arithmetic import MIN_IDS, pages
from tonicdm.plan.evolve import evolve
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.list_end import (
    Move,
    continue_list,
    disproved,
    end_of_changes,
    end_of_load,
    end_of_scan,
    goes_on,
    is_paged,
    move_after,
    next_page,
    size_of,
    with_page,
)
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import SERIES, Outcome, Stage, Step, StepKind, Trouble
from tonicdm.plan.ties import earliest, latest, seconds_until, since_of

STUB: Final = "id_only"
RECORD: Final = "basic"

_STAGES: Final = {
    Phase.LOAD: Stage.LOAD,
    Phase.COMPARE: Stage.COMPARE,
    Phase.AUDIT: Stage.AUDIT,
    Phase.CHANGES: Stage.CHANGES,
    Phase.CHECK: Stage.CHANGES,
}


class StepFailedError(Exception):
    """A call failed in a way that no other step makes good; a driver raises what it has seen."""


# --- steps ------------------------------------------------------------------------------------------------------------


def load(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the next page of the whole type, as records."""
    if facts.lists is not None and progress.list_number >= facts.lists:
        return end_of_load(facts, progress)
    if facts.lists_of_ids:
        ids = min(progress.ids_per_call, (facts.lists or 0) - progress.list_number)
        return _page_step(facts, progress, StepKind.PAGE, RECORD, ids=ids, why="all that other records name")
    if progress.peeks:
        return _peek_step(facts, progress)
    return _page_step(facts, progress, StepKind.PAGE, RECORD, mark=facts.marks, why="every record")


def scan(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the next page of the whole type, as stubs."""
    if not facts.compares or progress.stub_times is False:
        # Stubs would tell nothing of changes, or cost as much as records.
        return evolve(progress, todo=(Phase.LOAD, *progress.todo[1:]))
    if progress.peeks:
        return _peek_step(facts, progress)
    audit = progress.phase is Phase.AUDIT
    # After the changes were read, what carries no timestamp of its own is current all the same.
    trust = audit and facts.has_updated_after and progress.changes_read
    why = "what the store holds and no page shows is gone" if audit else "their times show what is stale"
    return _page_step(facts, progress, StepKind.STUBS, STUB, ties=progress.ties, trust=trust, why=why)


def changes(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the next page of what changed: stubs, and records from the first page on that is full of news."""
    if progress.since is None:
        base = progress.checked if progress.phase is Phase.CHECK else facts.until
        if progress.relist is not None and progress.phase is Phase.CHANGES:
            return evolve(progress, since=progress.relist)
        assert base is not None
        return evolve(progress, since=since_of(base))
    if progress.peeks:
        return _peek_step(facts, progress)
    if not progress.reads:
        why = "what changed meanwhile" if progress.phase is Phase.CHECK else "what changed, compared with the store"
        return _page_step(facts, progress, StepKind.PROBE, STUB, ties=progress.ties, why=why)
    if progress.settles_at is not None and not progress.waited:
        return wait(progress)
    return _page_step(facts, progress, StepKind.CHANGED_PAGE, RECORD, mark=not progress.waited, why="what changed")


def wait(progress: Progress) -> Step:
    """Return the wait until what was just changed can no more change within its second."""
    assert progress.settles_at is not None
    seconds = seconds_until(progress.settles_at, progress.now or progress.settles_at)
    return Step(
        record_type="",
        kind=StepKind.WAIT,
        stage=_STAGES.get(progress.phase, Stage.CHANGES),
        seconds=seconds,
        why="records changed a moment ago may change again within the same second",
    )


def _page_step(
    facts: TypeFacts,
    progress: Progress,
    kind: StepKind,
    data_quantity: str,
    *,
    why: str,
    ties: str | None = None,
    trust: bool = False,
    mark: bool = False,
    ids: int = 0,
) -> Step:
    changing = progress.phase in {Phase.CHANGES, Phase.CHECK}
    number = progress.series * SERIES + progress.pages + 1
    whole = not changing or (progress.series == 0 and not progress.scanned)
    return Step(
        record_type="",
        kind=kind,
        stage=_STAGES[progress.phase],
        data_quantity=data_quantity,
        page=0 if facts.lists_of_ids else progress.page,
        page_size=size_of(facts, progress) if is_paged(facts, progress) and not facts.lists_of_ids else 0,
        list_number=progress.list_number,
        number=-number if changing else number,
        since=progress.since,
        ids=ids,
        ties=ties,
        trust=trust,
        mark=mark,
        begins=whole and progress.pages == 0 and not progress.reads,
        why=why,
    )


def _peek_step(facts: TypeFacts, progress: Progress) -> Step:
    data_quantity = STUB if progress.last_has_ids else RECORD
    step = _page_step(facts, progress, StepKind.END, data_quantity, why="whether the list goes on")
    # Unasked, a server pages by a size of its own; a page of another size would begin elsewhere.
    size = size_of(facts, progress) if is_paged(facts, progress) else progress.last_count
    return evolve(step, page_size=size, begins=False)


# --- outcomes ---------------------------------------------------------------------------------------------------------


def loaded(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in a page of the whole type."""
    if outcome.trouble is Trouble.HEADER_TOO_LONG and facts.lists_of_ids:
        return with_fewer_ids(progress, step.ids)
    if outcome.trouble is not None:
        raise StepFailedError
    progress = _started(progress, outcome)
    if facts.lists_of_ids:
        return evolve(
            progress,
            list_number=progress.list_number + step.ids,
            pages=progress.pages + 1,
            ids_proven=max(progress.ids_proven, step.ids),
            damaged=progress.damaged or outcome.damaged,
        )
    if step.kind is StepKind.END:
        return _next_list(facts, progress) if not goes_on(facts, progress, outcome) else continue_list(facts, progress)
    progress = with_page(facts, progress, outcome)
    progress = _with_unsettled(progress, step, outcome) if facts.marks else progress
    foreseen = pages(facts.count, size_of(facts, progress)) if facts.count and facts.lists is None else None
    return _moved(facts, progress, move_after(facts, progress, outcome, foreseen=foreseen))


def scanned(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in a page of stubs of the whole type."""
    if outcome.trouble is not None:
        raise StepFailedError
    if step.kind is StepKind.END:
        return continue_list(facts, progress) if goes_on(facts, progress, outcome) else end_of_scan(facts, progress)
    progress = with_page(facts, _started(progress, outcome), outcome)
    if outcome.count:
        progress = evolve(progress, unstamped=progress.unstamped is not False and outcome.unstamped)
    progress = _with_stale(progress, outcome)
    move = move_after(facts, progress, outcome)
    return end_of_scan(facts, progress) if move is Move.END else _next_stubs(facts, progress, move)


def _next_stubs(facts: TypeFacts, progress: Progress, move: Move) -> Progress:
    """Return the progress at the next page of stubs: checking for an end and reading the page are the same call there.

    Only a list that is asked for in no pages has to be checked in pages of the size that it seems to be cut at.
    """
    return next_page(facts, progress, peeks=move is Move.PEEK and not is_paged(facts, progress))


def changed(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in a page of what changed."""
    if outcome.trouble is Trouble.OPTION_IGNORED:
        return disproved(facts, progress)
    if outcome.trouble is not None:
        raise StepFailedError
    if step.kind is StepKind.WAIT:
        return evolve(progress, settles_at=None, waited=True)
    progress = _started(progress, outcome)
    if step.kind is StepKind.END:
        if goes_on(facts, progress, outcome):
            return continue_list(facts, progress)
        return end_of_changes(facts, progress)
    return _probed(facts, progress, outcome) if step.kind is StepKind.PROBE else _read(facts, progress, step, outcome)


def _probed(facts: TypeFacts, progress: Progress, outcome: Outcome) -> Progress:
    """Take in stubs of what changed."""
    progress = _with_stale(progress, outcome)
    if outcome.count:
        progress = evolve(progress, stub_times=not outcome.unstamped)
    if outcome.stale and outcome.stale >= (progress.ids_per_call if facts.by_id else 1):
        # By ID, so many would fill a call of their own; what follows is likely to be as new.
        return evolve(progress, reads=True)
    progress = with_page(facts, progress, outcome)
    move = move_after(facts, progress, outcome)
    return end_of_changes(facts, progress) if move is Move.END else _next_stubs(facts, progress, move)


def _read(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in records of what changed."""
    progress = with_page(facts, evolve(progress, calls=progress.calls + 1), outcome)
    progress = _with_unsettled(progress, step, outcome)
    foreseen = max(2, pages(facts.likely or 0, size_of(facts, progress)))
    move = move_after(facts, progress, outcome, foreseen=foreseen)
    if move is Move.END:
        return end_of_changes(facts, progress)
    return next_page(facts, progress, peeks=move is Move.PEEK)


def with_fewer_ids(progress: Progress, ids: int) -> Progress:
    """Return the progress after a call with so many IDs was refused: half as many go into the next one.

    Raises:
        StepFailedError: So few fit any header; the refusal has another cause.
    """
    if ids <= MIN_IDS:
        raise StepFailedError
    return evolve(progress, ids_per_call=min(progress.ids_per_call, max(MIN_IDS, ids // 2)))


def _started(progress: Progress, outcome: Outcome) -> Progress:
    if progress.started is not None:
        return progress
    return evolve(progress, started=outcome.at, waited=False, settles_at=None, marked_from=None)


def _with_stale(progress: Progress, outcome: Outcome) -> Progress:
    """Return the progress with what a page of stubs has shown to be stale."""
    if not outcome.stale:
        return progress
    return evolve(progress, stale=None, settles_at=latest(progress.settles_at, outcome.settles_at))


def _with_unsettled(progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Return the progress with records that were read within the second of their change, and are to be read again."""
    if outcome.settles_at is None:
        return progress
    if not step.mark:
        return evolve(progress, next_ties=earliest(progress.next_ties, outcome.ties_from))
    return evolve(
        progress,
        stale=None,
        settles_at=latest(progress.settles_at, outcome.settles_at),
        marked_from=earliest(progress.marked_from, outcome.ties_from),
    )


def _moved(facts: TypeFacts, progress: Progress, move: Move) -> Progress:
    if move is Move.END:
        return _next_list(facts, progress)
    return next_page(facts, progress, peeks=move is Move.PEEK)


def _next_list(facts: TypeFacts, progress: Progress) -> Progress:
    if facts.lists is None:
        return end_of_load(facts, progress)
    return evolve(
        progress,
        list_number=progress.list_number + 1,
        page=1,
        size=progress.size if progress.full else 0,
        peeks=False,
        full=False,
        fruitless=0,
        last_count=0,
    )
