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


def test_what_lies_behind_a_short_first_page_is_asked_for_in_pages_of_its_size() -> None:
    """The first page had 50 of 360 records, as pageSize got lost on the way; from the second call on it arrives.

    Behind the first 1,000 records there would be nothing. An interruption changes nothing, and no page is paid again.
    """
    kinds = {StepKind.END: [came(50)], StepKind.PAGE: [came(50)] * 6 + [came(10)]}
    first = play(NEW, {StepKind.PAGE: [came(50)]}).steps[1]
    assert first.progress is not None
    older = attrs.evolve(first.progress, size=0)
    for before in (first.progress, older):
        resumed = play(attrs.evolve(NEW, checkpoint=before), kinds)
        assert (resumed.steps[0].kind, resumed.steps[0].page, resumed.steps[0].page_size) == (StepKind.END, 2, 50)
        assert [step.page for step in resumed.steps if step.kind is StepKind.PAGE] == [2, 3, 4, 5, 6, 7, 8]
        assert resumed.earned.progress.counted == 360


@for_each("facts", [NEW, attrs.evolve(HELD, updated_after=False)], ids=["records", "stubs"])
def test_the_size_of_an_only_page_is_not_that_of_the_calls_that_follow(facts: TypeFacts) -> None:
    """A list of 18 records does not show that the server cuts its pages at 18."""
    played = play(facts, {StepKind.PAGE: [came(18)], StepKind.STUBS: [came(18, stale=3)]})
    assert [step.page_size for step in played.steps if step.page == 2] == [18]
    assert played.earned.progress.fetch_size == 0
    assert {step.page_size for step in played.steps if step.kind is StepKind.STALE_PAGE} <= {1000}


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


# --- what a run sets out to do ----------------------------------------------------------------------------------------


@for_each(
    ("known", "todo"),
    [
        (NEW, (Phase.LOAD, Phase.MISSING)),
        (attrs.evolve(NEW, audit=True, licensed=True), (Phase.LOAD, Phase.MISSING)),
        (attrs.evolve(HELD, partial=True), (Phase.LOAD,)),
        (HELD, (Phase.CHANGES, Phase.MISSING)),
        (attrs.evolve(HELD, updated_after=None), (Phase.CHANGES, Phase.MISSING)),
        (attrs.evolve(HELD, licensed=True), (Phase.CHANGES, Phase.MISSING)),
        (attrs.evolve(HELD, audit=True), (Phase.CHANGES, Phase.AUDIT, Phase.MISSING)),
        (attrs.evolve(HELD, audit=True, licensed=True), (Phase.CHANGES, Phase.AUDIT, Phase.LICENCE, Phase.MISSING)),
        (attrs.evolve(HELD, audit=True, licensed=True, by_id=False), (Phase.CHANGES, Phase.AUDIT, Phase.MISSING)),
        (attrs.evolve(HELD, updated_after=False, audit=True), (Phase.COMPARE, Phase.MISSING)),
        (attrs.evolve(HELD, has_updated_after=False), (Phase.COMPARE, Phase.MISSING)),
        (
            attrs.evolve(HELD, updated_after=False, audit=True, licensed=True),
            (Phase.COMPARE, Phase.LICENCE, Phase.MISSING),
        ),
    ],
)
def test_a_run_reads_what_is_wanted_and_no_more(known: TypeFacts, todo: tuple[Phase, ...]) -> None:
    """Where all of the type is compared, that is the audit; a licence shows only in records asked for by ID."""
    assert begin(known).todo == todo


def test_a_run_begins_with_all_that_is_known_of_the_server() -> None:
    known = attrs.evolve(
        HELD,
        lists=3,
        ties=UNTIL,
        largest_page=500,
        pages_anyway=True,
        paged=False,
        ids_per_call=90,
        page_limit=80,
        ids_proven=70,
        stub_times=True,
        stub_units=2,
        record_units=4,
    )
    assert begin(known) == Progress(
        todo=(Phase.CHANGES, Phase.MISSING),
        lists=3,
        first=False,
        ties=UNTIL,
        updated_after=True,
        largest_page=500,
        pages_anyway=True,
        ids_per_call=80,
        ids_proven=70,
        stub_times=True,
        stub_units=2,
        record_units=4,
    )
    assert begin(NEW).first
    assert begin(attrs.evolve(NEW, updated_after=True, has_updated_after=False)).updated_after is False


@for_each(
    ("known", "why"),
    [
        (HELD, ()),
        (attrs.evolve(HELD, partial=True, updated_after=False), ("only the projects that were named",)),
        (
            attrs.evolve(HELD, updated_after=False),
            ("without updated_after all of the type is listed to find what changed",),
        ),
    ],
)
def test_a_run_that_reads_more_or_less_than_what_changed_says_why(known: TypeFacts, why: tuple[str, ...]) -> None:
    assert begin(known).why == why


