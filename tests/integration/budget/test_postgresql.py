"""A budget in PostgreSQL: what it keeps across processes, hosts, cuts of the network and damage."""

from __future__ import annotations

import asyncio
import os
import threading
import time

import psycopg
import pytest

from tests.pooler import Pooler
from tests.postgres import DatabaseTime, Proxy
from tests.unit.budget.test_ledgers import busy_window
from tests.unit.budget.test_window import at
from tonicdm import UnitBudget
from tonicdm.budget.history import WindowRecord
from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.ledgers.postgresql import SCHEMA, PostgreSQLLedger
from tonicdm.clock import SystemClock
from tonicdm.errors import ConfigError, LedgerUnavailableError

RATES = {
    "X-Rate-Limit-Limit": "3600",
    "X-Rate-Limit-Remaining": "3500",
    "X-Rate-Limit-Reset": str(int(time.time()) + 3000),
}


class HostClock(SystemClock):
    """The clocks of another host: its wall clock is wrong, and its monotonic one began at another time."""

    def __init__(self, skew: float, start: float) -> None:
        self.skew, self.start = skew, start

    def now(self) -> float:
        return super().now() + self.skew

    def monotonic(self) -> float:
        return super().monotonic() + self.start


@pytest.fixture
async def make(postgres_url):
    ledgers = []

    def make(url=postgres_url, **settings):
        ledgers.append(PostgreSQLLedger(url, **{"key": "k", **settings}))
        return ledgers[-1]

    yield make
    for ledger in ledgers:
        await ledger.close()


def number_of(window):
    return window.admit(5, at(0.0)).entry


async def test_everything_a_window_knows_comes_back_on_another_host(make):
    """Its monotonic clock began elsewhere, so each time is moved by the same span, and what is no time stays."""
    made, here, there = busy_window(), make(), make(clock=HostClock(300.0, 50_000.0))

    def fill(window):
        for name in type(window).__slots__:
            setattr(window, name, getattr(made, name))

    await here.run(fill)
    read = await there.run(lambda window: window)
    assert [(entry.state, entry.cost, entry.label) for entry in read.holdings] == [
        (entry.state, entry.cost, entry.label) for entry in made.holdings
    ]
    assert (read.used, read.limit, read.reset, read.accounts) == (made.used, made.limit, made.reset, made.accounts)
    for ours, theirs in zip(made.holdings, read.holdings, strict=True):
        assert theirs.until - ours.until == pytest.approx(50_000.0, abs=0.5)
    assert read.cooldown.limited_at - made.cooldown.limited_at == pytest.approx(50_000.0, abs=0.5)
    assert read.cooldown.until == made.cooldown.until, "server time is no time of ours"
    assert read.clock.low + 50_000.0 == pytest.approx(made.clock.low, abs=0.5)


async def test_windows_that_are_over_are_kept_and_a_window_that_goes_on_is_one_of_them(make):
    here, there = make(), make()

    def end(number, used):
        def step(window):
            window.ended.append(WindowRecord(ended_at=1000.0 * number, limit=3600, used=used))
            window.admit(1, at(0.0))

        return step

    await here.run(end(1, 5))
    await there.run(end(1, 7))
    await here.run(end(2, 9))
    assert [(record.ended_at, record.used) for record in there.history()] == [(1000.0, 7), (2000.0, 9)]


async def test_two_ledgers_are_one_budget_and_keys_keep_budgets_apart(make):
    one, two, other = make(), make(), make(key="another")
    entry = await one.run(number_of)
    assert await two.run(lambda window: window.held) == 5
    await two.run(lambda window: window.refund(entry))
    assert await one.run(lambda window: window.held) == 0
    assert await other.run(lambda window: window.held) == 0
    assert one.peek().held == 0


async def test_a_failed_step_leaves_no_trace_and_one_that_looks_writes_nothing(make, postgres_url):
    ledger = make()

    def fail(window):
        window.admit(5, at(0.0))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await ledger.run(fail)
    assert await ledger.run(lambda window: window.held) == 0
    await ledger.run(number_of)
    with psycopg.connect(postgres_url) as connection:
        asked = f"SELECT version FROM {SCHEMA}.budget"
        before = connection.execute(asked).fetchone()
        await ledger.run(lambda window: window.held)
        assert connection.execute(asked).fetchone() == before


