"""What in an answer contradicts an option; the server that ignores it says nothing of that."""

from __future__ import annotations

import datetime
from typing import Any

from tests.cases import for_each
from tonicdm.codec.elements import Elements
from tonicdm.endpoints.evidence import contradiction, untimed
from tonicdm.types import DataQuantity

A, B = "a" * 32, "b" * 32
NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, 500_000, datetime.UTC)
STUB = {"id": A, "datetimeUpdated": "2026-03-01T12:00:00Z"}


def found(records: list[Any], quantity: DataQuantity = DataQuantity.BASIC, *, shaped: bool = False, **options: Any):
    seen = contradiction(Elements(records), options, quantity, shaped=shaped, own_ids=options.pop("own_ids", True))
    return None if seen is None else seen[0]


@for_each(
    ("records", "options", "contradicts"),
    [
        ([{"id": A}], {"filter_ids": [A]}, None),
        ([{"id": A.upper()}], {"filter_ids": [A]}, None),
        ([{"id": B}], {"filter_ids": [A]}, "filterIDs"),
        ([{"id": B}], {"filter_ids": [A], "own_ids": False}, None),
        ([{"id": 5}, "text"], {"filter_ids": [A]}, None),
        ([{"id": B}], {}, None),
        ([{"projectId": A}], {"project_id": A}, None),
        ([{"projectId": B}], {"project_id": A}, "projectId"),
        ([{"project_id": B}], {"project_id": A}, "projectId"),
        ([{"id": A}], {"project_id": A}, None),
        ([{}, {}], {"page_size": 2}, None),
        ([{}, {}, {}], {"page_size": 2}, "pageSize"),
        ([{"id": [A]}, {"id": {}}, {"id": None}], {"filter_ids": [A]}, None),
    ],
)
def test_only_the_content_of_an_answer_contradicts_an_option(
    records: list[Any], options: dict[str, Any], contradicts: str | None
) -> None:
    assert found(records, **options) == contradicts


@for_each(
    ("updated", "old"),
    [
        ("2026-03-01T12:00:00Z", False),  # within the second that was asked for
        ("2026-03-01T11:59:59Z", True),
        ("2026-03-01T13:59:59+02:00", True),
        ("no time", False),
        (None, False),
    ],
)
def test_a_record_from_before_the_time_that_was_asked_for_contradicts_it(updated: Any, old: bool) -> None:
    assert (found([{"datetimeUpdated": updated}], updated_after=NOON) == "updated_after") is old


def test_an_answer_that_contradicts_several_options_names_the_first_of_a_fixed_order() -> None:
    """Who may do without updated_after must not take a server for one that ignores that alone."""
    old = {"id": B, "projectId": B, "datetimeUpdated": "2026-03-01T11:00:00Z"}
    options: dict[str, Any] = {"updated_after": NOON, "page_size": 1, "project_id": A, "filter_ids": [A]}
    for name in ("filterIDs", "projectId", "pageSize", "updated_after"):
        assert found([old, old], DataQuantity.ID_ONLY, shaped=True, **options) == name
        options.popitem()
    assert found([old, old], DataQuantity.ID_ONLY, shaped=True) == "data_quantity"


def test_a_date_begins_at_its_midnight_in_utc() -> None:
    day = datetime.date(2026, 3, 1)
    assert found([{"datetimeUpdated": "2026-03-01T00:00:00Z"}], updated_after=day) is None
    assert found([{"datetimeUpdated": "2026-02-28T23:59:59Z"}], updated_after=day) == "updated_after"


@for_each(
    ("records", "quantity", "contradicts"),
    [
        ([STUB], DataQuantity.ID_ONLY, None),
        ([STUB | {"name": "x"}], DataQuantity.ID_ONLY, "data_quantity"),
        ([{"name": "x"}], DataQuantity.ID_ONLY, None),
        ([STUB], DataQuantity.BASIC, "data_quantity"),
        ([STUB, STUB | {"name": "x"}], DataQuantity.BASIC, None),
        ([], DataQuantity.BASIC, None),
    ],
)
def test_the_shape_of_records_tells_how_much_of_them_came(
    records: list[Any], quantity: DataQuantity, contradicts: str | None
) -> None:
    """Where the reference lists no data_quantity, the shape tells nothing."""
    assert found(records, quantity, shaped=True) == contradicts
    assert found(records, quantity) is None


@for_each(
    ("payload", "tells"),
    [
        ([], True),
        ([STUB], True),
        ([{"id": A}], False),
        ([{"datetimeUpdated": "soon"}, 5], False),
        ([{"id": A}, STUB], True),
    ],
)
def test_an_answer_without_times_can_not_show_whether_updated_after_was_heeded(payload: list[Any], tells: bool) -> None:
    assert (untimed(payload) == "") is tells