def test_a_run_of_some_projects_goes_on_from_nothing() -> None:
    before = Progress(todo=(Phase.CHANGES,))
    assert begin(attrs.evolve(HELD, checkpoint=before)).todo == (Phase.CHANGES,)
    assert begin(attrs.evolve(HELD, checkpoint=before, partial=True)).todo == (Phase.LOAD,)


SCANNED = Progress(todo=(Phase.FETCH,), scans=2, scanned=True, listed=UNTIL, until=NOW, updated_after=True)


def test_a_run_that_goes_on_at_once_keeps_what_its_lists_have_shown() -> None:
    progress = begin(attrs.evolve(HELD, checkpoint=SCANNED))
    assert progress == SCANNED


def test_a_late_run_keeps_of_its_lists_only_what_is_still_under_way() -> None:
    late = attrs.evolve(HELD, late=True)
    behind = begin(attrs.evolve(late, checkpoint=SCANNED))
    assert (behind.scans, behind.scanned, behind.listed) == (0, False, None)
    under_way = begin(attrs.evolve(late, checkpoint=attrs.evolve(SCANNED, todo=(Phase.AUDIT, Phase.FETCH))))
    assert (under_way.scans, under_way.scanned, under_way.listed) == (0, True, UNTIL)


@for_each(
    ("checked", "until", "since"),
    [
        (None, None, UNTIL),
        (None, "2026-01-01T12:00:00+00:00", "2026-01-01T12:00:00+00:00"),
        ("2026-01-01T18:00:00+00:00", NOW, "2026-01-01T18:00:00+00:00"),
    ],
)
def test_a_late_run_checks_from_where_changes_were_read_last(checked: str, until: str, since: str) -> None:
    before = attrs.evolve(SCANNED, checked=checked, until=until)
    progress = begin(attrs.evolve(HELD, late=True, checkpoint=before))
    assert (progress.todo, progress.checked) == ((Phase.FETCH, Phase.CHECK), since)


@for_each(
    ("known", "proven", "todo"),
    [
        ({}, None, (Phase.FETCH, Phase.CHECK)),
        ({"has_updated_after": False}, None, (Phase.FETCH,)),
        ({"late": False}, True, (Phase.FETCH,)),
    ],
)
def test_changes_are_checked_where_they_can_be_asked_for(
    known: dict[str, bool], proven: bool | None, todo: tuple[Phase, ...]
) -> None:
    before = attrs.evolve(SCANNED, updated_after=proven)
    assert begin(attrs.evolve(HELD, **{"late": True} | known, checkpoint=before)).todo == todo


@for_each(
    ("known", "before", "todo"),
    [
        ({"audit": True}, {"first": True}, (Phase.FETCH, Phase.MISSING)),
        ({"audit": True}, {"scanned": True}, (Phase.FETCH, Phase.MISSING)),
        ({"audit": True}, {}, (Phase.FETCH, Phase.AUDIT, Phase.MISSING)),
        ({"audit": True, "licensed": True, "until": None}, {}, (Phase.FETCH, Phase.AUDIT, Phase.MISSING)),
        ({"audit": True}, {"todo": (Phase.LOAD, Phase.MISSING)}, (Phase.LOAD, Phase.MISSING)),
        ({}, {"todo": (Phase.AUDIT, Phase.LICENCE, Phase.MISSING)}, (Phase.AUDIT, Phase.MISSING)),
    ],
)
def test_an_audit_that_is_wanted_now_is_made_unless_all_was_listed(
    known: dict[str, bool], before: dict[str, object], todo: tuple[Phase, ...]
) -> None:
    """What is under way is ended in any case."""
    place = Progress(**{"todo": (Phase.FETCH, Phase.MISSING), "first": False} | before)  # type: ignore[arg-type]
    assert begin(attrs.evolve(HELD, **known, checkpoint=place)).todo == todo


# --- what a run notes and earns ---------------------------------------------------------------------------------------


def test_each_step_is_of_the_type_and_tells_where_to_go_on() -> None:
    played = play(NEW, {StepKind.PAGE: [came(17)]})
    assert {step.record_type for step in played.steps} == {"persons"}
    assert [step.progress is not None for step in played.steps] == [True] * len(played.steps)
    first = played.steps[0].progress
    assert first is not None
    assert first.todo == (Phase.LOAD, Phase.MISSING)


