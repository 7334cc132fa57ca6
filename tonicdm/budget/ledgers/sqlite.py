"""A ledger in a SQLite file: shared by the processes of one host, and there after a restart."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import copy
import functools
import os
import pathlib
import secrets
import sqlite3
import threading
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import Future
from typing import Final, TypeVar

import attrs

from tonicdm.budget import forks
from tonicdm.budget.entries import Entry
from tonicdm.budget.history import MAX_WINDOWS, WindowRecord, appended
from tonicdm.budget.ledgers import LedgerBusyError, stored
from tonicdm.budget.ledgers.draft import Draft, stored_form
from tonicdm.budget.ledgers.file import SCHEMA_VERSION, DamagedError, LedgerFile, MissingError, roll_back
from tonicdm.budget.ledgers.stored import AHEAD, Names, Row
from tonicdm.budget.ledgers.threads import LedgerThread, Promptness, ignore_error
from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.window import Window
from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import LedgerUnavailableError, TonicDMError

T = TypeVar("T")

FORK_SECONDS: Final = 2.0
"""Seconds that a fork waits for a step; one step waits less for another process."""

FLUSH_SECONDS: Final = 0.05
"""Seconds that other processes learn later how a call went, at most, while no reservation tells it."""
MAX_FLUSH_SECONDS: Final = 5.0
"""Seconds between two tries where the file can't be used."""
CHECKPOINT_COMMITS: Final = 256
"""Transactions of this process after which the log is copied into the file; each writes some three pages."""

