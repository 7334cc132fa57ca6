"""A ledger file damaged, lost, replaced, locked or full: an answer in hand is handed out, nothing is overdrawn."""

import asyncio
import logging
import os
import shutil
import sqlite3
import subprocess
import sys
import time

import pytest

from tests.unit.budget.test_window import START
from tonicdm import LedgerUnavailableError, UnitBudget
from tonicdm.budget.ledgers import LedgerBusyError, file, threads
from tonicdm.clock import SystemClock, VirtualClock
from tonicdm.errors import BudgetError, BudgetTimeoutError, ConfigError

RESET = START + 1800


@pytest.fixture
def path(tmp_path):
    return tmp_path / "budget.db"


@pytest.fixture
def clock():
    return VirtualClock(now=START)


@pytest.fixture
async def make(path, clock):
    """Opens budgets of one file; by default of the kind that may be set aside."""
    made = []

    def make(**settings):
        settings = {"key": "k", "clock": clock, "max_calls_per_second": None, "replace_damaged": True} | settings
        made.append(UnitBudget.shared(path, **settings))
        return made[-1]

    yield make
    for budget in made:
        await budget.close()


async def answer(reservation, remaining, status=200):
    return await reservation.settle(3600, remaining, RESET, date=START, status=status)


async def call(budget, cost, remaining, status=200, **options):
    async with budget.reserve(cost, **options) as reservation:
        assert await reservation.try_sent()
        return await answer(reservation, remaining, status)


async def send(budget, cost):
    reservation = budget.reserve(cost)
    await reservation.__aenter__()
    assert await reservation.try_sent()
    return reservation


def sql(path, *statements):
    with sqlite3.connect(path, isolation_level=None) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def overwrite(path, octets):
    """Write over the whole file in place, once its log is in it."""
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        file.write((octets * size)[:size])


def replace(path):
    """Put another budget file in its place, as who restores a backup."""
    other = path.with_name("other.db")
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(path, other)
    sql(other, "DELETE FROM entry", "UPDATE window SET version = version + 100")
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    other.replace(path)


DAMAGED = {
    "zeroed": lambda path: overwrite(path, b"\0"),
    "garbage": lambda path: overwrite(path, b"nonsense "),
    "a truncated state": lambda path: sql(
        path, "UPDATE window SET state = substr(state, 1, 20), version = version + 1"
    ),
    "a state without its names": lambda path: sql(path, "UPDATE window SET state = '{}', version = version + 1"),
    "a state that is a list": lambda path: sql(path, "UPDATE window SET state = '[1]', version = version + 1"),
    "a number that is a text": lambda path: sql(
        path, """UPDATE window SET state = replace(state, '"used": 5', '"used": "5"'), version = version + 1"""
    ),
    "a reservation without cost": lambda path: sql(
        path, "UPDATE entry SET cost = 'dear'", "UPDATE window SET version = version + 1"
    ),
}
LOST = {
    "deleted": lambda path: [file.unlink() for file in path.parent.iterdir()],
    "replaced": replace,
    "a dropped table": lambda path: sql(path, "DROP TABLE window"),
    "all tables dropped": lambda path: sql(path, "DROP TABLE window", "DROP TABLE entry", "DROP TABLE kept"),
    "emptied": lambda path: sql(path, "DELETE FROM window", "DELETE FROM entry"),
}


def aside(path):
    return sorted(file.name for file in path.parent.iterdir() if ".damaged-" in file.name)


@pytest.mark.parametrize("harm", [*DAMAGED, *LOST])
async def test_what_was_under_way_is_answered_and_what_is_remembered_holds(make, path, clock, caplog, harm):
    """The answer is handed out, the process's other calls stay charged, and only a damaged file is set aside."""
    budget = make()
    await call(budget, 5, 3595)
    mine, other = await send(budget, 5), await send(budget, 20)
    {**DAMAGED, **LOST}[harm](path)
    with caplog.at_level(logging.WARNING, "tonicdm"):
        await answer(mine, 3590)
        async with budget.reserve(1, max_wait=0, priority="interactive") as first:
            assert budget.snapshot().reserved == 21
            assert await first.try_sent()
            await answer(first, 3569)
    seen = budget.snapshot()
    assert (seen.remaining, seen.reserved) == (3569, 20)
    await answer(other, 3569)
    assert budget.snapshot().reserved == 0
    assert bool(aside(path)) == (harm in DAMAGED)
    assert (path.name in caplog.text) == (harm in DAMAGED)
    again = make()
    assert await call(again, 1, 3568)
    assert again.snapshot().remaining == 3568


