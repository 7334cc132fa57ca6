"""A ledger in PostgreSQL: shared by the processes of several hosts; needs the extra ``postgres``.

The hosts' clocks have no part in it. All times are stored on the *timeline*: the database's clock and a correction,
which takes back whatever that clock is set by. Each process knows by how much its own monotonic clock is ahead of it.
"""

from __future__ import annotations

import contextlib
import copy
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import attrs

from tonicdm import databases
from tonicdm._version import __version__
from tonicdm.budget import forks
from tonicdm.budget.history import MAX_WINDOWS, WindowRecord, appended
from tonicdm.budget.ledgers import LedgerBusyError, stored
from tonicdm.budget.ledgers.listener import Listener
from tonicdm.budget.ledgers.starts import random_first_number
from tonicdm.budget.ledgers.stored import Names, Row
from tonicdm.budget.ledgers.threads import LedgerThread
from tonicdm.budget.rules import BudgetRules
from tonicdm.budget.window import Window
from tonicdm.clock import MAX_DRIFT, SET_TOLERANCE_SECONDS, Clock, DatabaseClock, SystemClock
from tonicdm.databases import (
    BEGIN,
    CONNECT_SECONDS,
    connect,
    conninfo_of,
    creating,
    first_line,
    form_of,
    leave_to_parent,
    shown,
)
from tonicdm.errors import ConfigError, LedgerUnavailableError

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
Statement: TypeAlias = tuple[str, tuple[Any, ...]]
"""An SQL statement, and its values."""

SCHEMA: Final = "tonicdm_budget"
"""The schema of all budgets of a database."""
FORM: Final = 1
"""The form of its tables; higher ones are of later versions."""
STATEMENT_MS: Final = 5_000
"""Milliseconds that one statement may take, waiting for another process included."""
SILENCE_MS: Final = 10_000
"""Milliseconds that a process may say nothing within a step, which has the row locked; then its session is ended."""
PEEK_SECONDS: Final = 0.5
"""Seconds for which somebody who only looks waits for the database; then the window as last known is shown."""
SAME_SECONDS: Final = 0.1
"""Seconds below which two readings of both clocks count as the same: the network's delay differs from step to step."""
POLL_SECONDS: Final = 1.0
"""How often to look for what others changed where nobody notifies us."""
NOTIFIED_POLL_SECONDS: Final = 5.0
"""The same where notifications come; one may be lost with its connection."""

