"""Retention: tombstones that nobody needs any more."""

from __future__ import annotations

from tonicdm.store import feed
from tonicdm.store.database import Database
from tonicdm.store.rows import SOFT_DELETED


def prune_tombstones(db: Database, before: str) -> int:
    """Remove tombstones of records that the server has not had since a time; return how many.

    Soft deleted records stay: the server still lists them. A reader of the change feed that has not come so far is told
    to read anew.

    Args:
        db: The store, in a transaction.
        before: The time, ISO 8601 in UTC.
    """
    chosen = "deleted_at IS NOT NULL AND deleted_at < ? AND reason <> ?"
    (last,) = db.execute(f"SELECT max(change_seq) FROM record WHERE {chosen}", (before, SOFT_DELETED)).fetchone()  # noqa: S608
    if last is None:
        return 0
    feed.keep_newest(db)
    feed.note_pruned(db, last)
    return db.execute(f"DELETE FROM record WHERE {chosen}", (before, SOFT_DELETED)).rowcount  # noqa: S608