_ENTRY_NAMES: Final = (*(value.name for value in stored.ENTRY), AHEAD)
_LOOK: Final = "SELECT version, user_version FROM window, pragma_user_version WHERE key = ?"
_LAST_RECORDS: Final = "SELECT ended_at, record FROM history WHERE key = ? ORDER BY ended_at DESC LIMIT ?"
_DROP_ENTRY: Final = "DELETE FROM entry WHERE key = ? AND number = ?"
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

    A step is taken in the event loop as long as nobody holds the file and steps are quick, else on a thread of its own,
    in the order of the calls: a locked file or a slow disk never blocks the loop for long. The file is opened, closed
    and cleaned up on the thread alone. Not for network file systems: SQLite's locks do not hold there.

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
        self._draft = Draft(Window(self._rules))
        self._promptness = Promptness()
        self._timer: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None
        self._end: tuple[asyncio.AbstractEventLoop, AsyncGenerator[None]] | None = None
        self._commits = 0
        self._data_version = (-1, -1)
        self._names = Names()
        self._ahead = 0.0
        self._version = self._newest = -1
        self._written_to: tuple[int, int] | None = None
        self._text: str | None = None
        self._unknown: Row = {}
        self._remembered: Window | None = None
        forks.watch(self)
        _open_ledgers.add(self)

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self.path)

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step* in a transaction: at once, or on the ledger's thread where it might have to wait."""
        done = self._run_here(step)
        if done is None:
            return await self._thread.run(step, undo)
        if not self._file.is_current:
            # It was replaced meanwhile. What this step noted has to stand where others look before anything is sent.
            await self._thread.run(_change_nothing, undo)
        return done[0]

    def peek(self) -> Window:
        """Read the window as it stands in the file; a reader in WAL mode waits for nobody."""
        newest, known_file = self._newest, self._written_to
        beyond = self._draft.beyond()  # before the file is read: what is stored meanwhile may be entered twice
        state = None
        with contextlib.suppress(sqlite3.Error, DamagedError):
            # No tables yet, as another process makes the file just now; or it is damaged, which the next step reports.
            if self._file.exists:
                state = self._read_for_peek()
        if state is not None and state.version >= newest and (known_file is None or self._file.is_current):
            beyond.enter_in(state.window)
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
        """Finish what is queued, store what was noted, and close the file."""
        await self._thread.close(self._close)
        _open_ledgers.discard(self)

    def _close(self) -> None:
        with contextlib.suppress(LedgerBusyError, TonicDMError):  # what is lost makes others more careful
            self._store_notes()
        with self._lock:
            self._file.disconnect()

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
        self._draft.forget()
        self._promptness, self._timer, self._end, self._version = Promptness(), None, None, -1

    # --- in the event loop ------------------------------------------------------------------------------------------

    def note_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Take in how a call went; stored with the next step, or by a timer, where that makes nobody less careful."""
        return self._tell(step, self._draft.note)

    def check_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Let a call pass the gate, whose reservation is stored as a call under way already."""
        return self._tell(step, self._draft.check)

    def _tell(self, step: Callable[[Window], T], take: Callable[[Callable[[Window], T]], T]) -> tuple[T] | None:
        began = self._promptness.begin()
        connection = self._enter()
        if connection is None:
            return None
        try:
            if not self._refresh(connection):
                return None
            result = self._take(step, take)
            if not self._draft.may_wait:
                return self._store_now(connection, step, result)
        finally:
            self._leave(began)
        self._flush_later(FLUSH_SECONDS)
        return (result,)

    def _take(self, step: Callable[[Window], T], take: Callable[[Callable[[Window], T]], T]) -> T:
        try:
            return take(step)
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        """Read the window anew before it is used again, without what was noted last."""
        self._draft.take_back()
        self._version = -1

    def _store_now(self, connection: sqlite3.Connection, step: Callable[[Window], T], result: T) -> tuple[T] | None:
        """Store what was taken in just now, and can't wait; what others have written meanwhile decides anew."""
        try:
            if not self._begin_here(connection, read_anew=False):
                self._discard()
                return None
            if self._seen(connection) == self._data_version:
                return (self._finish_here(connection, lambda _: result),)
            self._discard()
            return (self._finish_here(connection, step),) if self._load_here(connection) else None
        except BaseException:
            self._discard()
            roll_back(connection)
            raise

    def _run_here(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Take *step* in a transaction at once; None where it has to be taken on the thread."""
        began = self._promptness.begin()
        connection = self._enter()
        if connection is None:
            return None
        try:
            return (self._finish_here(connection, step),) if self._begin_here(connection) else None
        finally:
            self._leave(began)

    def _enter(self) -> sqlite3.Connection | None:
        """Take the lock, and return the connection, if a step may be taken here and now."""
        if not self._promptness.quick or not self._thread.idle or not self._lock.acquire(blocking=False):
            return None
        connection = self._file.ready if self._written_to == self._file.identity else None
        if connection is None or self._thread.closed:
            self._lock.release()
            return None
        return connection

    def _leave(self, began: tuple[float, int]) -> None:
        self._lock.release()
        self._promptness.took(began, here=True)
        if self._commits >= CHECKPOINT_COMMITS:
            self._tidy_up()

    def _refresh(self, connection: sqlite3.Connection) -> bool:
        """Read what others have written since, if anything; False where that takes a step of the thread."""
        try:
            if self._version > 0 and self._seen(connection) == self._data_version:
                return True
            connection.execute("BEGIN")
        except sqlite3.Error:
            return False
        if not self._load_here(connection, only_newer=True):
            return False
        roll_back(connection)
        self._remembered, self._newest = self._draft.window, self._version
        return True

    def _begin_here(self, connection: sqlite3.Connection, *, read_anew: bool = True) -> bool:
        """Begin a transaction, if no other process holds the file."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            return False
        return self._load_here(connection) if read_anew else True

    def _load_here(self, connection: sqlite3.Connection, *, only_newer: bool = False) -> bool:
        try:
            if only_newer and not self._is_newer(connection):
                roll_back(connection)
                return False
            self._load(connection, replaced=False)
        except Exception:  # noqa: BLE001 - the thread meets it too, and says what it means
            self._version = -1
            roll_back(connection)
            return False
        return True

    def _is_newer(self, connection: sqlite3.Connection) -> bool:
        row = connection.execute(_LOOK, (self.key,)).fetchone()
        return row is not None and row[0] >= self._newest

    def _finish_here(self, connection: sqlite3.Connection, step: Callable[[Window], T]) -> T:
        try:
            return self._finish(connection, step)
        except DamagedError as error:
            raise LedgerBusyError(str(error)) from error  # the next step, on the thread, sets the file aside

    # --- what is not stored yet -------------------------------------------------------------------------------------

    def _flush_later(self, seconds: float) -> None:
        if self._timer is not None and not self._timer[0].is_closed():
            return
        loop = asyncio.get_running_loop()
        if self._end is None or self._end[0] is not loop:
            self._end = loop, _begin(_at_the_end_of_the_loop(weakref.ref(self)))
        self._timer = loop, loop.call_later(seconds, self._flush, seconds)

    def _flush(self, seconds: float) -> None:
        """Store what was noted; where that fails, again after a while that grows."""
        self._timer = None
        if not self._draft.notes or self._thread.closed:
            return
        try:
            if self._run_here(_change_nothing) is not None:
                return
        except LedgerBusyError:
            pass
        else:
            loop = asyncio.get_running_loop()
            self._thread.submit(self._store_notes).add_done_callback(functools.partial(_flushed, loop, self, seconds))
            return
        self._flush_later(min(2 * seconds, MAX_FLUSH_SECONDS))

    def _store_notes(self) -> None:
        if self._draft.notes:
            self._transact(_change_nothing)

    def flush_now(self) -> None:
        """Store what was noted, as far as that can be done now: the loop or the process ends."""
        if self._draft.notes and not self._thread.closed:
            with contextlib.suppress(Exception):
                self._transact_once(_change_nothing)

    def _tidy_up(self) -> None:
        self._commits = 0
        with contextlib.suppress(RuntimeError):  # the thread ends
            self._thread.submit(self._checkpoint).add_done_callback(ignore_error)

    def _checkpoint(self) -> None:
        with self._lock:
            self._file.checkpoint()

    # --- on the ledger's thread -------------------------------------------------------------------------------------

    def _transact(self, step: Callable[[Window], T]) -> T:
        result = self._transact_once(step)
        if self._commits >= CHECKPOINT_COMMITS:
            self._tidy_up()
        return result

    def _transact_once(self, step: Callable[[Window], T]) -> T:
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
            began = self._promptness.begin()
            self._load(connection, replaced=replaced)
        except sqlite3.Error as error:
            self._version = -1
            roll_back(connection)
            raise self._file.translate(error) from error
        except BaseException:
            self._version = -1
            roll_back(connection)
            raise
        result = self._finish(connection, step)
        self._promptness.took(began, here=False)
        if not self._file.is_current:
            # It was replaced meanwhile. What this step noted has to stand where others look before anything is sent.
            self._apply(_change_nothing)
        return result

    # --- parts of a transaction -------------------------------------------------------------------------------------

    def _seen(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Return what changes when another connection has written to the file, or this one was opened anew."""
        (number,) = connection.execute("PRAGMA data_version").fetchone()
        return self._file.opened, number

    def _finish(self, connection: sqlite3.Connection, step: Callable[[Window], T]) -> T:
        """Take *step* in the transaction that was begun, and store what it has changed."""
        try:
            result = step(self._draft.window)
            touched = self._store(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            # What the step changed in memory did not happen; it is read anew.
            self._version = -1
            roll_back(connection)
            if isinstance(error, sqlite3.Error):
                raise self._file.translate(error) from error
            raise
        self._draft.stored(touched)
        self._commits += 1
        self._remembered, self._newest, self._written_to = self._draft.window, self._version, self._file.identity
        return result

    def _load(self, connection: sqlite3.Connection, *, replaced: bool) -> None:
        seen = self._seen(connection)
        if self._version > 0 and seen == self._data_version:
            return
        row = connection.execute(_LOOK, (self.key,)).fetchone()
        if row is None or row[1] > SCHEMA_VERSION:
            self._file.check_version(connection)
        if self._version >= 0 and self._version == (0 if row is None else row[0]):
            self._data_version = seen
            return
        state, before = self._read(connection, self.key), self._remembered
        self._version, self._unknown, self._data_version = state.version, state.unknown, seen
        self._text = self._pack(state.window)
        if before is not None and (replaced or row is None or self._version < self._newest):
            # The file is not the one that this process knew last: it gets what was spent and forbidden meanwhile.
            self._draft.recover(state.window, before)
            return
        self._draft.load(state.window)
        if row is None and self._former_key is not None:
            former = self._read(connection, self._former_key)
            if self._former_counts or not former.by_us:
                state.window.inherit(former.window, Instant.read(self._clock))

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

    def _pack(self, window: Window) -> str:
        return self._names.pack(window, self._seconds_ahead(), self._unknown)

    def _seconds_ahead(self) -> float:
        """Return by how much our clock is ahead of `time.monotonic`, by which the version before reads times."""
        if isinstance(self._clock, SystemClock):
            ahead = self._clock.monotonic() - time.monotonic()
            # Two clocks are never read at the same moment; only a suspension makes a real difference.
            if abs(ahead - self._ahead) > 0.01:
                self._ahead = round(ahead, 2)
        return self._ahead

    def _store(self, connection: sqlite3.Connection) -> set[int]:
        """Write what has changed, and return the reservations that were written."""
        window = self._draft.window
        if window.ended:
            self._store_ended(connection)
        text, holdings = self._pack(window), window.holdings
        touched = holdings.touched
        if not touched and text == self._text:
            return touched  # the step only looked
        save = _SAVE_WINDOW if self._version else _NEW_WINDOW
        connection.execute(save, (self._version + 1, boot_id(), text, self.key))
        ahead = self._seconds_ahead() if touched else 0.0
        for number in touched:
            entry = holdings.get(number)
            if entry is None:
                connection.execute(_DROP_ENTRY, (self.key, number))
            else:
                values = stored.entry_values(stored_form(entry, window.rules.lease), ahead)
                connection.execute(_SAVE_ENTRY, (self.key, *values, ahead))
        holdings.touched = set()
        self._text = text
        self._version += 1
        return touched

    def _store_ended(self, connection: sqlite3.Connection) -> None:
        """Note the windows that are over in the history, and forget the oldest of it."""
        window = self._draft.window
        ended, window.ended = window.ended, []
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


_open_ledgers: weakref.WeakSet[SQLiteLedger] = weakref.WeakSet()


@atexit.register
def _flush_all() -> None:
    for ledger in list(_open_ledgers):
        ledger.flush_now()


async def _at_the_end_of_the_loop(ledger: weakref.ref[SQLiteLedger]) -> AsyncGenerator[None]:
    """Store what was noted when the event loop ends: it closes the generators that were begun in it."""
    try:
        yield
    finally:
        if (used := ledger()) is not None:
            used.flush_now()


def _begin(generator: AsyncGenerator[None]) -> AsyncGenerator[None]:
    """Run *generator*, which awaits nothing, up to its yield."""
    with contextlib.suppress(StopIteration):
        generator.__anext__().__await__().__next__()
    return generator


def _flushed(loop: asyncio.AbstractEventLoop, ledger: SQLiteLedger, seconds: float, work: Future[None]) -> None:
    """Try again later to store what was noted, if it could not be stored now."""
    failed = work.cancelled() or work.exception() is not None
    if failed and not loop.is_closed():
        with contextlib.suppress(RuntimeError):  # it is closed at this moment
            loop.call_soon_threadsafe(ledger._flush_later, min(2 * seconds, MAX_FLUSH_SECONDS))


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
