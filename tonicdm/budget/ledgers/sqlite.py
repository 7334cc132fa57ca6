"""A ledger in a SQLite file: shared by the processes of one host, and there after a restart."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

import attrs

from tonicdm.budget.entries import Entry, EntryState, Holdings
from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.others import Others
from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.serverclock import ServerClock
from tonicdm.budget.silence import Silence
from tonicdm.budget.window import Window
from tonicdm.clock import Clock
from tonicdm.errors import ClientClosedError, ConfigError

T = TypeVar("T")

SCHEMA_VERSION: Final = 1
PATIENCE: Final = 5.0
"""Seconds to wait for a process that holds the file; a step takes well under a millisecond. Those who wait for units
then try again, so it bounds how late a max_wait may end."""
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS window (
    key TEXT PRIMARY KEY, version INTEGER NOT NULL, boot TEXT NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    key TEXT NOT NULL, number INTEGER NOT NULL, cost INTEGER NOT NULL, state TEXT NOT NULL,
    until REAL NOT NULL, sent_at REAL, closed_at REAL, lane TEXT NOT NULL, label TEXT NOT NULL, holder TEXT NOT NULL,
    PRIMARY KEY (key, number)
) WITHOUT ROWID;
"""
_PARTS: Final = {"clock": ServerClock, "silence": Silence, "others": Others}
_APART: Final = frozenset({"rules", "holdings", "accounts", *_PARTS})
_SCALARS: Final = tuple(field.name for field in attrs.fields(Window) if field.name not in _APART)
_COLUMNS: Final = tuple(field.name for field in attrs.fields(Entry))


_ENTRIES: Final = f"SELECT {', '.join(_COLUMNS)} FROM entry WHERE key = ?"  # noqa: S608 - names of ours
_SAVE: Final = f"INSERT OR REPLACE INTO entry (key, {', '.join(_COLUMNS)}) VALUES (?{', ?' * len(_COLUMNS)})"  # noqa: S608 - names of ours


