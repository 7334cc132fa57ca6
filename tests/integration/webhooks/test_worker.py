"""From events to records: what is fetched, what is applied, and what it costs by the sandbox's journal."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging

import pytest

from tests.driving import counted_threads
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store
from tonicdm.webhooks import Filter, Inbox, InboxRules, State, parse


@pytest.fixture
async def box(clock):
    async with Sandbox(records=10_000, seed=5, clock=clock) as box:
        yield box


# --- hints ------------------------------------------------------------------------------------------------------------


async def test_hints_of_a_type_share_one_call_and_a_record_is_fetched_once(desk):
    """90 events for 50 records of two types are two calls."""
    persons, offices = desk.ids("persons", 40), desk.ids("offices", 10)
    events = [desk.event("persons", one) for one in persons * 2] + [desk.event("offices", *offices)]
    await desk.inbox.receive(events)
    report, units = await desk.drain()
    assert units == 10
    assert report.done == 90
    for one in persons:
        assert await desk.held("persons", one) == desk.box.world.get("persons", one)


async def test_an_event_that_arrived_after_the_call_had_left_needs_another(desk, monkeypatch):
    """What the server answered may be older than the event."""
    (one,) = desk.ids("persons", 1)
    worker = desk.worker()
    handled = []

    @desk.inbox.on("*")
    async def handler(delivery):
        handled.append((delivery.event, delivery.raw["title"]))

    from tonicdm.sync.reader import Reader

    asked = Reader.by_id

    async def then_it_changes(reader, ids, quality):
        answer = await asked(reader, ids, quality)
        if not handled and desk.number == 1:
            desk.box.world.update("persons", one, title="Partner")
            await desk.inbox.receive([desk.event("persons", one)])
        return answer

    monkeypatch.setattr(Reader, "by_id", then_it_changes)
    before = desk.box.units()
    desk.box.world.update("persons", one, title="Associate")
    await desk.inbox.receive([desk.event("persons", one)])
    await worker.drain()
    assert desk.box.units() - before == 10
    assert handled == [("e1", "Associate"), ("e2", "Partner")]


async def test_an_event_about_an_older_version_costs_nothing(desk):
    await desk.sync("offices")
    (one,) = desk.ids("offices", 1)
    desk.box.world.update("offices", one, name="Faro")
    late = desk.event("offices", one, full=True)
    desk.clock.advance(100)
    desk.box.world.update("offices", one, name="Lisboa")
    await desk.inbox.receive([desk.event("offices", one)])
    await desk.drain()
    await desk.inbox.receive([late])
    report, units = await desk.drain()
    assert (units, report.current, report.done) == (0, 1, 1)
    assert (await desk.held("offices", one))["name"] == "Lisboa"


async def test_a_storm_is_read_as_a_list_of_changes_where_that_is_proven_to_work(desk):
    """500 of 1,200 persons: 5 units by updated_after; 15 by ID, 10 as a whole."""
    await desk.sync("persons")
    ids = desk.ids("persons", 500)
    for one in ids:
        desk.box.world.touch("persons", one)
    await desk.inbox.receive([desk.event("persons", one) for one in ids])
    report, units = await desk.drain()
    assert (units, report.done) == (5, 500)


async def test_without_updated_after_it_is_asked_for_by_id_or_read_whole_whichever_is_less(desk):
    await desk.sync("persons")
    await desk.store.set_capability("persons", "updated_after", "no")
    ids = desk.ids("persons", 500)
    await desk.inbox.receive([desk.event("persons", one) for one in ids[:230]])
    assert (await desk.drain())[1] == 5
    await desk.inbox.receive([desk.event("persons", one) for one in ids])
    assert (await desk.drain())[1] == 10, "two pages; by ID it were three calls"


async def test_where_updated_after_turns_out_to_be_ignored_the_rest_is_asked_for_by_id(desk):
    """The call that showed it is paid for; the next storm does not try it."""
    await desk.sync("persons")
    desk.box.settings.updated_after_supported = False
    ids = desk.ids("persons", 300)
    for one in ids:
        desk.box.world.touch("persons", one)
    await desk.inbox.receive([desk.event("persons", one) for one in ids])
    report, units = await desk.drain()
    assert (units, report.done) == (15, 300)
    assert await desk.store.capability("persons", "updated_after") == "no"


# --- signed records ---------------------------------------------------------------------------------------------------


async def test_signed_whole_records_are_applied_without_a_unit_and_the_newest_wins(desk):
    """Shuffled, duplicated, over two types the store knows: it ends as the server is."""
    await desk.sync("offices", "persons")
    events = []
    for round_ in range(3):
        for kind, field in (("offices", "name"), ("persons", "title")):
            for one in desk.ids(kind, 20):
                desk.box.world.update(kind, one, **{field: f"{field} {round_}"})
                events.append(desk.event(kind, one, signed=True, full=True))
        desk.clock.advance(10)
    assert all(await desk.inbox.receive(events[::-1]))
    assert not any(await desk.inbox.receive(events))
    report, units = await desk.drain(trust=True)
    assert (units, report.done, report.applied) == (0, 120, 40)
    for kind in ("offices", "persons"):
        for one in desk.ids(kind, 20):
            assert await desk.held(kind, one) == desk.box.world.get(kind, one)


@pytest.mark.parametrize("value", ["\ud800", []], ids=["half a surrogate", "too deep"])
async def test_a_whole_record_that_cannot_be_stored_is_fetched_and_holds_up_no_other(desk, value):
    """Trusted as it is: the server's own copy may be sound."""
    await desk.sync("offices")
    for _ in range(200 if isinstance(value, list) else 0):
        value = [value]
    bad, good = desk.ids("offices", 2)
    for one in (bad, good):
        desk.box.world.update("offices", one, name="new")
    spoilt = {**desk.box.world.get("offices", bad), "name": value}
    await desk.inbox.receive(
        [
            desk.event("offices", bad, signed=True, full=spoilt),
            desk.event("offices", good, signed=True, full=True),
        ]
    )
    report, units = await desk.drain(trust=True)
    assert (report.done, report.applied, units) == (2, 1, 5)
    for one in (bad, good):
        assert await desk.held("offices", one) == desk.box.world.get("offices", one)


