"""Webhooks out, against a receiver of the test's own."""

import asyncio
import base64
import hashlib
import hmac
import json

import pytest
from aiohttp import web


class Receiver:
    def __init__(self):
        self.events = []
        self.statuses = []
        self.url = ""

    async def take(self, request):
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.events.append((dict(request.headers), await request.read()))
        return web.Response(status=status)

    @property
    def bodies(self):
        return [json.loads(body) for _, body in self.events]


@pytest.fixture
async def receiver():
    made = Receiver()
    runner = web.ServerRunner(web.Server(made.take, access_log=None), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


async def test_each_change_is_posted_with_the_record_a_removal_with_its_id(box, send, receiver):
    box.webhooks.subscribe(receiver.url)
    _, made = await send("POST", "/core/offices", {"name": "x"})
    await box.webhooks.drain()
    box.world.delete("offices", made["id"])
    await box.webhooks.drain()
    assert [(b["type"], b["data"]) for b in receiver.bodies] == [
        ("offices.created", [made]),
        ("offices.deleted", [{"id": made["id"]}]),
    ]
    assert len({b["id"] for b in receiver.bodies}) == 2


async def test_signature_is_that_of_the_standard(box, receiver):
    box.webhooks.subscribe(receiver.url, secret=b"key", record_types={"offices"})
    box.world.touch("persons", box.world.ids("persons")[0])
    box.world.touch("offices", box.world.ids("offices")[0])
    await box.webhooks.drain()
    ((headers, body),) = receiver.events
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    digest = base64.b64encode(hmac.new(b"key", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


async def test_duplicates_drops_and_reordering_are_seeded(box, receiver):
    box.webhooks.subscribe(receiver.url)
    box.webhooks.duplicate_rate, box.webhooks.drop_rate = 0.3, 0.2
    box.webhooks.delay_seconds = (0.0, 0.02)
    offices = box.world.ids("offices")
    for n in range(60):
        box.world.update("offices", offices[n % len(offices)], name=f"n{n}")
    await box.webhooks.drain()
    names = [b["data"][0]["name"] for b in receiver.bodies]
    assert len(set(names)) < 60
    assert len(names) > len(set(names))
    assert names != sorted(names, key=lambda name: int(name[1:]))


async def test_refused_event_is_sent_again_and_given_up_in_the_end(box, receiver):
    box.webhooks.subscribe(receiver.url)
    box.webhooks.retry_seconds = 0.001
    receiver.statuses = [500, 503]
    box.world.touch("offices", box.world.ids("offices")[0])
    await box.webhooks.drain()
    assert [d.status for d in box.webhooks.deliveries] == [500, 503, 200]
    receiver.statuses = [500] * 6
    box.world.touch("offices", box.world.ids("offices")[0])
    await box.webhooks.drain()
    assert len(box.webhooks.deliveries) == 9
    assert len(receiver.events) == 1


async def test_outage_holds_events_back(box, receiver):
    box.webhooks.subscribe(receiver.url)
    box.webhooks.begin_outage()
    box.world.touch("offices", box.world.ids("offices")[0])
    assert receiver.events == []
    box.webhooks.end_outage()
    await box.webhooks.drain()
    assert len(receiver.events) == 1


async def test_unreachable_receiver_is_no_error_of_the_sandbox(box):
    box.webhooks.subscribe("http://127.0.0.1:9/")
    box.webhooks.retries = 0
    box.world.touch("offices", box.world.ids("offices")[0])
    await box.webhooks.drain()
    assert [d.status for d in box.webhooks.deliveries] == [None]


async def test_delay_may_pass_on_the_virtual_clock(box, receiver, clock):
    box.webhooks.subscribe(receiver.url)
    box.webhooks.time, box.webhooks.delay_seconds = "virtual", (60.0, 60.0)
    box.world.touch("offices", box.world.ids("offices")[0])
    while clock.next_deadline is None:
        await asyncio.sleep(0)
    assert receiver.events == []
    clock.advance(60)
    await box.webhooks.drain()
    assert len(receiver.events) == 1


async def test_webhooks_are_set_up_over_control_paths(box, http, receiver):
    body = {
        "subscribe": [{"url": receiver.url, "secret": "key", "record_types": ["offices"]}],
        "set": {"duplicate_rate": 1},
    }
    async with http.post("/__webhooks", json=body) as response:
        assert response.status == 200
    box.world.touch("offices", box.world.ids("offices")[0])
    await box.webhooks.drain()
    async with http.get("/__webhooks") as response:
        assert [d["status"] for d in await response.json()] == [200, 200]
    async with http.post("/__webhooks", json={"set": {"colour": 1}}) as response:
        assert response.status == 400
