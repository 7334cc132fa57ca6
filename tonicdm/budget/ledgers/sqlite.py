"""A ledger in a SQLite file: shared by the processes of one host, and there after a restart."""

from __future__ import annotations

import contextlib
import copy
import os
import pathlib
import sqlite3
import threading
from collections.abc import Callable, Generator
from typing import Final, TypeVar

from tonicdm.budget import forks
from tonicdm.budget.history import WindowRecord
from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.ledgers.file import DamagedError, LedgerFile
from tonicdm.budget.ledgers.inloop import StepsInLoop
from tonicdm.budget.ledgers.tables import StoredWindow, read_history
from tonicdm.budget.ledgers.threads import LedgerThread
from tonicdm.budget.ledgers.transactions import Transactions, change_nothing
from tonicdm.budget.rules import BudgetRules
from tonicdm.budget.window import Window
from tonicdm.clock import Clock
from tonicdm.errors import TonicDMError

T = TypeVar("T")

FORK_SECONDS: Final = 2.0
"""Seconds that a fork waits for a step; one step waits less for another process."""


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
        self._rules = rules or BudgetRules()
        self._file = LedgerFile(self.path, replaceable=replaceable)
        self._state = Transactions(
            self._file,
            key=key,
            rules=self._rules,
            clock=clock,
            former_key=former_key,
            former_counts=former_counts,
        )
        self._thread = LedgerThread(self._transact)
        self._here = StepsInLoop(self._state, self._thread)
        self._peeking = threading.Lock()
        self._locked: list[threading.Lock] = []
        forks.watch(self)

    @property
    def where(self) -> str:
        """The file's path."""
        return str(self.path)

    # --- steps --------------------------------------------------------------------------------------------------

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step* in a transaction: at once, or on the ledger's thread where it might have to wait."""
        done = self._here.run(step)
        if done is None:
            return await self._thread.run(step, undo)
        if not self._file.is_current:
            # It was replaced meanwhile. What this step noted has to stand where others look before anything is sent.
            await self._thread.run(change_nothing, undo)
        return done[0]

    def reserve_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Reserve units in a transaction, which stores no more than them where that makes nobody less careful.

        Whether the file was replaced meanwhile, the gate asks before anything is sent.
        """
        return self._here.reserve(step)

    def note_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Take in how a call went; stored with the next step, or by a timer, where that makes nobody less careful."""
        return self._here.note(step)

    def check_now(self, step: Callable[[Window], T]) -> tuple[T] | None:
        """Let a call pass the gate, whose reservation is stored as a call under way already."""
        return self._here.check(step)

    def _transact(self, step: Callable[[Window], T]) -> T:
        result = self._state.run(step)
        self._here.tidy_up()
        return result

    # --- views --------------------------------------------------------------------------------------------------

    def peek(self) -> Window:
        """Read the window as it stands in the file; a reader in WAL mode waits for nobody."""
        newest, known_file = self._state.newest, self._state.written_to
        beyond = self._state.draft.beyond()  # before the file is read: what is stored meanwhile may be entered twice
        state = None
        with contextlib.suppress(sqlite3.Error, DamagedError):
            # No tables yet, as another process makes the file just now; or it is damaged, which the next step reports.
            if self._file.exists:
                state = self._read_for_peek()
        if state is not None and state.version >= newest and (known_file is None or self._file.is_current):
            beyond.enter_in(state.window)
            return state.window
        with self._state.lock:
            before = copy.deepcopy(self._state.remembered)
        if state is None or before is None:
            return before or (Window(self._rules) if state is None else state.window)
        # Another file than was known: what the next step will enter is shown already.
        state.window.recover(before)
        return state.window

    def _read_for_peek(self) -> StoredWindow:
        with self._reader() as reader:
            reader.execute("BEGIN")
            tables = {name for (name,) in reader.execute("SELECT name FROM sqlite_master")}
            # The version before may have made the file; it is given what it lacks by the first step.
            return self._state.tables.read(reader, self.key, with_kept="kept" in tables)

    def history(self) -> list[WindowRecord]:
        """Read the windows that are over; a reader in WAL mode waits for nobody."""
        with contextlib.suppress(sqlite3.Error):  # no such table: the version before made the file
            if self._file.exists:
                with self._reader() as reader:
                    return read_history(reader, self.key)
        return []

    @contextlib.contextmanager
    def _reader(self) -> Generator[sqlite3.Connection]:
        with (
            self._peeking,
            contextlib.closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)) as reader,
        ):
            yield reader

    def on_change(self, call: Callable[[], None]) -> None:
        """Do nothing: SQLite tells nobody of changes, so the file is looked at every `poll_seconds`."""

    # --- life ---------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Finish what is queued, store what was noted, and close the file."""
        await self._thread.close(self._close)
        self._here.close()

    def _close(self) -> None:
        with contextlib.suppress(LedgerBusyError, TonicDMError):  # what is lost makes others more careful
            self._here.store_notes()
        with self._state.lock:
            self._file.disconnect()

    def before_fork(self) -> None:
        """Wait for the step that runs: SQLite's own locks must not be held in the child for ever."""
        self._locked = [lock for lock in (self._state.lock, self._peeking) if lock.acquire(timeout=FORK_SECONDS)]

    def after_fork_in_parent(self) -> None:
        """Let the steps go on."""
        for lock in self._locked:
            lock.release()
        self._locked = []

    def after_fork_in_child(self) -> None:
        """Take a thread and a connection of its own; those of the parent are not there, or must not be used."""
        self._peeking, self._locked = threading.Lock(), []
        self._thread.forget()
        self._state.forget()
        self._here.forget()
