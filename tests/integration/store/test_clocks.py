"""Hosts whose clocks differ by minutes share a store: what is leased, locked or due goes by the database's clock."""

from __future__ import annotations

import time

import pytest

from tests import engines
from tests.engines import ENGINES
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import SystemClock, VirtualClock
from tonicdm.errors import StoreError
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.store.lock import Hold
from tonicdm.sync import synchronize
from tonicdm.webhooks import Inbox, Receiver, Unverified, Worker
from tonicdm.webhooks.gaps import repair
from tonicdm.webhooks.rules import InboxRules

BODY = b'{"type": "persons.updated", "id": "evt_1", "data": {"id": "' + b"1" * 32 + b'"}}'
SKEWS = (-600.0, 600.0)


class Skewed(SystemClock):
    """A machine whose wall clock is wrong."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now(self) -> float:
        return time.time() + self.seconds


@pytest.fixture
def where(request: pytest.FixtureRequest):
    return engines.place(request, "postgresql")


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_database_has_a_clock_of_its_own_and_a_file_that_of_its_machine(request, engine: str) -> None:
    async with Store(engines.place(request, engine)) as store:
        await store.set_meta("x", "1")
        wrong = Skewed(600.0)
        ahead = store.clock(wrong).now() - time.time()
        assert abs(ahead - (600.0 if engine == "sqlite" else 0.0)) < 30.0
        virtual = VirtualClock(1e9)
        assert store.clock(virtual) is virtual, "a clock that is not the machine's is meant"


@pytest.mark.parametrize("first", SKEWS)
async def test_a_run_lock_is_neither_overtaken_nor_kept_for_longer(where, first: float) -> None:
    """A host that is ten minutes ahead once took the store from one that was in the middle of its run."""
    hold, other = (Hold.of_type("persons", seconds) for seconds in (60.0, 60.0))
    async with Store(where) as one, Store(where) as two:
        await one.acquire_lock(Skewed(first), hold)
        with pytest.raises(StoreError, match="being synced") as caught:
            await two.acquire_lock(Skewed(-first), other)
        seconds = float(str(caught.value).rpartition("free in ")[2].partition(" s")[0])
        assert 0 < seconds <= 60.0
        await one.acquire_lock(Skewed(first), hold)
        await one.release_lock(hold)
        await two.acquire_lock(Skewed(-first), other)


@pytest.mark.parametrize("receiver", SKEWS)
async def test_what_one_host_receives_is_due_at_once_for_all_and_leased_by_one(where, receiver: float) -> None:
    """The worker of a host that is behind once left an event alone for twenty minutes; one ahead took a lease away."""
    rules = InboxRules(lease=120.0)
    async with Store(where) as theirs, Store(where) as ours:
        inbox = Inbox(theirs, rules=rules, clock=Skewed(receiver))
        reply = await Receiver(inbox, Unverified()).accept({"Content-Type": "application/json"}, BODY)
        assert reply.status == 200
        worker = Inbox(ours, rules=rules, clock=Skewed(-receiver))
        await worker.triage(trusted=False)
        (waiting,) = await worker.waiting()
        assert abs(worker.clock.now() - waiting.oldest) < 60.0
        lease = await worker.lease(fetch=["persons"])
        assert len(lease.jobs) == 1
        assert (await inbox.lease(fetch=["persons"])).jobs == [], "it is held, whatever the other host's clock shows"
        await worker.release([lease.jobs[0].number], lease.owner)
        assert len((await inbox.lease(fetch=["persons"])).jobs) == 1


TIMES = (
    "SELECT 'read', read_at FROM record UNION SELECT 'checked', checked FROM record WHERE checked IS NOT NULL",
    "SELECT 'doubted', doubted FROM record WHERE doubted IS NOT NULL",
    "SELECT 'changes', changes FROM watermark UNION SELECT 'listed', listed FROM watermark",
    "SELECT 'received', received FROM event UNION SELECT 'due', due FROM job UNION SELECT 'ended', ended FROM job",
    "SELECT 'gap', finished FROM gap",
    "SELECT 'run', extract(epoch FROM finished::timestamptz)::float8 FROM history",
)
"""All times of a store that its hosts compare with a clock, but for leases."""


@pytest.mark.parametrize("skew", SKEWS)
async def test_every_age_that_hosts_share_is_by_the_databases_clock(where, skew: float) -> None:
    """Also where each host has a budget of its own, which knows nothing of the database.

    A host that was ahead once dated what it read ten minutes too late, and another served that as fresh for so long.
    """
    async with (
        Sandbox(records=600) as box,
        UnitBudget.memory(clock=Skewed(skew)) as budget,
        Store(where) as store,
        TonicDM(box.token, base_url=box.url, budget=budget, store=store) as tonic,
    ):
        first, second, third = box.world.ids("offices")[:3]
        body = BODY.replace(b"persons", b"offices").replace(b"1" * 32, first.encode())
        inbox = Inbox(store, clock=Skewed(skew))
        assert (await Receiver(inbox, Unverified()).accept({"Content-Type": "application/json"}, body)).status == 200
        await Worker(tonic, inbox).drain()
        await tonic.offices.get(second, max_age=60.0)
        await tonic.offices.update(third, name="another name")
        for _ in range(2):
            await synchronize(tonic, store, choose(["offices"]))
        await repair(tonic, inbox, choose(["offices"]))
        times = [row for sql in TIMES for row in await store.query(sql)]
        assert {name for name, _ in times} >= {"read", "checked", "changes", "received", "due", "ended", "gap", "run"}
        assert [row for row in times if abs(row[1] - time.time()) > 120.0] == []
        sent = len(box.journal)
        async with (
            UnitBudget.memory(clock=Skewed(-skew)) as other,
            TonicDM(box.token, base_url=box.url, budget=other, store=where) as elsewhere,
        ):
            await elsewhere.offices.get(second, max_age=60.0)
            assert len(box.journal) == sent, "what one host has just read is fresh for all"
