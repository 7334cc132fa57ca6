"""Ledgers: what they keep, across failures, restarts and processes."""

import asyncio
import re
import sqlite3
import threading

import pytest

from tests.unit.budget.test_window import RESET, START, answer, at, opened, send
from tonicdm._version import __version__
from tonicdm.budget import BudgetRules, UnitBudget
from tonicdm.budget.entries import EntryState
from tonicdm.budget.headers import Report
from tonicdm.budget.ledgers import LedgerBusyError, file, starts
from tonicdm.budget.ledgers import stored as stored_names
from tonicdm.budget.ledgers.memory import MemoryLedger
from tonicdm.budget.ledgers.sqlite import SQLiteLedger
from tonicdm.budget.settling import settle
from tonicdm.clock import SystemClock, VirtualClock
from tonicdm.errors import ClientClosedError, ConfigError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "budget.db"


@pytest.fixture
async def ledger(path):
    ledger = SQLiteLedger(path, key="k", clock=SystemClock())
    yield ledger
    await ledger.close()


def busy_window():
    """Return a window in which everything that can be stored differs from its default."""
    window = opened(used=300)
    window.lose(send(window, 5, 1.0, label="GET /x"), at(2.0))
    send(window, 20, 3.0, holder="pid 1")
    window.admit(1, at(4.0))
    answer(window, send(window, 1, 5.0), 3600, 6.0, status=429)
    return window


async def test_everything_a_window_knows_comes_back_from_the_file(path, ledger):
    """The rules decide the same before and after a restart, so every field must survive it."""
    made = busy_window()

    def fill(window):
        for name in type(window).__slots__:
            setattr(window, name, getattr(made, name))

    await ledger.run(fill)
    read = ledger.peek()
    assert read == made
    assert [entry.state for entry in read.holdings] == [EntryState.UNKNOWN, EntryState.SENT, EntryState.RESERVED]


async def test_a_failed_step_leaves_no_trace(ledger):
    """Also the very first one, before there is a row: what it had changed in memory is read anew."""

    def fail(window):
        window.admit(5, at(0.0))
        raise ValueError("no")

    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            await ledger.run(fail)
        assert await ledger.run(lambda window: window.held) == (0 if _ == 0 else 7)
        if _ == 0:
            await ledger.run(lambda window: window.admit(7, at(0.0)))


async def test_a_step_that_only_looks_writes_nothing(path, ledger):
    await ledger.run(lambda window: window.admit(5, at(0.0)))
    version = sqlite3.connect(path)
    before = version.execute("SELECT version FROM window").fetchone()
    await ledger.run(lambda window: window.held)
    assert version.execute("SELECT version FROM window").fetchone() == before
    version.close()


async def test_two_ledgers_on_one_file_are_one_budget(path, ledger):
    other = SQLiteLedger(path, key="k", clock=SystemClock())
    entry = (await ledger.run(lambda window: window.admit(5, at(0.0)))).entry
    assert await other.run(lambda window: window.held) == 5
    await other.run(lambda window: window.refund(entry))
    assert await ledger.run(lambda window: window.held) == 0
    assert ledger.peek().held == 0
    await other.close()


async def test_keys_keep_budgets_apart(path, ledger):
    other = SQLiteLedger(path, key="another", clock=SystemClock())
    await ledger.run(lambda window: window.admit(5, at(0.0)))
    assert await other.run(lambda window: window.held) == 0
    await other.close()


async def test_a_cancelled_caller_undoes_what_the_thread_did(ledger):
    """Nobody learned of the reservation, so it is given back right behind the step."""
    await ledger.run(lambda window: None)
    hold, made = threading.Event(), []
    ledger._thread.submit(hold.wait)  # what is queued there is not overtaken

    def step(window):
        made.append(window.admit(5, at(0.0)).entry)

    waiting = asyncio.create_task(ledger.run(step, lambda window: window.refund(*made)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    hold.set()
    assert await ledger.run(lambda window: window.held) == 0
    assert made


async def test_another_start_of_the_machine_is_noticed(path, ledger, monkeypatch):
    """Monotonic times mean nothing then: what was not sent is free, the outcome of the rest is unknown."""
    await ledger.run(lambda window: send(window, 5, 1000.0) and window.renew(at(1000.0)))
    monkeypatch.setattr(starts, "_boot_id", "another")
    again = SQLiteLedger(path, key="k", clock=VirtualClock())
    assert await again.run(lambda window: (window.held, window.unknown)) == (5, 5)
    await again.close()


async def test_a_file_held_by_a_stopped_process_is_an_error_that_says_so(path, ledger, monkeypatch):
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.01)
    await ledger.run(lambda window: None)
    other = SQLiteLedger(path, key="k", clock=SystemClock())
    await other.run(lambda window: None)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerBusyError, match="Is one of them stopped"):
        await other.run(lambda window: None)
    holder.execute("ROLLBACK")
    holder.close()
    assert await other.run(lambda window: window.held) == 0
    await other.close()


