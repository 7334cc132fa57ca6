"""Make, open and upgrade the store's file, and explain its errors."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
from typing import Final

from tonicdm.errors import ConfigError, StoreError
from tonicdm.store.schema import SCHEMA_VERSION, upgrade

OWN_TABLES: Final = frozenset({"record", "checkpoint", "watermark", "meta"})
"""Tables that every store has had since the first version."""

LOCK_TIMEOUT_SECONDS: Final = 30.0
"""For how long a statement waits for another program's lock."""

OWNER_ONLY: Final = 0o600


def check_path(path: str | os.PathLike[str]) -> pathlib.Path:
    """Return *path*, if a store can be kept there.

    Raises:
        ConfigError: It names no file.
    """
    text = os.fspath(path)
    if not isinstance(text, str) or not text or "\0" in text:
        raise ConfigError("a store needs the path of a file. Nothing was sent.")
    if text == ":memory:" or text.startswith("file:"):
        raise ConfigError(
            f"a store is a file that is still there tomorrow, not {text!r}: give a path. Nothing was sent."
        )
    found = pathlib.Path(text)
    if found.is_dir():
        raise ConfigError(f"{text} is a folder, and a store is a file: give a path in it. Nothing was sent.")
    return found


def open_store(path: pathlib.Path) -> sqlite3.Connection:
    """Open the store at *path*, or make it, with the tables of this version.

    Raises:
        StoreError: Its folder is not there, it is another program's, or a newer version's.
        sqlite3.DatabaseError: It can't be read or written; see `described`.
    """
    if not path.parent.exists():
        raise StoreError(str(path), "can't be made: its folder does not exist")
    # Made here, so that nobody else can read it from its first byte on; SQLite gives -wal and -shm the same mode.
    with contextlib.suppress(OSError):
        path.touch(mode=OWNER_ONLY)
    db = sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        version = version_of(db, path)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        if version < SCHEMA_VERSION:
            close_to_others(path)
            upgrade(db, version)
    except BaseException:
        db.close()
        raise
    return db


def open_to_read(path: pathlib.Path) -> tuple[sqlite3.Connection, bool]:
    """Open the store at *path* also where it can't be written; tell whether it can.

    Raises:
        StoreError: It is another program's, a newer version's, or can't be read where it is.
        sqlite3.DatabaseError: It can't be read; see `described`.
    """
    try:
        return open_store(path), True
    except sqlite3.OperationalError as error:
        if not any(words in str(error) for words in ("readonly", "unable to open")):
            raise
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreError(
            str(path),
            "can't be written where it is, and its newest changes are in a file beside it (-wal), which can't be read "
            "without writing. Copy both to where they can be written",
        )
    # Nobody can change it here, so it needs no lock, and no file beside it.
    uri = f"{path.absolute().as_uri()}?immutable=1"
    db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        version = version_of(db, path)
    except BaseException:
        db.close()
        raise
    if version < SCHEMA_VERSION:
        db.close()
        raise StoreError(
            str(path),
            f"was written by an earlier tonicdm: its tables have version {version}, this one's {SCHEMA_VERSION}, and "
            "they can't be changed where it is. Copy it, or open it once where it can be written",
        )
    return db, False


def version_of(db: sqlite3.Connection, path: pathlib.Path) -> int:
    """Return the version whose tables a database has; 0 for a new one.

    Raises:
        StoreError: It is another program's, or a newer version's. It was not changed.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= OWN_TABLES and (tables or version):
        raise StoreError(str(path), "is a database of another program; choose another name. It was not changed")
    if version > SCHEMA_VERSION:
        raise StoreError(
            str(path),
            f"was written by a newer tonicdm: its tables have version {version}, this one knows {SCHEMA_VERSION}. "
            "Upgrade tonicdm; the file was not changed",
        )
    return int(version)


def close_to_others(path: pathlib.Path) -> None:
    """Take a file that an earlier version has made from all but its owner; -wal and -shm, too."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        with contextlib.suppress(OSError):  # another user's, or not there
            path.with_name(name).chmod(OWNER_ONLY)


_MEANINGS: Final = {
    "disk is full": (
        "could not be written: the disk is full. Every page stored before is kept; free some space and go on"
    ),
    "disk I/O error": (
        "could not be read or written: the disk reported an error. Every page stored before is kept; check the disk, "
        "and whether the file was moved or replaced while it was open"
    ),
    "locked": "is locked by another program for too long. Every page stored before is kept",
    "not a database": "is no SQLite file; choose another name",
    "malformed": "is damaged: SQLite can't read it. Restore it from a backup, or sync into a new file",
    "readonly": "can't be opened for writing",
    "unable to open": "can't be opened for writing",
}
"""What the words of SQLite's errors mean to a user."""


def described(error: sqlite3.DatabaseError) -> str:
    """Return what *error* means for the store, and what to do."""
    text = str(error)
    meaning = next((meaning for words, meaning in _MEANINGS.items() if words in text), None)
    return meaning or f"can't be used: {text}"
