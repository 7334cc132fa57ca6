"""Where a run begins: at the beginning, or where an interrupted one ended, if that still means something."""

from __future__ import annotations

import attrs

from tests.cases import for_each
from tests.unit.plan.playing import NOW, UNTIL, came, play
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.passes import begin, resume_point
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import StepKind

NEW = TypeFacts(record_type="persons", count=20)
HELD = attrs.evolve(NEW, until=UNTIL, held=20, updated_after=True)
STOPPED = Progress(todo=(Phase.STOP, Phase.MISSING), first=False)


def resumed(facts: TypeFacts, before: Progress) -> tuple[Phase, ...] | None:
    """Return what is left to do, None where the run begins anew."""
    progress = begin(attrs.evolve(facts, checkpoint=attrs.evolve(before, total=77)))
    return progress.todo if progress.total == 77 else None


def test_some_projects_are_read_and_nothing_follows_for_the_rest() -> None:
    """Neither a watermark nor a deletion: the other projects were not looked at."""
    played = play(attrs.evolve(HELD, partial=True), {StepKind.PAGE: [came(7)], StepKind.END: [came(0)]})
    assert StepKind.MISSING not in played.kinds
    assert (played.earned.until, played.earned.audited) == (None, False)
    assert played.earned.progress.why == ("only the projects that were named",)


def test_a_stopped_run_goes_on_only_where_its_deletions_were_confirmed() -> None:
    assert resumed(attrs.evolve(HELD, confirmed=True), STOPPED) == (Phase.MISSING,)
    assert resumed(HELD, STOPPED) is None


def test_a_place_in_other_lists_means_nothing() -> None:
    """The type is now listed by other records than when the run was interrupted."""
    before = Progress(todo=(Phase.LOAD, Phase.FETCH), lists=3, list_number=2)
    assert resumed(attrs.evolve(NEW, lists=4), before) is None
    assert resumed(attrs.evolve(NEW, lists=3), before) == (Phase.LOAD, Phase.FETCH)


@for_each(
    "todo", [(Phase.CONFIRM,), (Phase.TOMBSTONES,), (Phase.MISSING,), (Phase.LICENCE,), (Phase.FETCH, Phase.STOP)]
)
def test_what_a_list_did_not_show_long_ago_proves_nothing_today(todo: tuple[Phase, ...]) -> None:
    before = Progress(todo=todo)
    assert resumed(attrs.evolve(HELD, late=True), before) is None
    assert resumed(HELD, before) == todo


def test_a_run_that_no_more_wants_an_audit_leaves_it_out_unless_a_contradiction_is_to_be_solved() -> None:
    before = Progress(todo=(Phase.CHANGES, Phase.AUDIT, Phase.LICENCE, Phase.MISSING))
    assert resumed(HELD, before) == (Phase.CHANGES, Phase.MISSING)
    assert resumed(HELD, attrs.evolve(before, scans=1)) == before.todo


def test_a_run_that_now_wants_an_audit_makes_one_before_it_looks_for_what_is_missing() -> None:
    known = attrs.evolve(HELD, audit=True, licensed=True)
    before = Progress(todo=(Phase.CHANGES, Phase.MISSING))
    assert resumed(known, before) == (Phase.CHANGES, Phase.AUDIT, Phase.LICENCE, Phase.MISSING)


def test_a_late_run_checks_what_changed_since_unless_that_can_not_be_asked_for() -> None:
    """A list of changes that is still to come shows it as well."""
    late = attrs.evolve(HELD, late=True)
    behind = Progress(todo=(Phase.FETCH,), until=NOW, updated_after=True)
    assert resumed(late, behind) == (Phase.FETCH, Phase.CHECK)
    assert begin(attrs.evolve(late, checkpoint=behind)).checked == NOW
    assert resumed(late, attrs.evolve(behind, updated_after=False)) == (Phase.FETCH,)
    assert resumed(late, attrs.evolve(behind, todo=(Phase.FETCH, Phase.CHANGES))) == (Phase.FETCH, Phase.CHANGES)


# --- checkpoints of an earlier version --------------------------------------------------------------------------------


@for_each(
    "mark",
    [
        {"stage": "changes", "since": None, "started": UNTIL},
        {"stage": "changes", "since": UNTIL, "started": None},
        {"stage": "load", "since": None, "started": None},
        {"stage": "something else", "since": None, "started": UNTIL},
    ],
)
def test_a_checkpoint_that_lacks_what_a_pass_needs_is_of_no_use(mark: dict[str, str | None]) -> None:
    assert resume_point(HELD, next_page=3, **mark) is None  # type: ignore[arg-type]


def test_the_last_of_several_lists_is_read_again() -> None:
    """It may have had another page, which the old checkpoint does not tell."""
    point = resume_point(attrs.evolve(NEW, lists=9), stage="load", next_page=5, since=None, started=UNTIL)
    assert point is not None
    assert (point.list_number, point.page) == (3, 1)


@for_each(
    ("count", "stage", "next_page", "then"),
    [
        (17, "load", 1, StepKind.PAGE),
        (17, "load", 2, StepKind.MISSING),
        (17, "compare", 2, StepKind.MISSING),
        (50, "load", 2, StepKind.PAGE),
        (17, "load", 3, StepKind.PAGE),
    ],
)
def test_a_list_without_pages_goes_on_behind_its_only_page_unless_that_may_have_been_cut(
    count: int, stage: str, next_page: int, then: StepKind
) -> None:
    """A round number of records may have been the first page of many; a third page shows that it is paged."""
    known = attrs.evolve(NEW, paged=False, has_updated_after=False, count=count)
    known = attrs.evolve(known, until=UNTIL) if stage == "compare" else known
    point = resume_point(known, stage=stage, next_page=next_page, since=None, started=UNTIL)
    played = play(attrs.evolve(known, checkpoint=point), {})
    assert played.kinds[0] is then
    if next_page == 3:
        assert (played.steps[0].page, played.steps[0].page_size) == (3, 1000)
