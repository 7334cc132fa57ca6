"""What a SQLite ledger stores at once, what a moment later, and what it leaves to its thread."""

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from typing import ClassVar

import pytest

from tests.unit.budget.test_window import RESET, START, at, opened
from tests.unit.budget.version_before import VersionBefore
from tonicdm import UnitBudget
from tonicdm.budget.entries import EntryState
from tonicdm.budget.ledgers import file, inloop, starts, threads
from tonicdm.budget.ledgers.draft import MAX_NOTES, Beyond, Draft, Own
from tonicdm.clock import VirtualClock

QUICK_SECONDS = threads.QUICK_SECONDS


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """However busy the machine's disk, it is quick; what is slow has a fixture of its own."""
    monkeypatch.setattr(threads, "QUICK_SECONDS", 3600.0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "budget.db"


@pytest.fixture
def clock():
    return VirtualClock(now=START)


@pytest.fixture
async def make(path, clock):
    """Opens budgets of one file, each as a process of its own would, in a window of which 100 units are used."""
    made = []

    async def make(**settings):
        budget = UnitBudget.shared(path, **{"key": "k", "clock": clock, "max_calls_per_second": None} | settings)
        made.append(budget)
        async with budget.reserve(1) as first:
            await first.sent()
            await answer(first, 3500)
        await stored(budget)
        return budget

    yield make
    for budget in made:
        await budget.close()


async def answer(reservation, remaining, status=200, reset=RESET):
    return await reservation.settle(3600, remaining, reset, date=START, status=status)


async def stored(budget):
    """Let the ledger store what it has put off."""
    await budget.ledger.run(lambda _: None)


async def send(budget, cost, **options):
    reservation = budget.reserve(cost, **options)
    await reservation.__aenter__()
    assert await reservation.try_sent()
    return reservation


def rows(path):
    """Return the version of the window and what stands of its reservations."""
    with contextlib.closing(sqlite3.connect(path)) as reader:
        (version,) = reader.execute("SELECT version FROM window").fetchone()
        return version, reader.execute("SELECT state, cost, until, sent_at FROM entry").fetchall()


async def test_a_call_takes_one_transaction(make, path):
    """The gate and the answer write nothing."""
    budget = await make()
    before, _ = rows(path)
    for number in range(1, 4):
        async with budget.reserve(5) as reservation:
            assert rows(path)[0] == before + number
            assert await reservation.try_sent()
            await answer(reservation, 3500 - 5 * number)
        assert rows(path)[0] == before + number
    assert budget.snapshot().remaining == 3485, "in this process it is seen at once"
    assert budget.snapshot().reserved == 0


async def test_a_reservation_stores_no_more_than_itself_while_answers_wait(make, path):
    """Until there are so many of them that a process which dies would leave too much charged."""
    budget = await make()
    for number in range(1, MAX_NOTES // 2 + 2):
        assert len(rows(path)[1]) == number - 1
        await answer(await send(budget, 5), 3500 - 5 * number)
    assert len(rows(path)[1]) == 1, "with the last reservation all was stored that was known before it"
    assert (budget.snapshot().remaining, budget.snapshot().reserved) == (3500 - 5 * number, 0)


async def test_a_reservation_stores_all_that_is_known_where_another_process_has_written(make, path):
    budget, other = await make(), await make()
    await answer(await send(budget, 5), 3495)
    await send(other, 1)
    async with budget.reserve(20):
        assert sorted(cost for _, cost, _, _ in rows(path)[1]) == [1, 20]


async def test_an_answer_is_taken_in_again_where_others_have_written_before_it(make):
    """It is not asked whether they have; the next look finds it."""
    budget, other = await make(), await make()
    mine = await send(budget, 5)
    async with other.reserve(20):
        await answer(mine, 3495)
        assert (budget.snapshot().remaining, budget.snapshot().reserved) == (3495, 20)
        await stored(budget)
        assert (other.snapshot().remaining, other.snapshot().reserved) == (3495, 20)


async def test_what_an_answer_shows_beyond_what_others_are_known_to_do_is_decided_with_what_they_did(make):
    """Units that another process of ours has spent meanwhile are no usage of strangers."""
    budget, other = await make(), await make()
    mine = await send(budget, 5)
    await send(other, 20)
    assert (await answer(mine, 3475)).foreign == 0
    assert (budget.snapshot().remaining, budget.snapshot().foreign) == (3475, 0)


async def test_the_version_before_gives_no_reservation_a_number_that_was_given_here(make, path):
    """It takes the next number as it is stored, also where no more than a reservation was."""
    budget = await make()
    await answer(await send(budget, 5), 3495)
    async with budget.reserve(20):
        before = VersionBefore(path, "k", starts.boot_id())
        with before.step() as window:
            window.hold(1, "reserved", 1e9)
        before.close()
        assert budget.snapshot().reserved == 21


async def test_a_reservation_is_stored_as_a_call_under_way(make, path, clock):
    """So nothing need be written before the first byte, and a process that dies there leaves its units charged."""
    budget = await make()
    async with budget.reserve(5):
        ((state, cost, until, sent_at),) = rows(path)[1]
    lease, now = budget.rules.lease, clock.monotonic()
    assert (state, cost) == ("sent", 5)
    assert (until, sent_at) == pytest.approx((now + 2 * lease, now))
    await stored(budget)
    assert rows(path)[1] == []


async def test_a_call_that_is_awaited_for_longer_than_what_is_stored_says_is_stored_at_the_gate(make, path, clock):
    budget = await make()
    await send(budget, 5, timeout=600.0)
    ((state, _, until, _),) = rows(path)[1]
    assert (state, until) == ("sent", clock.monotonic() + 600)


@pytest.mark.parametrize(
    ("remaining", "options"),
    [(0, {"status": 429}), (3495, {"reset": RESET + 600}), (3490, {})],
    ids=["a 429", "a new Reset", "a dearer call than was reserved"],
)
async def test_what_makes_others_more_careful_is_stored_at_once(make, path, remaining, options):
    budget = await make()
    reservation = await send(budget, 5)
    before, _ = rows(path)
    await answer(reservation, remaining, **options)
    version, entries = rows(path)
    assert version == before + 1
    assert entries == []


async def test_others_learn_the_rest_a_moment_later_without_another_call(make, path):
    budget = await make()
    await answer(await send(budget, 5), 3495)
    assert len(rows(path)[1]) == 1
    async with asyncio.timeout(60):
        while rows(path)[1]:
            await asyncio.sleep(0.01)
    assert (await make()).snapshot().remaining == 3495


async def test_the_gate_asks_what_others_have_written_meanwhile(make, path, clock):
    """Another process's 429 while a call waits for five seconds behind its reservation: not sent, refunded exactly."""
    budget, other = await make(), await make()
    reservation, refused = budget.reserve(5), await send(other, 5)
    await reservation.__aenter__()
    clock.advance(5.0)
    await answer(refused, 0, status=429)
    assert not await reservation.try_sent()
    for each in (budget, other):
        await stored(each)
        assert each.snapshot().reserved == 0
    assert rows(path)[1] == []


async def test_what_others_write_in_the_last_moment_decides_where_the_gate_has_to_be_stored(make, monkeypatch):
    """Between the look at what they have written and the transaction."""
    budget, other = await make(), await make()
    reservation = budget.reserve(5, timeout=600.0)  # longer than what is stored says
    await reservation.__aenter__()
    begin = budget.ledger._here._begin

    def late(connection, **options):
        other.ledger._transact(lambda window: setattr(window.cooldown, "paused_until", START + 1000))
        return begin(connection, **options)

    monkeypatch.setattr(budget.ledger._here, "_begin", late)
    assert not await reservation.try_sent()
    monkeypatch.undo()
    await stored(budget)
    assert other.snapshot().reserved == 0


async def test_a_file_that_can_not_be_looked_at_in_the_last_moment_leaves_the_gate_to_the_thread(make, monkeypatch):
    budget = await make()
    reservation = budget.reserve(5, timeout=600.0)  # longer than what is stored says
    await reservation.__aenter__()
    state, looks = budget.ledger._state, []

    def fail_at_the_second(connection):
        looks.append(connection)
        if len(looks) == 2:
            raise sqlite3.OperationalError("disk I/O error")
        return type(state).is_up_to_date(state, connection)

    monkeypatch.setattr(state, "is_up_to_date", fail_at_the_second)
    assert await reservation.try_sent()
    assert len(looks) == 2
    assert budget.snapshot().reserved == 5


async def test_what_others_did_meanwhile_closes_no_gate_that_need_not_be_closed(make, clock):
    """Other keys and other calls: the window is read anew, and the reservation is still this process's own."""
    budget, other = await make(), await make()
    reservation = budget.reserve(5)
    await reservation.__aenter__()
    await answer(await send(other, 20), 3480)
    await stored(other)
    assert await reservation.try_sent()
    await send(other, 1)
    await answer(reservation, 3475)
    assert (budget.snapshot().reserved, budget.snapshot().remaining) == (1, 3475)


async def test_units_that_were_not_sent_in_time_are_given_back_by_their_own_process(make, path, clock):
    """Also where others have written meanwhile, and have given the call up."""
    budget, other = await make(), await make()
    reservation = budget.reserve(5)
    await reservation.__aenter__()
    clock.advance(61.0)
    await send(other, 1)
    assert other.snapshot().unknown == 5
    assert not await reservation.try_sent()
    await stored(budget)
    assert other.snapshot().reserved == 1


async def test_a_step_that_fails_leaves_what_was_noted_before(make):
    budget = await make()
    await answer(await send(budget, 5), 3495)

    def fail(window):
        window.used = 3000
        raise ValueError("no")

    for take in (budget.ledger.note_now, budget.ledger.check_now):
        with pytest.raises(ValueError, match="no"):
            take(fail)
        assert (budget.snapshot().remaining, budget.snapshot().reserved) == (3495, 0)


async def test_what_must_be_stored_at_once_is_nothing_while_another_process_holds_the_file(make, path):
    """It is left to the thread, which waits; nothing of it is known before it is stored."""
    budget = await make()
    reservation = await send(budget, 5)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert budget.ledger.note_now(lambda window: setattr(window, "limit", 100)) is None
        assert budget.snapshot().limit == 3600
        asyncio.get_running_loop().call_later(0.05, holder.execute, "ROLLBACK")
        await answer(reservation, 0, status=429)
    assert rows(path)[1] == []


async def test_what_was_put_off_is_stored_once_the_file_is_free(make, path, monkeypatch):
    monkeypatch.setattr(file, "BUSY_SECONDS", 0.01)
    monkeypatch.setattr(inloop, "FLUSH_SECONDS", 0.01)
    budget = await make()
    reservation = await send(budget, 5)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        await answer(reservation, 3495)
        flush = budget.ledger._here.flush_later
        again = asyncio.Event()
        monkeypatch.setattr(budget.ledger._here, "flush_later", lambda seconds: (again.set(), flush(seconds)))
        await asyncio.wait_for(again.wait(), 60)
        holder.execute("ROLLBACK")
    async with asyncio.timeout(60):
        while rows(path)[1]:
            await asyncio.sleep(0.01)


def test_what_is_known_of_a_reservation_that_is_not_stored_any_more_changes_nothing():
    window = opened(used=5)
    Beyond((), {7: Own(EntryState.RESERVED, 130.0, None, 160.0)}).enter_in(window)
    assert window == opened(used=5)


@pytest.mark.parametrize("change", [lambda window, number: window.sent(number, at(1.0), 600.0), lambda window, _: None])
def test_reservations_are_stored_alone_only_where_no_other_call_has_to_be_stored(change):
    """One that left and is awaited for longer than what is stored says."""
    draft = Draft(opened(used=5))
    mine = draft.window.admit(5, at(0.0), lane="interactive").entry
    draft.stored({mine})
    draft.window.holdings.touched = set()
    change(draft.window, mine)
    new = draft.window.admit(5, at(1.0), lane="interactive").entry
    assert draft.reserved == (None if draft.window.holdings.get(mine).state is EntryState.SENT else [new])


async def test_the_version_before_holds_what_is_reserved_here(make, path):
    budget = await make()
    async with budget.reserve(20):
        before = VersionBefore(path, "k", starts.boot_id())
        assert before.look().held == 20
        before.close()


async def test_a_forked_child_leaves_what_is_not_stored_to_its_parent(make):
    budget = await make()
    await answer(await send(budget, 5), 3495)
    assert budget.ledger._state.draft.notes
    budget.ledger.after_fork_in_child()
    assert not budget.ledger._state.draft.notes
    assert budget.snapshot().reserved == 5


async def test_a_call_that_is_thrown_away_outside_of_its_loop_is_noted(make, caplog):
    """As the garbage collector does once the loop is closed, or a thread that drops what another one had begun."""
    budget = await make()

    async def call():
        async with budget.reserve(5) as reservation:
            assert await reservation.try_sent()
            await asyncio.Event().wait()

    for _ in range(2):
        begun = call()
        begun.send(None)
        budget.ledger._here.forget()  # no timer runs
        await asyncio.to_thread(begun.close)
    entries = budget.ledger.peek().holdings.entries.values()
    assert [(entry.cost, entry.state) for entry in entries] == [(5, EntryState.UNKNOWN)] * 2
    assert not caplog.records


class Fleeting(inloop.StepsInLoop):
    """Its timer is taken away by the loop of another thread as soon as it was seen."""

    def __init__(self, steps, timer):
        self._state, self._thread, self._end, self._seen = steps._state, steps._thread, None, [timer]

    @property
    def _timer(self):
        return self._seen.pop() if self._seen else None

    @_timer.setter
    def _timer(self, timer):
        self._seen = [] if timer is None else [timer]


async def test_two_loops_may_put_off_and_store_at_the_same_moment(make):
    budget, loop = await make(), asyncio.get_running_loop()
    steps = Fleeting(budget.ledger._here, (loop, loop.call_later(1000, print)))
    steps.flush_later(1000)


async def test_closing_stores_what_was_put_off(make, path):
    budget = await make()
    await answer(await send(budget, 5), 3495)
    await budget.close()
    assert rows(path)[1] == []


@pytest.mark.parametrize(("end", "held"), [("pass", 0), ("os._exit(0)", 5)], ids=["ended", "died"])
def test_the_end_of_a_process_stores_what_was_put_off_and_its_death_leaves_it_charged(path, end, held):
    program = f"""
        import asyncio, os, sys, time
        from tonicdm import UnitBudget

        async def main():
            budget = UnitBudget.shared(sys.argv[1], key="k", max_calls_per_second=None)
            for number in range(1, 3):
                async with budget.reserve(5) as reservation:
                    await reservation.sent()
                    await reservation.settle(3600, 3600 - 5 * number, 4e9, date=4e9 - 1800)
            {end}
        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program), str(path)], check=True, timeout=60)
    assert sum(cost for _, cost, _, _ in rows(path)[1]) == held


class Watched(sqlite3.Connection):
    """Notes on which thread it was opened, closed, and cleaned up; may be slow."""

    seconds = 0.0
    loop: asyncio.AbstractEventLoop
    went_on: ClassVar[list[bool]] = []
    """For each slow write, whether the event loop did other things meanwhile."""
    threads: ClassVar[set[tuple[str, bool]]] = set()

    def __init__(self, *args, **options):
        self._note("open")
        super().__init__(*args, **options)

    def execute(self, statement, *values):
        if statement == "COMMIT" and Watched.seconds:
            time.sleep(Watched.seconds)  # as a write does that waits for the disk
            Watched.went_on.append(turns(Watched.loop))
        if "checkpoint" in statement and "auto" not in statement:
            self._note("checkpoint")
        return super().execute(statement, *values)

    def close(self):
        self._note("close")
        super().close()

    @staticmethod
    def _note(what):
        Watched.threads.add((what, threading.current_thread() is threading.main_thread()))


@pytest.fixture
def watched(monkeypatch):
    connect = sqlite3.connect

    def watched(database, *args, **options):
        reads = "mode=ro" in str(database)
        return connect(database, *args, **({} if reads else {"factory": Watched}), **options)

    monkeypatch.setattr(threads, "QUICK_SECONDS", QUICK_SECONDS)
    monkeypatch.setattr(Watched, "seconds", 0.0)
    monkeypatch.setattr(Watched, "went_on", [])
    monkeypatch.setattr(Watched, "threads", set())
    monkeypatch.setattr(file.sqlite3, "connect", watched)
    return Watched


async def test_the_file_is_opened_closed_and_cleaned_up_on_the_thread_and_its_log_stays_short(
    make, path, watched, monkeypatch
):
    monkeypatch.setattr(inloop, "CHECKPOINT_COMMITS", 20)
    budget = await make()
    for number in range(300):
        await answer(await send(budget, 1), 3499 - number)
    log = path.with_name("budget.db-wal").stat().st_size
    await budget.close()
    assert watched.threads == {("open", False), ("close", False), ("checkpoint", False)}
    assert log < 150 * 4096, "300 transactions of three pages each would be more than three times as much"


def turns(loop):
    """Tell whether *loop* does anything else now, however busy the machine; not, if this is its own thread."""
    turned = threading.Event()
    loop.call_soon_threadsafe(turned.set)
    return threading.current_thread() is not threading.main_thread() and turned.wait(60)


async def test_a_slow_disk_does_not_hold_up_the_event_loop(path, clock, watched):
    """From the first use on; calls take as long as the disk does, and nothing else waits for them."""
    watched.seconds, watched.loop = 0.01, asyncio.get_running_loop()
    budget = UnitBudget.shared(path, key="k", clock=clock, max_calls_per_second=None)
    for number in range(3):
        await answer(await send(budget, 5), 3595 - 5 * number)
    await budget.close()
    assert len(watched.went_on) > 3
    assert all(watched.went_on)


async def test_a_disk_that_becomes_slow_holds_up_the_event_loop_once(make, watched):
    """The steps after it are left to the thread, until the disk is quick again."""
    budget = await make()
    remaining = iter(range(3495, 0, -5))

    async def call():
        await answer(await send(budget, 5), next(remaining))

    await call()
    watched.seconds, watched.loop = 0.05, asyncio.get_running_loop()
    for _ in range(3):
        await call()
    assert len(watched.went_on) > 3
    assert watched.went_on.count(False) <= 1
    watched.seconds = 0.0
    async with asyncio.timeout(60):
        while not budget.ledger._state.promptness.quick:
            await stored(budget)
            await asyncio.sleep(0.01)


async def test_a_file_that_another_process_holds_does_not_hold_up_the_event_loop(make, path, monkeypatch):
    """It is let go of when the loop has turned, which it would not if it waited for that."""
    monkeypatch.setattr(file, "BUSY_SECONDS", 30.0)
    budget, loop = await make(), asyncio.get_running_loop()
    held, wanted = threading.Event(), threading.Event()

    def hold():
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")
            held.set()
            wanted.wait(60)
            went_on = all(turns(loop) for _ in range(20))
            holder.execute("ROLLBACK")
            return went_on

    holding = asyncio.create_task(asyncio.to_thread(hold))
    await asyncio.to_thread(held.wait, 60)
    wanted.set()
    await send(budget, 5)
    assert await holding
