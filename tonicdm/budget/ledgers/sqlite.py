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

from tonicdm.budget.entries import Entry, EntryState
from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.serverclock import ServerClock
from tonicdm.budget.window import Window
from tonicdm.clock import Clock
from tonicdm.errors import ConfigError

T = TypeVar("T")

SCHEMA_VERSION: Final = 1
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS window (
    key TEXT PRIMARY KEY, version INTEGER NOT NULL, boot TEXT NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    key TEXT NOT NULL, number INTEGER NOT NULL, cost INTEGER NOT NULL, state TEXT NOT NULL,
    until REAL NOT NULL, sent_at REAL, closed_at REAL, holder TEXT NOT NULL,
    PRIMARY KEY (key, number)
) WITHOUT ROWID;
"""
_NOT_STORED: Final = frozenset({"rules", "clock", "entries", "touched"})
_SCALARS: Final = tuple(field.name for field in attrs.fields(Window) if field.name not in _NOT_STORED)


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
        self.path = pathlib.Path(path)
        self.key = key
        self.poll_seconds: float | None = poll_seconds
        self._rules = rules or BudgetRules()
        self._clock = clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-ledger")
        self._connection: sqlite3.Connection | None = None
        self._window = Window(self._rules)
        self._version = -1
        self._closed = False

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self.path)

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step* in a transaction on the ledger's thread."""
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
        connection.execute("BEGIN IMMEDIATE")
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
            connection = sqlite3.connect(self.path, timeout=30.0, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA journal_mode = WAL")
            # Without a sync a power cut may lose the last seconds; a process that dies loses nothing.
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise ConfigError(f"the budget file {self.path} was written by a newer tonicdm; upgrade this one")
            connection.executescript(_SCHEMA)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        except (OSError, sqlite3.Error) as error:
            raise ConfigError(f"the budget file {self.path} can't be used: {error}") from error
        self._connection = connection
        return connection

    def _load(self, connection: sqlite3.Connection) -> None:
        row = connection.execute("SELECT version FROM window WHERE key = ?", (self.key,)).fetchone()
        if row is None:
            if self._version != 0:
                self._window, self._version = Window(self._rules), 0
        elif row[0] != self._version:
            found = self._read(connection)
            assert found is not None
            self._version, self._window = found

    def _read(self, connection: sqlite3.Connection) -> tuple[int, Window] | None:
        row = connection.execute("SELECT version, boot, state FROM window WHERE key = ?", (self.key,)).fetchone()
        if row is None:
            return None
        version, boot, state = row
        rows = connection.execute(
            "SELECT number, cost, state, until, sent_at, closed_at, holder FROM entry WHERE key = ?", (self.key,)
        )
        entries = {n: Entry(n, c, EntryState(s), u, a, z, h) for n, c, s, u, a, z, h in rows}
        window = _decode(json.loads(state), entries, self._rules)
        if boot != boot_id():
            window.restarted(Instant(self._clock.monotonic(), self._clock.now()))
        return version, window

    def _store(self, connection: sqlite3.Connection) -> None:
        window = self._window
        self._version += 1
        connection.execute(
            "INSERT OR REPLACE INTO window (key, version, boot, state) VALUES (?, ?, ?, ?)",
            (self.key, self._version, boot_id(), json.dumps(_encode(window))),
        )
        for number in window.touched:
            entry = window.entries.get(number)
            if entry is None:
                connection.execute("DELETE FROM entry WHERE key = ? AND number = ?", (self.key, number))
            else:
                connection.execute(
                    "INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        self.key,
                        number,
                        entry.cost,
                        entry.state,
                        entry.until,
                        entry.sent_at,
                        entry.closed_at,
                        entry.holder,
                    ),
                )
        window.touched.clear()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _encode(window: Window) -> dict[str, Any]:
    state = {name: getattr(window, name) for name in _SCALARS}
    if window.next_sweep == float("inf"):
        state["next_sweep"] = None
    state["clock"] = attrs.astuple(window.clock)
    return state


def _decode(state: dict[str, Any], entries: dict[int, Entry], rules: BudgetRules) -> Window:
    clock = ServerClock(*state.pop("clock"))
    known = {name: value for name, value in state.items() if name in _SCALARS}
    if known.get("next_sweep") is None:
        known["next_sweep"] = float("inf")
    return Window(rules=rules, clock=clock, entries=entries, **known)


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
