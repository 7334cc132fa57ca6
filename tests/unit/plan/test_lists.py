"""Lists page by page: where they end, what is refused, and what follows them."""

from __future__ import annotations

import attrs
import pytest

from tests.cases import for_each
from tests.unit.plan.playing import NOW, UNTIL, came, play
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.list_end import MAX_ROUNDS, ListError
from tonicdm.plan.lists import StepFailedError, with_fewer_ids
from tonicdm.plan.progress import Phase, Progress
from tonicdm.plan.steps import StepKind, Trouble

NEW = TypeFacts(record_type="persons", page_limit=100, largest_page=90, updated_after=True, stub_times=True)
HELD = attrs.evolve(NEW, until=UNTIL, count=1_000, held=1_000)
PAGE, END, STUBS, PROBE = StepKind.PAGE, StepKind.END, StepKind.STUBS, StepKind.PROBE
CHANGED, TALLY, BY_ID = StepKind.CHANGED_PAGE, StepKind.TALLY, StepKind.BY_ID


# --- where a list ends ------------------------------------------------------------------------------------------------


def test_a_page_that_comes_again_as_long_as_a_full_one_is_refused() -> None:
    """The server may not heed pageNumber, and then what lies behind the page is unknown."""
    with pytest.raises(ListError) as refused:
        play(NEW, {PAGE: [came(100), came(100, fresh=0, repeated=True)]})
    assert (refused.value.option, refused.value.endless) == ("pageNumber", False)
    assert "100 records" in refused.value.reason


def test_a_page_that_comes_again_and_was_not_cut_is_the_end() -> None:
    """30 records are neither a full page nor the documented default size: the list has no more."""
    played = play(
        attrs.evolve(NEW, largest_page=0, count=None), {PAGE: [came(30)], END: [came(30, fresh=0, repeated=True)]}
    )
    assert played.kinds == [PAGE, END, StepKind.MISSING]
    assert played.earned.progress.counted == 30


def test_behind_the_last_page_a_full_page_that_comes_again_is_refused() -> None:
    """The look behind the last page has to tell nothing from the same again."""
    known = attrs.evolve(NEW, count=100)
    with pytest.raises(ListError, match="the page after 100 records"):
        play(known, {PAGE: [came(100)], END: [came(100, fresh=0, repeated=True)]})


def test_a_page_at_which_a_server_might_cut_is_refused_when_it_comes_again_unless_others_were_longer() -> None:
    """100 records of 1,000 that were asked for: a server that cuts there and ignores pageNumber looks the same."""
    known = attrs.evolve(NEW, page_limit=1000, count=None)
    again = {PAGE: [came(100)], END: [came(100, fresh=0, repeated=True)]}
    with pytest.raises(ListError, match="the page after 100 records"):
        play(known, again)
    assert play(attrs.evolve(known, largest_page=655), again).earned.progress.counted == 100


def test_records_that_moved_on_to_the_page_behind_the_first_one_are_no_full_page() -> None:
    """18 records came in front meanwhile: the page behind, which is asked for in that size, is the one before."""
    known = attrs.evolve(HELD, page_limit=1000, largest_page=0, updated_after=False)
    played = play(known, {STUBS: [came(18), came(18, fresh=0, repeated=True)]})
    assert [step.page_size for step in played.steps if step.kind is STUBS] == [1000, 18]
    assert played.earned.progress.scanned


def test_what_was_read_in_the_second_of_its_change_stays_in_doubt_until_a_list_has_surely_shown_it() -> None:
    """It changed again in that second, and moved from a page of the audit to one that had been read."""
    known = attrs.evolve(HELD, audit=True, by_id=True)
    outcomes = {
        PROBE: [came(7, stale=1), came(7)],
        TALLY: [came(stale_by_page=((1, 1),))],
        BY_ID: [came(1, ties_from=NOW)],
        STUBS: [came(100), came(7)],
    }
    played = play(known, outcomes)
    audited = [step.ties for step in played.steps if step.kind is STUBS]
    (_, checked) = (step.ties for step in played.steps if step.kind is PROBE)
    assert (audited, checked) == ([NOW, NOW], NOW)
    assert played.earned.progress.ties is None, "the check had one page"


def test_two_pages_running_without_a_new_record_are_a_list_without_end() -> None:
    known = attrs.evolve(NEW, count=None)
    with pytest.raises(ListError, match="showed no record") as refused:
        play(known, {PAGE: [came(100), came(100, fresh=0), came(100, fresh=0)]})
    assert refused.value.endless


