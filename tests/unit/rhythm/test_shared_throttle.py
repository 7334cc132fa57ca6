"""One pace and one cooldown for the clients of all hosts; and calls that go on where the database is away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from tests.postgres import DatabaseTime, Proxy
from tests.unit.rhythm.test_tokens import SkewedClock
from tonicdm.clock import SystemClock, VirtualClock
from tonicdm.errors import BudgetTimeoutError
from tonicdm.rhythm import RhythmClient
from tonicdm.rhythm.database import RhythmDatabase
from tonicdm.rhythm.sharedthrottle import AGAIN_SECONDS, SharedThrottle
from tonicdm.rhythm.throttle import Throttle, ThrottleRules

Make = Callable[..., SharedThrottle]
UNPACED = ThrottleRules(calls_per_second=None)


@pytest.fixture
async def make(postgres_url: str) -> AsyncIterator[Make]:
    """Makes the throttle of another host."""
    made: list[SharedThrottle] = []

    def make(
        rules: ThrottleRules = UNPACED, *, url: str = postgres_url, clock: Any = None, key: str = "x"
    ) -> SharedThrottle:
        found = SharedThrottle(clock or SystemClock(), rules, RhythmDatabase(url), key)
        found._chance = lambda: 0.0
        made.append(found)
        return found

    yield make
    for throttle in made:
        await throttle.close()


async def attempt(throttle: Throttle, status: int, headers: dict[str, str] | None = None, **given: Any) -> None:
    async with throttle.reserve(**given) as leave:
        assert await leave.try_sent()
        await leave.settle_from(headers or {}, status)


async def test_a_429_of_one_host_silences_all_others_whatever_their_clocks(make: Make) -> None:
    """Who waits in the queue, and who sat at the gate for a while; another tenant's clients go on."""
    virtual = VirtualClock(1e9)
    hosts = [make(clock=SkewedClock(virtual, skew)) for skew in (-300.0, 0.0, 300.0)]
    async with hosts[0].reserve() as at_the_gate:
        await attempt(hosts[1], 429, {"Retry-After": "100"})
        virtual.advance(1.1)
        assert not await at_the_gate.try_sent()
    for host in hosts:
        with pytest.raises(BudgetTimeoutError) as caught:
            await attempt(host, 200, max_wait=0.0)
        assert caught.value.wait is not None
        assert 90 < caught.value.wait <= 100.01
    await attempt(make(key="another"), 200)


