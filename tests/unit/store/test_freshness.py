"""How old what the store holds may be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.store.freshness import CHANGE_INTERVAL, TIE, Proofs, is_fresh, is_unchanged, stale_share

TIMES = st.none() | st.floats(0, 1e6)


def test_nothing_is_known_of_a_record_without_a_proof():
    assert Proofs().as_of is None
    assert not is_fresh(None, 100, math.inf)


def test_the_latest_proof_counts():
    assert Proofs(checked=10, changes=20, deletable=False).as_of == 20
    assert Proofs(checked=30, changes=20, deletable=False).as_of == 30


def test_changes_alone_do_not_prove_that_a_record_which_can_be_deleted_exists():
    assert Proofs(changes=20, deletable=True).as_of is None
    assert Proofs(changes=20, listed=15, deletable=True).as_of == 15
    assert Proofs(changes=20, listed=25, deletable=True).as_of == 20


def test_a_doubt_voids_the_proofs_before_it_and_none_after():
    assert Proofs(checked=10, invalidated=10).as_of is None
    assert Proofs(checked=11, invalidated=10).as_of == 11
    assert Proofs(checked=9, changes=12, invalidated=10, deletable=False).as_of == 12


def test_a_doubt_does_not_change_when_the_record_was_read():
    assert Proofs(checked=10, invalidated=20).read_at == 10


@given(TIMES, TIMES, TIMES, TIMES, st.booleans())
def test_what_counts_as_proven_was_read_no_earlier(checked, invalidated, changes, listed, deletable):
    proofs = Proofs(checked, invalidated, changes, listed, deletable)
    assert proofs.as_of is None or proofs.as_of == proofs.read_at
    assert proofs.as_of is None or invalidated is None or proofs.as_of > invalidated


def test_a_record_is_fresh_up_to_the_age_asked_for_and_never_from_the_future():
    assert is_fresh(40, 100, 60)
    assert not is_fresh(39.9, 100, 60)
    assert not is_fresh(101, 100, 60)
    assert is_fresh(1, 1e9, math.inf)


def test_no_age_allows_nothing_from_the_store():
    assert not is_fresh(100, 100, 0)


@for_each(
    ("held", "stub", "read_at", "stub_time", "expected"),
    [
        ("a", "a", 100.0, 100.0 - TIE - 1, True),
        ("a", "a", 100.0, 100.0, False),
        ("a", "a", None, None, True),
        ("a", "b", 1e9, 0.0, False),
        (None, "a", 100.0, 100.0 - TIE - 1, True),
        (None, "a", 100.0, 100.0, False),
        (None, "a", None, 5.0, False),
        ("a", None, 100.0, None, False),
    ],
)
def test_a_stub_shows_that_nothing_changed_only_where_it_can(held, stub, read_at, stub_time, expected):
    assert is_unchanged(held, stub, read_at, stub_time) is expected


def test_the_share_of_changed_records_grows_from_none_to_all():
    assert stale_share([]) == 0
    assert stale_share([0.0]) == 0
    assert stale_share([60.0]) == pytest.approx(60 / CHANGE_INTERVAL, rel=1e-3)
    assert stale_share([math.inf]) == 1
    assert stale_share([0.0, math.inf]) == 0.5