@pytest.mark.parametrize("doubt", ["not signed", "not trusted", "thin"])
async def test_anything_less_is_only_a_hint(desk, doubt):
    """A forged record is never written; the server's own is."""
    await desk.sync("offices")
    (one,) = desk.ids("offices", 1)
    desk.clock.advance(50)
    desk.box.world.touch("offices", one)
    record = {**desk.box.world.get("offices", one), "name": "Forged"}
    if doubt == "thin":
        record = {name: record[name] for name in ("id", "name", "datetimeUpdated")}
    await desk.inbox.receive([desk.event("offices", one, signed=doubt != "not signed", full=record)])
    _, units = await desk.drain(trust=doubt != "not trusted")
    assert units == 5
    assert (await desk.held("offices", one))["name"] != "Forged"


async def test_two_versions_of_one_second_are_settled_by_the_server(desk):
    await desk.sync("offices")
    (one,) = desk.ids("offices", 1)
    desk.clock.advance(50)
    events = []
    for name in ("first", "second"):
        desk.box.world.update("offices", one, name=name)
        events.append(desk.event("offices", one, signed=True, full=True))
    await desk.inbox.receive(events[::-1])
    _, units = await desk.drain(trust=True)
    assert units == 5
    assert (await desk.held("offices", one))["name"] == "second"


async def test_a_late_event_does_not_bring_a_deleted_record_back(desk):
    await desk.sync("offices")
    (one,) = desk.ids("offices", 1)
    desk.clock.advance(50)
    desk.box.world.update("offices", one, name="Faro")
    late = desk.event("offices", one, signed=True, full=True)
    desk.box.world.delete("offices", one)
    await desk.inbox.receive([desk.event("offices", one, action="deleted", signed=True)])
    await desk.drain(trust=True)
    await desk.inbox.receive([late])
    report, _ = await desk.drain(trust=True)
    assert report.applied == 0
    assert (await desk.store.query("SELECT reason FROM record WHERE id = ?", (one,))) == [("deleted",)]


