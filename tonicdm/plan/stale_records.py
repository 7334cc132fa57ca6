"""Stale records: which pages are read whole, and which records are asked for by ID.

A switched licence makes records stale, too, though it changes no timestamp; so a sample of them is read here.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tonicdm.plan.arithmetic import batches
from tonicdm.plan.evolve import evolve
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.lists import RECORD, StepFailedError, wait, with_fewer_ids
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import SERIES, Outcome, Stage, Step, StepKind, Trouble
from tonicdm.plan.ties import earliest


@attrs.frozen
class PageChoice:
    """How the stale records of a list are fetched. Pages are numbered from 1."""

    whole: tuple[int, ...]
    """Pages to read whole."""
    by_id: tuple[int, ...]
    """Pages whose stale records are asked for by ID, pooled over these pages."""
    batches: int
    """Calls that ask by ID."""
    units: int
    """What all of it costs."""
    next_best: int
    """What the cheaper of the two pure choices would cost: every page with something stale whole, or all by ID."""

    @property
    def calls(self) -> int:
        """Calls of both kinds."""
        return len(self.whole) + self.batches


def choose_pages(stale: Sequence[int], ids_per_call: int | None, *, record_units: int = 5) -> PageChoice:
    """Return the cheapest way to fetch stale records, given how many each page holds.

    It minimises |S| + ceil(sum of s_i outside S / H) over all sets S of whole pages: those with s_i >= H, which by ID
    would fill a call of their own. Any other page takes fewer than H IDs out of the calls by ID, so that reading it
    whole spares one of them at most, which it costs itself. IDs stay right when pages shift, so they are preferred.

    Args:
        stale: Stale records of page 1, 2, ...
        ids_per_call: H; None where the records can't be asked for by ID.
        record_units: Units of a call, whole page or batch.
    """
    held = [page for page, count in enumerate(stale) if count]
    whole = [page for page in held if ids_per_call is None or stale[page] >= ids_per_call]
    by_id = [page for page in held if page not in whole]
    calls = batches(sum(stale[page] for page in by_id), ids_per_call or 1)
    pure = len(held) if ids_per_call is None else min(len(held), batches(sum(stale), ids_per_call))
    return PageChoice(
        whole=tuple(page + 1 for page in whole),
        by_id=tuple(page + 1 for page in by_id),
        batches=calls,
        units=(len(whole) + calls) * record_units,
        next_best=pure * record_units,
    )


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
        return evolve(progress, settles_at=None, waited=True)
    if step.kind is StepKind.TALLY:
        return _tallied(facts, progress, outcome)
    if step.kind is StepKind.BY_ID and outcome.trouble is Trouble.HEADER_TOO_LONG:
        return with_fewer_ids(progress, step.ids)
    if outcome.trouble is not None:
        raise StepFailedError
    progress = evolve(
        progress, ties=earliest(progress.ties, outcome.ties_from), damaged=progress.damaged or outcome.damaged
    )
    if step.kind is StepKind.STALE_PAGE:
        left = progress.whole[1:]
        # Records may have moved to other pages: what is left is counted again.
        return evolve(progress, whole=left, stale=progress.stale if left else None)
    assert progress.stale is not None
    if outcome.cut:
        # Those that came are no more stale; the others are asked for in calls as short as the answer.
        few = min(progress.ids_per_call, max(outcome.count, 1))
        return evolve(progress, stale=progress.stale - outcome.count, ids_per_call=few)
    return evolve(progress, stale=progress.stale - step.ids, ids_proven=max(progress.ids_proven, step.ids))


def _tallied(facts: TypeFacts, progress: Progress, outcome: Outcome) -> Progress:
    counts = dict(outcome.stale_by_page)
    total = sum(counts.values())
    if progress.tallied or not total:
        return evolve(progress, stale=total, tallied=True)
    # Page 0 stands for records that no page has shown; they can be asked for by ID alone.
    by_page = sorted((abs(number), number) for number in counts if number)
    choice = choose_pages([counts[number] for _, number in by_page], progress.ids_per_call if facts.by_id else None)
    whole = tuple(by_page[position - 1][1] for position in choice.whole)
    return evolve(progress, stale=total, whole=whole, tallied=True)


def _done(progress: Progress) -> Progress:
    return evolve(progress, todo=progress.todo[1:], stale=0, whole=(), tallied=False, since=None, settles_at=None)


def licence(facts: TypeFacts, progress: Progress) -> Step | Progress:
    """Return the read of some known records: a licence that was switched changes no timestamp."""
    ids = min(facts.sample, progress.ids_per_call)
    if not ids:
        return evolve(progress, todo=progress.todo[1:])
    return Step(
        record_type="",
        kind=StepKind.SAMPLE,
        stage=Stage.AUDIT,
        data_quantity=RECORD,
        ids=ids,
        why="whether a licence was switched on or off",
    )


def sampled(facts: TypeFacts, progress: Progress, step: Step, outcome: Outcome) -> Progress:
    """Take in what the sample has shown."""
    del facts
    if outcome.trouble is Trouble.HEADER_TOO_LONG:
        return with_fewer_ids(progress, step.ids)
    if outcome.trouble is not None:
        raise StepFailedError
    remaining = progress.todo[1:]
    progress = evolve(progress, ids_proven=max(progress.ids_proven, step.ids))
    if not outcome.reshaped:
        return evolve(progress, todo=remaining)
    why = "the server shows other fields than before (a licence?): all records are read anew"
    return evolve(progress, todo=(Phase.LOAD, *remaining), why=(*progress.why, why))
