"""Contacts and organizations in a store: whatever changes, fails or comes twice, the store is what the server has."""

from __future__ import annotations

import asyncio
import datetime
import pathlib
import random

import pytest

from tests.engines import ENGINES, place
from tonicdm.errors import ConfigError, StoreError
from tonicdm.rhythm import PollRules
from tonicdm.rhythm.errors import QueryFailedError, QueryTimeoutError, ResultError
from tonicdm.rhythm.sync import SyncRules, synchronize
from tonicdm.store import Store
from tonicdm.store.database import Location
from tonicdm.store.lock import Hold
from tonicdm.sync.report import SyncStoppedError

from .conftest import drive

HOUR = 3600.0
DAY = 24 * HOUR


both = pytest.mark.parametrize("where", ENGINES, indirect=True)


@pytest.fixture
def where(request: pytest.FixtureRequest, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Location:
    """Where the copy is: a file, or a schema; what is kept beside a schema is in the test's folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "this-host"))
    return place(request, request.param)


async def sync(rhythm, store, clock, **rules):
    return await drive(clock, synchronize(rhythm, store, rules=SyncRules(**rules)), rhythm)


async def assert_same(store: Store, box) -> None:
    """Every record that the server has is in the store with its values, and nothing else is."""
    for kind in ("contacts", "organizations"):
        table = box.world.tables[kind]
        name_of, version_of = await store.read(
            lambda db: [db.dialect.text_of(name) for name in ("name", "sys_version")]
        )
        sql = f"SELECT id, {name_of}, {version_of} FROM record WHERE type = ? AND deleted_at IS NULL"
        records = [table.record(rank) for rank in table.ranks()]
        held = {one: (name, int(version)) for one, name, version in await store.query(sql, (f"rhythm_{kind}",))}
        assert held == {one["id"]: (one.get("name"), one["sys_version"]) for one in records}


@both
async def test_a_first_load_and_runs_that_find_what_changed(rhythm, box, clock, where) -> None:
    """One query a type and run; the second reads what changed within the lookback, and the feed has it once."""
    async with Store(where) as store:
        first = await sync(rhythm, store, clock)
        assert [one.changed for one in first] == [500, box.world.tables["organizations"].count]
        assert len(box.queries()) == 2
        await assert_same(store, box)
        clock.advance(10 * DAY)
        ids = [box.world.tables["contacts"].id(rank) for rank in (1, 2, 3)]
        for one in ids:
            box.edit("contacts", one, last_name="Changed")
        made = box.create("contacts", last_name="Brand New")
        clock.advance(HOUR)
        contacts, organizations = await sync(rhythm, store, clock, compare="never")
        assert contacts.changed == contacts.rows == 4
        assert organizations.changed == 0
        assert contacts.since is not None
        await assert_same(store, box)
        sequence = (await store.changes(0, limit=10_000))[-1].sequence
        again, _ = await sync(rhythm, store, clock, compare="never")
        assert again.rows == 4 and again.changed == 0, "read again by the lookback, and not stored again"
        assert await store.changes(sequence) == []
        assert made["id"] in {one for (one,) in await store.query("SELECT id FROM rhythm_contacts")}


@both
async def test_the_view_has_the_models_columns(rhythm, box, clock, where) -> None:
    async with Store(where) as store:
        await sync(rhythm, store, clock)
        ((name, email, at),) = await store.query(
            "SELECT full_name, email_address, sys_last_modified_at FROM rhythm_contacts ORDER BY id LIMIT 1"
        )
        assert name and "@" in email and at
        assert "rhythm_contacts" not in await store.drift()


async def test_a_change_that_shows_late_is_found_by_the_lookback(rhythm, box, clock, tmp_path) -> None:
    """Stamped an hour before a run, and visible only after it: a slow replica, or a clock that is wrong."""
    async with Store(tmp_path / "x.db") as store:
        await sync(rhythm, store, clock)
        clock.advance(DAY)
        await sync(rhythm, store, clock, compare="never")
        one = box.world.tables["contacts"].id(9)
        real = box.now
        late = clock.now() - HOUR
        box.now = lambda: late  # type: ignore[method-assign]
        box.edit("contacts", one, last_name="Late")
        box.now = real  # type: ignore[method-assign]
        clock.advance(HOUR)
        (contacts, _) = await sync(rhythm, store, clock, compare="never")
        assert contacts.changed == 1
        await assert_same(store, box)


async def test_runs_that_were_missed_for_a_year_lose_nothing(rhythm, box, clock, tmp_path) -> None:
    """The lookback rolls with the last run, not with the clock."""
    async with Store(tmp_path / "x.db") as store:
        await sync(rhythm, store, clock)
        clock.advance(2 * DAY)
        box.edit("contacts", box.world.tables["contacts"].id(4), last_name="Long ago")
        clock.advance(365 * DAY)
        await sync(rhythm, store, clock, lookback=datetime.timedelta(hours=1))
        await assert_same(store, box)


@both
async def test_deletions_are_found_by_comparing_all_ids(rhythm, box, clock, where) -> None:
    async with Store(where) as store:
        await sync(rhythm, store, clock)
        for rank in (3, 5, 8):
            box.delete("contacts", box.world.tables["contacts"].id(rank))
        clock.advance(DAY)
        (contacts, _) = await sync(rhythm, store, clock)
        assert not contacts.compared and contacts.deleted == 0
        clock.advance(8 * DAY)
        (contacts, _) = await sync(rhythm, store, clock)
        assert contacts.compared and contacts.deleted == 3
        await assert_same(store, box)
        gone = [one for one in await store.changes(0, limit=10_000) if one.deleted_at]
        assert [one.reason for one in gone] == ["deleted"] * 3
        (contacts, _) = await sync(rhythm, store, clock, compare="always")
        assert contacts.deleted == 0


async def test_what_changed_of_late_is_not_deleted_for_being_absent_once(rhythm, box, clock, tmp_path) -> None:
    """A list of ids from a replica that lags may not have it yet; it is looked for again."""
    async with Store(tmp_path / "x.db") as store:
        await sync(rhythm, store, clock)
        clock.advance(DAY)
        one = box.world.tables["contacts"].id(6)
        box.edit("contacts", one, last_name="Recent")
        clock.advance(HOUR)
        await sync(rhythm, store, clock, compare="never")
        box.delete("contacts", one)
        (contacts, _) = await sync(rhythm, store, clock, compare="always")
        assert contacts.compared and contacts.deleted == 0
        clock.advance(10 * DAY)
        await sync(rhythm, store, clock, compare="never")
        (contacts, _) = await sync(rhythm, store, clock, compare="always")
        assert contacts.deleted == 1
        await assert_same(store, box)


async def test_a_large_part_is_not_deleted_without_a_word(rhythm, box, clock, tmp_path) -> None:
    async with Store(tmp_path / "x.db") as store:
        await sync(rhythm, store, clock)
        for rank in range(400):
            box.delete("contacts", box.world.tables["contacts"].id(rank))
        clock.advance(10 * DAY)
        with pytest.raises(SyncStoppedError, match="400 of 500 records vanished at once"):
            await sync(rhythm, store, clock)
        assert (await store.counts())["rhythm_contacts"] == 500
        await sync(rhythm, store, clock, confirmed=True)
        await assert_same(store, box)


async def test_an_interrupted_run_goes_on_with_its_query(rhythm, box, clock, tmp_path) -> None:
    """Also when the pause was long: changes since the query's start, and not since its end, are read next."""
    box.settings.query_seconds = 1000
    async with Store(tmp_path / "x.db") as store:
        with pytest.raises(QueryTimeoutError):
            await sync(rhythm, store, clock, poll=PollRules(deadline=60))
        clock.advance(20 * DAY)
        box.edit("contacts", box.world.tables["contacts"].id(1), last_name="Meanwhile")
        clock.advance(20 * DAY)
        await sync(rhythm, store, clock)
        assert len(box.queries()) == 2
        box.settings.query_seconds = 1
        await sync(rhythm, store, clock)
        await assert_same(store, box)
        assert sorted(path.suffix for path in tmp_path.iterdir()) == [".db", ".db-shm", ".db-wal"]


@both
async def test_a_crash_while_rows_are_stored_costs_no_second_query(rhythm, box, clock, where, monkeypatch) -> None:
    from tonicdm.rhythm import sync as module

    monkeypatch.setattr(module, "BATCH_ROWS", 100)
    write, left = module.writing.write_records, 3

    def failing(*args):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyError("as if the process had died here")
        return write(*args)

    async with Store(where) as store:
        monkeypatch.setattr(module.writing, "write_records", failing)
        with pytest.raises(KeyError):
            await sync(rhythm, store, clock)
        assert (await store.counts())["rhythm_contacts"] == 300
        left = 10**6
        await sync(rhythm, store, clock)
        assert [job.type for job in box.queries()].count("rolodex:contacts") == 1
        await assert_same(store, box)


@pytest.mark.parametrize("where", ["postgresql"], indirect=True)
async def test_another_host_goes_on_with_the_query_of_one_that_is_gone(
    rhythm, box, clock, where, tmp_path, monkeypatch
) -> None:
    """The note of a query is in the database, so it is started once, whatever host looks for its result."""
    box.settings.query_seconds = 1000
    async with Store(where) as store:
        with pytest.raises(QueryTimeoutError):
            await sync(rhythm, store, clock, poll=PollRules(deadline=60))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "another-host"))
    clock.advance(HOUR)
    async with Store(where) as store:
        await sync(rhythm, store, clock)
        await assert_same(store, box)
        assert [job.type for job in box.queries()].count("rolodex:contacts") == 1
        assert [name for (name,) in await store.query("SELECT name FROM meta WHERE name LIKE 'rhythm%'")] == []
    assert not [path for path in (tmp_path / "another-host").rglob("*") if path.is_file()], "and nothing stays behind"