async def test_a_signed_event_is_not_settled_by_an_answer_that_is_older_than_it(desk):
    """Servers may show a change some time after they have told of it."""
    await desk.sync("offices")
    (one,) = desk.ids("offices", 1)
    desk.clock.advance(50)
    stamp = {"id": one, "datetimeUpdated": "2027-01-15T12:00:00Z"}
    await desk.inbox.receive([desk.event("offices", one, signed=True, full=stamp)])
    report, _ = await desk.drain()
    assert (report.done, report.failed) == (0, 1)
    (entry,) = await desk.inbox.find()
    assert "older version" in entry.error
    desk.box.world.touch("offices", one, 1_800_014_400.0)
    desk.clock.advance(60)
    report, _ = await desk.drain()
    assert report.done == 1


# --- what is gone -----------------------------------------------------------------------------------------------------


async def test_what_the_server_denies_gets_a_tombstone_and_its_handler_hears_of_it(desk):
    await desk.sync("offices")
    heard = []

    @desk.inbox.on("offices.deleted")
    async def handler(delivery):
        heard.append((delivery.id, delivery.gone, delivery.record))

    (one,) = desk.ids("offices", 1)
    desk.box.world.delete("offices", one)
    await desk.inbox.receive([desk.event("offices", one, action="deleted")])
    report, units = await desk.drain()
    assert (units, report.absent) == (5, 1)
    assert heard == [(one, True, None)]
    assert (await desk.store.query("SELECT reason FROM record WHERE id = ?", (one,))) == [("deleted",)]


async def test_more_than_is_believable_is_not_buried(desk):
    """60 of 200 offices vanish at once: a right was taken away, or filterIDs is broken."""
    await desk.sync("offices")
    ids = desk.ids("offices", 60)
    for one in ids:
        desk.box.world.delete("offices", one)
    await desk.inbox.receive([desk.event("offices", *ids)])
    report, _ = await desk.drain()
    assert (report.done, report.failed) == (0, 60)
    assert (await desk.inbox.find())[0].error.endswith("--confirm-deletions")
    assert await desk.store.query("SELECT count(*) FROM record WHERE reason IN ('deleted', 'out of sight')") == [(0,)]


async def test_an_answer_without_records_that_are_there_proves_nothing(desk, monkeypatch):
    from tonicdm.endpoints.many import RawRecords
    from tonicdm.sync.reader import Reader

    await desk.sync("offices")

    async def nothing(reader, ids, quality):
        return RawRecords()

    monkeypatch.setattr(Reader, "by_id", nothing)
    await desk.inbox.receive([desk.event("offices", *desk.ids("offices", 1))])
    report, _ = await desk.drain()
    assert (report.done, report.failed, report.absent) == (0, 1, 0)
    assert "filterIDs" in (await desk.inbox.find())[0].error


# --- units ------------------------------------------------------------------------------------------------------------


async def test_while_no_units_are_left_nothing_is_sent_and_what_comes_joins(desk):
    """The budget is used up for half an hour; 60 events come one by one, and share one call after the reset."""
    await desk.tonic.offices.list(data_quantity="id_only").all()
    desk.box.spend(3600)
    with contextlib.suppress(Exception):
        await desk.tonic.with_options(max_wait=0).offices.list().all()
    calls = len(desk.box.journal)
    stop = asyncio.Event()
    work = asyncio.create_task(desk.worker().run(stop))
    for one in desk.ids("persons", 60):
        await desk.inbox.receive([desk.event("persons", one)])
        desk.clock.advance(30)
        await asyncio.sleep(0.001)
    assert len(desk.box.journal) == calls

    async def done() -> bool:
        return await desk.states() == {"done": 60}

    await desk.until(done, step=30)
    stop.set()
    await work
    assert len(desk.box.journal) == calls + 1
    assert [call.status for call in desk.box.journal][-1] == 200


async def test_a_storm_is_let_gather(desk):
    """Events that come every second are fetched together once they have been quiet, or after a minute."""
    stop = asyncio.Event()
    with counted_threads() as are_busy:
        work = asyncio.create_task(desk.worker(batch_window=2.0, max_delay=60.0).run(stop))
        for one in desk.ids("persons", 40):
            await desk.inbox.receive([desk.event("persons", one)])
            await desk.settle(are_busy)
            desk.clock.advance(1)
    assert len(desk.box.journal) == 0

    async def done() -> bool:
        return await desk.states() == {"done": 40}

    await desk.until(done)
    stop.set()
    report = await work
    assert report.meter.calls == 1


