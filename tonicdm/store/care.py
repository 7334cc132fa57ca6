"""Care of a file: is it sound, a backup while others write, and the space that is free in it. SQLite only."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sqlite3
import time
from collections.abc import Generator
from typing import Final

import attrs

from tonicdm.errors import ConfigError, StoreError
from tonicdm.store import feed, lock, rows
from tonicdm.store.schema import SCHEMA_VERSION
from tonicdm.store.sqlite import OWNER_ONLY, SqliteDatabase, SqliteFile, described, version_of

MAX_PROBLEMS: Final = 20
"""Problems that are listed; a damaged file may have thousands."""

LOCK_SECONDS: Final = 10.0
"""For how long a command waits for other programs that have the file."""


@attrs.frozen
class Check:
    """What a look at a file has shown."""

    file: str
    version: int
    """Of its tables."""
    problems: tuple[str, ...]
    """What is wrong with it; none where it is sound."""
    remarks: tuple[str, ...]
    """What is worth knowing."""
    records: int
    tombstones: int
    position: int
    """The newest position of the change feed."""
    size: int
    """Bytes of the file."""
    log_size: int
    """Bytes of the log beside it."""
    free: int
    """Bytes in it that hold nothing."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems


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
            problems += _contradictions(db)
            remarks += _remarks(db)
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


_CONTRADICTIONS: Final = (
    ("records are no JSON", "SELECT count(*) FROM record WHERE NOT json_valid(raw)"),
    (
        "records share a position of the change feed",
        "SELECT count(*) - count(DISTINCT change_seq) FROM record",
    ),
    ("jobs belong to no event", "SELECT count(*) FROM job WHERE event NOT IN (SELECT number FROM event)"),
    ("tombstones have no reason", "SELECT count(*) FROM record WHERE deleted_at IS NOT NULL AND reason IS NULL"),
)
"""What no store should hold, each with the statement that counts it."""


def _contradictions(db: SqliteDatabase) -> list[str]:
    problems: list[str] = []
    for what, sql in _CONTRADICTIONS:
        (count,) = db.execute(sql).fetchone()
        if count:
            problems.append(f"{count:,} {what}")
    if db.execute("SELECT 1 FROM meta WHERE name = 'identity'").fetchone() is None:
        problems.append("it has lost its identity, by which exports know it")
    return problems


def _remarks(db: SqliteDatabase) -> list[str]:
    remarks: list[str] = []
    for what, sql in (
        ("elements in quarantine: tonicdm quarantine", "SELECT count(*) FROM quarantine"),
        ("dead letters: tonicdm webhooks list --state dead", "SELECT count(*) FROM job WHERE state = 'dead'"),
        ("types whose last sync was interrupted: the next one goes on", "SELECT count(*) FROM checkpoint"),
    ):
        (count,) = db.execute(sql).fetchone()
        if count:
            remarks.append(f"{count:,} {what}")
    if gaps := feed.read_feed(db).gaps:
        remarks.append(f"it comes from a backup of position {gaps[-1][0]:,}; readers of the later state are told so")
    return remarks


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
    if to.exists() and (to.samefile(path) or not overwrite):
        raise ConfigError(
            f"{to} is the store itself" if to.samefile(path) else f"{to} is there already; --overwrite replaces it"
        )
    if not to.absolute().parent.is_dir():
        raise StoreError(str(to), "can't be made: its folder does not exist")
    part = to.with_name(f"{to.name}.part")
    try:
        with _opened(path) as db, _errors(to):
            version_of(db.connection, path)
            part.unlink(missing_ok=True)
            part.touch(mode=OWNER_ONLY)
            with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as copy:
                db.connection.backup(copy)
        with _errors(to):
            _make_a_backup(part)
        for end in ("-wal", "-shm"):
            # Those of the file that is replaced would be taken for its own.
            to.with_name(f"{to.name}{end}").unlink(missing_ok=True)
        os.replace(part, to)  # noqa: PTH105 - what it does, by its usual name
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
    with _errors(path), contextlib.closing(SqliteFile(path).open()) as db, exclusive(db, path):
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
def exclusive(db: SqliteDatabase, path: pathlib.Path) -> Generator[None]:
    """Hold the lock of a sync for a block.

    Raises:
        StoreError: A sync has it.
    """
    db.execute("BEGIN IMMEDIATE")
    busy = lock.acquire(db, time.time())
    db.execute("COMMIT")
    if busy is not None:
        raise StoreError(str(path), str(busy))
    try:
        yield
    finally:
        lock.release(db)


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