async def test_fields_can_be_chosen_and_the_id_is_always_among_them(rhythm, box, clock, tmp_path) -> None:
    async with Store(tmp_path / "x.db") as store:
        await sync(rhythm, store, clock, fields=["name", "sys_version"])
        await assert_same(store, box)
        seen = {name for (name,) in await store.query("SELECT name FROM field WHERE type = 'rhythm_contacts'")}
        assert seen == {"id", "name", "sys_version", "sys_last_modified_at"}


@both
async def test_two_syncs_of_one_file_exclude_each_other(rhythm, box, clock, where, monkeypatch) -> None:
    async with Store(where) as store:
        await store.set_meta("sync", f"1 {clock.now() + 100}")
        with pytest.raises(StoreError, match="is being synced by another process"):
            await sync(rhythm, store, clock)
        assert box.queries() == []


@both
async def test_a_run_whose_type_another_one_has_taken_over_stores_nothing_more(rhythm, box, clock, where) -> None:
    """It stood still for longer than its lease, for example; what it brings is older than what the other one reads."""
    ours, other = (Hold.of_type("rhythm_contacts") for _ in range(2))
    async with Store(where) as store:

        async def taken_over() -> None:
            while not box.queries():
                await asyncio.sleep(0)
            await store.release_lock(ours)
            await store.acquire_lock(clock, other)

        taking = asyncio.create_task(taken_over())
        with pytest.raises(StoreError, match="rhythm_contacts in the hands of another run"):
            await drive(clock, synchronize(rhythm, store, ["contacts"], hold=ours), rhythm)
        await taking
        assert await store.counts() == {}