async def test_a_cancelled_caller_undoes_what_the_thread_did(make):
    ledger, hold, made = make(), threading.Event(), []

    def step(window):
        hold.wait()
        made.append(number_of(window))

    task = asyncio.create_task(ledger.run(step, lambda window: window.refund(made[0])))
    await asyncio.sleep(0)
    task.cancel()
    hold.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await ledger.run(lambda window: window.held) == 0


async def test_units_that_come_free_on_one_host_wake_who_waits_on_another(make):
    """The other one looks by itself only after an hour, so nothing but the notification can have woken it."""
    here, there, woken = make(), make(), asyncio.Event()
    loop = asyncio.get_running_loop()
    there.on_change(lambda: loop.call_soon_threadsafe(woken.set))
    entry = await here.run(number_of)
    await there.run(lambda window: window.held)
    while there._listener is None or not there._listener.works:
        await asyncio.sleep(0.01)
    await here.run(lambda window: window.refund(entry))
    async with asyncio.timeout(60):
        await woken.wait()


async def test_a_ledger_that_is_closed_leaves_no_session_behind(make, postgres_url, monkeypatch):
    """Its listener once stayed for half a second: a worker that opens many tenants one by one had a dozen of them."""
    monkeypatch.setattr("tonicdm.budget.ledgers.listener.SLICE_SECONDS", 3600.0)
    ledger = make()
    ledger.on_change(lambda: None)
    await ledger.run(number_of)
    while ledger._listener is None or not ledger._listener.works:
        await asyncio.sleep(0.01)
    await ledger.close()
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with psycopg.connect(postgres_url, autocommit=True) as db:
        async with asyncio.timeout(60):
            while db.execute(sql).fetchone() != (0,):
                await asyncio.sleep(0.01)


async def test_a_pooler_that_passes_no_notifications_on_is_noticed_and_said(make, monkeypatch, caplog):
    """Then waiting calls look each second."""
    monkeypatch.setattr("tonicdm.budget.ledgers.listener.PROBE_SECONDS", 0.05)
    monkeypatch.setattr(psycopg.Connection, "notifies", lambda *_, **__: iter(()))
    ledger = make()
    ledger.on_change(lambda: None)
    await ledger.run(number_of)
    async with asyncio.timeout(60):
        while "pooler" not in caplog.text:
            await asyncio.sleep(0.01)
    await ledger.run(lambda window: window.held)
    assert ledger.poll_seconds == 1.0


async def test_a_step_is_two_round_trips_also_where_another_host_came_between(make, postgres_url):
    """One to the lock, with what others have changed and the time; one to the commit."""
    proxy = Proxy(postgres_url)
    await proxy.open()
    near, far = make(), make(proxy.url)
    for ledger in (near, far, far):
        await ledger.run(lambda _window: None)
    trips = []
    for other in (False, True, False, True):
        if other:
            await near.run(lambda window: setattr(window, "limit", window.limit - 1))
        before = proxy.turns
        await far.run(lambda window: setattr(window, "limit", window.limit - 1))
        trips.append(proxy.turns - before)
    assert trips == [2, 2, 2, 2]
    before = proxy.turns
    await far.run(lambda window: window.limit)
    assert proxy.turns - before == 2, "who only looks has to let go of the row as well"
    await far.close()
    await proxy.cut()


async def test_a_pooler_in_transaction_mode_serves_the_steps_of_several_hosts(make, postgres_url):
    """No step needs anything of the session that the one before had."""
    async with Pooler(postgres_url, by_transaction=True) as pooler:
        ledgers = [make(pooler.url) for _ in range(3)]
        first = await ledgers[0].run(lambda window: window.limit)
        await asyncio.gather(
            *(one.run(lambda window: setattr(window, "limit", window.limit - 1)) for one in ledgers * 4)
        )
        assert await ledgers[1].run(lambda window: window.limit) == first - 12
        for ledger in ledgers:
            await ledger.close()


async def test_a_database_that_is_away_is_tried_for_a_bounded_time_and_nothing_is_sent(postgres_url):
    proxy = Proxy(postgres_url)
    await proxy.open()
    budget = UnitBudget.shared(proxy.url, key="k", ledger_timeout=0.3)
    async with budget.reserve(1):
        pass
    await proxy.cut()
    with pytest.raises(LedgerUnavailableError, match=r"so for 0\.3 s\. Nothing was sent") as caught:
        async with budget.reserve(1):
            raise AssertionError("it has units although nobody could reserve them")
    assert "s3cret" not in f"{caught.value}{caught.value.__cause__}{budget.ledger.where}"
    await proxy.open()
    async with budget.reserve(1):
        pass
    await budget.close()
    await proxy.cut()


