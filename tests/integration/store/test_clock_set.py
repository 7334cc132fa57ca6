"""A store's clock, the database's or a file's machine's, is set: nobody waits for it, nothing is done twice at once."""

from __future__ import annotations

import pathlib
import time as machines
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import pytest

from tests.engines import ENGINES
from tests.postgres import DatabaseTime
from tonicdm.clock import SystemClock
from tonicdm.errors import StoreError
from tonicdm.store import Store
from tonicdm.store.lock import LEASE_SECONDS, Hold
from tonicdm.webhooks import Inbox, Receiver, Unverified
from tonicdm.webhooks.inbox import Lease
from tonicdm.webhooks.rules import InboxRules

CLOCK = SystemClock()
HOUR = 3600.0
SETTINGS = [pytest.param(-HOUR, id="back"), pytest.param(HOUR, id="forward"), pytest.param(-300 * HOUR, id="far back")]
Time: TypeAlias = "DatabaseTime | MachineTime"
RULES = InboxRules(lease=60.0, jitter=0.0)


class MachineTime:
    """The wall clock of a machine, which a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seconds = 0.0
        monkeypatch.setattr(SystemClock, "now", lambda _self: machines.time() + self._seconds)

    def set(self, seconds: float) -> None:
        self._seconds += seconds


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> str:
    """Where the store is, as each program opens it."""
    return str(tmp_path / "firm.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def time(place: str, monkeypatch: pytest.MonkeyPatch) -> DatabaseTime | MachineTime:
    """The clock that the store's times go by."""
    return DatabaseTime(place) if "://" in place else MachineTime(monkeypatch)


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


async def passes(time: Time, seconds: float, url: str, work: Callable[[Store], Awaitable[object]]) -> None:
    """Let time pass, for one who has not looked before: for others the clock would be set once more."""
    time.set(seconds + 1)
    async with Store(url) as late:
        await work(late)


async def leased(inbox: Inbox) -> Lease:
    """Lease what is due, as a worker does in each round."""
    await inbox.triage(trusted=False)
    return await inbox.lease(fetch=["persons"])


async def leases_one(late: Store) -> None:
    assert len((await leased(Inbox(late, rules=RULES))).jobs) == 1


# --- the lock of a run ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", SETTINGS[:2])
async def test_a_run_keeps_its_type_and_one_that_died_loses_it_after_a_lease(
    place: str, time: Time, seconds: float
) -> None:
    """One that asks again and again is let in after one lease, by whatever clock; a renewal shuts it out again."""
    hold, other = Hold.of_type("persons"), Hold.of_type("persons")
    async with Store(place) as one, Store(place) as two:
        await one.acquire_lock(CLOCK, hold)
        await two.set_meta("a", "b")
        time.set(seconds)
        assert 0 < await refused(two, other) <= LEASE_SECONDS
        await one.acquire_lock(CLOCK, hold)
        assert 0 < await refused(two, other) <= LEASE_SECONDS
    await passes(time, LEASE_SECONDS, place, lambda late: late.acquire_lock(CLOCK, other))


async def test_a_run_that_died_before_anybody_looked_keeps_its_type_for_one_lease_behind_a_clock_set_back(
    place: str, time: Time
) -> None:
    async with Store(place) as one:
        await one.acquire_lock(CLOCK, Hold.of_type("persons"))
    time.set(-HOUR)
    async with Store(place) as two:
        assert await refused(two, Hold.of_type("persons")) <= LEASE_SECONDS
    await passes(time, LEASE_SECONDS, place, lambda late: late.acquire_lock(CLOCK, Hold.of_type("persons")))


# --- the inbox --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", SETTINGS[:2])
async def test_a_job_in_work_is_nobody_elses_and_one_of_a_dead_worker_is_after_a_lease(
    place: str, time: Time, seconds: float
) -> None:
    async with Store(place) as ours, Store(place) as theirs:
        one, two = Inbox(ours, rules=RULES), Inbox(theirs, rules=RULES)
        await receive(one)
        lease = await leased(one)
        assert len(lease.jobs) == 1
        assert not (await leased(two)).jobs
        time.set(seconds)
        assert not (await leased(two)).jobs
        await one.renew([lease.owner])
        assert not (await leased(two)).jobs
        assert await one.begin(lease.jobs[0].number, lease.owner) == 1, "the worker still has it"
    await passes(time, RULES.lease, place, leases_one)


async def test_the_jobs_of_a_worker_that_died_before_the_clock_was_set_back_are_free_after_a_lease(
    place: str, time: Time
) -> None:
    async with Store(place) as ours:
        one = Inbox(ours, rules=RULES)
        await receive(one)
        assert len((await leased(one)).jobs) == 1
    time.set(-HOUR)
    async with Store(place) as theirs:
        assert not (await leased(Inbox(theirs, rules=RULES))).jobs
    await passes(time, RULES.lease, place, leases_one)


async def test_a_lease_that_is_renewed_by_a_worker_which_has_not_looked_since_holds(place: str, time: Time) -> None:
    """Its idea of the database's time is an hour old: a renewal by that would have ended before it was made."""
    async with Store(place) as ours, Store(place) as fresh:
        one = Inbox(ours, rules=RULES)
        await receive(one)
        lease = await leased(one)
        time.set(HOUR)
        await one.renew([lease.owner])
        assert not (await leased(Inbox(fresh, rules=RULES))).jobs


@pytest.mark.parametrize("seconds", SETTINGS)
async def test_an_event_is_due_when_it_has_come_whatever_the_clock_showed_then(
    place: str, time: Time, seconds: float
) -> None:
    """It was received an hour ahead, or by a receiver that has not looked at the clock since."""
    async with Store(place) as ours, Store(place) as theirs:
        one, two = Inbox(ours, rules=RULES), Inbox(theirs, rules=RULES)
        await receive(one, 1)
        await two.triage(trusted=False)
        time.set(seconds)
        await receive(one, 2)
        await two.triage(trusted=False)
        (waiting,) = await two.waiting()
        assert waiting.ids == 2
        now = two.clock.now()
        assert max(0.0, seconds) <= now - waiting.oldest <= max(0.0, seconds) + 60.0, "or changes before it are missed"
        assert len((await two.lease(fetch=["persons"])).jobs) == 2


async def test_a_job_that_failed_waits_for_its_delay_and_not_for_the_hour_that_the_clock_was_set_back(
    place: str, time: Time
) -> None:
    async with Store(place) as ours:
        one = Inbox(ours, rules=RULES)
        await receive(one)
        lease = await leased(one)
        await one.fail([lease.jobs[0].number], lease.owner, "a test", attempted=False)
        time.set(-HOUR)
        assert not (await leased(one)).jobs, "its delay is not over"
    await passes(time, RULES.first_retry_delay, place, leases_one)
