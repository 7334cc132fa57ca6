"""The sandbox's sender against the receiver: signatures, duplicates, disorder, and tries until it is taken."""

from __future__ import annotations

import asyncio
import collections

import pytest

from tonicdm.errors import StoreError
from tonicdm.sandbox import Sandbox
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.verify import StandardWebhooks

from .conftest import KEY


@pytest.fixture
async def box(clock):
    async with Sandbox(records=1_000, clock=clock) as running:
        running.webhooks.retry_seconds = 0.01
        yield running


class Flaky:
    """A store that can't be written for the first tries."""

    def __init__(self, inbox, failures):
        self._inbox = inbox
        self.failures = failures

    async def receive(self, events):
        if self.failures:
            self.failures -= 1
            raise StoreError("firm.db", "is locked by another program for too long")
        return await self._inbox.receive(events)


async def test_each_change_of_the_firm_arrives_once_signed_with_its_type_and_id(behind, make, box, store) -> None:
    changed = {kind: box.world.ids(kind)[:10] for kind in ("persons", "offices", "rfis", "email_addresses")}
    async with behind(make()) as url:
        box.webhooks.subscribe(url, secret=KEY)
        box.webhooks.duplicate_rate, box.webhooks.delay_seconds = 0.3, (0.0, 0.05)
        for kind, ids in changed.items():
            for one in ids:
                box.world.touch(kind, one)
        await box.webhooks.drain()
    rows = await store.query(
        "SELECT e.key, e.type, e.signed, e.copies, r.record_type, r.id FROM event e JOIN job r ON r.event = e.number"
    )
    sent = collections.Counter(delivery.event for delivery in box.webhooks.deliveries)
    assert {key for key, *_ in rows} == set(sent)
    assert {(kind, one) for *_, kind, one in rows} == {(kind, one) for kind, ids in changed.items() for one in ids}
    assert all(signed == 1 and name == f"{kind}.updated" for _, name, signed, _, kind, _ in rows)
    assert {key: 1 + copies for key, _, _, copies, *_ in rows} == sent
    assert any(count > 1 for count in sent.values()), "there were duplicates"


async def test_what_was_not_taken_is_sent_again_until_it_is(behind, make, box, store, clock, keys) -> None:
    flaky = Flaky(Inbox(store, clock=clock), failures=2)
    receiver = make(sink=flaky)
    async with behind(receiver) as url:
        box.webhooks.subscribe(url, secret=KEY)
        box.world.touch("offices", box.world.ids("offices")[0])
        await box.webhooks.drain()
    assert [delivery.status for delivery in box.webhooks.deliveries] == [503, 503, 200]
    assert len(await keys()) == 1


async def test_a_sender_with_another_key_is_never_believed(behind, make, box, keys) -> None:
    receiver = make(StandardWebhooks(b"another key of 24 bytes or more", b"and another of 24 bytes or more"))
    async with behind(receiver) as url:
        box.webhooks.retries = 1
        box.webhooks.subscribe(url, secret=KEY)
        box.webhooks.subscribe(url)
        box.world.touch("offices", box.world.ids("offices")[0])
        await box.webhooks.drain()
    assert {delivery.status for delivery in box.webhooks.deliveries} == {401}
    assert receiver.refused == {401: 4}
    assert await keys() == []


async def test_a_secret_is_rotated_without_a_lost_event(behind, make, box, keys) -> None:
    async with behind(make(StandardWebhooks(b"a new key of 24 bytes or more", KEY))) as url:
        for secret in (KEY, b"a new key of 24 bytes or more"):
            box.webhooks.subscribe(url, secret=secret)
        box.world.touch("offices", box.world.ids("offices")[0])
        await box.webhooks.drain()
    assert {delivery.status for delivery in box.webhooks.deliveries} == {200}
    assert len(await keys()) == 2


async def test_a_burst_shares_its_commits(behind, make, box, store, clock) -> None:
    inbox = Inbox(store, clock=clock)
    groups = []

    class Counting:
        async def receive(self, events):
            groups.append(len(events))
            return await inbox.receive(events)

    async with behind(make(sink=Counting())) as url:
        box.webhooks.subscribe(url, secret=KEY)
        box.webhooks.begin_outage()
        persons = box.world.ids("persons")
        for number in range(300):
            box.world.touch("persons", persons[number % len(persons)])
        await asyncio.sleep(0)
        box.webhooks.end_outage()
        await box.webhooks.drain()
    assert sum(groups) == 300
    assert len(groups) < 300
    assert {delivery.status for delivery in box.webhooks.deliveries} == {200}