@pytest.mark.parametrize("harm", [*DAMAGED, *LOST])
async def test_a_silence_is_not_forgotten_with_the_file(make, path, clock, harm):
    """Any process that remembers the latest 429 enters it; those that come anew find it there."""
    budget, witness = make(), make()
    await call(budget, 5, 3595)
    assert (await call(budget, 5, 0, status=429)).blocked
    with pytest.raises(BudgetTimeoutError, match="blocked"):
        await witness.reserve(1, max_wait=60).__aenter__()
    {**DAMAGED, **LOST}[harm](path)
    for each in (witness, make(), budget):
        with pytest.raises(BudgetTimeoutError, match="blocked"):
            await each.reserve(1, max_wait=60).__aenter__()
    assert aside(path) == ([] if harm in LOST else aside(path))


@pytest.mark.parametrize("harm", [*DAMAGED, *LOST])
async def test_what_is_shown_of_a_harmed_file_is_what_is_remembered(make, path, clock, harm):
    """Before the next step enters it: no look says "now" where that step would wait, nor shows units that are spent."""
    budget = make()
    await call(budget, 5, 3595)
    await call(budget, 5, 0, status=429)
    before = budget.snapshot()
    {**DAMAGED, **LOST}[harm](path)
    after = budget.snapshot()
    assert (after.remaining, after.blocked_until) == (before.remaining, before.blocked_until)
    assert budget.forecast(1).start_in == pytest.approx(1800, abs=5)


async def test_a_damaged_file_is_set_aside_once_with_its_log(make, path, clock):
    """However many processes come across it; it is kept for whoever wants to look."""
    budgets = [make(key=f"k{number}") for number in range(4)]
    for budget in budgets:
        await call(budget, 5, 3595)
    overwrite(path, b"\0")
    path.with_name("budget.db-wal").write_bytes(b"log")
    await asyncio.gather(*(call(budget, 5, 3590) for budget in budgets))
    assert len([name for name in aside(path) if not name.endswith(("-wal", "-shm"))]) == 1
    assert [budget.snapshot().remaining for budget in budgets] == [3590] * 4


@pytest.mark.parametrize("harm", DAMAGED)
async def test_a_damaged_file_that_somebody_named_is_left_alone(make, path, harm, monkeypatch):
    """The error says at once what is in the way; the answer in hand is handed out all the same."""
    monkeypatch.setattr(threads, "QUICK_SECONDS", 3600.0)  # of a slow disk's file nothing is known without its thread
    budget = make(replace_damaged=False)
    await call(budget, 5, 3595)
    mine = await send(budget, 5)
    DAMAGED[harm](path)
    await answer(mine, 3590)
    began = time.monotonic()
    with pytest.raises(LedgerUnavailableError, match=r"damaged .* Nothing was sent") as caught:
        await budget.reserve(1).__aenter__()
    assert time.monotonic() - began < 20, "it is not tried for as long as what may pass"
    assert caught.value.ledger == str(path)
    assert budget.snapshot().remaining == 3590
    assert aside(path) == []


async def test_a_newer_versions_file_is_an_error_that_names_both_and_is_left_alone(make, path):
    """Also when another process has upgraded it while a call was under way."""
    budget = make()
    mine = await send(budget, 5)
    sql(path, "PRAGMA user_version = 99")
    await answer(mine, 3590)
    with pytest.raises(ConfigError, match=r"form 99, and tonicdm .* reads form 1"):
        await budget.reserve(1).__aenter__()
    assert aside(path) == []


class Faulty(sqlite3.Connection):
    """A connection whose statements fail as those of a full, broken or protected disk do."""

    code: int | None = None
    at = "COMMIT"

    def execute(self, statement, *values):
        if Faulty.code is not None and statement.startswith(Faulty.at):
            error = sqlite3.OperationalError(f"code {Faulty.code}")
            error.sqlite_errorcode = Faulty.code
            raise error
        return super().execute(statement, *values)