async def test_an_unknown_type_is_refused(rhythm, box, clock, tmp_path) -> None:
    async with Store(tmp_path / "x.db") as store:
        with pytest.raises(ConfigError, match="people can't be synced"):
            await synchronize(rhythm, store, ["people"])
    assert list(box.journal) == []


async def test_weeks_of_random_changes_end_in_the_same_records(rhythm, box, clock, tmp_path) -> None:
    """Edits, new records and deletions between runs at random times, some of which fail."""
    chance = random.Random(7)
    failed = 0
    async with Store(tmp_path / "x.db") as store:
        for number in range(12):
            for _ in range(chance.randrange(6)):
                table = box.world.tables["contacts"]
                rank = chance.choice(list(table.ranks()))
                deed = chance.random()
                if deed < 0.6:
                    box.edit("contacts", table.id(rank), last_name=f"Name {number} {chance.random():.3f}")
                elif deed < 0.8:
                    box.create("contacts", last_name=f"New {number}")
                else:
                    box.delete("contacts", table.id(rank))
            clock.advance(chance.uniform(0.1, 4) * DAY)
            if chance.random() < 0.3:
                box.faults.next("task_fails", path="/system/queries/sandbox.example.org/start/rolodex:contacts/json")
            try:
                await sync(rhythm, store, clock, compare=chance.choice(["never", "weekly"]))
            except QueryFailedError:  # the next run must make good for it
                failed += 1
        assert failed
        clock.advance(5 * DAY)
        await sync(rhythm, store, clock, compare="always")
        await assert_same(store, box)