async def test_an_answer_that_comes_while_the_database_is_away_is_noted_when_it_is_back(postgres_url):
    """It is handed out at once; its units stay charged until the ledger has taken note."""
    proxy = Proxy(postgres_url)
    await proxy.open()
    budget = UnitBudget.shared(proxy.url, key="k", ledger_timeout=5.0)
    async with budget.reserve(1) as reservation:
        await reservation.sent()
        await proxy.cut()
        await reservation.settle_from(RATES, 200)
    await proxy.open()
    async with asyncio.timeout(60), budget.reserve(5):
        assert (await budget.ledger.run(lambda window: window.used)) == 100, "noted before anything later"
    await budget.close()
    await proxy.cut()


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0])
async def test_a_database_clock_that_is_set_moves_no_time_of_the_window(make, postgres_url, seconds):
    """Else a cooldown or a lease would end hours early, or late."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE shift (seconds float8)")
        connection.execute("INSERT INTO shift VALUES (0)")
        sql = "extract(epoch FROM clock_timestamp())::float8 + (SELECT seconds FROM shift)"
        one, two = make(time_sql=sql), make(time_sql=sql)
        await one.run(lambda window: window.admit(5, at(SystemClock().monotonic())))
        await two.run(lambda window: window.held)
        before = next(iter(one.peek().holdings)).until
        connection.execute("UPDATE shift SET seconds = %s", (seconds,))
        assert next(iter((await two.run(lambda window: window)).holdings)).until == pytest.approx(before, abs=1.0)
        assert next(iter((await one.run(lambda window: window)).holdings)).until == pytest.approx(before, abs=1.0)
        late = make(time_sql=sql)
        assert next(iter((await late.run(lambda window: window)).holdings)).until == pytest.approx(before, abs=1.0)


@pytest.mark.parametrize("seconds", [-7200.0, 7200.0])
async def test_a_step_that_fails_when_the_database_clock_was_set_leaves_the_times_of_the_window(
    make, postgres_url, seconds
):
    """What it noticed is rolled back with it. The next step took that for a correction by another process."""
    time_of_database = DatabaseTime(postgres_url)
    ledger = make()
    await ledger.run(lambda window: window.admit(5, at(SystemClock().monotonic())))
    before = next(iter(ledger.peek().holdings)).until
    time_of_database.set(seconds)

    def fails(_window):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ledger.run(fails)
    assert next(iter((await ledger.run(lambda window: window)).holdings)).until == pytest.approx(before, abs=1.0)
    other = make()
    assert next(iter((await other.run(lambda window: window)).holdings)).until == pytest.approx(before, abs=1.0)


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
@pytest.mark.parametrize("is_refused", [False, True], ids=["full window", "silence after a 429"])
async def test_a_wait_ends_neither_sooner_nor_later_because_the_database_clock_is_set(
    make, postgres_url, seconds, is_refused
):
    """For a process that is at work, for one that has not looked since, and for one that begins then."""
    time_of_database, now = DatabaseTime(postgres_url), SystemClock()
    ledgers = [make() for _ in range(3)]
    busy, idle, late = (UnitBudget(ledger, clock=ledger.clock) for ledger in ledgers)
    async with busy, idle, late:
        idle.snapshot()
        async with busy.reserve(20) as reservation:
            assert await reservation.try_sent()
            reset = now.now() + 1800.0
            await reservation.settle(3600, 0, reset, date=now.now(), status=429 if is_refused else 200)
        time_of_database.set(seconds)
        for budget in (busy, idle, late, busy):
            budget.snapshot()
            assert 1790.0 <= budget.forecast(20).done_in <= 1830.0


async def test_a_database_clock_that_was_set_back_while_no_process_ran_makes_a_full_window_no_longer(
    make, postgres_url
):
    """What the last response of the server was heard at lies ahead of the clock then."""
    time_of_database, now = DatabaseTime(postgres_url), SystemClock()
    ledger = make()
    async with UnitBudget(ledger, clock=ledger.clock) as budget:
        async with budget.reserve(20) as reservation:
            assert await reservation.try_sent()
            await reservation.settle(3600, 0, now.now() + 1800.0, date=now.now())
        assert 1790.0 <= budget.forecast(20).done_in <= 1830.0
    time_of_database.set(-7200.0)
    other = make()
    async with UnitBudget(other, clock=other.clock) as budget:
        budget.snapshot()
        assert 1790.0 <= budget.forecast(20).done_in <= 1830.0


async def test_a_later_form_is_refused_with_both_named_and_left_alone(make, postgres_url):
    await make().run(number_of)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"UPDATE {SCHEMA}.form SET number = 99")
    with pytest.raises(ConfigError, match=r"form 99, and tonicdm .* reads form 1\."):
        await make().run(number_of)


async def test_a_role_that_may_not_make_tables_is_told_who_has_to(postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS tonicdm_weak")
        connection.execute("CREATE ROLE tonicdm_weak LOGIN")
    ledger = PostgreSQLLedger(postgres_url.replace("postgres:", "tonicdm_weak:", 1), key="k")
    with pytest.raises(LedgerUnavailableError, match="tonicdm jobs upgrade"):
        await ledger.run(number_of)
    await ledger.close()


async def test_a_damaged_state_is_an_error_that_says_which_row(make, postgres_url):
    await make().run(number_of)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"UPDATE {SCHEMA}.budget SET state = '[]', version = version + 1")
    with pytest.raises(LedgerUnavailableError, match="Delete its row"):
        await make().run(number_of)


async def test_statements_that_take_too_long_are_tried_again(make, postgres_url, monkeypatch):
    """Another process holds the row; nothing was changed, so the step may be tried again."""
    monkeypatch.setattr("tonicdm.budget.ledgers.postgresql.STATEMENT_MS", 50)
    ledger = make()
    await ledger.run(number_of)
    with psycopg.connect(postgres_url) as holder:
        holder.execute(f"SELECT * FROM {SCHEMA}.budget FOR UPDATE")
        with pytest.raises(LedgerBusyError, match="can't be used now"):
            await ledger.run(number_of)
    assert await ledger.run(lambda window: window.held) == 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
async def test_a_forked_child_ends_no_session_of_its_parent(make):
    """The driver of the child would say goodbye on the parent's connection."""
    ledger = make()
    await ledger.run(number_of)
    session = ledger._connection
    child = os.fork()
    if not child:
        try:
            asyncio.new_event_loop()
            ledger._connection and ledger._connection.close()
        finally:
            os._exit(0)
    os.waitpid(child, 0)  # noqa: ASYNC222 - it ends at once
    assert await ledger.run(lambda window: window.held) == 5
    assert ledger._connection is session