def test_a_page_with_one_new_record_begins_the_count_anew() -> None:
    played = play(NEW, {PAGE: [came(100), came(100, fresh=0), came(100, fresh=1), came(100, fresh=0), came(7)]})
    assert played.kinds.count(PAGE) == 5
    assert played.earned.progress.counted == 407


def test_a_list_with_more_pages_than_any_has_is_without_end() -> None:
    with pytest.raises(ListError, match="within 3 pages") as refused:
        play(attrs.evolve(NEW, max_pages=3), {PAGE: [came(100)] * 3})
    assert refused.value.endless


@for_each("count", [10, 25, 50, 100])
def test_a_list_that_came_whole_with_a_round_number_of_records_is_looked_behind(count: int) -> None:
    """If something stands there, the server pages it after all, and it is read in pages of that size."""
    files = attrs.evolve(NEW, paged=False, has_updated_after=False, has_data_quantity=False, count=None)
    ended = play(files, {PAGE: [came(count)]})
    assert ended.kinds == [PAGE, END, StepKind.MISSING]
    assert ended.steps[1].page_size == count
    more = play(files, {PAGE: [came(count), came(count), came(3)], END: [came(3), came(3)]})
    assert [step.page for step in more.steps if step.kind is PAGE] == [1, 1, 2]
    assert more.earned.progress.pages_anyway


def test_a_whole_list_of_stubs_with_a_round_number_is_looked_behind_too() -> None:
    files = attrs.evolve(HELD, paged=False, has_updated_after=False, count=20, held=20)
    ended = play(files, {STUBS: [came(20)], END: [came(0)]})
    assert ended.kinds == [STUBS, END, StepKind.MISSING]
    more = play(files, {STUBS: [came(20), came(20), came(4)], END: [came(4)]})
    assert [step.page for step in more.steps if step.kind is STUBS] == [1, 1, 2]


# --- lists of several ---------------------------------------------------------------------------------------------


def test_each_of_several_lists_begins_at_its_first_page() -> None:
    team = attrs.evolve(NEW, lists=3, has_updated_after=False)
    played = play(team, {PAGE: [came(100), came(5), came(0), came(70)]})
    pages = [(step.list_number, step.page) for step in played.steps if step.kind is PAGE]
    assert pages == [(0, 1), (0, 2), (1, 1), (2, 1)]


def test_a_headerful_of_ids_that_is_refused_goes_again_in_halves() -> None:
    named = attrs.evolve(NEW, lists=50, lists_of_ids=True, paged=False, ids_per_call=40, has_updated_after=False)
    played = play(named, {PAGE: [came(trouble=Trouble.HEADER_TOO_LONG), came(20), came(20), came(10)]})
    asked = [(step.list_number, step.ids) for step in played.steps if step.kind is PAGE]
    assert asked == [(0, 40), (0, 20), (20, 20), (40, 10)]
    assert played.earned.progress.ids_proven == 20


def test_so_few_ids_are_refused_for_another_cause() -> None:
    """15 fit any header."""
    progress = Progress(todo=(Phase.FETCH,), ids_per_call=40)
    assert with_fewer_ids(progress, 16).ids_per_call == 15
    with pytest.raises(StepFailedError):
        with_fewer_ids(progress, 15)


@for_each(
    ("facts", "kind"),
    [({"until": None}, PAGE), ({"has_updated_after": False}, STUBS), ({}, PROBE)],
)
def test_a_page_that_is_refused_ends_the_run(facts: dict[str, object], kind: StepKind) -> None:
    with pytest.raises(StepFailedError):
        play(attrs.evolve(HELD, **facts), {kind: [came(trouble=Trouble.REFUSED)]})


# --- what follows a list ----------------------------------------------------------------------------------------------


def test_a_check_behind_a_load_that_finds_changes_has_the_whole_list_compared_once() -> None:
    """While pages were listed, a record may have moved from a page to come to one that had been read."""
    played = play(
        NEW,
        {
            PAGE: [came(100), came(40)],
            PROBE: [came(1, stale=1), came(0)],
            TALLY: [came(stale_by_page=((-2_000_001, 1),))],
            BY_ID: [came(1)],
            STUBS: [came(100), came(41)],
        },
    )
    assert played.kinds == [PAGE, PAGE, PROBE, TALLY, BY_ID, STUBS, STUBS, StepKind.MISSING]
    assert played.earned.until == NOW