def test_what_calls_were_charged_is_noted_by_what_they_asked_for() -> None:
    played = play(
        attrs.evolve(NEW, stub_units=8, record_units=9),
        {StepKind.PAGE: [came(17, units=5)], StepKind.END: [came(0, units=1)]},
    )
    noted = [
        (step.kind, step.progress.record_units, step.progress.stub_units) for step in played.steps if step.progress
    ]
    assert noted[:2] == [(StepKind.PAGE, 9, 8), (StepKind.END, 5, 8)]
    assert (played.earned.progress.record_units, played.earned.progress.stub_units) == (5, 1)
    assert played.earned.progress.now == NOW
    silent = play(attrs.evolve(NEW, stub_units=8, record_units=9), {StepKind.PAGE: [came(17)]})
    assert (silent.earned.progress.record_units, silent.earned.progress.stub_units) == (9, 8)


@for_each(
    ("known", "shown", "audited"),
    [
        (NEW, {}, True),
        (NEW, {"damaged": True}, False),
        (HELD, {}, False),
        (attrs.evolve(HELD, audit=True), {}, True),
        (attrs.evolve(HELD, audit=True), {"damaged": True}, False),
        (attrs.evolve(NEW, partial=True), {}, False),
    ],
)
def test_deletions_were_looked_for_where_all_was_listed_and_could_be_read(
    known: TypeFacts, shown: dict[str, bool], audited: bool
) -> None:
    pages = [came(17, **shown)]
    earned = play(known, {StepKind.PAGE: pages, StepKind.STUBS: pages}).earned
    assert earned.audited is audited
    assert (earned.until is None) is known.partial
    assert earned.listed == earned.progress.listed


# --- where a checkpoint of an earlier version goes on -----------------------------------------------------------------


@for_each(
    ("known", "stage", "page", "todo"),
    [
        (NEW, "load", 4, (Phase.LOAD, Phase.MISSING)),
        (attrs.evolve(HELD, updated_after=False), "compare", 4, (Phase.COMPARE, Phase.MISSING)),
        (attrs.evolve(HELD, audit=True), "audit", 4, (Phase.AUDIT, Phase.MISSING)),
        (HELD, "audit", 4, (Phase.AUDIT, Phase.CHANGES, Phase.MISSING)),
        (attrs.evolve(HELD, audit=True), "load", 4, (Phase.LOAD, Phase.CHANGES, Phase.AUDIT, Phase.MISSING)),
        (NEW, "load", 1, (Phase.LOAD, Phase.MISSING)),
    ],
)
def test_a_list_goes_on_at_its_next_page_with_what_would_follow(
    known: TypeFacts, stage: str, page: int, todo: tuple[Phase, ...]
) -> None:
    """Whether its pages showed timestamps is not known where some were read."""
    point = resume_point(known, stage=stage, next_page=page, since=None, started=UNTIL)
    fresh = begin(known)
    assert point == attrs.evolve(
        fresh, todo=todo, page=page, pages=page - 1, started=UNTIL, unstamped=None if page == 1 else False
    )


def test_a_list_of_changes_goes_on_with_the_time_that_it_was_asked_from() -> None:
    known = attrs.evolve(HELD, audit=True, checkpoint=Progress(todo=(Phase.FETCH,), total=77))
    point = resume_point(known, stage="changes", next_page=2, since=UNTIL, started=NOW)
    assert point == attrs.evolve(
        begin(attrs.evolve(known, checkpoint=None)),
        todo=(Phase.CHANGES, Phase.AUDIT, Phase.MISSING),
        page=2,
        pages=1,
        started=NOW,
        unstamped=False,
        since=UNTIL,
        reads=True,
    )


def test_a_list_of_changes_is_ended_also_where_the_next_run_would_compare_all() -> None:
    point = resume_point(
        attrs.evolve(HELD, updated_after=False), stage="changes", next_page=2, since=UNTIL, started=NOW
    )
    assert point is not None
    assert point.todo == (Phase.CHANGES, Phase.MISSING)


@for_each(("next_page", "number"), [(1, 0), (2, 0), (3, 1), (9, 7)])
def test_of_several_lists_the_one_goes_on_that_was_read_last(next_page: int, number: int) -> None:
    point = resume_point(attrs.evolve(NEW, lists=9), stage="load", next_page=next_page, since=None, started=UNTIL)
    assert point is not None
    assert (point.list_number, point.page, point.pages) == (number, 1, 0)


def test_a_type_that_proved_to_have_pages_goes_on_as_one_that_has_them() -> None:
    known = attrs.evolve(NEW, paged=False, pages_anyway=True)
    point = resume_point(known, stage="load", next_page=2, since=None, started=UNTIL)
    assert point is not None
    assert (point.page, point.phase) == (2, Phase.LOAD)
