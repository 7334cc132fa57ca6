"""The machine of the window, with each of its steps made through a ledger that is kept: in a file, in a database.

Two processes take turns, so whatever the window knows has to come back from where it is kept.
"""

from __future__ import annotations

import asyncio
import copy
import pathlib
import tempfile
import types
from collections.abc import Callable
from typing import TypeVar

import psycopg
import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests import postgres
from tests.property.budget.test_window_machine import RULES, Call, SharedTokenMachine, WindowMachine
from tonicdm.budget.entries import EntryState
from tonicdm.budget.ledgers import starts, tables
from tonicdm.budget.ledgers.postgresql import PostgreSQLLedger
from tonicdm.budget.ledgers.sqlite import SQLiteLedger
from tonicdm.budget.rules import Granted
from tonicdm.budget.window import Window
from tonicdm.clock import SystemClock

T = TypeVar("T")
MEMORY = pathlib.Path("/dev/shm")
"""Where files do not wait for a disk."""
Ledger = SQLiteLedger | PostgreSQLLedger


class MachineClock(SystemClock):
    """The clocks of the machine under test."""

    def __init__(self, machine: WindowMachine) -> None:
        self.machine = machine

    def now(self) -> float:
        return self.machine.wall

    def monotonic(self) -> float:
        return self.machine.monotonic


class OnLedger(WindowMachine):
    """Two processes on one ledger; a subclass says where it is."""

    latency = 1e-3
    """Seconds that an answer takes at least."""

    def begin_ledger(self) -> None:
        self.runner = asyncio.Runner()
        self.prepare()
        self.open()

    def prepare(self) -> None:
        """Make room for a new ledger."""
        raise NotImplementedError

    def ledger(self) -> Ledger:
        """Open it as one more process does."""
        raise NotImplementedError

    def open(self) -> None:
        self.ledgers = [self.ledger(), self.ledger()]
        self.owners: dict[int, Ledger] = {}
        """Who made a reservation: a call stays with its process."""
        self.look_anew()

    def look_anew(self) -> None:
        self.window = self.runner.run(self.ledgers[0].run(copy.deepcopy))

    def do(self, step: Callable[[Window], T], number: int | None = None) -> T:
        self.ledgers.reverse()
        ledger = self.ledgers[0] if number is None else self.owners.get(number, self.ledgers[0])
        result = self.runner.run(ledger.run(step))
        if isinstance(result, Granted):
            self.owners[result.entry] = ledger
        self.ledgers.reverse()
        self.look_anew()
        self.ledgers.reverse()
        return result

    def settle(self, call: Call, chance: float = 0.5) -> None:
        # No answer comes at the moment at which its call leaves; which was first, two times that are kept don't tell.
        if call.sent_at > self.monotonic - self.latency:
            self.pass_time(self.latency)
        if call.state == "sent":
            super().settle(call, chance)

    def read_anew(self) -> None:
        self.close()
        self.open()

    def restart_clock(self) -> None:
        self.close()
        self.monotonic = 5.0
        self.open()

    def close(self) -> None:
        for ledger in self.ledgers:
            self.runner.run(ledger.close())

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.end()

    def end(self) -> None:
        """Close what was opened, also after a failure."""
        if hasattr(self, "ledgers"):
            self.close()
            self.runner.close()


class InAFile(OnLedger):
    """In a file of SQLite; a restart of the machine is told by the number that the system gives it."""

    quiescence = WindowMachine.quiescence + RULES.lease
    """A dead process's reservation that had not left is taken for a call under way for one lease more."""
    drifted = 1e-3
    boots = 0

    def prepare(self) -> None:
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)

    def ledger(self) -> Ledger:
        return SQLiteLedger(pathlib.Path(self.folder.name, "b.db"), key="k", rules=RULES, clock=MachineClock(self))

    def look_anew(self) -> None:
        super().look_anew()
        # Of a reservation that has not left, only its own process knows that.
        owned = self.runner.run(self.ledgers[1].run(lambda window: copy.deepcopy(window.holdings.entries)))
        for number, entry in owned.items():
            if self.owners.get(number) is self.ledgers[1]:
                self.window.holdings.entries[number] = entry

    def check_kept(self, state: EntryState, until: float, kept_state: EntryState, kept_until: float) -> None:
        # Whether one that had not left did leave, nobody knows now: it stands as a call under way.
        assert kept_state is (EntryState.SENT if state is EntryState.RESERVED else state)
        assert until - self.drifted <= kept_until <= until + RULES.lease + self.drifted

    def restart_clock(self) -> None:
        InAFile.boots += 1
        starts._boot_id = f"boot {InAFile.boots}"
        super().restart_clock()

    def end(self) -> None:
        super().end()
        if hasattr(self, "folder"):
            self.folder.cleanup()


class InADatabase(OnLedger):
    """In PostgreSQL, whose clock is one of its own: it never stands still, and the host knows nothing of it."""

    drifted = 1.0
    latency = 0.3
    """Its processes agree about a time within a tenth of a second or two."""
    url = ""
    ledgers_made = 0

    def prepare(self) -> None:
        InADatabase.ledgers_made += 1
        self.key = f"k{InADatabase.ledgers_made}"
        self.connection = psycopg.connect(self.url, autocommit=True)

    def ledger(self) -> Ledger:
        sql = "(SELECT seconds FROM clock)"
        return PostgreSQLLedger(self.url, key=self.key, rules=RULES, clock=MachineClock(self), time_sql=sql)

    def look_anew(self) -> None:
        self.set_clock()
        super().look_anew()

    def do(self, step: Callable[[Window], T], number: int | None = None) -> T:
        self.set_clock()
        return super().do(step, number)

    def pass_time(self, seconds: float, *, asleep: bool = False) -> None:
        if asleep:
            # Its clock goes on meanwhile; who reads anew what it holds, sees that.
            self.drifted += seconds
        super().pass_time(seconds, asleep=asleep)

    def set_clock(self) -> None:
        self.connection.execute("UPDATE clock SET seconds = %s", (self.server.now + 1e6,))

    def end(self) -> None:
        super().end()
        if hasattr(self, "connection"):
            self.connection.close()


class SharedInAFile(InAFile, SharedTokenMachine):
    """The same, with others on the token."""


class SharedInADatabase(InADatabase, SharedTokenMachine):
    """The same, with others on the token."""


EXAMPLES = {InAFile: 12, SharedInAFile: 12, InADatabase: 3, SharedInADatabase: 3}
"""For the suite: in PostgreSQL each step is a few trips to the server."""


@pytest.fixture
def database(postgres_server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    url = postgres.make_database(postgres_server)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE clock (seconds float8)")
        connection.execute("INSERT INTO clock VALUES (0)")
    monkeypatch.setattr(InADatabase, "url", url)


@pytest.mark.parametrize(
    "times", [pytest.param(1, id="a few"), pytest.param(25, id="many", marks=pytest.mark.thorough)]
)
@pytest.mark.parametrize("machine", EXAMPLES)
def test_the_invariants_hold_of_a_ledger_that_is_kept(
    machine: type[OnLedger], times: int, database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I1 to I6, I10 and I11, on each engine."""
    # Times in the file are kept by the system's clock, too: it stands still, so that each run rounds them as the last.
    monkeypatch.setattr(tables, "time", types.SimpleNamespace(monotonic=lambda: 0.0))
    before = starts._boot_id
    examples = settings(max_examples=EXAMPLES[machine] * times, stateful_step_count=25, deadline=None)
    try:
        run_state_machine_as_test(machine, settings=examples)
    finally:
        starts._boot_id = before