@pytest.fixture
def faulty(monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(Faulty, "code", None)
    monkeypatch.setattr(Faulty, "at", "COMMIT")
    monkeypatch.setattr(file.sqlite3, "connect", lambda *args, **options: connect(*args, factory=Faulty, **options))
    return Faulty


TRANSIENT = [
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR | 3 << 8,  # as SQLite gives it for a failed write
    sqlite3.SQLITE_CANTOPEN,
]


@pytest.mark.parametrize("at", ["BEGIN", "UPDATE", "COMMIT"])
@pytest.mark.parametrize("code", TRANSIENT)
async def test_what_may_pass_is_tried_for_a_bounded_time_and_never_set_aside(make, path, faulty, code, at):
    """Then an error says what is in the way. What became of calls meanwhile counts once it is over, a 429 too."""
    budget = make(ledger_timeout=0.3)
    await call(budget, 5, 3595)
    mine, refused = await send(budget, 5), await send(budget, 20)
    faulty.code, faulty.at = code, at
    began = time.monotonic()
    await answer(mine, 3590)
    await answer(refused, 0, status=429)
    for options in ({}, {"max_wait": 0.1}):
        with pytest.raises(LedgerUnavailableError, match=r"code \d+.* Nothing was sent"):
            await asyncio.wait_for(budget.reserve(1, **options).__aenter__(), 60)
    assert not await refused.try_sent()
    assert time.monotonic() - began < 25
    faulty.code = None
    with pytest.raises(BudgetTimeoutError, match="blocked"):
        await budget.reserve(1, max_wait=60).__aenter__()
    assert make().snapshot().blocked_until is not None, "others know of it too"
    assert budget.snapshot().reserved == 0
    assert aside(path) == []


async def test_a_disk_that_was_full_for_a_moment_delays_a_call_and_costs_nothing(make, faulty):
    budget = make()
    await call(budget, 5, 3595)
    faulty.code = sqlite3.SQLITE_FULL
    waiting = asyncio.create_task(call(budget, 5, 3590))
    await asyncio.sleep(0.3)
    assert not waiting.done()
    faulty.code = None
    await asyncio.wait_for(waiting, 60)
    assert budget.snapshot().reserved == 0


async def test_an_answer_that_could_not_be_noted_is_noted_when_nobody_asks_for_it(make, faulty):
    """Without another call of this process; others must hear of its 429."""
    budget = make()
    refused = await send(budget, 5)
    faulty.code = sqlite3.SQLITE_FULL
    await answer(refused, 0, status=429)
    faulty.code = None
    async with asyncio.timeout(60):
        while make().snapshot().blocked_until is None:
            await asyncio.sleep(0.05)


async def test_a_file_that_another_process_holds_is_an_error_after_the_time_allowed(make, path, monkeypatch):
    """As when that process is stopped in the middle of a step. An answer is not held back for long."""
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.05)
    budget = make(ledger_timeout=0.3)
    mine = await send(budget, 5)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    await answer(mine, 3590)
    assert time.monotonic() - began < 20
    with pytest.raises(LedgerUnavailableError, match=r"another process holds it. Is one of them stopped\?"):
        await budget.reserve(1).__aenter__()
    holder.execute("ROLLBACK")
    holder.close()
    assert await call(budget, 1, 3589)
    assert budget.snapshot().remaining == 3589


async def test_a_call_that_waits_for_the_file_gives_up_when_its_own_time_is_over(make, path, monkeypatch):
    """max_wait bounds the wait for the ledger too."""
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.05)
    budget = make()
    await call(budget, 1, 3599)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    waiting = asyncio.create_task(budget.reserve(1, max_wait=1.0).__aenter__())
    async with asyncio.timeout(60):
        while not waiting.done():  # it may begin to wait late
            await asyncio.sleep(0.05)
            budget.clock.advance(0.2)
    with pytest.raises(BudgetError, match="Nothing was sent"):
        await waiting
    holder.close()


@pytest.mark.parametrize("harm", ["replaced", "deleted", "zeroed"])
async def test_what_is_remembered_is_entered_also_when_the_first_steps_in_the_new_file_fail(make, faulty, path, harm):
    """A full disk right after the loss: nothing is forgotten before it is stored."""
    budget = make(ledger_timeout=0.3)
    await call(budget, 5, 3595)
    await send(budget, 20)
    await call(budget, 5, 0, status=429)
    {**DAMAGED, **LOST}[harm](path)
    faulty.code = sqlite3.SQLITE_FULL
    with pytest.raises(LedgerUnavailableError):
        await budget.reserve(1).__aenter__()
    faulty.code = None
    with pytest.raises(BudgetTimeoutError, match="blocked"):
        await budget.reserve(1, max_wait=60).__aenter__()
    assert make().snapshot().reserved == 20


