"""A view per record type: one column for each field that a model knows or a record has shown."""

from __future__ import annotations

import functools
import re
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final

from tonicdm.codec import wire_names
from tonicdm.store.types import TYPES

OWN_COLUMNS: Final[tuple[str, ...]] = ("id", "updated", "quality", "status", "deleted_at", "reason", "change_seq")
"""Columns that every view takes from the store itself."""


def note_fields(db: sqlite3.Connection, kind: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Remember which fields the records of *kind* have, and whether the model knows them."""
    names: set[str] = set().union(*(item.keys() for item in records))
    known = _columns(kind)
    db.executemany(
        "INSERT OR IGNORE INTO field (type, name, known) VALUES (?, ?, ?)",
        [(kind, name, name in known) for name in sorted(names)],
    )


@functools.cache
def _columns(kind: str) -> dict[str, str]:
    """Return the column of each field that the model of *kind* knows, by wire name."""
    if kind not in TYPES:
        return {}
    return {wire: name for name, wire in wire_names(TYPES[kind].listing.model).items()}


def refresh(db: sqlite3.Connection) -> None:
    """Make the views of all types that have fields anew."""
    for (kind,) in db.execute("SELECT DISTINCT type FROM field").fetchall():
        seen = [name for (name,) in db.execute("SELECT name FROM field WHERE type = ? ORDER BY name", (kind,))]
        db.execute(f"DROP VIEW IF EXISTS {quoted(kind)}")
        db.execute(view_of(kind, seen))


def view_of(kind: str, seen: Iterable[str]) -> str:
    """Return the statement that makes the view of *kind*.

    Args:
        kind: The record type; the view has its name.
        seen: Wire names of the fields that records really have.
    """
    known = _columns(kind)
    columns = [f"{column}" for column in OWN_COLUMNS]
    taken: set[str] = set(OWN_COLUMNS)
    for wire in [*known, *(name for name in seen if name not in known)]:
        column = known.get(wire, snake(wire))
        # SQL does not tell columns apart by case.
        if column.lower() not in taken:
            taken.add(column.lower())
            columns.append(f"json_extract(raw, {literal(path(wire))}) AS {quoted(column)}")
    return f"CREATE VIEW {quoted(kind)} AS SELECT {', '.join(columns)} FROM record WHERE type = {literal(kind)}"  # noqa: S608 - quoted above


def snake(name: str) -> str:
    """Return a wire name as a column name: ``nameLong`` is ``name_long``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


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
