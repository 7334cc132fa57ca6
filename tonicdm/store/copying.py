"""Copy all that a store holds into an empty one on another engine."""

from __future__ import annotations

from typing import Final

from tonicdm.store.database import Database, quoted

TABLES: Final = (
    *("record", "checkpoint", "scan", "watermark", "history", "capability", "field", "meta", "counter", "quarantine"),
    *("event", "job", "gap", "tally"),
)
"""The tables of a store; one that refers to another stands behind it."""

ROWS: Final = 1_000
"""Rows that are held in memory."""


def copy_tables(source: Database, target: Database) -> None:
    """Put the rows of a store in the place of what another one holds.

    Args:
        source: The one that is read, inside `Database.moment`.
        target: The one that is written, in no transaction.
    """
    with target.transaction():
        for table in reversed(TABLES):
            target.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
        for table in TABLES:
            names = [name for name in _columns(target, table) if name in _columns(source, table)]
            listed = ", ".join(map(quoted, names))
            order = f" ORDER BY {source.dialect.insertion_order}" if table == "field" else ""
            marks = ", ".join("?" * len(names))
            for batch in source.stream(f"SELECT {listed} FROM {table}{order}", (), ROWS):  # noqa: S608 - names of ours
                target.executemany(f"INSERT INTO {table} ({listed}) VALUES ({marks})", batch)  # noqa: S608 - the same


def _columns(db: Database, table: str) -> list[str]:
    found = db.execute(f"SELECT * FROM {table} LIMIT 0").description or ()  # noqa: S608 - a name of ours
    return [str(column[0]) for column in found]
