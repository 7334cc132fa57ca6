"""A view per record type: one column for each field that a model knows or a record has shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from tonicdm.store.columns import MERGED, OWN_COLUMNS, RENAMED, columns_of, model_columns


def note_fields(db: sqlite3.Connection, record_type: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Remember which fields the records of *record_type* have, and whether the model knows them."""
    names: set[str] = set().union(*(item.keys() for item in records))
    known = model_columns(record_type)
    db.executemany(
        "INSERT OR IGNORE INTO field (type, name, known) VALUES (?, ?, ?)",
        [(record_type, name, name in known) for name in sorted(names)],
    )


def seen_fields(db: sqlite3.Connection, record_type: str) -> list[str]:
    """Return the wire names of the fields that records of a type have shown, in the order in which they first did."""
    return [name for (name,) in db.execute("SELECT name FROM field WHERE type = ? ORDER BY rowid", (record_type,))]


def without_column(db: sqlite3.Connection, record_type: str) -> list[str]:
    """Return the fields of *record_type* that are in ``raw`` alone, because of their names or their number."""
    seen = seen_fields(db, record_type)
    held = {column.wire for column in columns_of(record_type, seen)} | MERGED
    return [name for name in seen if name not in held]


def refresh(db: sqlite3.Connection) -> None:
    """Make the views of all types that have fields anew."""
    for (record_type,) in db.execute("SELECT DISTINCT type FROM field").fetchall():
        db.execute(f"DROP VIEW IF EXISTS {quoted(record_type)}")
        db.execute(view_of(record_type, seen_fields(db, record_type)))


def view_of(record_type: str, seen: Iterable[str]) -> str:
    """Return the statement that makes the view of *record_type*.

    Args:
        record_type: The record type; the view has its name.
        seen: Wire names of the fields that records really have.
    """
    columns = [f"{RENAMED[name]} AS {name}" if name in RENAMED else name for name in OWN_COLUMNS]
    columns += [f"{extracted(column.wire)} AS {quoted(column.name)}" for column in columns_of(record_type, seen)]
    name, where = quoted(record_type), f"type = {literal(record_type)}"
    return f"CREATE VIEW {name} AS SELECT {', '.join(columns)} FROM record WHERE {where}"  # noqa: S608 - quoted above


def extracted(wire: str) -> str:
    """Return the expression for the value of a field, in SQLite."""
    return f"json_extract(raw, {literal(path(wire))})"


def path(name: str) -> str:
    """Return the JSON path of a field."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'$."{escaped}"'


def quoted(name: str) -> str:
    """Return *name* as an SQL identifier."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def literal(text: str) -> str:
    """Return *text* as an SQL string."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
