"""The window of one budget in a ledger file: what this process knows of it, and the steps that change it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from typing import TypeVar

from tonicdm.budget.ledgers.draft import Draft
from tonicdm.budget.ledgers.file import SCHEMA_VERSION, DamagedError, LedgerFile, MissingError, roll_back
from tonicdm.budget.ledgers.tables import Tables
from tonicdm.budget.ledgers.threads import Promptness
from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.window import Window
from tonicdm.clock import Clock
from tonicdm.errors import LedgerUnavailableError

T = TypeVar("T")


class Transactions:
    """Takes steps, each in an immediate transaction.

    Args:
        file: Where the window is kept.
        key: Which budget of the file.
        rules: The budget's settings.
        clock: Read when the machine was restarted since the last use.
        former_key: Under which key this budget was kept before, if it was another one.
        former_counts: Whether whatever stands there counts; else only what the version before wrote.
    """

    def __init__(
        self,
        file: LedgerFile,
        *,
        key: str,
        rules: BudgetRules,
        clock: Clock,
        former_key: str | None,
        former_counts: bool,
    ) -> None:
        self.file = file
        self.key = key
        self.tables: Tables = Tables(rules, clock)
        self.draft: Draft = Draft(Window(rules))
        self.promptness: Promptness = Promptness()
        self.lock: threading.Lock = threading.Lock()
        """Held by whoever uses the connection, or what is noted here."""
        self.commits: int = 0
        """Transactions since the log was copied into the file."""
        self.newest: int = -1
        """The latest version of the window that this process has known."""
        self.written_to: tuple[int, int] | None = None
        """The file that it was read from or written to last."""
        self.remembered: Window | None = None
        """The window as it was known last."""
        self._clock = clock
        self._former_key, self._former_counts = former_key, former_counts
        self._data_version = (-1, -1)
        self._version = -1

    def forget(self) -> None:
        """Leave what is not stored, and the connection, to the process that this one was forked from."""
        self.lock = threading.Lock()
        self.file.forget()
        self.draft.forget()
        self.promptness = Promptness()
        self.read_anew()

    def read_anew(self) -> None:
        """Let nothing of the window in memory count: what was changed there did not happen, or not all that did."""
        self._version = -1

    # --- whole steps, which wait for other processes --------------------------------------------------------------

    def run(self, step: Callable[[Window], T]) -> T:
        """Take *step*, once; a damaged file is set aside, where that is allowed.

        Raises:
            LedgerBusyError: It can't be done now.
            LedgerUnavailableError: It can't be done before somebody mends the file.
        """
        with self.lock:
            try:
                return self._run_with_tables(step)
            except DamagedError as error:
                self.file.set_aside(error)
            try:
                return self._run_with_tables(step)
            except DamagedError as error:
                raise self._useless(f"is damaged again as soon as it is made ({error})") from error

    def _run_with_tables(self, step: Callable[[Window], T]) -> T:
        try:
            return self._run(step)
        except MissingError:
            pass  # opening the file anew makes its tables
        try:
            return self._run(step)
        except MissingError as error:
            raise self._useless(f"can't be used as it is ({error})") from error

    def _useless(self, why: str) -> LedgerUnavailableError:
        path = self.file.path
        return LedgerUnavailableError(
            f"the budget file {path} {why}. Nothing was sent. Name another one (TONICDM_BUDGET, or budget=)",
            ledger=str(path),
        )

    def _run(self, step: Callable[[Window], T]) -> T:
        connection = self.file.connect()
        # What this process wrote last stands in another file: it was replaced since, or set aside.
        replaced = self.written_to not in {None, self.file.identity}
        if replaced:
            self.read_anew()
        try:
            connection.execute("BEGIN IMMEDIATE")
            began = self.promptness.begin()
            self.load(connection, replaced=replaced)
        except sqlite3.Error as error:
            self.read_anew()
            roll_back(connection)
            raise self.file.translate(error) from error
        except BaseException:
            self.read_anew()
            roll_back(connection)
            raise
        result = self.finish(connection, step)
        self.promptness.took(began, here=False)
        if not self.file.is_current:
            # It was replaced meanwhile. What this step noted has to stand where others look before anything is sent.
            self._run(change_nothing)
        return result

    # --- parts of a step --------------------------------------------------------------------------------------------

    @property
    def is_read(self) -> bool:
        """Whether the window in memory counts."""
        return self._version > 0

    def is_up_to_date(self, connection: sqlite3.Connection) -> bool:
        """Tell whether nobody else has written since the window was read."""
        return self._version > 0 and self._seen(connection) == self._data_version

    def _seen(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Return what changes when another connection has written to the file, or this one was opened anew."""
        (number,) = connection.execute("PRAGMA data_version").fetchone()
        return self.file.opened, number

    def load(self, connection: sqlite3.Connection, *, replaced: bool) -> None:
        """Read the window, if somebody else has written it since.

        Args:
            connection: In a transaction.
            replaced: Whether the file is another one than the one that was written to last.

        Raises:
            ConfigError: The file is a later version's.
            DamagedError: What stands there can't be decoded.
        """
        seen = self._seen(connection)
        if self._version > 0 and seen == self._data_version:
            return
        found = self.tables.look(connection, self.key)
        if found is None or found[1] > SCHEMA_VERSION:
            self.file.check_version(connection)
        if self._version >= 0 and self._version == (0 if found is None else found[0]):
            self._data_version = seen
            return
        state, before = self.tables.read(connection, self.key), self.remembered
        self._version, self._data_version = state.version, seen
        self.tables.take(state)
        if before is not None and (replaced or found is None or self._version < self.newest):
            # The file is not the one that this process knew last: it gets what was spent and forbidden meanwhile.
            self.draft.recover(state.window, before)
            return
        self.draft.load(state.window)
        if found is None and self._former_key is not None:
            former = self.tables.read(connection, self._former_key)
            if self._former_counts or not former.by_us:
                state.window.inherit(former.window, Instant.read(self._clock))

    def loaded(self) -> None:
        """Note that the window was read, by a step that writes nothing."""
        self.remembered, self.newest = self.draft.window, self._version

    def finish(self, connection: sqlite3.Connection, step: Callable[[Window], T], *, reserves: bool = False) -> T:
        """Take *step* in the transaction that was begun, and store what it has changed.

        Args:
            connection: In a transaction.
            step: Taken once.
            reserves: Whether *step* does no more than to reserve units; then what was noted before may wait on.
        """
        try:
            result = step(self.draft.window)
            new = self.draft.reserved if reserves else None
            if new is None:
                self._store_all(connection)
            elif new:
                self._store_reserved(connection, new)
            else:
                connection.execute("ROLLBACK")
        except BaseException as error:
            # What the step changed in memory did not happen; it is read anew.
            self.read_anew()
            roll_back(connection)
            if isinstance(error, sqlite3.Error):
                raise self.file.translate(error) from error
            raise
        self.commits += 1
        self.remembered, self.newest, self.written_to = self.draft.window, self._version, self.file.identity
        return result

    def _store_all(self, connection: sqlite3.Connection) -> None:
        holdings = self.draft.window.holdings
        touched, wrote = holdings.touched, self._write(connection)
        connection.execute("COMMIT")
        if wrote:
            holdings.touched = set()
            self._version += 1
        self.draft.stored(touched)

    def _write(self, connection: sqlite3.Connection) -> bool:
        return self.tables.write(connection, self.key, self._version, self.draft.window)

    def _store_reserved(self, connection: sqlite3.Connection, numbers: list[int]) -> None:
        self.tables.write_reserved(connection, self.key, self._version, self.draft.window, numbers)
        connection.execute("COMMIT")
        self._version += 1
        self.draft.stored_reserved(numbers)


def change_nothing(_: Window) -> None:
    """Change nothing."""