async def test_a_clock_that_was_a_month_ahead_leaves_no_hole(rhythm, box, clock, tmp_path) -> None:
    """The API's Date stands for now: the next run, by a clock that is right again, asks from the last one's time on."""
    async with Store(tmp_path / "x.db") as store:
        await sync(rhythm, store, clock)
        clock.advance(DAY)
        clock.step_wall(30 * DAY)
        box.settings.skew_seconds = -30 * DAY
        await sync(rhythm, store, clock, compare="never")
        until = (await store.state("rhythm_contacts")).until
        assert abs(datetime.datetime.fromisoformat(until).timestamp() - box.now()) < 120
        clock.step_wall(-30 * DAY)
        box.settings.skew_seconds = 0.0
        box.edit("contacts", box.world.tables["contacts"].id(2), last_name="After")
        clock.advance(HOUR)
        (contacts, _) = await sync(rhythm, store, clock, compare="never")
        assert contacts.changed == 1
        await assert_same(store, box)


async def test_a_window_in_the_future_is_not_believed_and_everything_is_read(
    rhythm, box, clock, tmp_path, caplog
) -> None:
    """As earlier versions left it: nobody knows since when changes are missing."""
    async with Store(tmp_path / "x.db") as store:
        await sync(rhythm, store, clock)
        box.edit("contacts", box.world.tables["contacts"].id(2), last_name="Missed")
        ahead = datetime.datetime.fromtimestamp(clock.now() + 30 * DAY, datetime.UTC).isoformat()
        for kind in ("rhythm_contacts", "rhythm_organizations"):
            await store.finish(kind, until=ahead, audited=None, changed=0, deleted=0, units=0)
        clock.advance(HOUR)
        (contacts, _) = await sync(rhythm, store, clock, compare="never")
        assert (contacts.since, contacts.changed) == (None, 1)
        assert "by a clock that was ahead; everything is read again" in caplog.text
        await assert_same(store, box)
        clock.advance(HOUR)
        (contacts, _) = await sync(rhythm, store, clock, compare="never")
        assert contacts.since is not None


async def test_rows_that_can_not_be_stored_are_given_up_after_three_runs(
    rhythm, box, clock, tmp_path, monkeypatch
) -> None:
    """They once came again with every run, for good."""
    from tonicdm.rhythm import sync as module

    monkeypatch.setattr(module, "read_rows", lambda _path: iter([{"name": "without an id"}]))
    async with Store(tmp_path / "x.db") as store:
        for number in range(3):
            with pytest.raises(ResultError, match=r"x\.db\.rhythm_contacts\.changes\.json"):
                await sync(rhythm, store, clock)
            assert bool(list(tmp_path.glob("*.job"))) == (number < 2)
        assert len(box.queries()) == 1
        monkeypatch.undo()
        await sync(rhythm, store, clock)
        await assert_same(store, box)
