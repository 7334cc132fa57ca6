"""Which stale records are fetched with their pages, and which by ID."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonicdm.plan.arithmetic import expected_batches
from tonicdm.plan.refresh import check_pays
from tonicdm.plan.stale_records import choose_pages


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
