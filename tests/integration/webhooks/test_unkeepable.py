"""What can't be kept becomes a dead letter; it ends no worker and holds up no other record."""

from __future__ import annotations

import json

import attrs
import pytest

from tonicdm.errors import TonicDMError
from tonicdm.sandbox import Sandbox
from tonicdm.webhooks import Filter, Inbox, InboxRules, State, parse
from tonicdm.webhooks.fetching import Fetch
from tonicdm.webhooks.send import event_body

HALF = "\ud800"


@pytest.fixture
async def box(clock):
    async with Sandbox(records=2_000, seed=5, clock=clock) as box:
        yield box


async def states(desk):
    return {entry.id: (entry.state, entry.error) for entry in await desk.inbox.find()}


@pytest.mark.parametrize(
    "error", [TonicDMError(f"no {HALF}"), TonicDMError(""), ValueError(HALF), KeyError()], ids=repr
)
async def test_an_error_of_any_text_is_a_failure_of_its_job_alone(desk, error):
    """Half a surrogate pair in an error, or no text at all, ended the worker."""
    bad, good = desk.ids("offices", 2)
    desk.inbox.rules = InboxRules(attempts=1)

    @desk.inbox.on("*")
    async def handler(delivery):
        if delivery.id == bad:
            raise error

    await desk.inbox.receive([desk.event("offices", bad, good)])
    report, _ = await desk.drain()
    assert (report.done, report.dead) == (1, 1)
    assert {record_id: state for record_id, (state, _) in (await states(desk)).items()} == {
        bad: State.DEAD,
        good: State.DONE,
    }


async def test_an_event_of_a_type_that_no_store_has_is_a_dead_letter(desk):
    """As an earlier version stored them, when a reader of one's own had named such a type."""
    bad, good = desk.ids("offices", 2)
    await desk.inbox.receive([desk.event("offices", bad), desk.event("offices", good)])
    await desk.store.write(lambda db: db.execute("UPDATE job SET record_type = 'nosuch' WHERE id = ?", (bad,)))
    report, _ = await desk.drain(trust=True)
    assert (report.done, report.dead) == (1, 1)
    assert (await states(desk))[bad] == (State.DEAD, "it can't be kept (KeyError)")
    assert (await states(desk))[good][0] is State.DONE


@pytest.mark.parametrize("changes", [{"ids": (HALF,)}, {"record_type": "nosuch"}], ids=["id", "record type"])
async def test_an_event_that_no_column_can_hold_is_stored_as_one_that_names_nothing(desk, changes):
    (good,) = desk.ids("offices", 1)
    events = [attrs.evolve(desk.event("offices", good), **changes), desk.event("offices", good)]
    assert await desk.inbox.receive(events) == [True, True]
    report, _ = await desk.drain()
    assert (report.done, report.dead) == (1, 1)


async def test_a_reader_that_fails_in_the_worker_costs_a_fetch_and_no_worker(desk):
    """The receiver had another one."""
    (good,) = desk.ids("offices", 1)
    await desk.inbox.receive([desk.event("offices", good, signed=True, full=True)])

    def reader(_payload):
        raise KeyError(HALF)

    desk.inbox = Inbox(desk.store, clock=desk.clock, reader=reader)
    report, units = await desk.drain(trust=True)
    assert (report.done, units) == (1, 5)


