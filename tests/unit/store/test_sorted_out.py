"""Which elements of an answer are records is found for a page at a time where that will do, and is the same."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tonicdm.codec import parsing
from tonicdm.codec.elements import MAX_DEPTH
from tonicdm.store.rows import key_of, keys_of, updated_of
from tonicdm.store.sqlite import SqliteDatabase
from tonicdm.store.writing import SortedOut, sorted_out

ids = st.sampled_from(["a" * 32, "b" * 32, "B" * 32, "x", "", "00000000-0000-0000-0000-00000000000a"])
texts = st.sampled_from(["2026-01-01T00:00:00Z", "London", "Zürich", "\ud800", "\x00", "4"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
records = st.fixed_dictionaries(
    {}, optional={"id": ids | values, "name": values, "datetimeUpdated": texts, "status": values}
)


def result(elements: SortedOut) -> str:
    """Return all that can be told of it, and in which order."""
    return repr(([*elements.sound.items()], elements.invalid, elements.times))


def nested(depth: int) -> Any:
    return None if not depth else [nested(depth - 1)]


@settings(deadline=None)
@given(st.lists(records | values, max_size=4), st.sampled_from(["offices", "disciplines", "team"]))
@example([{"id": "a" * 32, "name": nested(MAX_DEPTH - 1)}], "offices")
@example([{"id": "a" * 32, "name": nested(MAX_DEPTH)}], "offices")
@example([{"id": "a" * 32, "name": 2**64}, {"id": "a" * 32, "name": "\ud800"}], "offices")
@example([{"id": "a" * 32, "name": "Zürich"}, {"id": "a" * 32, "name": "Bern"}], "offices")
def test_a_page_is_sorted_out_as_its_elements_one_by_one(items: list[Any], record_type: str) -> None:
    with contextlib.closing(SqliteDatabase(sqlite3.connect(":memory:"))) as db, pytest.MonkeyPatch.context() as patch:
        found = result(sorted_out(db, record_type, items))
        assert found == result(sorted_out(db, record_type, items, plain=False))
        patch.setattr(parsing, "fast_writer", lambda: None)  # as if orjson were not installed
        assert found == result(sorted_out(db, record_type, items))


times = st.sampled_from(
    [
        *("2026-01-01T00:00:00Z", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:01", "2026-01-01"),
        *("0001-01-01T00:00:00+23:59", "xxxxxxxxxxxxxxxxxxxZ", "\u0661\u0661\u0661\u0661-01-01T00:00:00Z", "", 5, None),
    ]
)
named = st.fixed_dictionaries({}, optional={"id": ids, "datetimeUpdated": times, "updated": times, "name": ids})


@settings(deadline=None)
@given(st.lists(named, max_size=4) | st.lists(st.fixed_dictionaries({"id": st.sampled_from(["a" * 32, "0" * 32])})))
@example([{"id": "\ud800" * 32}])
@example([{"id": "a" * 31 + "\u0661"}])
def test_the_names_and_times_of_a_page_are_those_of_its_records(items: list[dict[str, Any]]) -> None:
    assert keys_of(items) == [key_of(item) for item in items]
    page = SortedOut({str(place): (item, "") for place, item in enumerate(items)}, ())
    assert list(page.times.values()) == [updated_of(item) for item in items]
