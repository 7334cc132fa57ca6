"""Types follow the values and never get narrower; names are SQL's own kind of unique; no field loses its column."""

from __future__ import annotations

import datetime
import json
import sqlite3
from collections.abc import Callable, Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.store import views
from tonicdm.store.columns import (
    FITS,
    MERGED,
    OWN_COLUMNS,
    Column,
    SqlType,
    columns_of,
    fits,
    has_column,
    model_columns,
    text_form,
    widened,
)
from tonicdm.store.observing import typed, value_types_of
from tonicdm.store.sqlite import SqliteDatabase, upgrade

KINDS = st.frozensets(st.sampled_from(sorted(FITS[SqlType.JSON])))
NAMES = st.lists(st.text(min_size=1, max_size=5) | st.sampled_from(["name", "Name", "NAME", "reason", "updated", "id"]))


@given(st.none() | st.sampled_from(SqlType), KINDS, KINDS)
def test_a_type_fits_all_values_and_only_ever_widens(start: SqlType | None, first: frozenset, then: frozenset) -> None:
    once = widened(start, first)
    assert fits(once, first) or (once is None and not first)
    assert widened(once, first) == once, "the same values need no other type"
    twice = widened(once, first | then)
    assert fits(twice, first | then) or twice is None
    if once not in {None, twice}:
        assert not fits(once, first | then), "a type changes only if it must"


@for_each(
    ("kinds", "type_"),
    [
        ({"true", "false"}, SqlType.BOOLEAN),
        ({"integer"}, SqlType.BIGINT),
        ({"integer", "real"}, SqlType.DOUBLE),
        ({"long", "real"}, SqlType.TEXT),
        ({"huge"}, SqlType.TEXT),
        ({"moment"}, SqlType.TIMESTAMP),
        ({"moment", "date"}, SqlType.TEXT),
        ({"text", "integer"}, SqlType.TEXT),
        ({"text", "array"}, SqlType.JSON),
        (set(), None),
    ],
)
def test_a_field_without_a_declared_type_gets_the_narrowest(kinds: set[str], type_: SqlType | None) -> None:
    assert widened(None, frozenset(kinds)) is type_


@pytest.mark.parametrize("kind", ["persons", "rfis", "tenants"])
@given(NAMES, NAMES)
def test_every_field_has_one_column_which_it_keeps(kind: str, seen: list[str], later: list[str]) -> None:
    """Also a field whose name is one of the store's own columns, or another's in other letters."""
    before = columns_of(kind, seen)
    names = [*OWN_COLUMNS, *(column.name.lower() for column in before)]
    assert len(names) == len(set(names))
    assert {column.wire for column in before} == {*model_columns(kind), *filter(has_column, seen)} - MERGED
    after = columns_of(kind, [*later, *seen], before)
    assert after[: len(before)] == before
    assert {column.wire for column in after} == {*model_columns(kind), *filter(has_column, [*seen, *later])} - MERGED


def test_models_tell_types() -> None:
    known = {wire: column.type for wire, column in model_columns("persons").items()}
    assert known["datetimeCreated"] is SqlType.TIMESTAMP
    assert known["emailAddresses"] is known["office"] is SqlType.JSON
    assert known["name"] is known["status"] is known["id"] is SqlType.TEXT
    assert known["deskPhone"] is None, "the reference shows it only as null"
    assert model_columns("offices")["phoneNumber"].type is SqlType.BIGINT
    assert model_columns("projects")["isLocked"].type is SqlType.BOOLEAN
    assert model_columns("rfis")["our_response_required_date"].type is SqlType.DATE


TEXTS = st.one_of(
    st.text(max_size=30),
    st.datetimes(timezones=st.none() | st.timezones()).map(lambda moment: moment.isoformat()),
    st.dates().map(lambda day: day.isoformat()),
    st.from_regex(r"\A\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{0,10})?)?)?(Z|[+-]\d\d:?\d\d|[+-]\d\d)?\Z"),
)