@pytest.mark.parametrize(
    "url", ["postgresql://u:s3cret@[", "postgresql://u:s3cret@h/db?nonsense=1", "mysql://u:s3cret@h/db"]
)
def test_a_url_that_can_t_be_read_is_refused_without_showing_its_password(url):
    with pytest.raises(ConfigError) as caught:
        UnitBudget.shared(url, key="k")
    assert "s3cret" not in str(caught.value)


async def test_a_host_that_vanishes_within_a_step_holds_up_the_others_for_a_bounded_time(
    make, postgres_url, monkeypatch
):
    """Its connection is not closed, so the server can't know; the row would stay locked for hours."""
    monkeypatch.setattr("tonicdm.budget.ledgers.postgresql.STATEMENT_MS", 300)
    monkeypatch.setattr("tonicdm.budget.ledgers.postgresql.SILENCE_MS", 600)
    proxy = Proxy(postgres_url)
    await proxy.open()
    gone, here = make(proxy.url), make()
    await gone.run(number_of)
    loop = asyncio.get_running_loop()

    def vanish(window):
        asyncio.run_coroutine_threadsafe(freeze(), loop).result()
        window.holdings.next_number += 1

    async def freeze():
        proxy.freeze()

    lost = asyncio.ensure_future(gone.run(vanish))
    try:
        async with asyncio.timeout(60):
            while proxy.flows:
                await asyncio.sleep(0.01)
            while await busy(here):
                pass
    finally:
        proxy.thaw()
    with pytest.raises(LedgerBusyError):
        await lost
    await proxy.cut()


async def busy(ledger):
    try:
        await ledger.run(lambda window: window.held)
    except LedgerBusyError:
        return True
    return False