async def test_a_record_that_the_server_returns_spoilt_is_a_dead_letter_and_can_be_replayed(desk, monkeypatch):
    """It is in quarantine; the 19 that were asked for with it are stored and handed on."""
    ids = desk.ids("offices", 20)
    bad, *good = ids
    handled = []

    @desk.inbox.on("*")
    async def handler(delivery):
        handled.append(delivery.id)

    written = Fetch._write

    async def spoilt(fetch, records, invalid, upto, stamp, origin):
        records = [{**record, "name": HALF} if record["id"] == bad else record for record in records]
        return await written(fetch, records, invalid, upto, stamp, origin)

    monkeypatch.setattr(Fetch, "_write", spoilt)
    await desk.inbox.receive([desk.event("offices", *ids)])
    report, units = await desk.drain()
    assert (report.done, report.dead, units) == (19, 1, 5)
    assert sorted(handled) == sorted(good)
    state, error = (await states(desk))[bad]
    assert state is State.DEAD
    assert "half of a pair of surrogates" in error
    assert [element.id for element in await desk.store.quarantine()] == [bad]

    monkeypatch.setattr(Fetch, "_write", written)
    desk.clock.advance(10)
    assert await desk.inbox.replay(Filter(states=[State.DEAD])) == 1
    report, _ = await desk.drain()
    assert (report.done, report.dead) == (1, 0)
    assert await desk.held("offices", bad) == desk.box.world.get("offices", bad)


async def test_a_fetch_that_fails_in_an_unforeseen_way_ends_in_dead_letters_and_no_worker(desk, monkeypatch):
    desk.inbox.rules = InboxRules(attempts=1)

    async def fails(*_arguments):
        raise OverflowError(HALF)

    bad, good = desk.ids("offices", 1)[0], desk.ids("persons", 1)[0]
    run = Fetch.run

    async def one_type_fails(fetch, ids, waiting):
        return await (fails() if waiting.record_type == "offices" else run(fetch, ids, waiting))

    monkeypatch.setattr(Fetch, "run", one_type_fails)
    await desk.inbox.receive([desk.event("offices", bad), desk.event("persons", good)])
    report, _ = await desk.drain()
    assert (report.done, report.dead) == (1, 1)
    assert (await states(desk))[good][0] is State.DONE


# --- two events with one ID -------------------------------------------------------------------------------------------


def one_id(record_id, **fields):
    record = {"id": record_id, "name": "Ada", **fields.pop("record", {})}
    body = json.dumps({"id": "e1", "type": "offices.updated", "data": [record], **fields}).encode()
    return parse(body, {"webhook-id": "msg_1"}, signed=True, received=1_800_000_000.0)


async def test_two_events_with_one_id_are_both_acted_on_where_their_records_differ(desk):
    first, second = desk.ids("offices", 2)
    assert await desk.inbox.receive([one_id(first), one_id(second)]) == [True, True]
    assert await desk.inbox.receive([one_id(first), one_id(second)]) == [False, False]
    handled = []

    @desk.inbox.on("*")
    async def handler(delivery):
        handled.append((delivery.id, delivery.idempotency_key))

    report, _ = await desk.drain()
    assert report.done == 2
    assert len({key for _, key in handled}) == 2
    entries = await desk.inbox.find()
    assert {entry.id: entry.copies for entry in entries} == {first: 1, second: 1}
    assert all(entry.key.startswith("msg_1") for entry in entries)


async def test_the_same_event_delivered_again_is_a_duplicate_whatever_its_delivery_fields(desk):
    (first,) = desk.ids("offices", 1)
    events = [one_id(first, sent=n, attempt=n) for n in range(1, 4)]
    assert await desk.inbox.receive(events) == [True, False, False]


async def test_once_its_body_is_deleted_it_is_still_known_by_its_content(desk):
    first, second = desk.ids("offices", 2)
    await desk.inbox.receive([one_id(first)])
    await desk.drain()
    desk.clock.advance(8 * 86_400)
    assert (await desk.inbox.cleanup())[0] == 1
    assert await desk.inbox.receive([one_id(first, sent=2), one_id(second)]) == [False, True]


async def test_a_test_event_is_done_without_a_handler(desk):
    body = event_body("evt_test_1", sent=1.0)
    await desk.inbox.receive([parse(body, {}, signed=True, received=1.0)])
    report, units = await desk.drain()
    assert (report.done, report.dead, units) == (1, 0, 0)
