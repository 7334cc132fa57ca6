"""Steps of a SQLite ledger that are taken in the event loop, as long as nothing has to be waited for.

A hop to a thread and back costs more than the step. What is not stored at once is stored by a timer, or at the end of
the loop or of the process.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import sqlite3
import weakref
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from typing import Final, TypeVar

from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.ledgers.file import DamagedError, MissingError, roll_back
from tonicdm.budget.ledgers.threads import LedgerThread, ignore_error
from tonicdm.budget.ledgers.transactions import Transactions, change_nothing
from tonicdm.budget.window import Window

T = TypeVar("T")

FLUSH_SECONDS: Final = 0.05
"""Seconds that other processes learn later how a call went, at most, while no reservation tells it."""
MAX_FLUSH_SECONDS: Final = 5.0
"""Seconds between two tries where the file can't be used."""
CHECKPOINT_COMMITS: Final = 256
"""Transactions of this process after which the log is copied into the file; each writes some three pages."""


class StepsInLoop:
    """Takes steps at once, or not at all: whatever would have to wait is left to the thread.

    Args:
        state: The window in the file.
        thread: Takes the other steps. One that is queued there is not overtaken.
    """

    def __init__(self, state: Transactions, thread: LedgerThread) -> None:
        self._state = state
        self._thread = thread
        self._timer: tuple[asyncio.AbstractEventLoop, asyncio.TimerHandle] | None = None
        self._end: tuple[asyncio.AbstractEventLoop, AsyncGenerator[None]] | None = None
        _open.add(self)

    def forget(self) -> None:
        """Leave the timer to the process that this one was forked from."""
        self._timer = self._end = None

    def close(self) -> None:
        """Store nothing more at the end of the process: it is done."""
        _open.discard(self)

    # --- steps --------------------------------------------------------------------------------------------------

    def run(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Take *step* in a transaction at once; None where it has to be taken on the thread."""
        return self._transact(step)

    def reserve(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Reserve units in a transaction at once; None where that has to be done on the thread.

        What was noted before is stored with them only if others have written, so that it never becomes much.
        """
        return self._transact(step, reserves=True)

    def note(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Take in how a call went; stored by a timer, or with a later step, where that makes nobody less careful.

        What others have written since the last look is not asked for. The next look finds it, and then takes in
        again what is noted here.
        """
        return self._tell(step, self._state.draft.note, looks=False)

    def check(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Let a call pass the gate, whose reservation is stored as a call under way already."""
        return self._tell(step, self._state.draft.check, looks=True)

    def _transact(self, step: Callable[[Window], T], *, reserves: bool = False) -> tuple[T] | None:
        connection = self._enter()
        if connection is None:
            return None
        began, known = self._state.promptness.begin(), self._state.draft.window
        try:
            if not self._begin(connection):
                return None
            nobody_wrote = self._state.draft.window is known
            return (self._finish(connection, step, reserves=reserves and nobody_wrote),)
        finally:
            self._leave(began)

    def _tell(
        self, step: Callable[[Window], T], take: Callable[[Callable[[Window], T]], T], *, looks: bool
    ) -> tuple[T] | None:
        connection = self._enter(looks=looks)
        if connection is None:
            return None
        try:
            if (looks or not self._state.is_read) and not self._refresh(connection):
                return None
            result = self._take(step, take)
            if not self._state.draft.may_wait:
                return self._store_now(connection, step, result)
        finally:
            self._leave()
        self.flush_later(FLUSH_SECONDS)
        return (result,)

    def _take(self, step: Callable[[Window], T], take: Callable[[Callable[[Window], T]], T]) -> T:
        try:
            return take(step)
        except BaseException:
            self._discard()
            raise

    def _discard(self) -> None:
        """Read the window anew before it is used again, without what was noted last."""
        self._state.draft.take_back()
        self._state.read_anew()

    def _store_now(self, connection: sqlite3.Connection, step: Callable[[Window], T], result: T) -> tuple[T] | None:
        """Store what was taken in just now, and can't wait; what others have written meanwhile decides anew."""
        began = self._state.promptness.begin()
        try:
            if not self._state.file.is_current or not self._begin(connection, read_anew=False):
                self._discard()
                return None
            if self._state.is_up_to_date(connection):
                return (self._finish(connection, lambda _: result),)
            self._discard()
            return (self._finish(connection, step),) if self._load(connection) else None
        except sqlite3.Error:  # the thread meets it too, and says what it means
            self._discard()
            roll_back(connection)
            return None
        except BaseException:
            self._discard()
            roll_back(connection)
            raise
        finally:
            self._state.promptness.took(began, here=True)

    # --- parts of a step --------------------------------------------------------------------------------------------

    def _enter(self, *, looks: bool = True) -> sqlite3.Connection | None:
        """Take the lock, and return the connection, if a step may be taken here and now.

        Args:
            looks: Whether it has to go to the file that others find at the path.
        """
        state = self._state
        if not state.promptness.quick or not self._thread.idle or not state.lock.acquire(blocking=False):
            return None
        file = state.file
        connection = file.ready if state.written_to == file.identity and (not looks or file.is_current) else None
        if connection is None or self._thread.closed:
            state.lock.release()
            return None
        return connection

    def _leave(self, began: tuple[float, int] | None = None) -> None:
        self._state.lock.release()
        if began is not None:
            self._state.promptness.took(began, here=True)
            self.tidy_up()

    def _refresh(self, connection: sqlite3.Connection) -> bool:
        """Read what others have written since, if anything; False where that takes a step of the thread."""
        try:
            if self._state.is_up_to_date(connection):
                return True
            began = self._state.promptness.begin()
            connection.execute("BEGIN")
        except sqlite3.Error:
            return False
        loaded = self._load(connection, only_newer=True)
        if loaded:
            roll_back(connection)
            self._state.loaded()
        self._state.promptness.took(began, here=True)
        return loaded

    def _begin(self, connection: sqlite3.Connection, *, read_anew: bool = True) -> bool:
        """Begin a transaction, if no other process holds the file."""
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error:
            return False
        return self._load(connection) if read_anew else True

    def _load(self, connection: sqlite3.Connection, *, only_newer: bool = False) -> bool:
        try:
            if only_newer and not self._is_newer(connection):
                roll_back(connection)
                return False
            self._state.load(connection, replaced=False)
        except Exception:  # noqa: BLE001 - the thread meets it too, and says what it means
            self._state.read_anew()
            roll_back(connection)
            return False
        return True

    def _is_newer(self, connection: sqlite3.Connection) -> bool:
        found = self._state.tables.look(connection, self._state.key)
        return found is not None and found[0] >= self._state.newest

    def _finish(self, connection: sqlite3.Connection, step: Callable[[Window], T], *, reserves: bool = False) -> T:
        try:
            return self._state.finish(connection, step, reserves=reserves)
        except (DamagedError, MissingError) as error:
            # The next step, on the thread, sets the file aside or makes its tables.
            raise LedgerBusyError(str(error)) from error

    # --- what is not stored yet -------------------------------------------------------------------------------------

    def flush_later(self, seconds: float) -> None:
        """Store what was noted *seconds* from now, unless that is to be done already.

        Outside of a loop, where a call that was begun in one is thrown away, that is left to a later step.
        """
        timer = self._timer  # read once: the loop of another thread may take it away
        if timer is not None and not timer[0].is_closed():
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._end is None or self._end[0] is not loop:
            self._end = loop, _begin(_at_the_end_of_the_loop(weakref.ref(self)))
        self._timer = loop, loop.call_later(seconds, self._flush, seconds)

    def _flush(self, seconds: float) -> None:
        """Store what was noted; where that fails, again after a while that grows."""
        self._timer = None
        if not self._state.draft.notes or self._thread.closed:
            return
        try:
            if self.run(change_nothing) is not None:
                return
        except LedgerBusyError:
            pass
        else:
            loop = asyncio.get_running_loop()
            work = self._thread.submit(self.store_notes)
            work.add_done_callback(functools.partial(_flushed, loop, self, seconds))
            return
        self.flush_later(min(2 * seconds, MAX_FLUSH_SECONDS))

    def store_notes(self) -> None:
        """Store what was noted, on the thread.

        Raises:
            LedgerBusyError: It can't be done now.
            LedgerUnavailableError: It can't be done before somebody mends the file.
        """
        if self._state.draft.notes:
            self._state.run(change_nothing)
            self.tidy_up()

    def flush_now(self) -> None:
        """Store what was noted, as far as that can be done now: the loop or the process ends."""
        if self._state.draft.notes and not self._thread.closed:
            with contextlib.suppress(Exception):
                self._state.run(change_nothing)

    def tidy_up(self) -> None:
        """Copy the log into the file, on the thread, if it has become long."""
        if self._state.commits >= CHECKPOINT_COMMITS:
            self._state.commits = 0
            with contextlib.suppress(RuntimeError):  # the thread ends
                self._thread.submit(self._checkpoint).add_done_callback(ignore_error)

    def _checkpoint(self) -> None:
        with self._state.lock:
            self._state.file.checkpoint()


_open: weakref.WeakSet[StepsInLoop] = weakref.WeakSet()


@atexit.register
def _flush_all() -> None:
    for steps in list(_open):
        steps.flush_now()


async def _at_the_end_of_the_loop(steps: weakref.ref[StepsInLoop]) -> AsyncGenerator[None]:
    """Store what was noted when the event loop ends: it closes the generators that were begun in it."""
    try:
        yield
    finally:
        if (used := steps()) is not None:
            used.flush_now()


def _begin(generator: AsyncGenerator[None]) -> AsyncGenerator[None]:
    """Run *generator*, which awaits nothing, up to its yield."""
    with contextlib.suppress(StopIteration):
        generator.__anext__().__await__().__next__()
    return generator


def _flushed(loop: asyncio.AbstractEventLoop, steps: StepsInLoop, seconds: float, work: Future[None]) -> None:
    """Try again later to store what was noted, if it could not be stored now."""
    failed = work.cancelled() or work.exception() is not None
    if failed and not loop.is_closed():
        with contextlib.suppress(RuntimeError):  # it is closed at this moment
            loop.call_soon_threadsafe(steps.flush_later, min(2 * seconds, MAX_FLUSH_SECONDS))
