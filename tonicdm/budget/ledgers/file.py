"""The SQLite file of a ledger: open it, check it, and set it aside when it is damaged. For the ledger's own thread."""

from __future__ import annotations

import contextlib
import logging
import os
import pathlib
import sqlite3
import time
from collections.abc import Generator
from typing import Final

from tonicdm._version import __version__
from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.ledgers.stored import AHEAD, ENTRY
from tonicdm.errors import ConfigError, LedgerUnavailableError, StoreError
from tonicdm.lockfile import locked

logger: Final = logging.getLogger("tonicdm")

SCHEMA_VERSION: Final = 1
"""The form of the file; higher ones are of later versions. What is only added does not raise it."""
BUSY_SECONDS: Final = 0.25
"""Seconds that one try waits for a process that holds the file; a step takes well under a millisecond."""
LOCK_SECONDS: Final = 2.0
"""Seconds that one try waits for a process that makes the file or sets it aside."""

MAX_LOG_PAGES: Final = 4_096
"""Pages of the log that may be left behind a checkpoint; then other processes have to wait for one."""

# The first two tables are those of the version before, which may use the file beside this one. It replaces rows, and so
# drops what it does not know: that stands in a column that may be empty, or the trigger keeps it in the third table.
# This version updates its rows, so only the version before pays for that.
_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS window (
        key TEXT PRIMARY KEY, version INTEGER NOT NULL, boot TEXT NOT NULL, state TEXT NOT NULL
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS entry (
        key TEXT NOT NULL, number INTEGER NOT NULL, cost INTEGER NOT NULL, state TEXT NOT NULL,
        until REAL NOT NULL, sent_at REAL, closed_at REAL, lane TEXT NOT NULL, label TEXT NOT NULL,
        holder TEXT NOT NULL, PRIMARY KEY (key, number)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE IF NOT EXISTS history (
        key TEXT NOT NULL, ended_at REAL NOT NULL, record TEXT NOT NULL, PRIMARY KEY (key, ended_at)
    ) WITHOUT ROWID
    """,
    "CREATE TABLE IF NOT EXISTS kept (key TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID",
    f"""
    CREATE TRIGGER IF NOT EXISTS keep BEFORE INSERT ON window BEGIN
        INSERT OR REPLACE INTO kept (key, state)
        SELECT key, state FROM window WHERE key = NEW.key AND instr(state, '"{AHEAD}"');
    END
    """,  # noqa: S608 - names of ours
)
_OURS: Final = frozenset({"window", "entry", "kept", "keep", "history"})
_SQL_TYPES: Final = {int: "INTEGER", float: "REAL", str: "TEXT"}
_ENTRY_COLUMNS: Final = {stored.name: _SQL_TYPES[stored.value_type] for stored in ENTRY} | {AHEAD: "REAL"}

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_KEEP: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})
"""Codes after which the connection is as good as before."""
_NEVER: Final = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH})
"""Codes that at the first try mean a file which this user may not write."""


class DamagedError(Exception):
    """The file is surely damaged: it is no database, a page is broken, or what it holds can't be decoded."""


class MissingError(Exception):
    """A table or column is not there, though the file was prepared: another hand took it away."""


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's code of *error*, without the details in its upper bits."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


def roll_back(connection: sqlite3.Connection) -> None:
    """End the transaction without its changes, if SQLite has not done so by itself."""
    with contextlib.suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")


_forgotten: list[sqlite3.Connection] = []
"""Connections of a parent process. SQLite forbids even to close them here, so they are never let go of."""


class LedgerFile:
    """One file and the connection to it.

    Args:
        path: The file; made if absent, with its folder, readable by its owner only.
        replaceable: Whether a damaged file may be set aside and begun anew: the user's own default file, never one
            that somebody has named.
    """

    def __init__(self, path: pathlib.Path, *, replaceable: bool) -> None:
        self.path = path
        self.replaceable = replaceable
        self._name = str(path)
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._doubtful = False
        self._waits = True
        self.opened: int = 0
        """How often the file was opened."""

    @property
    def ready(self) -> sqlite3.Connection | None:
        """The connection, where it is open and was in order when it was used last; it waits for no other process."""
        if self._connection is None or self._doubtful:
            return None
        if self._waits:
            self._connection.execute("PRAGMA busy_timeout = 0")
            self._waits = False
        return self._connection

    @property
    def identity(self) -> tuple[int, int] | None:
        """Device and inode of the file that was opened last."""
        return self._identity

    def connect(self) -> sqlite3.Connection:
        """Return the connection, a new one if the file was replaced since; it waits a moment for other processes.

        Raises:
            ConfigError: The file can't be made, is another program's, or a later version's.
            LedgerBusyError: It can't be had now.
            DamagedError: It is no database.
        """
        if self._connection is not None:
            if self.is_current and not self._doubtful:
                if not self._waits:
                    self._connection.execute(f"PRAGMA busy_timeout = {round(BUSY_SECONDS * 1000)}")
                    self._waits = True
                return self._connection
            self.disconnect()
        self._connection = self._open(first=self._identity is None)
        self._doubtful, self._waits, self.opened = False, True, self.opened + 1
        return self._connection

    @property
    def is_current(self) -> bool:
        """Whether the connection goes to the file that others find at the path."""
        return self._identify() == self._identity

    @property
    def exists(self) -> bool:
        """Whether there is a file at the path, as far as can be seen."""
        return self._identify() is not None

    def disconnect(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def forget(self) -> None:
        """Leave the connection to the parent process that made it."""
        if self._connection is not None:
            _forgotten.append(self._connection)
            self._connection = None

    def set_aside(self, reason: Exception) -> None:
        """Move a damaged file out of the way, with its log, unless another process has done so already.

        Raises:
            LedgerUnavailableError: It is a file that somebody has named and not ours to move, or it can't be moved.
            LedgerBusyError: Another process holds the lock for it.
        """
        if not self.replaceable:
            raise LedgerUnavailableError(
                f"the budget file {self.path} is damaged ({reason}). Nothing was sent. Move it away, together with "
                "its -wal and -shm, and a new one is begun; what was spent in this window is then asked of the server.",
                ledger=str(self.path),
            )
        damaged = self._identity
        self.disconnect()
        try:
            with self._locked():
                if self._identify() != damaged or damaged is None:
                    return  # somebody else was here first
                name = f"{self.path.name}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
                # The log first: a new file must not find the old one's.
                for suffix in ("-wal", "-shm", ""):
                    with contextlib.suppress(FileNotFoundError):
                        self._beside(suffix).replace(self.path.with_name(f"{name}{suffix}"))
        except OSError as error:
            raise LedgerUnavailableError(
                f"the budget file {self.path} is damaged ({reason}), and can't be moved aside ({error}). Nothing was "
                "sent. Move it away, with its -wal and -shm; where files in use can't be moved, stop who has it open",
                ledger=str(self.path),
            ) from error
        logger.warning("the budget file %s was damaged (%s); it is kept as %s and begun anew", self.path, reason, name)

    def translate(self, error: sqlite3.Error) -> Exception:
        """Return what *error* means: whether to try again, to set the file aside, or to make its tables.

        The connection is closed by the next `connect`, if it has to be: to close one may take its time.
        """
        code = _code(error)
        if code not in _KEEP:
            self._doubtful = True
        if code in _DAMAGED:
            return DamagedError(str(error))
        if code in {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA}:
            return MissingError(str(error))
        return LedgerBusyError(
            f"the budget file {self.path} can't be used now ({error})"
            + ("; another process holds it. Is one of them stopped?" if code == sqlite3.SQLITE_BUSY else "")
        )

    def checkpoint(self) -> None:
        """Copy the log into the file, so that it does not grow; it may take as long as the disk does."""
        connection = self._connection
        if connection is None or self._doubtful or not self.is_current:
            return
        with contextlib.suppress(sqlite3.Error):  # the next one may do it
            _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages - copied > MAX_LOG_PAGES:  # others always write while one copies
                connection.execute("PRAGMA wal_checkpoint(RESTART)")

    # --- opening ------------------------------------------------------------------------------------------------

    def _identify(self) -> tuple[int, int] | None:
        """Return device and inode of the file at the path."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 - asked in each step, and a path object is slower
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _beside(self, suffix: str) -> pathlib.Path:
        return self.path.with_name(f"{self.path.name}{suffix}")

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        try:
            with locked(self._beside(".lock"), LOCK_SECONDS):
                yield
        except StoreError as error:
            raise LedgerBusyError(f"the budget file {self.path} is being made by another process: {error}") from error

    def _open(self, *, first: bool) -> sqlite3.Connection:
        self._make()
        identity = self._identify()
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        self._identity = identity
        try:
            self._prepare(connection)
        except BaseException as error:
            connection.close()
            if not isinstance(error, sqlite3.Error):
                raise
            # What was usable once may be so again; what never was is a wrong setting.
            if first and _code(error) in _NEVER:
                raise self._unusable(error) from error
            raise self.translate(error) from error
        return connection

    def _make(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self.exists:
                with self._locked():  # not while a damaged file and its log are being moved
                    self._make_anew()
        except OSError as error:
            raise self._unusable(error) from error

    def _make_anew(self) -> None:
        """Make the file, unless another process has done so, and leave the log of one that was deleted to its users.

        As long as one of them has it open, its index would be taken for that of the new file, which none could read.
        """
        if not self.exists:
            for suffix in ("-wal", "-shm"):
                self._beside(suffix).unlink(missing_ok=True)
            self.path.touch(mode=0o600)

    def _unusable(self, error: Exception) -> ConfigError:
        return ConfigError(f"the budget file {self.path} can't be used: {error}")

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")
        # Without a sync a power cut may lose the last seconds; a process that dies loses nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        # A checkpoint waits for the disk, so it is no part of a step: see `checkpoint`.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        self.check_version(connection)
        if _tables(connection) >= _OURS and _columns(connection) >= _ENTRY_COLUMNS.keys():
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            self._make_tables(connection)
            connection.execute("COMMIT")
        except BaseException:
            roll_back(connection)
            raise

    def check_version(self, connection: sqlite3.Connection) -> None:
        """Refuse a file of a later version, whose meaning is unknown here.

        Raises:
            ConfigError: It is one.
        """
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"the budget file {self.path} was written by a newer tonicdm: it has form {version}, and tonicdm "
                f"{__version__} reads form {SCHEMA_VERSION}. Nothing was sent. Upgrade this one, or name another file"
            )

    def _make_tables(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        tables = _tables(connection)
        if version == 0 and not tables <= _OURS:
            raise ConfigError(f"the budget file {self.path} is another program's database; name another file")
        for statement in _SCHEMA:
            connection.execute(statement)
        existing = _columns(connection)
        for name, sql_type in _ENTRY_COLUMNS.items():
            if name not in existing:
                connection.execute(f"ALTER TABLE entry ADD COLUMN {name} {sql_type}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type <> 'index'")}


def _columns(connection: sqlite3.Connection) -> set[str]:
    return {name for _, name, *_ in connection.execute("PRAGMA table_info(entry)")}