async def test_a_type_that_is_refused_ends_as_dead_letters_and_the_others_go_on(desk):
    desk.inbox.rules = InboxRules(attempts=2)
    desk.box.faults.on("forbidden", path="/core/persons")
    await desk.inbox.receive(
        [desk.event("persons", *desk.ids("persons", 3)), desk.event("offices", *desk.ids("offices", 3))]
    )
    report, _ = await desk.drain()
    assert (report.done, report.failed, report.dead) == (3, 3, 0)
    desk.clock.advance(60)
    report, _ = await desk.drain()
    assert (report.failed, report.dead) == (3, 3)
    (entry, *_) = await desk.inbox.find(Filter(states=[State.DEAD]))
    assert entry.error == "PermissionDeniedError: GET /core/persons answered 403"
    desk.box.faults.off()
    assert await desk.inbox.replay(Filter(states=[State.DEAD])) == 3
    assert (await desk.drain())[0].done == 3


async def test_what_strikes_every_call_counts_against_no_event(desk):
    desk.inbox.rules = InboxRules(attempts=1)
    desk.box.faults.on("unauthorized")
    await desk.inbox.receive([desk.event("persons", *desk.ids("persons", 3))])
    worker = desk.worker()
    for _ in range(5):
        await worker.drain()
        desk.clock.advance(600)
    assert await desk.states() == {"received": 3}
    desk.box.faults.off()
    await worker.drain()
    assert await desk.states() == {"done": 3}


# --- handlers ---------------------------------------------------------------------------------------------------------


async def test_what_a_handler_writes_is_there_exactly_once_with_the_end_of_its_event(desk):
    await desk.store.write(lambda db: db.execute("CREATE TABLE seen (key TEXT, attempt INTEGER)"))
    failures = iter([True, False])

    @desk.inbox.on("persons.updated")
    async def handler(delivery):
        row = (delivery.idempotency_key, delivery.attempt)
        delivery.store(lambda db: db.execute("INSERT INTO seen VALUES (?, ?)", row))
        if next(failures):
            raise RuntimeError

    (one,) = desk.ids("persons", 1)
    await desk.inbox.receive([desk.event("persons", one)])
    await desk.drain()
    assert await desk.store.query("SELECT * FROM seen") == []
    desk.clock.advance(60)
    _, units = await desk.drain()
    assert units == 0, "the record is in the store already"
    assert await desk.store.query("SELECT * FROM seen") == [(f"e1:{one}", 2)]


async def test_a_write_that_fails_takes_the_end_of_the_event_with_it(desk):
    @desk.inbox.on("*")
    async def handler(delivery):
        delivery.store(lambda db: db.execute("INSERT INTO no_such_table VALUES (1)"))

    await desk.inbox.receive([desk.event("persons", *desk.ids("persons", 1))])
    report, _ = await desk.drain()
    assert (report.done, report.failed) == (0, 1)


async def test_what_is_done_under_a_lost_lease_does_not_count(desk):
    """A worker that was suspended for longer than its lease finds that another one has the event."""
    await desk.store.write(lambda db: db.execute("CREATE TABLE seen (worker TEXT)"))
    await desk.inbox.receive([desk.event("persons", *desk.ids("persons", 1))])
    await desk.store.write(lambda db: db.execute("UPDATE job SET outcome = 'fetched'"))
    mine = await desk.inbox.lease()
    (job,) = mine.jobs
    assert await desk.inbox.begin(job.number, mine.owner) == 1
    desk.clock.advance(desk.inbox.rules.lease + 1)
    others = await desk.inbox.lease()
    assert [one.number for one in others.jobs] == [job.number]
    late = [lambda db: db.execute("INSERT INTO seen VALUES ('mine')")]
    assert not await desk.inbox.finish([job.number], mine.owner, late)
    assert await desk.inbox.fail([job.number], mine.owner, "too late") == {}
    assert await desk.inbox.begin(job.number, mine.owner) is None
    assert await desk.inbox.finish([job.number], others.owner)
    assert await desk.store.query("SELECT * FROM seen") == []