async def test_tables_of_another_form_are_an_error_and_left_alone(make, path):
    """It is no damage, so nothing is set aside."""
    sql(path, "CREATE TABLE window (key TEXT)", "PRAGMA user_version = 1")
    with pytest.raises(LedgerUnavailableError, match=r"no such column.* Nothing was sent"):
        await make().reserve(1).__aenter__()
    assert aside(path) == []


async def test_a_table_that_is_taken_away_while_the_file_is_in_use_is_made_again(make, path):
    """By the next step, which waits for it."""
    budget = make()
    assert await call(budget, 5, 3595)
    sql(path, "DROP TABLE entry")
    assert await call(budget, 5, 3590)
    assert (budget.snapshot().remaining, budget.snapshot().reserved) == (3590, 0)


async def test_numbers_of_reservations_of_two_files_are_never_the_same(make, path, clock):
    """Else an answer to a call of before would free the units of somebody else's."""
    budget = make()
    mine = await send(budget, 5)
    LOST["deleted"](path)
    theirs = await send(make(), 20)
    assert mine._entry != theirs._entry
    await answer(mine, 3590)
    assert budget.snapshot().reserved == 20


async def test_a_step_into_a_file_that_has_just_gone_counts_in_the_new_one(make, path, clock):
    """What was written between the look and the end of the step is entered again, before anything is sent."""
    budget = make()
    await call(budget, 5, 3595)
    reservation = budget.reserve(20)
    tables = budget.ledger._state.tables
    write = tables.write_reserved

    def replaced_meanwhile(*arguments):
        tables.write_reserved = write
        write(*arguments)
        LOST["deleted"](path)

    tables.write_reserved = replaced_meanwhile
    await reservation.__aenter__()
    sent = await reservation.try_sent()
    assert make().snapshot().reserved == (20 if sent else 0)
    await reservation.refund()
    await budget.ledger.run(lambda _: None)
    assert make().snapshot().reserved == 0


async def test_a_damaged_file_that_can_not_be_moved_is_an_error_that_says_so(make, path, monkeypatch):
    """As on Windows, where other processes have it open, or in a folder of somebody else."""
    budget = make()
    await call(budget, 5, 3595)
    DAMAGED["zeroed"](path)

    def refuse(*_):
        raise PermissionError(13, "in use")

    monkeypatch.setattr(type(path), "replace", refuse)
    with pytest.raises(LedgerUnavailableError, match=r"can't be moved aside .*in use.* Nothing was sent"):
        await budget.reserve(1).__aenter__()
    monkeypatch.undo()
    assert await call(budget, 5, 3590)


async def test_a_file_that_was_deleted_without_its_log_is_made_anew_while_another_process_has_the_old_one_open(
    make, path
):
    """The index of the old log is not taken for that of the new file, in which nobody could read then."""
    budget = make(ledger_timeout=0.5)
    await call(budget, 5, 3500)
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); list(c.execute('SELECT * FROM window')); print()"
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", f"{program}; sys.stdout.flush(); sys.stdin.read()", str(path)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        await other.stdout.readline()
        path.unlink()
        await call(budget, 1, 3499)
    finally:
        await other.communicate(b"")
    assert make().snapshot().remaining == 3499


async def test_a_ledger_that_fails_at_once_is_asked_a_few_times_and_in_no_busy_loop(make, monkeypatch):
    """Also when a lapsed lease or the end of a window, which that step would look at, has passed."""
    clock = SystemClock()
    budget = make(ledger_timeout=0.3, clock=clock)
    await call(budget, 5, 3500)
    queue = (await send(budget, 1))._queue
    queue._next_sweep = queue._wake_at = clock.monotonic() - 1
    asked = 0

    async def full(*_):
        nonlocal asked
        asked += 1
        raise LedgerBusyError("the disk is full")

    monkeypatch.setattr(budget.ledger, "run", full)
    monkeypatch.setattr(budget.ledger, "reserve_now", lambda _: None)
    with pytest.raises(LedgerUnavailableError, match="the disk is full"):
        await budget.reserve(1).__aenter__()
    assert asked <= 6
