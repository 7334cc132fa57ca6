"""A view per record type: one column for each field that a model knows or a record has shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tonicdm.store.columns import MERGED, OWN_COLUMNS, RENAMED, columns_of, model_columns
from tonicdm.store.database import Database


def note_fields(db: Database, record_type: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Remember which fields the records of *record_type* have, and whether the model knows them."""
    names: set[str] = set().union(*records)
    noted = db.execute("SELECT name FROM field WHERE type = ?", (record_type,))
    # To insert what is there would draw a number of the order all the same, and cost more than to look.
    if not (new := names.difference([name for (name,) in noted])):
        return
    known = model_columns(record_type)
    db.insert(
        "INSERT INTO field (type, name, known) VALUES (?, ?, ?) ON CONFLICT (type, name) DO NOTHING",
        [(record_type, name, name in known) for name in sorted(new)],
    )


def seen_fields(db: Database, record_type: str) -> list[str]:
    """Return the wire names of the fields that records of a type have shown, in the order in which they first did."""
    sql = f"SELECT name FROM field WHERE type = ? ORDER BY {db.dialect.insertion_order}"  # noqa: S608 - a column of ours
    return [name for (name,) in db.execute(sql, (record_type,))]


def without_column(db: Database, record_type: str) -> list[str]:
    """Return the fields of *record_type* that are in ``raw`` alone, because of their names or their number."""
    seen = seen_fields(db, record_type)
    held = {column.wire for column in columns_of(record_type, seen)} | MERGED
    return [name for name in seen if name not in held]


def refresh(db: Database) -> None:
    """Make the views of all types that have fields anew."""
    own = {name: RENAMED.get(name, name) for name in OWN_COLUMNS}
    for (record_type,) in db.execute("SELECT DISTINCT type FROM field").fetchall():
        db.make_view(record_type, own, columns_of(record_type, seen_fields(db, record_type)))
