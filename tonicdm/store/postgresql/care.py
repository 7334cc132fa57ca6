"""Care of a schema: is it sound, a copy of it in a file, the space that is free in it, and what must leave it."""

from __future__ import annotations

import contextlib
import pathlib
import re
from typing import Final

from psycopg import errors

from tonicdm.errors import StoreError
from tonicdm.store import lock, rows, soundness
from tonicdm.store.care import make_backup
from tonicdm.store.copying import TABLES, copy_tables
from tonicdm.store.forgetting import Forgotten, forget_person
from tonicdm.store.postgresql.database import PostgresqlDatabase
from tonicdm.store.postgresql.location import PostgresqlSchema
from tonicdm.store.postgresql.tables import VERSION_NOTE
from tonicdm.store.postgresql.views import VIEW_NOTE
from tonicdm.store.schema import SCHEMA_VERSION
from tonicdm.store.soundness import Check
from tonicdm.store.sqlite import SqliteFile

MAX_WAIT: Final = "10s"
"""For how long a table waits for what reads it, before it is left as it is."""

_COUNTS: Final = """
SELECT count(*) FILTER (WHERE deleted_at IS NULL), count(*) FILTER (WHERE deleted_at IS NOT NULL) FROM record
"""

_FREE: Final = """
SELECT coalesce(sum(pg_relation_size(relid) * n_dead_tup / greatest(n_live_tup + n_dead_tup, 1)), 0)::bigint
FROM pg_stat_user_tables WHERE schemaname = ?
"""

_KEPT: Final = re.compile(r"\A(\d+) ")
"""The number of old rows that stay, at the beginning of what the server tells of a table, in whichever language."""


def check(location: PostgresqlSchema) -> Check:
    """Read all of a schema and tell whether it is sound. Nothing is changed, and others may write meanwhile.

    Args:
        location: The store.

    Raises:
        StoreError: It is not there, or is no store.
    """
    records = tombstones = position = 0
    problems, remarks = list[str](), list[str]()
    with location.errors(), contextlib.closing(location.open_to_read()) as db:
        size = db.size()
        (free,) = db.execute(_FREE, (location.schema,)).fetchone() or (0,)
        try:
            with db.moment():
                for table in TABLES:
                    # Every value is read whole, so that a damaged page shows itself.
                    db.execute(f"SELECT sum(length({table}::text)) FROM {table}")  # noqa: S608 - a name of ours
                records, tombstones = db.execute(_COUNTS).fetchone() or (0, 0)
                position = rows.newest_change(db)
                problems, remarks = soundness.contradictions(db), soundness.remarks(db)
        except (errors.DataCorrupted, errors.IndexCorrupted) as error:
            problems = [f"a table can't be read: {error.diag.message_primary}"]
    return Check(
        location.name,
        SCHEMA_VERSION,
        tuple(problems),
        tuple(remarks),
        records,
        tombstones,
        position,
        size,
        0,
        int(free),
    )


def backup(location: PostgresqlSchema, to: pathlib.Path, *, overwrite: bool = False) -> int:
    """Copy a schema into a file as it is at one moment, while others write it; return the bytes of the file.

    The file is a store as any other. It holds the tables of the store, not those that a user has made beside them.

    Args:
        location: The store.
        to: The file.
        overwrite: Whether a file that is there is replaced, once the copy is whole.

    Raises:
        ConfigError: There is a file already.
        StoreError: The store can't be read, or the file can't be written.
    """

    def fill(part: pathlib.Path) -> None:
        with contextlib.closing(SqliteFile(part).open()) as copy:
            with location.errors(), contextlib.closing(location.open_to_read()) as db, db.moment():
                copy_tables(db, copy)
            with copy.transaction():
                # They speak of the schema's tables and views, which a file does not have.
                copy.execute("DELETE FROM meta WHERE name = ? OR name LIKE ?", (VERSION_NOTE, f"{VIEW_NOTE}%"))

    return make_backup(to, fill, overwrite=overwrite)


def compact(location: PostgresqlSchema) -> tuple[int, int]:
    """Write the tables anew, and give free space back to the disk; return their bytes before and after.

    Args:
        location: The store.

    Raises:
        StoreError: A sync has it, something reads a table for too long, or the disk has no room for a second one.
    """
    with location.errors(), contextlib.closing(location.open()) as db, lock.exclusive(db, location.name):
        before = db.size()
        _rewrite(db, location)
        return before, db.size()


def erase_person(location: PostgresqlSchema, person: str, at: str, *, dry_run: bool = False) -> Forgotten:
    """Erase a person as `upkeep.erase_person` says; the tables are written anew, so that no old row is left in them."""
    with location.errors(), contextlib.closing(location.open()) as db, lock.exclusive(db, location.name):
        forgotten = Forgotten()
        with contextlib.suppress(_DryRunError), db.transaction():
            forgotten = forget_person(db, person, at)
            if dry_run:
                raise _DryRunError
        if not dry_run:
            try:
                forgotten.in_pages = not _rewrite(db, location)
            except (errors.LockNotAvailable, errors.QueryCanceled):
                forgotten.in_pages = True  # what is committed is erased; only old rows are left
        return forgotten


class _DryRunError(Exception):
    """Ends a transaction that is to leave nothing."""


def _rewrite(db: PostgresqlDatabase, location: PostgresqlSchema) -> bool:
    """Write the tables anew; return whether no old row is left, which a transaction elsewhere may still want to see."""
    kept = list[str]()
    db.connection.add_notice_handler(lambda notice: kept.extend(_KEPT.findall(notice.message_detail or "")))
    db.execute(f"SET lock_timeout = '{MAX_WAIT}'")
    for table in TABLES:
        try:
            db.execute(f"VACUUM (FULL, VERBOSE, ANALYZE) {table}")
        except errors.DiskFull:
            raise StoreError(
                location.name, f"needs free space for a second table {table}, and the server's disk has not as much"
            ) from None
    return not any(map(int, kept))
