"""Erase a person from a store's file, so that nothing is left in its free pages or in its log. SQLite only."""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3

from tonicdm.errors import StoreError
from tonicdm.store import care, lock
from tonicdm.store.forgetting import Forgotten, forget_person
from tonicdm.store.sqlite import SqliteDatabase, SqliteFile, described


def erase_person(path: pathlib.Path, person: str, at: str, *, dry_run: bool = False) -> Forgotten:
    """Erase all that a file holds of a person; it is written anew, so that no copy of a page is left in it.

    Args:
        path: The store's file.
        person: The person's ID, compact lower case.
        at: The time, ISO 8601 in UTC.
        dry_run: Whether to find out only what there is.

    Raises:
        StoreError: A sync has the file, or it can't be written.
    """
    try:
        with contextlib.closing(SqliteFile(path).open()) as db, lock.exclusive(db, str(path)):
            # What is deleted is overwritten at once; the old versions of pages in the log go with the rewriting below.
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            try:
                forgotten = forget_person(db, person, at)
                db.execute("ROLLBACK" if dry_run else "COMMIT")
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise
            if not dry_run:
                # Also where nothing was found: an earlier deletion may have left pages.
                forgotten.in_pages = not _rewritten(db)
            return forgotten
    except sqlite3.DatabaseError as error:
        raise StoreError(str(path), described(error)) from error


def _rewritten(db: SqliteDatabase) -> bool:
    try:
        return care.rewrite(db)
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False  # what is committed is erased; only old pages are left