Duck = Callable[[str, str], object]


@pytest.fixture(scope="module")
def duck() -> Iterator[Duck]:
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    yield lambda sql, text: db.execute(sql, [text]).fetchone()[0]
    db.close()


@settings(max_examples=400)
@given(text=TEXTS)
def test_what_counts_as_a_time_or_date_is_the_same_to_python_and_duckdb(duck: Duck, text: str) -> None:
    """A cast that failed, or changed the value, would lose it."""
    kind = text_form(text)
    if kind == "date":
        assert duck("SELECT CAST(? AS DATE)", text) == datetime.date.fromisoformat(text)
    if kind == "moment":
        moment = datetime.datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
        try:
            here = moment.astimezone(datetime.UTC)
        except OverflowError:  # beyond the year 9999 in UTC: DuckDB knows later years
            return
        assert duck("SELECT CAST(? AS TIMESTAMP WITH TIME ZONE)", text) == here


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)  # fmt: skip


@given(st.lists(JSON, max_size=6))
def test_a_column_typed_by_its_values_holds_them(values: list) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection, 0)
    db = SqliteDatabase(connection)
    for number, value in enumerate(values):
        db.execute(
            "INSERT INTO record (type, id, raw, quality, change_seq) VALUES ('offices', ?, ?, 'basic', ?)",
            (str(number), json.dumps({"x": value}), number + 1),
        )
    (whole,) = typed(db, "offices", [Column("x", "x")])
    (later,) = typed(db, "offices", [Column("x", "x")], after=len(values) // 2)
    exact = value_types_of(db, [Column("x", "x")], "type = 'offices'", ())["x"]
    db.close()
    assert fits(whole.type, exact) or (whole.type is None and not exact)
    tail = [value for value in values[len(values) // 2 :] if value is not None]
    assert (later.type is None) == (not tail), "only what changed after the position is looked at"


def test_fields_that_are_noted_already_are_not_noted_again() -> None:
    """An insert of what is there would draw a number of the order for nothing, in PostgreSQL."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection, 0)
    db = SqliteDatabase(connection)
    views.note_fields(db, "offices", [{"id": "1", "name": "x"}])
    said: list[str] = []
    connection.set_trace_callback(said.append)
    views.note_fields(db, "offices", [{"name": "y"}, {"id": "2"}])
    assert [statement.split()[0] for statement in said] == ["SELECT"]
    views.note_fields(db, "offices", [{"name": "y", "floor": 1}, {"id": "2"}])
    assert views.seen_fields(db, "offices") == ["id", "name", "floor"]
    assert len([statement for statement in said if statement.startswith("INSERT")]) == 1
    db.close()


def test_a_view_shows_a_field_that_has_the_name_of_the_stores_own() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection, 0)
    db = SqliteDatabase(connection)
    raw = {"id": "1", "reason": "merger", "Name": "b", "name": "a"}
    db.execute(
        "INSERT INTO record (type, id, raw, quality, change_seq) VALUES ('offices', '1', ?, 'basic', 1)",
        (json.dumps(raw),),
    )
    views.note_fields(db, "offices", [raw])
    views.refresh(db)
    assert db.execute("SELECT reason, reason_2, name, name_2 FROM offices").fetchall() == [(None, "merger", "a", "b")]
    db.close()


def test_a_view_has_a_renamed_column_beside_its_name_of_the_version_before() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(connection, 0)
    db = SqliteDatabase(connection)
    db.execute("INSERT INTO record (type, id, raw, quality, change_seq) VALUES ('offices', '1', '{}', 'basic', 1)")
    views.note_fields(db, "offices", [{"id": "1"}])
    views.refresh(db)
    assert db.execute("SELECT quality, data_quantity FROM offices").fetchall() == [("basic", "basic")]
    db.close()


def test_a_type_that_no_api_has_knows_no_columns() -> None:
    """A store may hold one of a later version."""
    assert model_columns("no such type") == {}
