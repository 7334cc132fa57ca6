"""A database's clock is set while a store is in use: nobody waits for it, and nothing is done twice at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.postgres import DatabaseTime
from tonicdm.clock import SystemClock
from tonicdm.errors import StoreError
from tonicdm.store import Store
from tonicdm.store.lock import LEASE_SECONDS, Hold
from tonicdm.webhooks import Inbox, Receiver, Unverified
from tonicdm.webhooks.rules import InboxRules

CLOCK = SystemClock()
HOUR = 3600.0
SETTINGS = [pytest.param(-HOUR, id="back"), pytest.param(HOUR, id="forward"), pytest.param(-300 * HOUR, id="far back")]
RULES = InboxRules(lease=60.0, jitter=0.0)


@pytest.fixture
def time(postgres_url: str) -> DatabaseTime:
    return DatabaseTime(postgres_url)


def body(number: int) -> bytes:
    record = f"{number:032x}"
    return b'{"type": "persons.updated", "id": "evt_%d", "data": {"id": "%s"}}' % (number, record.encode())


async def receive(inbox: Inbox, number: int = 1) -> None:
    reply = await Receiver(inbox, Unverified()).accept({"Content-Type": "application/json"}, body(number))
    assert reply.status == 200


def free_in(error: StoreError) -> float:
    """Return the seconds after which a store is free, as its error says."""
    return float(str(error).rpartition("free in ")[2].partition(" s")[0].replace(",", ""))


async def refused(store: Store, hold: Hold) -> float:
    with pytest.raises(StoreError, match="being synced") as caught:
        await store.acquire_lock(CLOCK, hold)
    return free_in(caught.value)


async def passes(time: DatabaseTime, seconds: float, url: str, work: Callable[[Store], Awaitable[object]]) -> None:
    """Let time pass, for one who has not looked before: for others the clock would be set once more."""
    time.set(seconds + 1)
    async with Store(url) as late:
        await work(late)


async def leases_one(late: Store) -> None:
    assert len((await Inbox(late, rules=RULES).lease(fetch=["persons"])).jobs) == 1


# --- the lock of a run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", SETTINGS)
async def test_a_run_keeps_its_type_and_one_that_died_loses_it_after_a_lease(
    postgres_url: str, time: DatabaseTime, seconds: float
) -> None:
    """One that asks again and again is let in after one lease, by whatever clock; a renewal shuts it out again."""
    hold, other = Hold.of_type("persons"), Hold.of_type("persons")
    async with Store(postgres_url) as one, Store(postgres_url) as two:
        await one.acquire_lock(CLOCK, hold)
        await two.set_meta("a", "b")
        time.set(seconds)
        assert 0 < await refused(two, other) <= LEASE_SECONDS
        await one.acquire_lock(CLOCK, hold)
        assert 0 < await refused(two, other) <= LEASE_SECONDS
    await passes(time, LEASE_SECONDS, postgres_url, lambda late: late.acquire_lock(CLOCK, other))


async def test_a_run_that_died_before_anybody_looked_keeps_its_type_for_one_lease_behind_a_clock_set_back(
    postgres_url: str, time: DatabaseTime
) -> None:
    async with Store(postgres_url) as one:
        await one.acquire_lock(CLOCK, Hold.of_type("persons"))
    time.set(-HOUR)
    async with Store(postgres_url) as two:
        assert await refused(two, Hold.of_type("persons")) <= LEASE_SECONDS
    await passes(time, LEASE_SECONDS, postgres_url, lambda late: late.acquire_lock(CLOCK, Hold.of_type("persons")))


# --- the inbox --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", SETTINGS)
async def test_a_job_in_work_is_nobody_elses_and_one_of_a_dead_worker_is_after_a_lease(
    postgres_url: str, time: DatabaseTime, seconds: float
) -> None:
    async with Store(postgres_url) as ours, Store(postgres_url) as theirs:
        one, two = Inbox(ours, rules=RULES), Inbox(theirs, rules=RULES)
        await receive(one)
        await two.triage(trusted=False)
        lease = await one.lease(fetch=["persons"])
        assert len(lease.jobs) == 1
        time.set(seconds)
        assert not (await two.lease(fetch=["persons"])).jobs
        await one.renew([lease.owner])
        assert not (await two.lease(fetch=["persons"])).jobs
        assert await one.begin(lease.jobs[0].number, lease.owner) == 1, "the worker still has it"
    await passes(time, RULES.lease, postgres_url, leases_one)


async def test_a_lease_that_is_renewed_by_a_worker_which_has_not_looked_since_holds(
    postgres_url: str, time: DatabaseTime
) -> None:
    """Its idea of the database's time is an hour old: a renewal by that would have ended before it was made."""
    async with Store(postgres_url) as ours, Store(postgres_url) as fresh:
        one = Inbox(ours, rules=RULES)
        await receive(one)
        await one.triage(trusted=False)
        lease = await one.lease(fetch=["persons"])
        time.set(HOUR)
        await one.renew([lease.owner])
        assert not (await Inbox(fresh, rules=RULES).lease(fetch=["persons"])).jobs


@pytest.mark.parametrize("seconds", SETTINGS)
async def test_an_event_is_due_when_it_has_come_whatever_the_clock_showed_then(
    postgres_url: str, time: DatabaseTime, seconds: float
) -> None:
    """It was received an hour ahead, or by a receiver that has not looked at the clock since."""
    async with Store(postgres_url) as ours, Store(postgres_url) as theirs:
        one, two = Inbox(ours, rules=RULES), Inbox(theirs, rules=RULES)
        await receive(one, 1)
        await two.triage(trusted=False)
        time.set(seconds)
        await receive(one, 2)
        await two.triage(trusted=False)
        await two.lease()  # as a worker does in each round
        (waiting,) = await two.waiting()
        assert waiting.ids == 2
        assert len((await two.lease(fetch=["persons"])).jobs) == 2


async def test_a_job_that_failed_waits_for_its_delay_and_not_for_the_hour_that_the_clock_was_set_back(
    postgres_url: str, time: DatabaseTime
) -> None:
    async with Store(postgres_url) as ours:
        one = Inbox(ours, rules=RULES)
        await receive(one)
        await one.triage(trusted=False)
        lease = await one.lease(fetch=["persons"])
        await one.fail([lease.jobs[0].number], lease.owner, "a test", attempted=False)
        time.set(-HOUR)
        assert not (await one.lease(fetch=["persons"])).jobs, "its delay is not over"
    await passes(time, RULES.first_retry_delay, postgres_url, leases_one)
