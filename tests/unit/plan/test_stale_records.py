"""Which stale records are fetched with their pages, and which by ID."""

from __future__ import annotations

import itertools
import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tests.unit.plan.playing import UNTIL, came, play
from tonicdm.plan.arithmetic import expected_batches
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.lists import StepFailedError
from tonicdm.plan.refresh import check_pays
from tonicdm.plan.stale_records import choose_pages
from tonicdm.plan.steps import StepKind, Trouble


@given(st.lists(st.integers(0, 9), max_size=7), st.integers(1, 9))
def test_the_choice_after_a_scan_is_exactly_the_cheapest(stale: list[int], ids: int) -> None:
    """No set of whole pages beside IDs for the rest makes fewer calls."""
    chosen = choose_pages(stale, ids)
    pages = range(len(stale))
    sets = itertools.chain.from_iterable(itertools.combinations(pages, size) for size in range(len(stale) + 1))
    least = min(len(whole) + math.ceil(sum(stale[page] for page in pages if page not in whole) / ids) for whole in sets)
    assert chosen.units == 5 * chosen.calls == 5 * least
    assert sorted([*chosen.whole, *chosen.by_id]) == [page + 1 for page in pages if stale[page]]
    assert all(page + 1 in chosen.whole for page in pages if stale[page] >= ids)
    assert chosen.units <= chosen.next_best


def test_where_ids_can_not_be_asked_for_each_page_with_something_stale_is_read() -> None:
    assert choose_pages([0, 1, 0, 500], None).whole == (2, 4)


@given(st.integers(1, 40), st.floats(0, 1), st.integers(1, 9))
def test_the_mean_number_of_batches_is_that_of_all_that_may_be_stale(ids: int, share: float, largest: int) -> None:
    """It is E[B(S)] for a binomial S, summed here without logarithms."""
    exact = math.fsum(
        math.comb(ids, count) * share**count * (1 - share) ** (ids - count) * math.ceil(count / largest)
        for count in range(ids + 1)
    )
    assert expected_batches(ids, share, largest) == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize(("ids", "share"), [(160, 0.01), (79, 0.02), (31, 0.05), (15, 0.1)])
def test_a_single_batch_is_looked_at_first_up_to_the_size_that_the_design_names(ids: int, share: float) -> None:
    """Design 6: ask for stubs first only if (1-q)^m > 0.2 for one batch."""
    assert check_pays(ids, share, 240)
    assert not check_pays(ids + 1, share, 240)


@given(st.lists(st.integers(0, 9), max_size=7), st.integers(1, 9))
def test_no_page_is_read_whole_that_would_not_fill_a_call_by_id(stale: list[int], ids: int) -> None:
    """IDs stay right when pages shift, so a page is read only where it costs nothing."""
    assert all(stale[page - 1] >= ids for page in choose_pages(stale, ids).whole)


# --- as a run makes the calls -----------------------------------------------------------------------------------------


HELD = TypeFacts(
    record_type="persons",
    until=UNTIL,
    count=80,
    held=80,
    has_updated_after=False,
    stub_times=True,
    page_limit=100,
    largest_page=90,
    ids_per_call=40,
    sample=20,
)
SCANNED = {StepKind.STUBS: [came(80, stale=30)], StepKind.TALLY: [came(stale_by_page=((1, 30),))]}
BY_ID, SAMPLE = StepKind.BY_ID, StepKind.SAMPLE


def test_an_answer_that_the_server_cut_is_asked_on_in_calls_of_its_length() -> None:
    """Those that came are no more stale."""
    cut = came(12, cut=True)
    played = play(HELD, SCANNED | {BY_ID: [cut, came(12), came(6)]})
    assert [step.ids for step in played.steps if step.kind is BY_ID] == [30, 12, 6]
    assert played.earned.progress.ids_proven == 12


def test_an_empty_answer_that_was_cut_is_asked_on_one_by_one() -> None:
    few = {StepKind.STUBS: [came(80, stale=2)], StepKind.TALLY: [came(stale_by_page=((1, 2),))]}
    played = play(HELD, few | {BY_ID: [came(0, cut=True), came(1), came(1)]})
    assert [step.ids for step in played.steps if step.kind is BY_ID] == [2, 1, 1]


def test_ids_that_do_not_fit_go_again_in_halves() -> None:
    refused = came(trouble=Trouble.HEADER_TOO_LONG)
    played = play(HELD, SCANNED | {BY_ID: [refused, came(15), came(15)]})
    assert [step.ids for step in played.steps if step.kind is BY_ID] == [30, 15, 15]


@for_each("kind", [BY_ID, SAMPLE])
def test_a_call_for_records_that_is_refused_ends_the_run(kind: StepKind) -> None:
    known = attrs.evolve(HELD, licensed=True, audit=True)
    with pytest.raises(StepFailedError):
        play(known, SCANNED | {kind: [came(trouble=Trouble.REFUSED)]})


def test_a_page_that_is_read_whole_while_others_are_left_is_counted_anew_at_the_last() -> None:
    """Records may have moved to other pages: what the pages brought decides what is asked by ID."""
    known = attrs.evolve(HELD, count=180)
    played = play(
        known,
        {
            StepKind.STUBS: [came(100, stale=50), came(80, stale=50)],
            StepKind.TALLY: [came(stale_by_page=((1, 50), (2, 50), (0, 1))), came(stale_by_page=((1, 3),))],
            BY_ID: [came(3)],
        },
    )
    fetched = [(step.kind, step.page, step.ids) for step in played.steps if step.kind in {StepKind.STALE_PAGE, BY_ID}]
    assert fetched == [(StepKind.STALE_PAGE, 1, 0), (StepKind.STALE_PAGE, 2, 0), (BY_ID, 0, 3)]


# --- licences ---------------------------------------------------------------------------------------------------------


def test_a_licence_that_was_switched_has_all_records_read_anew() -> None:
    """It changes no timestamp, so that a sample of known records is the only way to see it."""
    licensed = attrs.evolve(HELD, licensed=True, audit=True)
    same = play(licensed, {StepKind.STUBS: [came(80)]})
    assert same.kinds == [StepKind.STUBS, SAMPLE, StepKind.MISSING]
    other = play(licensed, {StepKind.STUBS: [came(80)], SAMPLE: [came(20, reshaped=True)], StepKind.PAGE: [came(80)]})
    assert other.kinds == [StepKind.STUBS, SAMPLE, StepKind.PAGE, StepKind.MISSING]
    assert "a licence?" in other.earned.progress.why[-1]


def test_a_sample_that_does_not_fit_is_halved_and_an_empty_one_is_not_asked_for() -> None:
    licensed = attrs.evolve(HELD, licensed=True, audit=True)
    refused = came(trouble=Trouble.HEADER_TOO_LONG)
    played = play(licensed, {StepKind.STUBS: [came(80)], SAMPLE: [refused, came(15)]})
    assert [step.ids for step in played.steps if step.kind is SAMPLE] == [20, 15]
    assert SAMPLE not in play(attrs.evolve(licensed, sample=0), {StepKind.STUBS: [came(80)]}).kinds