async def test_a_failing_record_holds_up_no_other_and_ends_as_a_dead_letter(desk, caplog):
    """Four attempts, each later than the one before; after the fix it is replayed under the same key."""
    desk.inbox.rules = InboxRules(attempts=4, jitter=0.0)
    bad, *good = desk.ids("persons", 9)
    broken, attempts, keys = True, [], set()

    @desk.inbox.on("persons.*")
    async def handler(delivery):
        keys.add(delivery.idempotency_key)
        if delivery.id == bad:
            attempts.append(desk.clock.now())
            if broken:
                raise ValueError(delivery.raw["name"])

    caplog.set_level(logging.DEBUG, "tonicdm.webhooks")
    await desk.inbox.receive([desk.event("persons", bad, *good)])
    report, _ = await desk.drain()
    assert (report.done, report.failed) == (8, 1)
    for _ in range(200):
        desk.clock.advance(5)
        await desk.drain()
    pauses = [later - earlier for earlier, later in itertools.pairwise(attempts)]
    assert pauses == sorted(pauses)
    assert len(attempts) == 4
    (entry,) = await desk.inbox.find(Filter(states=[State.DEAD]))
    assert (entry.id, entry.attempts) == (bad, 4)
    assert entry.error.startswith("ValueError at test_worker.py:")
    name = desk.box.world.get("persons", bad)["name"]
    shown = [record.getMessage() for record in caplog.records]
    assert any("dead letter" in line for line in shown)
    assert not any(name in line for line in shown)
    broken = False
    assert await desk.inbox.replay(Filter(type="persons.*", states=[State.DEAD])) == 1
    report, units = await desk.drain()
    assert (report.done, units) == (1, 0)
    assert len(keys) == 9


async def test_later_events_of_a_record_wait_for_its_earlier_ones_and_not_for_its_dead_letters(desk):
    desk.inbox.rules = InboxRules(attempts=2)
    order = []

    @desk.inbox.on("*")
    async def handler(delivery):
        order.append((delivery.event, delivery.attempt))
        if delivery.event == "e1":
            raise RuntimeError

    (one,) = desk.ids("offices", 1)
    await desk.inbox.receive([desk.event("offices", one), desk.event("offices", one), desk.event("offices", one)])
    await desk.drain()
    assert order == [("e1", 1)]
    desk.clock.advance(60)
    await desk.drain()
    assert order == [("e1", 1), ("e1", 2), ("e2", 1), ("e3", 1)]


async def test_a_replayed_event_waits_for_a_later_one_of_its_record_that_is_at_work(desk):
    (one,) = desk.ids("offices", 1)
    await desk.inbox.receive([desk.event("offices", one)])
    await desk.drain()
    await desk.inbox.receive([desk.event("offices", one)])
    later = await desk.inbox.lease(fetch=["offices"])
    assert [job.key for job in later.jobs] == ["e2"]
    assert await desk.inbox.replay(Filter(keys=["e1"])) == 1
    assert (await desk.inbox.lease()).jobs == []
    assert await desk.inbox.finish([later.jobs[0].number], later.owner)
    assert [job.key for job in (await desk.inbox.lease()).jobs] == ["e1"]


async def test_handlers_of_other_records_run_beside_a_slow_one_and_its_time_is_limited(desk):
    done = []

    @desk.inbox.on("*")
    async def handler(delivery):
        if delivery.attempt == 1 and delivery.id == slow:
            await asyncio.Event().wait()
        done.append(delivery.id)

    slow, *others = desk.ids("offices", 5)
    await desk.inbox.receive([desk.event("offices", slow, *others)])
    stop = asyncio.Event()
    work = asyncio.create_task(desk.worker(handler_timeout=100.0).run(stop))
    await desk.until(lambda: len(done) == 4)
    await desk.until(lambda: len(done) == 5)
    stop.set()
    report = await work
    assert sorted(done) == sorted([slow, *others])
    assert (report.done, report.failed) == (5, 1)