_SQL_TYPES: Final = {int: "bigint", float: "double precision", str: "text"}
_COLUMNS: Final = {value.name: _SQL_TYPES[value.value_type] for value in stored.ENTRY}
_TABLES: Final = (
    creating(SCHEMA),
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.form (number integer NOT NULL)",
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.budget (
        key text PRIMARY KEY, version bigint NOT NULL, correction double precision NOT NULL, state text NOT NULL
    )
    """,
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.entry (key text NOT NULL, number bigint NOT NULL, PRIMARY KEY (key, number))",
    *(f"ALTER TABLE {SCHEMA}.entry ADD COLUMN IF NOT EXISTS {name} {type_}" for name, type_ in _COLUMNS.items()),
    f"""
    CREATE TABLE IF NOT EXISTS {SCHEMA}.history (
        key text NOT NULL, ended_at double precision NOT NULL, record text NOT NULL, PRIMARY KEY (key, ended_at)
    )
    """,
)
_NAMES: Final = ", ".join(value.name for value in stored.ENTRY)
_LOCK_ROW: Final = (
    f"SELECT version, correction, CASE WHEN version <> %s THEN state END FROM {SCHEMA}.budget WHERE key = %s FOR UPDATE"  # noqa: S608
)
_MAKE_ROW: Final = f"INSERT INTO {SCHEMA}.budget VALUES (%s, 0, 0, '') ON CONFLICT (key) DO NOTHING"  # noqa: S608
_READ_ENTRIES: Final = (
    f"SELECT {_NAMES} FROM {SCHEMA}.entry WHERE key = %s "  # noqa: S608
    f"AND EXISTS (SELECT 1 FROM {SCHEMA}.budget WHERE key = %s AND version <> %s)"
)
_SAVE_STATE: Final = f"UPDATE {SCHEMA}.budget SET version = %s, correction = %s, state = %s WHERE key = %s"  # noqa: S608
_SAVE_ENTRY: Final = (
    f"INSERT INTO {SCHEMA}.entry (key, {_NAMES}) VALUES (%s{', %s' * len(stored.ENTRY)}) "  # noqa: S608
    "ON CONFLICT (key, number) DO UPDATE SET "
    + ", ".join(f"{value.name} = excluded.{value.name}" for value in stored.ENTRY[1:])
)
_READ_HISTORY: Final = f"SELECT record FROM {SCHEMA}.history WHERE key = %s ORDER BY ended_at DESC LIMIT %s"  # noqa: S608
_TRIM_HISTORY: Final = (
    f"DELETE FROM {SCHEMA}.history WHERE key = %s AND ended_at <= "  # noqa: S608
    f"(SELECT ended_at FROM {SCHEMA}.history WHERE key = %s ORDER BY ended_at DESC LIMIT 1 OFFSET %s)"
)
_DROP_ENTRY: Final = f"DELETE FROM {SCHEMA}.entry WHERE key = %s AND number = %s"  # noqa: S608


@attrs.frozen
class _Held:
    """The budget's row while it is locked."""

    version: int
    correction: float
    moved: bool
    """Whether the correction was changed, because the database's clock was set."""
    state: str
    """What stands there; empty where nobody has changed it since, or nothing stands there yet."""
    entries: list[Any]
    """The reservations, where somebody has changed them since."""


class PostgreSQLLedger:
    """Keeps the window in a row of a table; a step is one transaction that has the row locked.

    A process has at most two connections: one for the steps, one that is notified when units come free elsewhere.

    Args:
        url: ``postgresql://…``; a password in it is shown nowhere.
        key: Which budget of the database; derived from the token by the client.
        rules: The budget's settings.
        clock: Ours; only its monotonic readings count.
        time_sql: What the database's time is read by, Unix seconds.

    Raises:
        ConfigError: *url* is none, or psycopg is not installed.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str,
        rules: BudgetRules | None = None,
        clock: Clock | None = None,
        time_sql: str = "extract(epoch FROM clock_timestamp())::float8",
    ) -> None:
        self._conninfo, self._where = conninfo_of(url), shown(url)
        self.key = key
        self.poll_seconds: float | None = POLL_SECONDS
        self._rules = rules or BudgetRules()
        self._clock = clock or SystemClock()
        self._read_time = f"SELECT {time_sql}"
        self._thread = LedgerThread(self._transact)
        self._connection: psycopg.Connection[Any] | None = None
        self._listener: Listener | None = None
        self._on_change: Callable[[], None] | None = None
        self._lock, self._held = threading.Lock(), False
        self._names = Names()
        self._window = self._shown = Window(self._rules)
        self._version = -1
        self._correction = 0.0
        self._text = ""
        self._unknown: Row = {}
        self._ahead: float | None = None
        self._read_at = 0.0
        self.clock: Clock = DatabaseClock(self._clock, self._wall)
        """Tells the database's time, so that the hosts' wall clocks may differ."""
        forks.watch(self)

    @property
    def where(self) -> str:
        """Host and database, without user and password."""
        return self._where

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step* in a transaction on the ledger's thread."""
        return await self._thread.run(step, undo)

    def peek(self) -> Window:
        """Return the window as it stands in the database, or as last known where that can't be had at once."""
        if not self._thread.closed:
            with contextlib.suppress(Exception):  # it is shown to people; a step tells what is wrong
                self._shown = self._thread.submit(lambda: self._transact(copy.deepcopy)).result(timeout=PEEK_SECONDS)
        return self._shown

    def history(self) -> list[WindowRecord]:
        """Read the windows that are over."""
        if self._thread.closed:
            return []
        try:
            return self._thread.submit(self._read_history).result(timeout=STATEMENT_MS / 1000)
        except (LedgerBusyError, TimeoutError):
            return []

    def on_change(self, call: Callable[[], None]) -> None:
        """Call *call*, from another thread, when another process has changed what waiting calls wait for."""
        self._on_change = call

    async def close(self) -> None:
        """Finish what is queued and close both connections."""
        if self._listener is not None:
            self._listener.stop()
        await self._thread.close(self._disconnect)

    # --- forks --------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Wait for the step that runs."""
        self._held = self._lock.acquire(timeout=CONNECT_SECONDS)

    def after_fork_in_parent(self) -> None:
        """Let the steps go on."""
        if self._held:
            self._lock.release()

    def after_fork_in_child(self) -> None:
        """Take a thread and connections of its own; to end the parent's sessions would be a fault in the parent."""
        self._lock, self._version, self._ahead = threading.Lock(), -1, None
        self._thread.forget()
        if self._connection is not None:
            leave_to_parent(self._connection)
        if self._listener is not None:
            self._listener.leave_to_parent()
        self._connection = self._listener = None

    # --- on the ledger's thread ---------------------------------------------------------------------------------

    def _transact(self, step: Callable[[Window], T]) -> T:
        import psycopg

        with self._lock:
            try:
                connection = self._connect()
                # Two round trips: one to the lock, and one to the commit.
                result = self._apply(connection, step)
            except psycopg.Error as error:
                self._undone()
                raise self._translate(error) from error
            except BaseException:
                self._undone()
                raise
        self._listen()
        return result

    def _undone(self) -> None:
        """Roll back; what the step changed in memory did not happen, and is read anew."""
        import psycopg

        self._version = -1
        if self._connection is not None:
            try:
                self._connection.rollback()
            except psycopg.Error:
                self._disconnect()

    def _apply(self, connection: psycopg.Connection[Any], step: Callable[[Window], T]) -> T:
        held = self._lock_row(connection)
        if held.version != self._version:
            self._load(held)
            held = self._not_behind(held)
        free = _free(self._window)
        result = step(self._window)
        if self._window.ended:
            self._save_ended(connection)
        changes = self._changes(held.correction, moved=held.moved)
        if changes and _free(self._window) > free:
            changes.append(("SELECT pg_notify(%s, %s)", (SCHEMA, f"{self.key} {self._name}")))
        _sent(connection, [*changes, ("COMMIT", ())])
        if changes:
            self._window.holdings.touched.clear()
            self._text = self._pack()
            self._version += 1
            self._correction = held.correction  # before the commit it holds for nobody
        return result

    def _lock_row(self, connection: psycopg.Connection[Any]) -> _Held:
        """Lock the budget's row, and read what others have changed and the database's clock."""
        begin = [
            (BEGIN, ()),
            ("SET LOCAL extra_float_digits = 1", ()),
            (f"SET LOCAL statement_timeout = {STATEMENT_MS}", ()),
            (f"SET LOCAL idle_in_transaction_session_timeout = {SILENCE_MS}", ()),
        ]
        # The time is a statement of its own: read with the row, it would be that before the wait for the lock.
        look: list[Statement] = [
            (_LOCK_ROW, (self._version, self.key)),
            (_READ_ENTRIES, (self.key, self.key, self._version)),
            (self._read_time, ()),
        ]
        rows, entries, now = _sent(connection, [*begin, *look])[-3:]
        if not rows:
            rows, entries, now = _sent(connection, [(_MAKE_ROW, (self.key,)), *look])[-3:]
        ((version, correction, state),), ((time_now,),) = rows, now
        was = correction
        correction += self._jump(float(time_now) + correction, correction)
        return _Held(int(version), correction, correction != was, state or "", entries)

    def _jump(self, timeline: float, correction: float) -> float:
        """Return the seconds to add to the correction because the database's clock was set; mostly 0.

        Whether it was set or our own clock stood still can't be told apart. To go on without a jump errs on the safe
        side: times that were stored pass later at most. Who sees that another process has corrected it already, takes
        that as it is.
        """
        now = self._clock.monotonic()
        ahead, before = now - timeline, self._ahead
        elapsed, self._read_at = now - self._read_at, now
        if before is None or correction != self._correction:
            self._ahead, self._correction = ahead, correction
            return 0.0
        moved = ahead - before
        if abs(moved) > SET_TOLERANCE_SECONDS + MAX_DRIFT * elapsed:
            return moved
        if abs(moved) > SAME_SECONDS:
            self._ahead = ahead
        return 0.0

    def _not_behind(self, held: _Held) -> _Held:
        """Correct a timeline on which the last response of the server is still to come.

        So it is where the clock was set back while no process ran that could have noticed.
        """
        heard, now = self._window.clock, self._clock.monotonic()
        behind = 0.0 if heard.low is None or self._ahead is None else heard.at - now
        if behind <= SET_TOLERANCE_SECONDS:
            return held
        self._ahead = (self._ahead or 0.0) - behind
        self._load(held)
        return attrs.evolve(held, correction=held.correction + behind, moved=True)

    def _load(self, held: _Held) -> None:
        ahead = self._ahead or 0.0
        names = [value.name for value in stored.ENTRY]
        try:
            entries = [stored.entry_from(dict(zip(names, values, strict=True)), ahead) for values in held.entries]
            if held.state:
                row, _ = self._names.read(held.state, None)
                self._window = self._names.unpack(row, entries, self._rules, ahead)
                self._unknown = self._names.unknown(row)
            else:
                self._window, self._unknown = Window(self._rules), {}
                self._window.holdings.next_number = random_first_number()
                stored.fill(self._window, entries)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise LedgerUnavailableError(
                f"the budget {self.key} in {self._where} is damaged: its state can't be decoded ({error!r}). Nothing "
                f"was sent. Delete its row from {SCHEMA}.budget, and a new one is begun",
                ledger=self._where,
            ) from error
        self._version, self._text = held.version, self._pack()

    def _pack(self) -> str:
        return self._names.pack(self._window, self._ahead or 0.0, self._unknown)

    def _changes(self, correction: float, *, moved: bool) -> list[Statement]:
        """Return the statements that store what the step has changed; none where it only looked."""
        text, holdings = self._pack(), self._window.holdings
        if not holdings.touched and text == self._text and not moved:
            return []
        changes: list[Statement] = [(_SAVE_STATE, (self._version + 1, correction, text, self.key))]
        for number in holdings.touched:
            entry = holdings.get(number)
            if entry is None:
                changes.append((_DROP_ENTRY, (self.key, number)))
            else:
                changes.append((_SAVE_ENTRY, (self.key, *stored.entry_values(entry, self._ahead or 0.0))))
        return changes

    def _save_ended(self, connection: psycopg.Connection[Any]) -> None:
        """Note the windows that are over in the history, and forget the oldest of it."""
        ended, self._window.ended = self._window.ended, []
        last = _records(connection.execute(_READ_HISTORY, (self.key, 1)))
        if last:
            connection.execute(
                f"DELETE FROM {SCHEMA}.history WHERE key = %s AND ended_at = %s",  # noqa: S608
                (self.key, last[0].ended_at),
            )
        for record in appended(last, ended, self._rules.reset_tolerance):
            connection.execute(
                f"INSERT INTO {SCHEMA}.history VALUES (%s, %s, %s) "  # noqa: S608
                "ON CONFLICT (key, ended_at) DO UPDATE SET record = excluded.record",
                (self.key, record.ended_at, record.to_json()),
            )
        connection.execute(_TRIM_HISTORY, (self.key, self.key, MAX_WINDOWS))

    def _read_history(self) -> list[WindowRecord]:
        import psycopg

        with self._lock:
            try:
                return _records(self._connect().execute(_READ_HISTORY, (self.key, MAX_WINDOWS)))[::-1]
            except psycopg.Error as error:
                raise self._translate(error) from error

    def _wall(self) -> float | None:
        """Return the database's time, Unix seconds; None before it was read."""
        return None if self._ahead is None else self._clock.monotonic() - self._ahead

    # --- connections --------------------------------------------------------------------------------------------

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            self._connection = connect(self._conninfo, "tonicdm-budget", self._prepare)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listen(self) -> None:
        """Begin to listen, once there is somebody to wake."""
        if self._on_change is None or self._thread.closed:
            return
        if self._listener is None:
            self._listener = Listener(self._conninfo, SCHEMA, self._notified)
            self._listener.start()
        self.poll_seconds = NOTIFIED_POLL_SECONDS if self._listener.works else POLL_SECONDS

    @property
    def _name(self) -> str:
        """What this ledger is called in notifications: nobody is woken by itself."""
        return f"{os.getpid()}-{id(self)}"

    def _notified(self, payload: str) -> None:
        key, _, sender = payload.partition(" ")
        if key == self.key and sender != self._name and self._on_change is not None:
            self._on_change()

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        """Make the tables where they are missing, and refuse those of a later version.

        Raises:
            ConfigError: They are of a later version.
            LedgerUnavailableError: They are not there, and this role may not make them.
        """
        import psycopg

        form = form_of(connection, SCHEMA)
        if form is None:
            try:
                make_tables(connection)
            except psycopg.errors.InsufficientPrivilege as error:
                raise LedgerUnavailableError(
                    f"{self._where} has no tables for budgets, and this role may not make them ({first_line(error)}). "
                    "Nothing was sent. Let a role that owns the database run: tonicdm jobs upgrade --database URL",
                    ledger=self._where,
                ) from None
        elif form > FORM:
            raise ConfigError(
                f"the budgets in {self._where} were written by a newer tonicdm: they have form {form}, and tonicdm "
                f"{__version__} reads form {FORM}. Nothing was sent. Upgrade this one, or name another database"
            )

    def _translate(self, error: psycopg.Error) -> Exception:
        """Return what *error* means: whether to try again, or that somebody has to mend something."""
        import psycopg

        if self._connection is not None and (self._connection.closed or self._connection.broken):
            self._disconnect()
        lasting = (
            psycopg.errors.InvalidAuthorizationSpecification,
            psycopg.errors.InvalidCatalogName,
            psycopg.errors.InsufficientPrivilege,
            psycopg.errors.UndefinedTable,
            psycopg.errors.UndefinedColumn,
        )
        if isinstance(error, lasting):
            self._disconnect()  # tables that were taken away are made again
            return LedgerUnavailableError(
                f"the budget in {self._where} can't be used as it is ({first_line(error)}). Nothing was sent. Name "
                "another one (TONICDM_BUDGET, or budget=)",
                ledger=self._where,
            )
        return LedgerBusyError(f"the budget in {self._where} can't be used now ({first_line(error)})")


def make_tables(connection: psycopg.Connection[Any]) -> None:
    """Make the tables of budgets."""
    databases.make_tables(connection, SCHEMA, FORM, _TABLES)


def _sent(connection: psycopg.Connection[Any], statements: Sequence[Statement]) -> list[list[Any]]:
    """Send statements in one message, and return the rows of each, in one round trip.

    Their values are put in by the driver, as the protocol has no other way for several statements at once.
    """
    import psycopg

    text = "; ".join(sql for sql, _ in statements)
    cursor = psycopg.ClientCursor(connection)
    cursor.execute(text.encode(), [value for _, values in statements for value in values])
    found = []
    while True:
        found.append([] if cursor.description is None else cursor.fetchall())
        if not cursor.nextset():
            return found


def _records(rows: Iterable[tuple[str]]) -> list[WindowRecord]:
    records = (WindowRecord.from_json(text) for (text,) in rows)
    return [record for record in records if record is not None]


def _free(window: Window) -> tuple[bool, bool, int, float]:
    """Return what waiting calls wait for; greater when more of them may go."""
    left = 0 if window.probing else window.limit - window.used - window.held
    turn_is_free = window.first is None or window.holdings.get(window.first) is None
    return window.cooldown.until_or_paused is None, turn_is_free, left, window.reset or 0.0
