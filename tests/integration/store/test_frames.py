"""Frames of a store on each engine: one table, whatever keeps the records."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tests.engines import ENGINES, place
from tonicdm.store import Store
from tonicdm.types import DataQuantity

ONE, TWO, GONE = (f"{number:032x}" for number in (1, 2, 3))
RECORDS: list[dict[str, Any]] = [
    {
        "id": ONE,
        "name": "London",
        "status": "active",
        "phoneNumber": 20.5,
        "datetimeCreated": "2026-01-01T02:00:00+02:00",
        "size": 7,
        "large": 9_007_199_254_740_993,
        "open": True,
        "ratio": 0.25,
        "tags": ["a", {"b": None}],
    },
    {"id": TWO, "name": None, "size": None, "open": False, "tags": None},
]


@pytest.fixture(params=ENGINES)
async def store(request: pytest.FixtureRequest):
    async with Store(place(request, request.param)) as store:
        await store.write_page("offices", RECORDS, DataQuantity.BASIC)
        await store.refresh_views()
        yield store


async def test_a_table_has_the_values_and_types_of_the_records(store: Store) -> None:
    table = await store.to_arrow("offices")
    first, second = sorted(table.to_pylist(), key=lambda row: row["id"])
    assert {name: first[name] for name in ("name", "phone_number", "size", "large", "open", "ratio")} == {
        "name": "London",
        "phone_number": 20.5,
        "size": 7,
        "large": 9_007_199_254_740_993,
        "open": True,
        "ratio": 0.25,
    }
    assert first["datetime_created"] == datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert (second["name"], second["size"], second["open"], second["tags"]) == (None, None, False, None)
    types = {name: str(table.schema.field(name).type) for name in ("size", "large", "open", "ratio", "tags")}
    assert types == {"size": "int64", "large": "int64", "open": "bool", "ratio": "double", "tags": "string"}


async def test_a_frame_is_the_same_table_and_knows_missing_values(store: Store) -> None:
    frame = (await store.to_pandas("offices")).sort_values("id", ignore_index=True)
    assert [str(frame[name].dtype) for name in ("size", "open", "ratio")] == ["Int64", "boolean", "Float64"]
    assert frame["size"].isna().tolist() == [False, True]
    assert frame["large"][0] == 9_007_199_254_740_993


async def test_what_a_statement_finds_is_a_table_too(store: Store) -> None:
    found = await store.to_arrow("SELECT name, id FROM offices WHERE id = ?", [ONE])
    assert found.to_pylist() == [{"name": "London", "id": ONE}]