async def test_a_handler_that_cancels_itself_has_failed(desk):
    @desk.inbox.on("*")
    async def handler(delivery):
        raise asyncio.CancelledError

    await desk.inbox.receive([desk.event("offices", *desk.ids("offices", 1))])
    report, _ = await desk.drain()
    assert (report.done, report.failed) == (0, 1)


async def test_stopping_gives_back_what_is_not_done_without_counting_it(desk):
    begun = asyncio.Event()

    @desk.inbox.on("*")
    async def handler(delivery):
        begun.set()
        await asyncio.Event().wait()

    await desk.inbox.receive([desk.event("offices", *desk.ids("offices", 3))])
    stop = asyncio.Event()
    work = asyncio.create_task(desk.worker(grace=5.0).run(stop))
    await desk.until(begun.is_set)
    stop.set()
    await desk.until(work.done)
    assert await desk.states() == {"received": 3}
    assert {entry.attempts for entry in await desk.inbox.find()} == {0}


async def test_two_workers_on_one_file_share_the_work(desk, file, clock):
    handled = []
    async with Store(file) as second:
        other = Inbox(second, clock=clock)
        for inbox in (desk.inbox, other):

            @inbox.on("*")
            async def handler(delivery):
                handled.append(delivery.idempotency_key)
                await asyncio.sleep(0)

        await desk.inbox.receive([desk.event("persons", one) for one in desk.ids("persons", 200)])
        first = desk.worker()
        desk.inbox = other
        await asyncio.gather(first.drain(), desk.worker().drain())
        await first.drain()
    assert len(handled) == len(set(handled)) == 200
    assert desk.box.units() == 5


async def test_records_that_no_call_can_ask_for_by_id_are_left_to_a_sync_that_names_their_type(desk):
    """A member of a team is listed by its project alone: nothing is sent, and the reason says what reads it."""
    await desk.inbox.receive([desk.event("team", *desk.ids("team", 1))])
    report, units = await desk.drain()
    assert (units, report.done, report.failed) == (0, 0, 1)
    (failed,) = await desk.inbox.find(Filter())
    assert "a sync that names the type reads them" in failed.error


async def test_an_event_about_nothing_known_is_a_dead_letter_until_somebody_knows_it(desk):
    """With a handler for it it is handed on; with a reader that knows better it is replayed."""
    body = b'{"id": "x1", "type": "bureau.updated", "data": [{"id": "%s"}]}' % desk.ids("offices", 1)[0].encode()
    await desk.inbox.receive([parse(body, {}, signed=False, received=desk.clock.now())])
    assert (await desk.drain())[0].dead == 1
    from tonicdm.webhooks import TolerantReader

    desk.inbox.reader = TolerantReader(record_type="offices")
    assert await desk.inbox.replay(Filter(keys=["x1"])) == 1
    report, units = await desk.drain()
    assert (report.done, units) == (1, 5)

    heard = []

    @desk.inbox.on("bureau.*")
    async def handler(delivery):
        heard.append((delivery.record_type, delivery.id, delivery.record))

    body = b'{"id": "x2", "type": "bureau.closed", "data": {}}'
    await desk.inbox.receive([parse(body, {}, signed=False, received=desk.clock.now())])
    assert (await desk.drain())[0].done == 1
    assert heard == [("", "", None)]


async def test_bodies_of_done_events_go_first_and_their_keys_later(desk):
    desk.inbox.rules = InboxRules(keep_bodies=100.0, keep_keys=1000.0, attempts=1)

    @desk.inbox.on("offices.*")
    async def handler(delivery):
        raise RuntimeError

    done, dead = desk.event("persons", *desk.ids("persons", 1)), desk.event("offices", *desk.ids("offices", 1))
    await desk.inbox.receive([done, dead])
    await desk.drain()
    assert await desk.inbox.cleanup() == (0, 0)
    desk.clock.advance(101)
    assert await desk.inbox.cleanup() == (1, 0)
    assert await desk.inbox.body(done.key) is None
    assert await desk.inbox.body(dead.key) == dead.body
    assert await desk.inbox.receive([done]) == [False]
    desk.clock.advance(1000)
    assert await desk.inbox.cleanup() == (0, 1)
    assert await desk.inbox.receive([dead, done]) == [False, True]
