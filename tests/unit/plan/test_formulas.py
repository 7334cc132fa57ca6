"""The small formulas: ends of lists, ties of a second, what a refresh costs."""

from __future__ import annotations

import datetime

import attrs

from tests.cases import for_each
from tonicdm.plan.arithmetic import end_calls
from tonicdm.plan.facts import TypeFacts
from tonicdm.plan.refresh import RefreshMethod, charged_as_stubs, refresh
from tonicdm.plan.ties import TIE, is_ahead, settles_at

AT = datetime.datetime(2027, 1, 1, 12, tzinfo=datetime.UTC)


@for_each(
    ("records", "size", "proven", "calls"),
    [
        (0, 1000, True, 0),
        (0, 1000, False, 0),
        (1, 1000, True, 0),
        (1, 1000, False, 1),
        (50, 1000, False, 1),
        (51, 1000, False, 0),
        (999, 1000, True, 0),
        (1000, 1000, True, 1),
        (2000, 1000, False, 1),
    ],
)
def test_only_a_short_page_of_a_proven_size_ends_a_list(records: int, size: int, proven: bool, calls: int) -> None:
    assert end_calls(records, size, size_proven=proven) == calls


@for_each("seconds", [-3.0, -2.0, 0.0, 2.0, 3.0])
def test_a_record_is_settled_two_seconds_after_its_time(seconds: float) -> None:
    """One that is further ahead is not waited for."""
    stamped = AT + datetime.timedelta(seconds=seconds)
    expected = stamped + TIE if abs(seconds) <= 2 else None
    assert settles_at(stamped.isoformat(), AT) == expected
    assert is_ahead(stamped.isoformat(), AT) is (seconds > 2)


def test_a_record_without_a_time_is_settled_and_never_ahead() -> None:
    assert settles_at(None, AT) is None
    assert is_ahead(None, AT) is False


FACTS = TypeFacts(record_type="offices", count=2_500, updated_after=True)


@for_each(
    ("facts", "ids", "changed", "method", "units"),
    [
        ({}, 10, None, RefreshMethod.BY_ID, 5),
        ({}, 500, 300, RefreshMethod.CHANGES, 5),
        ({}, 500, 0, RefreshMethod.CHANGES, 5 + 1),  # so short a page may have been cut
        ({"updated_after": False}, 500, 300, RefreshMethod.BY_ID, 15),
        ({"by_id": False, "updated_after": False}, 500, 300, RefreshMethod.ALL, 15),
        ({"by_id": False, "updated_after": False, "count": None}, 500, None, RefreshMethod.ALL, 5),
        ({"paged": False, "count": None}, 500, None, RefreshMethod.ALL, 5),
    ],
)
def test_a_refresh_takes_the_way_of_the_fewest_units(
    facts: dict[str, object], ids: int, changed: int | None, method: RefreshMethod, units: int
) -> None:
    chosen = refresh(attrs.evolve(FACTS, **facts), ids, changed_since=changed)
    assert (chosen.method, chosen.units) == (method, units)


def test_a_list_whose_length_is_unknown_is_no_choice_beside_records_that_can_be_asked_for() -> None:
    assert refresh(attrs.evolve(FACTS, count=None), 9_999).method is RefreshMethod.BY_ID


@for_each(("units", "heeded"), [((), True), ((1,), True), ((1, 1, 1), True), ((1, 5), False), ((5,), False)])
def test_calls_that_were_charged_more_than_stubs_were_not_calls_for_stubs(units: tuple[int, ...], heeded: bool) -> None:
    assert charged_as_stubs(units) is heeded