def test_what_one_call_found_changed_needs_no_check_of_its_own() -> None:
    """Without stubs to compare the changes are read themselves; those of one page are exact as of their call."""
    plain = attrs.evolve(NEW, has_data_quantity=False)
    played = play(
        plain,
        {
            PAGE: [came(100), came(40)],
            PROBE: [came(3, stale=1)],
            TALLY: [came(stale_by_page=((-2_000_001, 1),))],
            BY_ID: [came(1)],
        },
    )
    assert played.kinds == [PAGE, PAGE, PROBE, TALLY, BY_ID, StepKind.MISSING]


def test_what_several_pages_found_changed_is_checked_again() -> None:
    plain = attrs.evolve(NEW, has_data_quantity=False)
    played = play(plain, {PAGE: [came(100), came(40)], PROBE: [came(100), came(7, stale=1), came(0)]})
    assert played.kinds == [PAGE, PAGE, PROBE, PROBE, TALLY, PROBE, StepKind.MISSING]


def test_a_server_without_updated_after_is_compared_once_more_only_where_exactness_is_wanted() -> None:
    """While several pages of the load were read, records may have changed."""
    plain = attrs.evolve(NEW, has_updated_after=False)
    outcomes = {PAGE: [came(100), came(40)], STUBS: [came(100), came(40)]}
    assert STUBS not in play(plain, outcomes).kinds
    assert play(attrs.evolve(plain, exact=True), outcomes).kinds.count(STUBS) == 2


def test_a_record_that_moves_within_its_second_after_the_wait_is_read_again_by_the_next_list() -> None:
    """The run waits once for each list; what changes again behind that wait is left to the ties of the next."""
    changing = attrs.evolve(HELD, page_limit=4, ids_per_call=2, count=20, largest_page=60)
    just_now = {"settles_at": "2026-01-02T00:00:02+00:00", "ties_from": NOW}
    played = play(changing, {PROBE: [came(3, stale=3, **just_now)], CHANGED: [came(3, **just_now)]})
    assert played.kinds == [PROBE, StepKind.WAIT, CHANGED, TALLY]
    assert played.steps[1].seconds == 2.0
    assert played.earned.progress.ties == NOW


def test_no_page_is_told_to_mark_what_may_change_once_the_wait_is_over() -> None:
    changing = attrs.evolve(HELD, page_limit=4, ids_per_call=2, count=20, largest_page=60)
    just_now = {"settles_at": "2026-01-02T00:00:02+00:00", "ties_from": NOW}
    waited = play(changing, {PROBE: [came(3, stale=3, **just_now)], CHANGED: [came(3)]})
    unhurried = play(changing, {PROBE: [came(3, stale=3)], CHANGED: [came(3)]})
    for played, marks in ((waited, False), (unhurried, True)):
        (step,) = [step for step in played.steps if step.kind is CHANGED]
        assert step.mark is marks


def test_what_calls_are_charged_goes_on_into_the_next_run() -> None:
    """Where no document tells a price, the next plan counts what the server charged last."""
    played = play(
        HELD, {PROBE: [came(9, stale=9, units=1)], BY_ID: [came(9, units=7)], TALLY: [came(stale_by_page=((0, 9),))]}
    )
    learned = played.earned.progress
    assert (learned.stub_units, learned.record_units) == (1, 7)
    assert [step.kind for step in played.steps if step.is_call] == [PROBE, BY_ID]


def test_a_list_without_changes_to_ask_for_is_compared_again_while_it_keeps_changing_and_exactness_is_wanted() -> None:
    """Until the stubs of all its pages are those of the store, or as often as one run may."""
    plain = attrs.evolve(HELD, has_updated_after=False, exact=True)
    pages = [came(100, stale=1), came(40)]
    tally = came(stale_by_page=((1, 1),))
    outcomes = {STUBS: [*pages, came(100), came(40)], TALLY: [tally], BY_ID: [came(1)]}
    played = play(plain, outcomes)
    assert played.kinds == [STUBS, STUBS, TALLY, BY_ID, STUBS, STUBS, StepKind.MISSING]
    restless = play(plain, {STUBS: pages * 20, TALLY: [tally] * 20, BY_ID: [came(1)] * 20})
    assert restless.kinds.count(BY_ID) == 1 + MAX_ROUNDS