async def test_a_newer_file_is_refused(path, ledger):
    """What it means is unknown here; the error names both versions."""
    await ledger.run(lambda window: None)
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    other = SQLiteLedger(path, key="k", clock=SystemClock())
    with pytest.raises(ConfigError, match=rf"form 99, and tonicdm {re.escape(__version__)} reads form 1\."):
        await other.run(lambda window: None)
    await other.close()


async def test_another_programs_database_is_refused(path):
    path.parent.mkdir()
    foreign = sqlite3.connect(path)
    foreign.execute("CREATE TABLE invoice (number)")
    foreign.close()
    ledger = SQLiteLedger(path, key="k", clock=SystemClock())
    with pytest.raises(ConfigError, match="another program"):
        await ledger.run(lambda window: None)
    await ledger.close()


async def test_closed_is_closed_and_twice_is_once(path, ledger):
    await ledger.close()
    await ledger.close()
    with pytest.raises(ClientClosedError):
        await ledger.run(lambda window: None)
    assert ledger.peek().held == 0


async def test_the_file_is_its_owners_alone(path, ledger):
    await ledger.run(lambda window: None)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


async def test_a_call_that_ends_after_the_budget_was_closed_ends_quietly(path):
    """Its units stay charged until a later answer tells; the call itself must not fail for it."""
    budget = UnitBudget.shared(path, max_calls_per_second=None)
    async with budget.reserve(5) as reservation:
        await reservation.sent()
        await budget.close()
        await reservation.settle(3600, 3595, START + 3600)
    again = UnitBudget.shared(path)
    assert again.snapshot().reserved == 5
    await again.close()


async def test_after_a_429_a_new_process_is_silent_too(path):
    """I5 across a restart: the silence is read from the file before anything is sent."""
    first = UnitBudget.shared(path, max_calls_per_second=None)
    reset = SystemClock().now() + 1000
    async with first.reserve(5) as reservation:
        await reservation.sent()
        await reservation.settle(3600, 0, reset, status=429)
    await first.close()
    second = UnitBudget.shared(path, max_calls_per_second=None)
    with pytest.raises(TimeoutError, match="blocked"):
        async with second.reserve(1, max_wait=60):
            pass
    assert second.snapshot().blocked_until is not None
    await second.close()


async def test_memory_hands_out_its_window():
    ledger = MemoryLedger(BudgetRules(limit=50))
    assert await ledger.run(lambda window: window.limit) == 50
    assert ledger.peek() is ledger.window
    assert (ledger.where, ledger.poll_seconds) == ("memory", None)
    await ledger.close()


async def test_the_shell_waits_on_a_file_as_in_memory(path):
    """Thirty calls by three slots, some cancelled: what is charged is what was answered."""
    budget = UnitBudget.shared(path, max_calls_per_second=None, max_concurrency=3)
    reset, used = SystemClock().now() + 3600, 0

    async def call():
        nonlocal used
        async with budget.reserve(5, label="GET /x") as reservation:
            await reservation.sent()
            used += 5
            mine = used
            await asyncio.sleep(0.001)
            await reservation.settle(3600, 3600 - mine, reset)

    tasks = [asyncio.create_task(call()) for _ in range(30)]
    await asyncio.sleep(0.01)
    for task in tasks[::5]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    seen = budget.snapshot()
    assert seen.reserved == seen.unknown
    assert seen.remaining + used >= 3600
    assert budget._queues.for_running_loop().slots.taken == 0
    await budget.close()


async def test_a_window_seen_through_the_rules_of_a_reader_keeps_its_limit(path, ledger):
    """What answers told is stored, what was configured is not: each process brings its own rules."""
    window = opened(used=1)
    number = send(window, 1, 1.0)
    settle(window, number, Report.of(1000, 900, RESET), at(2.0))
    names = stored_names.Names()
    row, _ = names.read(names.pack(window, 0.0, {}), None)
    stored = names.unpack(row, [], BudgetRules(guard=7), 0.0)
    assert (stored.limit, stored.rules.guard, stored.holdings.rules.guard) == (1000, 7, 7)
