"""Deletions: what a list has to show, and what is asked, before a record counts as deleted."""

from __future__ import annotations

import attrs
import pytest

from tests.cases import for_each
from tests.unit.plan.playing import UNTIL, came, play
from tonicdm.plan.deletions import MAX_SCANS, too_many_deletions
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.lists import StepFailedError
from tonicdm.plan.steps import StepKind, Trouble

HELD = TypeFacts(
    record_type="persons",
    until=UNTIL,
    count=40,
    held=40,
    has_updated_after=False,
    stub_times=True,
    largest_page=60,
    ids_per_call=20,
)
LISTED = {StepKind.STUBS: [came(40)]}
MISSING, CONFIRM, TOMBSTONES, STOP = StepKind.MISSING, StepKind.CONFIRM, StepKind.TOMBSTONES, StepKind.STOP


def test_missing_records_are_asked_for_beside_some_that_are_there() -> None:
    """30 missing ones and 3 controls, 20 IDs a call: 17 and 13."""
    played = play(
        attrs.evolve(HELD, confirmed=True),
        LISTED | {MISSING: [came(30, held=40, controls=5)], CONFIRM: [came(last="q", controls=3), came(controls=3)]},
    )
    questions = [(step.ids, step.after) for step in played.steps if step.kind is CONFIRM]
    assert questions == [(17, ""), (13, "q")]
    assert played.kinds[-1] is TOMBSTONES


def test_a_question_whose_answer_lacks_the_controls_proves_nothing() -> None:
    played = play(HELD, LISTED | {MISSING: [came(2, held=40, controls=3)], CONFIRM: [came()]})
    assert played.kinds[-1] is CONFIRM, "nothing is marked"
    assert played.earned.listed is None
    assert "filterIDs does not return" in played.earned.progress.why[-1]


def test_an_element_whose_id_can_not_be_read_may_be_any_record() -> None:
    """So the list proves nothing of what it does not show."""
    played = play(HELD, {StepKind.STUBS: [came(40, damaged=True)]})
    assert MISSING not in played.kinds
    assert (played.earned.listed, played.earned.audited) == (None, False)
    assert "nothing was marked" in played.earned.progress.why[-1]


def test_a_question_that_is_too_long_goes_again_in_halves_unless_it_was_short() -> None:
    known = attrs.evolve(HELD, ids_per_call=40, confirmed=True)
    refused = came(trouble=Trouble.HEADER_TOO_LONG)
    missing = {MISSING: [came(30, held=40, controls=3)]}
    played = play(known, LISTED | missing | {CONFIRM: [refused, *[came(controls=3)] * 3]})
    assert [step.ids for step in played.steps if step.kind is CONFIRM] == [30, 13, 13, 4]
    with pytest.raises(StepFailedError):
        play(HELD, LISTED | {MISSING: [came(12, held=40, controls=3)], CONFIRM: [refused]})


def test_a_question_that_is_refused_ends_the_run_before_anything_is_marked() -> None:
    with pytest.raises(StepFailedError):
        play(HELD, LISTED | {MISSING: [came(2, held=40)], CONFIRM: [came(trouble=Trouble.REFUSED)]})


def test_where_records_can_not_be_asked_for_the_list_alone_decides() -> None:
    played = play(attrs.evolve(HELD, by_id=False), LISTED | {MISSING: [came(2, held=40)]})
    assert played.kinds[-2:] == [MISSING, TOMBSTONES]


@for_each(("missing", "confirmed", "last"), [(8, False, TOMBSTONES), (9, False, STOP), (9, True, TOMBSTONES)])
def test_more_than_a_fifth_at_once_has_to_be_confirmed(missing: int, confirmed: bool, last: StepKind) -> None:
    known = attrs.evolve(HELD, by_id=False, confirmed=confirmed)
    played = play(known, LISTED | {MISSING: [came(missing, held=40)]})
    assert played.kinds[-1] is last
    assert too_many_deletions(missing, 40) is (missing == 9)


def test_records_that_are_there_but_not_listed_are_read_and_the_list_is_made_again() -> None:
    """They may have moved from page to page; after so many lists the list itself is not believed."""
    alive = {MISSING: [came(2, held=40, controls=3)] * MAX_SCANS, CONFIRM: [came(alive=2, controls=3)] * MAX_SCANS}
    played = play(attrs.evolve(HELD, has_updated_after=True, updated_after=True, audit=True), LISTED | alive)
    assert played.kinds.count(CONFIRM) == MAX_SCANS
    assert TOMBSTONES not in played.kinds
    assert played.kinds[-1] is STOP
    assert "not in the list" in played.steps[-1].why


def test_without_filter_statuses_a_list_hides_some_and_that_is_no_contradiction() -> None:
    """Those that are there are read; the others are gone."""
    known = attrs.evolve(HELD, has_statuses=False)
    played = play(known, LISTED | {MISSING: [came(3, held=40, controls=3)], CONFIRM: [came(alive=1, controls=3)]})
    assert played.kinds[-3:] == [CONFIRM, StepKind.TALLY, TOMBSTONES]


@for_each("shown", [{"count": 0}, {"count": 4, "earlier": False}])
def test_nothing_is_asked_where_nothing_is_missing_that_was_there_before(shown: dict[str, object]) -> None:
    assert play(HELD, LISTED | {MISSING: [came(**shown)]}).kinds[-1] is MISSING


def test_where_all_missing_ones_are_there_after_all_nothing_is_marked() -> None:
    known = attrs.evolve(HELD, has_statuses=False)
    played = play(known, LISTED | {MISSING: [came(1, held=40, controls=3)], CONFIRM: [came(alive=1, controls=3)]})
    assert TOMBSTONES not in played.kinds
    assert played.watermark is not None
