"""Destinations as their own tools read them, beside the store as plain SQL and JSON read it."""

from __future__ import annotations

import contextlib
import csv
import datetime
import itertools
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow.parquet

from tests.engines import Place, rows

Rows = dict[str, dict[str, Any]]
OWN = ("id", "updated", "quality", "status", "deleted_at", "reason", "change_seq", "data_quantity")


def stored(path: Place, kind: str, *, deleted: bool = False) -> Rows:
    """Return what a table of *kind* must hold: JSON values by column name, by ID."""
    own = "id, updated, quality, status, nullif(deleted_at, ''), reason, change_seq, quality"
    sql = f"SELECT {own}, raw FROM record WHERE type = ?"
    found: Rows = {}
    for *values, raw in rows(path, sql if deleted else f"{sql} AND reason IS NULL", kind):
        record = {column(name): value for name, value in json.loads(raw).items() if name not in {"id", "status"}}
        found[values[0]] = {**dict(zip(OWN, values, strict=True)), **record}
    return found


def column(wire: str) -> str:
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", wire).lower()
    return f"{name}_2" if name in OWN else name


def from_duckdb(file: pathlib.Path, table: str) -> Rows:
    with contextlib.closing(duckdb.connect(str(file), read_only=True)) as db:
        db.execute("SET TimeZone = 'UTC'")
        found = db.execute(f"FROM {table}")
        names = [one[0] for one in found.description]
        return by_id([dict(zip(names, row, strict=True)) for row in found.fetchall()])


def from_parquet(folder: pathlib.Path, kind: str) -> Rows:
    files = sorted((folder / kind).glob("*.parquet"))
    return by_id([row for file in files for row in pyarrow.parquet.read_table(file).to_pylist()])


def from_csv(folder: pathlib.Path, kind: str) -> Rows:
    rows: list[dict[str, Any]] = []
    for file in (folder / kind).glob("*.csv"):
        with file.open(newline="", encoding="utf-8") as opened:
            rows += [{name: value or None for name, value in row.items()} for row in csv.DictReader(opened)]
    return by_id(rows)


def by_id(rows: list[dict[str, Any]]) -> Rows:
    found = {row["id"]: row for row in rows}
    assert len(found) == len(rows), "a record is there twice"
    return found


def differences(actual: Rows, expected: Rows, *, most: int = 5) -> list[str]:
    """Return where a table differs from the store; no field may be missing, and only NULLs may be more."""
    return list(itertools.islice(_differences(actual, expected), most))


def _differences(actual: Rows, expected: Rows) -> Iterator[str]:
    yield from (f"{one} is in one only" for one in actual.keys() ^ expected.keys())
    for one in actual.keys() & expected.keys():
        got, wanted = actual[one], expected[one]
        for name in {*wanted, *got}:
            if not name.startswith("_dlt") and not same(got.get(name), wanted.get(name)):
                yield f"{one}.{name}: {got.get(name)!r} for {wanted.get(name)!r}"


def same(actual: Any, expected: Any) -> bool:
    """Tell whether a value of a table is the JSON value, in the column's type or as text."""
    if actual is None or expected is None:
        return actual is None and (expected is None or expected == "")
    if isinstance(expected, (dict, list)):
        return json.loads(actual) == expected
    if isinstance(actual, datetime.datetime):
        return actual == moment(expected)
    if isinstance(actual, datetime.date):
        return actual.isoformat() == expected
    if isinstance(expected, str):
        return actual == expected or as_moment(actual) == as_moment(expected) != None or as_json(actual) == expected  # noqa: E711
    value = as_json(actual) if isinstance(actual, str) else actual
    return isinstance(value, bool) is isinstance(expected, bool) and value == expected


def moment(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)


def as_moment(text: str) -> datetime.datetime | None:
    # CSV has no types.
    try:
        return moment(text)
    except ValueError:
        return None


def as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
