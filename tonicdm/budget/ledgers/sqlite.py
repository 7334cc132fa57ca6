"""A ledger in a SQLite file: shared by the processes of one host, and there after a restart."""

from __future__ import annotations

import contextlib
import copy
import os
import pathlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from typing import Final, TypeVar

import attrs

from tonicdm.budget import forks
from tonicdm.budget.entries import Entry
from tonicdm.budget.history import MAX_WINDOWS, WindowRecord, appended
from tonicdm.budget.ledgers import stored
from tonicdm.budget.ledgers.file import SCHEMA_VERSION, DamagedError, LedgerFile, MissingError, roll_back
from tonicdm.budget.ledgers.stored import AHEAD, Names, Row
from tonicdm.budget.ledgers.threads import LedgerThread
from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.window import Window
from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import LedgerUnavailableError

T = TypeVar("T")

FORK_SECONDS: Final = 2.0
"""Seconds that a fork waits for a step; one step waits less for another process."""

_ENTRY_NAMES: Final = (*(value.name for value in stored.ENTRY), AHEAD)
_LOOK: Final = "SELECT version, user_version FROM window, pragma_user_version WHERE key = ?"
_LAST_RECORDS: Final = "SELECT ended_at, record FROM history WHERE key = ? ORDER BY ended_at DESC LIMIT ?"
_FORGET_RECORDS: Final = (
    "DELETE FROM history WHERE key = ? AND ended_at <= "
    "(SELECT ended_at FROM history WHERE key = ? ORDER BY ended_at DESC LIMIT 1 OFFSET ?)"
)
_NEW_WINDOW: Final = "INSERT INTO window (version, boot, state, key) VALUES (?, ?, ?, ?)"
_SAVE_WINDOW: Final = "UPDATE window SET version = ?, boot = ?, state = ? WHERE key = ?"
# Columns that a later version has added stay as they are.
_SAVE_ENTRY: Final = (
    f"INSERT INTO entry (key, {', '.join(_ENTRY_NAMES)}) VALUES (?{', ?' * len(_ENTRY_NAMES)}) "  # noqa: S608 - names of ours
    f"ON CONFLICT (key, number) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _ENTRY_NAMES[1:])}"
)


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
        former_key: Under which key this budget was kept before, if it was another one. What is remembered there of a
            429 and of calls under way is taken over when the budget is new.
        former_counts: Whether whatever stands there counts; else only what the version before wrote.
        replaceable: Whether a damaged file may be set aside and begun anew.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        key: str,
        rules: BudgetRules | None = None,
        clock: Clock,
        poll_seconds: float = 1.0,
        former_key: str | None = None,
        former_counts: bool = False,
        replaceable: bool = False,
    ) -> None:
        self.path: pathlib.Path = pathlib.Path(path).absolute()
        self.key = key
        self.poll_seconds: float | None = poll_seconds
        self._former_key, self._former_counts = former_key, former_counts
        self._rules = rules or BudgetRules()
        self._clock = clock
        self._file = LedgerFile(self.path, replaceable=replaceable)
        self._thread = LedgerThread(self._transact)
        self._lock, self._peeking = threading.Lock(), threading.Lock()
        self._locked: list[threading.Lock] = []
        self._window = Window(self._rules)
        self._names = Names()
        self._ahead = 0.0
        self._version = self._newest = -1
        self._written_to: tuple[int, int] | None = None
        self._text = ""
        self._unknown: Row = {}
        self._remembered: Window | None = None
        forks.watch(self)

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self.path)

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step* in a transaction on the ledger's thread."""
        return await self._thread.run(step, undo)

    def peek(self) -> Window:
        """Read the window as it stands in the file; a reader in WAL mode waits for nobody."""
        newest, known_file = self._newest, self._written_to
        state = None
        with contextlib.suppress(sqlite3.Error, DamagedError):
            # No tables yet, as another process makes the file just now; or it is damaged, which the next step reports.
            if self._file.exists:
                state = self._read_for_peek()
        if state is not None and state.version >= newest and (known_file is None or self._file.is_current):
            return state.window
        with self._lock:
            before = copy.deepcopy(self._remembered)
        if state is None or before is None:
            return before or (Window(self._rules) if state is None else state.window)
        # Another file than was known: what the next step will enter is shown already.
        state.window.recover(before)
        return state.window

    def history(self) -> list[WindowRecord]:
        """Read the windows that are over; a reader in WAL mode waits for nobody."""
        rows: list[tuple[float, str]] = []
        with contextlib.suppress(sqlite3.Error):  # no such table: the version before made the file
            if self._file.exists:
                with self._reader() as reader:
                    rows = reader.execute(_LAST_RECORDS, (self.key, MAX_WINDOWS)).fetchall()
        records = (WindowRecord.from_json(text) for _, text in reversed(rows))
        return [record for record in records if record is not None]

    @contextlib.contextmanager
    def _reader(self) -> Generator[sqlite3.Connection]:
        with (
            self._peeking,
            contextlib.closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)) as reader,
        ):
            yield reader

    def _read_for_peek(self) -> _StoredWindow:
        with self._reader() as reader:
            reader.execute("BEGIN")
            tables = {name for (name,) in reader.execute("SELECT name FROM sqlite_master")}
            # The version before may have made the file; it is given what it lacks by the first step.
            return self._read(reader, self.key, with_kept="kept" in tables)

    def on_change(self, call: Callable[[], None]) -> None:
        """Do nothing: SQLite tells nobody of changes, so the file is looked at every `poll_seconds`."""

    async def close(self) -> None:
        """Finish what is queued and close the file."""
        await self._thread.close(self._file.disconnect)

    # --- forks --------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Wait for the step that runs: SQLite's own locks must not be held in the child for ever."""
        self._locked = [lock for lock in (self._lock, self._peeking) if lock.acquire(timeout=FORK_SECONDS)]

    def after_fork_in_parent(self) -> None:
        """Let the steps go on."""
        for lock in self._locked:
            lock.release()
        self._locked = []

    def after_fork_in_child(self) -> None:
        """Take a thread and a connection of its own; those of the parent are not there, or must not be used."""
        self._lock, self._peeking, self._locked = threading.Lock(), threading.Lock(), []
        self._thread.forget()
        self._file.forget()
        self._version = -1

    # --- on the ledger's thread ---------------------------------------------------------------------------------

    def _transact(self, step: Callable[[Window], T]) -> T:
        with self._lock:
            try:
                return self._apply_to_tables(step)
            except DamagedError as error:
                self._file.set_aside(error)
            try:
                return self._apply_to_tables(step)
            except DamagedError as error:
                raise self._useless(f"is damaged again as soon as it is made ({error})") from error

    def _apply_to_tables(self, step: Callable[[Window], T]) -> T:
        try:
            return self._apply(step)
        except MissingError:
            pass  # opening the file anew makes its tables
        try:
            return self._apply(step)
        except MissingError as error:
            raise self._useless(f"can't be used as it is ({error})") from error

    def _useless(self, why: str) -> LedgerUnavailableError:
        return LedgerUnavailableError(
            f"the budget file {self.path} {why}. Nothing was sent. Name another one (TONICDM_BUDGET, or budget=)",
            ledger=str(self.path),
        )

    def _apply(self, step: Callable[[Window], T]) -> T:
        connection = self._file.connect()
        # What this process wrote last stands in another file: it was replaced since, or set aside.
        replaced = self._written_to not in {None, self._file.identity}
        if replaced:
            self._version = -1
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._load(connection, replaced=replaced)
        except sqlite3.Error as error:
            self._version = -1
            roll_back(connection)
            raise self._file.translate(error) from error
        except BaseException:
            self._version = -1
            roll_back(connection)
            raise
        try:
            result = step(self._window)
            self._store(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            # What the step changed in memory did not happen; it is read anew.
            self._version = -1
            roll_back(connection)
            if isinstance(error, sqlite3.Error):
                raise self._file.translate(error) from error
            raise
        self._remembered, self._newest, self._written_to = self._window, self._version, self._file.identity
        if not self._file.is_current:
            # It was replaced meanwhile. What this step noted has to stand where others look before anything is sent.
            self._apply(_change_nothing)
        return result

    def _load(self, connection: sqlite3.Connection, *, replaced: bool) -> None:
        row = connection.execute(_LOOK, (self.key,)).fetchone()
        if row is None or row[1] > SCHEMA_VERSION:
            self._file.check_version(connection)
        if self._version >= 0 and self._version == (0 if row is None else row[0]):
            return
        state, before = self._read(connection, self.key), self._remembered
        self._version, self._window, self._unknown = state.version, state.window, state.unknown
        self._text = self._pack()
        if before is not None and (replaced or row is None or self._version < self._newest):
            # The file is not the one that this process knew last: it gets what was spent and forbidden meanwhile.
            self._window.recover(before)
        elif row is None and self._former_key is not None:
            former = self._read(connection, self._former_key)
            if self._former_counts or not former.by_us:
                self._window.inherit(former.window, Instant.read(self._clock))

    def _read(self, connection: sqlite3.Connection, key: str, *, with_kept: bool = True) -> _StoredWindow:
        """Read a window, whichever version of this package wrote it last.

        Args:
            connection: In a transaction, so that all that is read is of one moment.
            key: Which.
            with_kept: Whether the file has the table of what the version before has replaced.

        Raises:
            DamagedError: It can't be decoded.
        """
        written = connection.execute("SELECT version, boot, state FROM window WHERE key = ?", (key,)).fetchone()
        kept = connection.execute("SELECT state FROM kept WHERE key = ?", (key,)).fetchone() if with_kept else None
        ahead = self._seconds_ahead()
        try:
            cursor = connection.execute("SELECT * FROM entry WHERE key = ?", (key,))
            names = [name for name, *_ in cursor.description]
            entries = [_entry(dict(zip(names, values, strict=True)), ahead) for values in cursor]
            if written is None:
                window = Window(self._rules)
                # In a new file no reservation may have the number of one that a process made in the old one.
                window.holdings.next_number = random_first_number()
                stored.fill(window, entries)
                return _StoredWindow(0, window)
            row, by_us = self._names.read(written[2], kept and kept[0])
            window = self._names.unpack(row, entries, self._rules, row[AHEAD] if by_us else ahead)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise DamagedError(f"the state of a budget in it can't be decoded: {error!r}") from error
        if written[1] != boot_id():
            window.restarted(Instant.read(self._clock))
        return _StoredWindow(written[0], window, self._names.unknown(row), by_us=by_us)

    def _pack(self) -> str:
        return self._names.pack(self._window, self._seconds_ahead(), self._unknown)

    def _seconds_ahead(self) -> float:
        """Return by how much our clock is ahead of `time.monotonic`, by which the version before reads times."""
        if isinstance(self._clock, SystemClock):
            ahead = self._clock.monotonic() - time.monotonic()
            # Two clocks are never read at the same moment; only a suspension makes a real difference.
            if abs(ahead - self._ahead) > 0.01:
                self._ahead = round(ahead, 2)
        return self._ahead

    def _store(self, connection: sqlite3.Connection) -> None:
        if self._window.ended:
            self._store_ended(connection)
        text, holdings = self._pack(), self._window.holdings
        if not holdings.touched and text == self._text:
            return  # the step only looked
        save = _SAVE_WINDOW if self._version else _NEW_WINDOW
        connection.execute(save, (self._version + 1, boot_id(), text, self.key))
        ahead = self._seconds_ahead() if holdings.touched else 0.0
        for number in holdings.touched:
            entry = holdings.get(number)
            if entry is None:
                connection.execute("DELETE FROM entry WHERE key = ? AND number = ?", (self.key, number))
            else:
                connection.execute(_SAVE_ENTRY, (self.key, *stored.entry_values(entry, ahead), ahead))
        holdings.touched.clear()
        self._text = text
        self._version += 1

    def _store_ended(self, connection: sqlite3.Connection) -> None:
        """Note the windows that are over in the history, and forget the oldest of it."""
        ended, self._window.ended = self._window.ended, []
        row = connection.execute(_LAST_RECORDS, (self.key, 1)).fetchone()
        last = None if row is None else WindowRecord.from_json(row[1])
        if row is not None and last is not None:
            connection.execute("DELETE FROM history WHERE key = ? AND ended_at = ?", (self.key, row[0]))
        for record in appended([] if last is None else [last], ended, self._rules.reset_tolerance):
            connection.execute(
                "INSERT OR REPLACE INTO history (key, ended_at, record) VALUES (?, ?, ?)",
                (self.key, record.ended_at, record.to_json()),
            )
        connection.execute(_FORGET_RECORDS, (self.key, self.key, MAX_WINDOWS))


@attrs.frozen
class _StoredWindow:
    """What a file holds of a budget."""

    version: int
    window: Window
    unknown: Row = attrs.field(factory=dict)
    """Values that another version stored, by names that are not known here."""
    by_us: bool = attrs.field(default=True, kw_only=True)
    """Whether a version that stores what it knows wrote last, and not the one before."""


def _entry(row: Row, ahead: float) -> Entry:
    """Make a reservation of its row; the version before wrote it where the row does not say on which clock."""
    then = row.get(AHEAD)
    return stored.entry_from(row, ahead if then is None else then)


def _change_nothing(_: Window) -> None:
    """Change nothing."""


def random_first_number() -> int:
    """Choose the first number of a new file's reservations, so that none of an older file has the same."""
    return 1 + (secrets.randbelow(1 << 40) << 20)


_boot_id: str | None = None


def boot_id() -> str:
    """Name this start of the machine: monotonic times of another one mean nothing."""
    global _boot_id  # noqa: PLW0603 - read once, it never changes while a process lives
    if _boot_id is None:
        try:
            _boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            # Elsewhere than on Linux: the same machine start if the monotonic clock's zero lies at the same minute.
            clock = SystemClock()  # time.monotonic stands still while a Mac sleeps
            _boot_id = f"zero-{round((clock.now() - clock.monotonic()) / 600)}"
    return _boot_id
