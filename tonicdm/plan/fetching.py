"""Records that were found stale: which pages are read whole, which records are asked for by ID. And the licence."""

from __future__ import annotations

import attrs

from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.lists import RECORD, HopelessError, shorter, wait
from tonicdm.plan.mixture import choose
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import SERIES, Outcome, Stage, Step, StepKind, Trouble
from tonicdm.plan.ties import earliest


def fetch(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the next call that fetches what is stale."""
    if progress.settles_at is not None and not progress.waited:
        return wait(progress)
    stage = Stage.CHANGES if progress.since is not None else Stage.COMPARE
    if progress.stale is None:
        return Step(record_type="", kind=StepKind.TALLY, stage=stage, why="what is stale, by page")
    if progress.whole:
        number = progress.whole[0]
        return Step(
            record_type="",
            kind=StepKind.STALE_PAGE,
            stage=stage,
            data_quantity=RECORD,
            page=abs(number) % SERIES,
            page_size=(progress.fetch_size or facts.page_limit) if facts.paged or progress.pages_anyway else 0,
            number=number,
            since=progress.since if number < 0 else None,
            why="so much of it is stale that the whole page is less",
        )
    if progress.stale == 0 or not facts.by_id:
        return _done(progress)
    ids = min(progress.stale, progress.ids_per_call)
    return Step(
        record_type="",
        kind=StepKind.BY_ID,
        stage=stage,
        data_quantity=RECORD,
        ids=ids,
        why="what is stale, by ID",
    )


def fetched(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in what came of it."""
    if step.kind is StepKind.WAIT:
        return attrs.evolve(progress, settles_at=None, waited=True)
    if step.kind is StepKind.TALLY:
        return _tallied(facts, progress, outcome)
    if step.kind is StepKind.BY_ID and outcome.trouble is Trouble.HEADER_TOO_LONG:
        return shorter(progress, step.ids)
    if outcome.trouble is not None:
        raise HopelessError
    progress = attrs.evolve(
        progress, ties=earliest(progress.ties, outcome.ties_from), damaged=progress.damaged or outcome.damaged
    )
    if step.kind is StepKind.STALE_PAGE:
        left = progress.whole[1:]
        # Records may have moved to other pages: what is left is counted again.
        return attrs.evolve(progress, whole=left, stale=progress.stale if left else None)
    assert progress.stale is not None
    if outcome.cut:
        # Those that came are no more stale; the others are asked for in calls as short as the answer.
        few = min(progress.ids_per_call, max(outcome.count, 1))
        return attrs.evolve(progress, stale=progress.stale - outcome.count, ids_per_call=few)
    return attrs.evolve(progress, stale=progress.stale - step.ids, ids_proven=max(progress.ids_proven, step.ids))


def _tallied(facts: TypeFacts, progress: Progress, outcome: Outcome) -> Progress:
    counts = dict(outcome.stale_by_page)
    total = sum(counts.values())
    if progress.tallied or not total:
        return attrs.evolve(progress, stale=total, tallied=True)
    # Page 0 stands for records that no page has shown; they can be asked for by ID alone.
    by_page = sorted((abs(number), number) for number in counts if number)
    mixture = choose([counts[number] for _, number in by_page], progress.ids_per_call if facts.by_id else None)
    whole = tuple(by_page[position - 1][1] for position in mixture.whole)
    return attrs.evolve(progress, stale=total, whole=whole, tallied=True)


def _done(progress: Progress) -> Progress:
    return attrs.evolve(progress, todo=progress.todo[1:], stale=0, whole=(), tallied=False, since=None, settles_at=None)


def licence(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the look at the fields of some records: a licence that was switched changes no timestamp."""
    ids = min(facts.sample, progress.ids_per_call)
    if not ids:
        return attrs.evolve(progress, todo=progress.todo[1:])
    return Step(
        record_type="",
        kind=StepKind.SAMPLE,
        stage=Stage.AUDIT,
        data_quantity=RECORD,
        ids=ids,
        why="whether a licence was switched on or off",
    )


def sampled(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in what the look has shown."""
    del facts
    if outcome.trouble is Trouble.HEADER_TOO_LONG:
        return shorter(progress, step.ids)
    if outcome.trouble is not None:
        raise HopelessError
    rest = progress.todo[1:]
    progress = attrs.evolve(progress, ids_proven=max(progress.ids_proven, step.ids))
    if not outcome.reshaped:
        return attrs.evolve(progress, todo=rest)
    why = "the server shows other fields than before (a licence?): all records are read anew"
    return attrs.evolve(progress, todo=(Phase.LOAD, *rest), why=(*progress.why, why))