class SQLiteLedger:
    """Keeps the window in a file in WAL mode; every step is one immediate transaction.

    All work happens on one thread of its own, in the order of the calls, so a locked file never blocks the loop.
    Not for network file systems: SQLite's locks do not hold there.

    Args:
        path: The file; made if absent, with its folder, readable by its owner only.
        key: Which budget of the file; derived from the token by the client.
        rules: The budget's settings.
        clock: Read when the machine was restarted since the last use.
        poll_seconds: How often waiting processes look for what others changed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: str,
        rules: BudgetRules | None = None,
        clock: Clock,
        poll_seconds: float = 1.0,
    ) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self.key = key
        self.poll_seconds: float | None = poll_seconds
        self._rules = rules or BudgetRules()
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-ledger")
        self._connection: sqlite3.Connection | None = None
        self._window = Window(self._rules)
        self._version = -1
        self._state = ""
        self._closed = False

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self.path)

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step* in a transaction on the ledger's thread."""
        if self._closed:
            raise ClientClosedError("this budget is closed")
        work = self._thread.submit(self._transact, step)
        try:
            return await asyncio.shield(asyncio.wrap_future(work))
        except asyncio.CancelledError:
            # The thread finishes the step all the same; what it did is undone behind it, in the same queue.
            if undo is not None and not self._closed:
                self._thread.submit(self._transact, undo)
            work.add_done_callback(_look_at)
            raise

    def peek(self) -> Window:
        """Read the window as it stands in the file; a reader in WAL mode waits for nobody."""
        if not self.path.exists():
            return Window(self._rules)
        try:
            with contextlib.closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as reader:
                found = self._read(reader)
        except sqlite3.OperationalError:  # no tables yet: another process makes the file just now
            found = None
        return Window(self._rules) if found is None else found[1]

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        if not self._closed:
            self._closed = True
            work = self._thread.submit(self._disconnect)
            self._thread.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(work))

    # --- on the ledger's thread ---------------------------------------------------------------------------------

    def _transact(self, step: Callable[[Window], T]) -> T:
        connection = self._connection or self._connect()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise LedgerBusyError(
                f"the budget file {self.path} is held by another process for {PATIENCE:g} s ({error}); "
                "nothing was sent. Is one of them stopped?"
            ) from error
        try:
            self._load(connection)
            result = step(self._window)
            self._store(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._version = -1
            connection.execute("ROLLBACK")
            raise
        return result

    def _connect(self) -> sqlite3.Connection:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self.path.exists():
                self.path.touch(mode=0o600)
            connection = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"the budget file {self.path} can't be used: {error}") from error
        try:
            self._prepare(connection)
        except BaseException as error:
            connection.close()
            if isinstance(error, sqlite3.Error):
                raise ConfigError(f"the budget file {self.path} can't be used: {error}") from error
            raise
        self._connection = connection
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")
        # Without a sync a power cut may lose the last seconds; a process that dies loses nothing.
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise ConfigError(f"the budget file {self.path} was written by a newer tonicdm; upgrade this one")
        if version < SCHEMA_VERSION:
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def _load(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT version FROM window WHERE key = ?", (self.key,)).fetchone()
        if row is None:
            if self._version != 0:
                self._window, self._version, self._state = Window(self._rules), 0, ""
        elif row[0] != self._version:
            found = self._read(connection)
            assert found is not None
            self._version, self._window = found
            self._state = ""

    def _read(self, connection: sqlite3.Connection) -> tuple[int, Window] | None:
        row = connection.execute("SELECT version, boot, state FROM window WHERE key = ?", (self.key,)).fetchone()
        if row is None:
            return None
        version, boot, state = row
        entries = [Entry(*values) for values in connection.execute(_ENTRIES, (self.key,))]
        for entry in entries:
            entry.state = EntryState(entry.state)
        window = _decode(json.loads(state), entries, self._rules)
        if boot != boot_id():
            window.restarted(Instant.read(self._clock))
        return version, window

    def _store(self, connection: sqlite3.Connection) -> None:
        touched, state = self._window.holdings.touched, json.dumps(_encode(self._window))
        if not touched and state == self._state:
            return  # the step only looked
        connection.execute(
            "INSERT OR REPLACE INTO window (key, version, boot, state) VALUES (?, ?, ?, ?)",
            (self.key, self._version + 1, boot_id(), state),
        )
        for number in touched:
            entry = self._window.holdings.get(number)
            if entry is None:
                connection.execute("DELETE FROM entry WHERE key = ? AND number = ?", (self.key, number))
            else:
                connection.execute(_SAVE, (self.key, *(getattr(entry, name) for name in _COLUMNS)))
        touched.clear()
        self._state, self._version = state, self._version + 1

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _encode(window: Window) -> dict[str, Any]:
    state = {name: getattr(window, name) for name in _SCALARS}
    for name in _PARTS:
        state[name] = attrs.astuple(getattr(window, name))
    state["accounts"] = [[*key, *sums] for key, sums in window.accounts.items()]
    state["next"] = [window.holdings.next_number, window.holdings.next_sweep]
    return state


def _decode(state: dict[str, Any], entries: list[Entry], rules: BudgetRules) -> Window:
    number, sweep = state["next"]
    held, unknown = sum(e.cost for e in entries), sum(e.cost for e in entries if e.state is EntryState.UNKNOWN)
    holdings = Holdings(rules, {entry.number: entry for entry in entries}, held, unknown, number, sweep)
    known = {name: value for name, value in state.items() if name in _SCALARS}
    known |= {name: kind(*state[name]) for name, kind in _PARTS.items()}
    accounts = {(lane, label): (calls, units) for lane, label, calls, units in state["accounts"]}
    return Window(rules=rules, holdings=holdings, accounts=accounts, **known)


def _look_at(work: Future[Any]) -> None:
    """Take note of a step's error that nobody awaits any more; the next step meets the same cause."""
    with contextlib.suppress(BaseException):
        work.result()


_boot_id: str | None = None


def boot_id() -> str:
    """Name this start of the machine: monotonic times of another one mean nothing."""
    global _boot_id  # noqa: PLW0603 - read once, it never changes while a process lives
    if _boot_id is None:
        try:
            _boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            # Elsewhere than on Linux: the same machine start if the monotonic clock's zero lies at the same minute.
            import time

            _boot_id = f"zero-{round((time.time() - time.monotonic()) / 600)}"
    return _boot_id
