"""Care of a file: is it sound, a backup while others write, and the space that is free in it. SQLite only."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sqlite3
from collections.abc import Callable, Generator
from typing import Final

from tonicdm import disk
from tonicdm.errors import ConfigError, StoreError
from tonicdm.store import feed, lock, rows, soundness
from tonicdm.store.schema import SCHEMA_VERSION
from tonicdm.store.soundness import Check
from tonicdm.store.sqlite import OWNER_ONLY, SqliteDatabase, SqliteFile, described, version_of

MAX_PROBLEMS: Final = 20
"""Problems that are listed; a damaged file may have thousands."""

LOCK_SECONDS: Final = 10.0
"""For how long a command waits for other programs that have the file."""


def check(path: pathlib.Path) -> Check:
    """Read a whole file and tell whether it is sound. Nothing is changed, and others may write meanwhile.

    Args:
        path: The store's file.

    Raises:
        StoreError: It is not there, or is no store.
    """
    with _opened(path) as db:
        version = version_of(db.connection, path)
        problems = [str(row[0]) for row in db.execute(f"PRAGMA integrity_check({MAX_PROBLEMS})") if row[0] != "ok"]
        records = tombstones = position = 0
        remarks: list[str] = []
        if version < SCHEMA_VERSION:
            remarks.append(f"its tables have version {version}; the next command brings them to {SCHEMA_VERSION}")
        elif not problems:
            position = rows.newest_change(db)
            (broken,) = db.execute("SELECT count(*) FROM record WHERE NOT json_valid(raw)").fetchone()
            problems += [f"{broken:,} records are no JSON"] if broken else []
            problems += soundness.contradictions(db)
            remarks += soundness.remarks(db)
        if not problems:
            (records,) = db.execute("SELECT count(*) FROM record WHERE deleted_at IS NULL").fetchone()
            (tombstones,) = db.execute("SELECT count(*) FROM record WHERE deleted_at IS NOT NULL").fetchone()
        (pages,), (page_size,) = (
            db.execute("PRAGMA freelist_count").fetchone(),
            db.execute("PRAGMA page_size").fetchone(),
        )
    if os.name == "posix" and path.stat().st_mode & 0o077:
        remarks.append("others than its owner can read it: chmod 600")
    return Check(
        str(path), version, tuple(problems), tuple(remarks), records, tombstones, position,
        path.stat().st_size, _log_size(path), pages * page_size,
    )  # fmt: skip


def backup(path: pathlib.Path, to: pathlib.Path, *, overwrite: bool = False) -> int:
    """Copy a store as it is at one moment, while others read and write it; return the bytes of the copy.

    The copy can be put in the place of the store at any time. Its change feed goes on far behind the one of the store,
    so that readers which have seen later changes than the copy has are told so, and miss none.

    Args:
        path: The store's file.
        to: The copy.
        overwrite: Whether a file that is there is replaced, once the copy is whole.

    Raises:
        ConfigError: There is a file already, or both are the same.
        StoreError: The store can't be read, or the copy can't be written.
    """
    if to.exists() and to.samefile(path):
        raise ConfigError(f"{to} is the store itself")

    def fill(part: pathlib.Path) -> None:
        with _opened(path) as db, _errors(to):
            version_of(db.connection, path)
            with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy:
                db.connection.backup(copy)

    return make_backup(to, fill, overwrite=overwrite)


def make_backup(to: pathlib.Path, fill: Callable[[pathlib.Path], None], *, overwrite: bool) -> int:
    """Make a file that is a backup of a store; return its bytes.

    Args:
        to: The file.
        fill: Puts what the store holds into a file of another name, which is there and empty.
        overwrite: Whether a file that is there is replaced, once the new one is whole.

    Raises:
        ConfigError: There is a file already.
        StoreError: It can't be written.
    """
    if to.exists() and not overwrite:
        raise ConfigError(f"{to} is there already; --overwrite replaces it")
    if not to.absolute().parent.is_dir():
        raise StoreError(str(to), "can't be made: its folder does not exist")
    part = to.with_name(f"{to.name}.part")
    try:
        with _errors(to):
            part.unlink(missing_ok=True)
            part.touch(mode=OWNER_ONLY)
            fill(part)
            _make_a_backup(part)
        for end in ("-wal", "-shm"):
            # Those of the file that is replaced would be taken for its own.
            to.with_name(f"{to.name}{end}").unlink(missing_ok=True)
        disk.replace(part, to)
    finally:
        for left in (part.name, f"{part.name}-wal", f"{part.name}-shm"):
            part.with_name(left).unlink(missing_ok=True)
    return to.stat().st_size


def _make_a_backup(part: pathlib.Path) -> None:
    """Mark a copy as one, test it, and leave it as one file without a log."""
    with contextlib.closing(SqliteFile(part).open()) as copy:
        copy.execute("BEGIN IMMEDIATE")
        feed.begin_gap(copy)
        # The sync that may be at work on the store is not at work on the copy.
        lock.forget(copy)
        copy.execute("COMMIT")
        (answer,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise StoreError(str(part), "is damaged: the store that it was taken from is, too. See tonicdm store check")
        copy.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        copy.execute("PRAGMA journal_mode = DELETE")


def compact(path: pathlib.Path) -> tuple[int, int]:
    """Give free space back to the disk, and write the file in order; return its bytes before and after.

    Args:
        path: The store's file.

    Raises:
        StoreError: A sync or another program has it, or the disk has no room for a second file of its size.
    """
    before = path.stat().st_size + _log_size(path)
    room = shutil.disk_usage(path.absolute().parent).free
    if room < before:
        raise StoreError(
            str(path), f"needs {before:,} bytes of free space beside it to be written anew; the disk has {room:,}"
        )
    with _errors(path), contextlib.closing(SqliteFile(path).open()) as db, lock.exclusive(db, str(path)):
        rewrite(db)
    return before, path.stat().st_size + _log_size(path)


def rewrite(db: SqliteDatabase) -> bool:
    """Write a file anew, without what was deleted from it, and empty its log; return whether the log is empty.

    It is not where another program reads the file.
    """
    db.execute(f"PRAGMA busy_timeout = {round(LOCK_SECONDS * 1000)}")
    db.execute("VACUUM")
    db.execute("PRAGMA optimize")
    (busy, _, _) = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Generator[SqliteDatabase]:
    """Open a file that must be there, without upgrading it."""
    if not path.is_file():
        raise StoreError(str(path), "does not exist; make it with: tonicdm sync")
    with _errors(path):
        uri = path.absolute().as_uri()
        db = sqlite3.connect(f"{uri}?mode=rw", uri=True, isolation_level=None, timeout=LOCK_SECONDS)
        try:
            db.execute("PRAGMA query_only = 1")
            try:
                db.execute("SELECT count(*) FROM sqlite_master").fetchone()
            except sqlite3.OperationalError as error:
                if "unable to open" not in str(error) and "readonly" not in str(error):
                    raise
                db.close()
                db = sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
            yield SqliteDatabase(db)
        finally:
            db.close()


@contextlib.contextmanager
def _errors(path: pathlib.Path) -> Generator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StoreError(str(path), described(error)) from error
    except OSError as error:
        raise StoreError(str(path), f"can't be written: {error.strerror}") from error


def _log_size(path: pathlib.Path) -> int:
    log = path.with_name(f"{path.name}-wal")
    return log.stat().st_size if log.exists() else 0