@pytest.mark.realtime
async def test_cooldowns_grow_over_all_hosts_and_a_success_ends_the_row(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the database says them: a busy machine looks at what is left of one when it is over."""
    rules, said, closed = (
        ThrottleRules(calls_per_second=None, base=0.05, cap=60.0),
        list[float](),
        SharedThrottle._closed,
    )

    def noted(throttle: SharedThrottle, seconds: float) -> None:
        said.append(seconds)
        closed(throttle, seconds)

    monkeypatch.setattr(SharedThrottle, "_closed", noted)
    for expected in (0.05, 0.1, 0.2):
        await attempt(host := make(rules), 429)
        assert said[-1] == pytest.approx(expected, abs=0.001)
        assert host.cooldown_left <= expected + 0.001
    await attempt(make(rules), 200)
    await attempt(make(rules), 429)
    assert said[-1] == pytest.approx(0.05, abs=0.001)


async def test_calls_of_several_hosts_that_are_refused_together_are_one_strike(make: Make) -> None:
    rules = ThrottleRules(calls_per_second=None, base=5.0)
    hosts = [make(rules) for _ in range(3)]
    leaves = [await host.reserve().__aenter__() for host in hosts]
    for leave in leaves:
        assert await leave.try_sent()
    for leave in leaves:
        await leave.settle_from({}, 429)
    assert all(1.0 < host.cooldown_left <= 5.01 for host in hosts)


@pytest.mark.realtime
async def test_the_pace_is_that_of_all_hosts_together(make: Make) -> None:
    """Whatever the machine's load, there are never more sends than burst and rate allow."""
    rules = ThrottleRules(calls_per_second=50.0, burst=3)
    hosts, began = [make(rules) for _ in range(3)], time.monotonic()
    await asyncio.gather(*(attempt(host, 200) for host in hosts for _ in range(7)))
    assert time.monotonic() - began >= (21 - 3) / 50.0 - 0.01


async def test_without_its_database_each_client_keeps_its_own_pace_and_the_cooldowns_that_it_knows(
    make: Make, postgres_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tonicdm.rhythm.sharedthrottle.AGAIN_SECONDS", 0.0)
    proxy = Proxy(postgres_url)
    await proxy.open()
    throttle = make(url=proxy.url)
    await attempt(throttle, 200)
    await proxy.cut()
    await attempt(throttle, 200)
    await attempt(throttle, 429, {"Retry-After": "100"})
    assert 95 < throttle.cooldown_left <= 100.01
    assert caplog.text.count("the pace is not shared now") == 1
    throttle._opens_at = 0.0
    await proxy.open()
    await attempt(throttle, 200)
    assert "the pace is shared again" in caplog.text
    await throttle.close()
    await proxy.cut()


async def test_a_database_that_does_not_answer_holds_up_one_call_and_not_each(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call once waited for a connection of its own, one behind the other, while the pace was its client's."""
    clock, tries = VirtualClock(), list[None]()
    throttle = make(url="postgresql://127.0.0.1:1/x", clock=clock)

    def connect(_place: RhythmDatabase) -> None:
        tries.append(None)
        time.sleep(0.05)
        raise psycopg.OperationalError("timeout expired")

    monkeypatch.setattr(RhythmDatabase, "connect", connect)
    await asyncio.gather(*(attempt(throttle, 200) for _ in range(8)))
    assert len(tries) == 1
    clock.advance(AGAIN_SECONDS + 0.1)
    await asyncio.gather(*(attempt(throttle, 200) for _ in range(8)))
    assert len(tries) == 2


async def test_a_throttle_that_is_closed_opens_no_connection_again(make: Make) -> None:
    throttle = make()
    await attempt(throttle, 200)
    await throttle.close()
    await attempt(throttle, 200)
    assert (throttle._executor, throttle._connection) == (None, None)


async def test_a_client_takes_the_database_from_its_argument_or_from_the_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RHYTHM_DATABASE", "postgresql://someone:s3cret@db/one")
    async with RhythmClient("a.example.org", token="t") as rhythm:
        throttle = rhythm._caller.transport.budget
        assert isinstance(throttle, SharedThrottle)
        assert throttle._place.where == "postgresql://db/one"
        assert "s3cret" not in repr(throttle._place)
    async with RhythmClient("a.example.org", token="t", database="postgresql://db/two") as rhythm:
        assert rhythm._database is not None
        assert rhythm._database.where == "postgresql://db/two"


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
async def test_a_cooldown_ends_neither_sooner_nor_later_because_the_databases_clock_is_set(
    postgres_url: str, make: Make, seconds: float
) -> None:
    """For one that waits already, one that has not heard of it, and one that begins when another one has looked."""
    time_of_database = DatabaseTime(postgres_url)
    refused, idle = make(), make()
    await attempt(idle, 200)
    await attempt(refused, 429, {"Retry-After": "100"})
    time_of_database.set(seconds)
    for host in (idle, refused, make()):
        with pytest.raises(BudgetTimeoutError) as caught:
            await attempt(host, 200, max_wait=0.0)
        assert caught.value.wait is not None
        # Where the clock was set back, nobody can tell what passed between the row's last use and the look at it.
        assert 90 < caught.value.wait < 110


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
async def test_nobody_waits_for_his_turn_because_the_databases_clock_is_set(
    postgres_url: str, make: Make, seconds: float
) -> None:
    """Also not one that has not looked before the clock was set back."""
    time_of_database, rules = DatabaseTime(postgres_url), ThrottleRules(calls_per_second=50.0, burst=1)
    hosts = [make(rules), make(rules)]
    for host in hosts:
        await attempt(host, 200)
    time_of_database.set(seconds)
    async with asyncio.timeout(60):
        for host in (make(rules), *hosts, make(rules)):
            await attempt(host, 200)


async def test_a_success_behind_a_clock_that_was_set_back_ends_the_row_of_429s(postgres_url: str, make: Make) -> None:
    time_of_database = DatabaseTime(postgres_url)
    rules = ThrottleRules(calls_per_second=None, base=0.001)
    await attempt(make(rules), 429)
    time_of_database.set(-3600.0)
    await attempt(make(rules), 200)
    await attempt(last := make(rules), 429)
    assert last.cooldown_left <= 0.0011


async def test_tables_of_before_rows_knew_when_they_were_used_are_brought_up_to_date(
    postgres_url: str, make: Make
) -> None:
    await attempt(make(), 200)
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE tonicdm_rhythm.throttle DROP COLUMN used_at")
    host = make()
    await attempt(host, 429, {"Retry-After": "100"})
    assert not host._away
    assert 90 < host.cooldown_left <= 100.01
