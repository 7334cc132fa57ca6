"""The store equals the server after each run, for the units that the plan's arithmetic gives."""

from __future__ import annotations

import datetime
import json

import pytest

from tests.engines import ENGINES, Place, place
from tonicdm.errors import OptionIgnoredError
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.store.rows import Checkpoint, put_checkpoint
from tonicdm.sync import Stage, SyncOptions, SyncStoppedError, estimate_run
from tonicdm.types import normalise_id

from .conftest import Sync, held, plain, truth

KINDS = ("offices", "persons", "projects", "notes", "email_addresses", "brands", "organizations")


@pytest.fixture(params=ENGINES)
def path(request: pytest.FixtureRequest) -> Place:
    """Where the store is, on each engine."""
    return place(request, request.param)


async def test_a_first_load_is_exact_and_costs_five_units_a_page(sync: Sync, box: Sandbox, path) -> None:
    report = await sync(*KINDS)
    for kind in KINDS:
        assert held(path, kind) == truth(box, kind), kind
    assert report.units == box.units()
    for one in report.types:
        # Each page at the price of a page; one unit for what changed meanwhile, and one where the end may be cut.
        assert one.meter.units <= 5 * -(-box.world.count(one.type) // 1000) + 2, one.type


async def test_all_default_types_arrive(sync: Sync, box: Sandbox, path) -> None:
    await sync()
    for kind in ("rfis", "submittals", "cos", "tasks", "file_transfers"):
        assert held(path, kind) == truth(box, kind, active=True), kind
    for kind in ("disciplines", "certification_definitions", "files", "conversations"):
        assert held(path, kind), kind


async def test_nothing_changed_costs_one_unit(sync: Sync, box: Sandbox, clock, path) -> None:
    await sync("persons")
    clock.advance(3600)
    report = await sync("persons", audit="never")
    assert (report.units, report.changed) == (1, 0)


async def test_changes_arrive_for_a_probe_and_their_pages(sync: Sync, box: Sandbox, clock, path) -> None:
    await sync("persons")
    clock.advance(3600)
    for one in box.world.ids("persons")[:30]:
        box.world.update("persons", one, title="Partner")
    report = await sync("persons", audit="never")
    assert report.changed == 30
    assert report.units == 1 + 5
    assert held(path, "persons") == truth(box, "persons")


async def test_without_updated_after_stubs_are_compared(sync: Sync, box: Sandbox, clock, path) -> None:
    """The option is found to be ignored once; from then on all stubs are read and only what differs is fetched."""
    await sync("persons")
    box.settings.updated_after_supported = False
    for night in range(2):
        clock.advance(86_400)
        before = box.units()
        for one in box.world.ids("persons")[night : night + 3]:
            box.world.update("persons", one, title=f"Night {night}")
        report = await sync("persons", audit="never")
        assert held(path, "persons") == truth(box, "persons")
        assert report.changed == 3
    pages = -(-box.world.count("persons") // 1000)
    assert box.units() - before == pages + 5


async def test_a_true_delete_becomes_a_tombstone_with_its_reason(sync: Sync, box: Sandbox, clock, path) -> None:
    await sync("persons", "offices")
    gone = box.world.ids("persons")[:3]
    for one in gone:
        box.world.delete("persons", one)
    clock.advance(60)
    report = await sync("persons", "offices", audit="always")
    assert sum(one.deleted for one in report.types) == 3
    assert held(path, "persons") == truth(box, "persons")
    async with Store(path) as store:
        found = await store.query("SELECT id, reason FROM persons WHERE deleted_at IS NOT NULL AND reason = 'deleted'")
        assert {one for one, _ in found} == set(gone)
        feed = await store.changes(0, limit=100_000)
        assert {change.id for change in feed if change.reason == "deleted"} == set(gone)


async def test_a_soft_delete_keeps_the_record_and_says_why(sync: Sync, box: Sandbox, clock, path) -> None:
    await sync("offices")
    one = next(record["id"] for record in box.world.records("offices") if record["status"] == "active")
    clock.advance(60)
    box.world.update("offices", one, status="deleted")
    await sync("offices", audit="never")
    async with Store(path) as store:
        assert await store.query("SELECT reason FROM offices WHERE id = ?", (one,)) == [("soft deleted",)]
    clock.advance(120)
    box.world.update("offices", one, status="active")
    await sync("offices", audit="never")
    async with Store(path) as store:
        assert await store.query("SELECT reason, deleted_at FROM offices WHERE id = ?", (one,)) == [(None, None)]


async def test_a_list_that_hides_records_never_makes_tombstones(sync: Sync, box: Sandbox, clock, path) -> None:
    """A night on which the server ignores filterStatuses: the run stops with the reason, nothing is deleted."""
    await sync("persons")
    before = held(path, "persons")
    clock.advance(86_400)
    box.faults.on("drop_options", names=("filterStatuses",))
    with pytest.raises(SyncStoppedError, match="Nothing was marked as deleted"):
        await sync("persons", audit="always")
    assert held(path, "persons") == before
    box.faults.off()
    clock.advance(60)
    await sync("persons", audit="always")
    assert held(path, "persons") == truth(box, "persons")


async def test_a_great_loss_waits_for_a_word(sync: Sync, box: Sandbox, clock, path) -> None:
    await sync("persons")
    before = held(path, "persons")
    for one in box.world.ids("persons")[: box.world.count("persons") // 2]:
        box.world.delete("persons", one)
    clock.advance(60)
    with pytest.raises(SyncStoppedError, match="confirm-deletions"):
        await sync("persons", audit="always")
    assert held(path, "persons") == before
    await sync("persons", audit="always", confirmed=True)
    assert held(path, "persons") == truth(box, "persons")


async def test_a_licence_switched_off_is_noticed_by_the_audit(sync: Sync, tonic, box: Sandbox, clock, path) -> None:
    """Fields vanish without a change of any timestamp; the sample of the audit sees it."""
    await sync("brands")
    shown = held(path, "brands")
    box.settings.advanced_contacts = False
    clock.advance(86_400)
    await sync("brands", audit="always")
    options = {"pageSize": "1000", "filterStatuses": "active,inactive,deleted"}
    served = await tonic.request("GET", "/core/brands", options=options)
    assert held(path, "brands") != shown
    assert held(path, "brands") == {record["id"]: record for record in served}


@pytest.mark.parametrize("fault", ["ignore_page_size", "reset_wobble", "gzip"])
async def test_a_night_with_a_fault_is_exact_all_the_same(fault, sync: Sync, box: Sandbox, clock, path) -> None:
    await sync("offices", "projects")
    clock.advance(86_400)
    box.faults.on(fault)
    for one in box.world.ids("offices")[:70]:
        box.world.update("offices", one, name="Changed")
    await sync("offices", "projects", audit="always")
    for kind in ("offices", "projects"):
        assert plain(held(path, kind)) == plain(truth(box, kind))


async def test_a_type_without_a_right_is_refused_alone(sync: Sync, box: Sandbox, clock, path) -> None:
    """The other types arrive, and the report names the refusal; with the right back, the next run reads the type."""
    box.faults.on("forbidden", path="/core/offices")
    report = await sync("offices", "projects")
    offices, projects = report.types
    assert offices.refused is not None
    assert (offices.refused.status, offices.done, offices.records) == (403, True, 0)
    assert (projects.refused, plain(held(path, "projects"))) == (None, plain(truth(box, "projects")))
    box.faults.off("forbidden")
    await sync("offices")
    assert plain(held(path, "offices")) == plain(truth(box, "offices"))


async def test_a_server_that_repeats_its_first_page_ends_the_load_and_nothing_counts_as_whole(
    sync: Sync, box: Sandbox, clock, path
) -> None:
    """What came is kept; once the server heeds pageNumber, the next run goes on and ends it."""
    box.faults.on("ignore_page_size", path="/core/persons")
    box.faults.on("ignore_page_number", path="/core/persons")
    with pytest.raises(OptionIgnoredError) as failed:
        await sync("persons")
    assert failed.value.option == "pageNumber"
    assert 0 < len(held(path, "persons")) < box.world.count("persons")
    box.faults.off()
    await sync("persons")
    assert held(path, "persons") == truth(box, "persons")


async def test_what_is_read_by_project_is_taken_when_named(sync: Sync, box: Sandbox, path) -> None:
    report = await sync("projects", "team")
    members = [record for record in box.world.records("team") if record.get("ProjectMemberStatus") != "nonmember"]
    assert report.types[1].records > 0
    async with Store(path) as store:
        (count,) = (await store.query("SELECT count(*) FROM team"))[0]
    assert 0 < count <= len(members)


async def test_views_have_a_column_for_each_field_really_seen(sync: Sync, box: Sandbox, path) -> None:
    await sync("offices")
    async with Store(path) as store:
        drift = await store.drift()
        assert drift["offices"]
        columns = await store.read(lambda db: {column[0] for column in db.execute("SELECT * FROM offices").description})
        assert {"id", "name", "address", "organization_id", "deleted_at", "reason"} <= columns
        box.world.update("offices", box.world.ids("offices")[0], colourOfTheDoor="green")
    await sync("offices", audit="always")
    async with Store(path) as store:
        assert await store.query("SELECT colour_of_the_door FROM offices WHERE colour_of_the_door IS NOT NULL") == [
            ("green",)
        ]
        assert "colourOfTheDoor" in (await store.drift())["offices"]


async def test_the_change_feed_names_each_change_once_and_in_order(sync: Sync, box: Sandbox, clock, path) -> None:
    await sync("offices")
    async with Store(path) as store:
        feed = await store.changes(0, limit=100_000)
    assert [change.sequence for change in feed] == sorted({change.sequence for change in feed})
    assert len(feed) == len(truth(box, "offices"))
    clock.advance(3600)
    one = box.world.ids("offices")[7]
    box.world.update("offices", one, name="Renamed")
    await sync("offices", audit="never")
    async with Store(path) as store:
        news = await store.changes(feed[-1].sequence)
    assert [(change.id, json.loads(change.raw)["name"]) for change in news] == [(one, "Renamed")]


async def test_edits_during_a_load_are_in_the_store_after_it(sync: Sync, box: Sandbox, clock, path) -> None:
    """While pages are read, a record of a read page is edited and one is deleted: the run ends exact."""
    for number in range(2500):
        box.world.create("offices", name=f"Branch {number:05d}")
    victims = sorted(truth(box, "offices").values(), key=lambda record: record["name"])
    done = []

    def meddle(report) -> None:
        if report.pages == 1 and not done:
            done.append(1)
            clock.advance(1)
            box.world.update("offices", victims[5]["id"], address="Moved")
            box.world.delete("offices", victims[10]["id"])
            clock.advance(1)

    await sync("offices", on_progress=meddle)
    clock.advance(120)
    await sync("offices", audit="always")
    assert held(path, "offices") == truth(box, "offices")


async def test_an_interrupted_pass_over_changes_is_no_trap_when_they_can_no_longer_be_asked_for(
    sync: Sync, box: Sandbox, clock, path
) -> None:
    """The checkpoint names an updated_after that the server ignores by now: the run compares stubs instead."""
    await sync("persons")
    since = datetime.datetime.fromtimestamp(clock.now() - 60, datetime.UTC).isoformat()
    async with Store(path) as store:
        mark = Checkpoint("persons", Stage.CHANGES, 1, since, since)
        await store.write(lambda db: put_checkpoint(db, mark))
    clock.advance(3600)
    box.settings.updated_after_supported = False
    box.world.update("persons", box.world.ids("persons")[3], title="Partner")
    await sync("persons", audit="never")
    assert held(path, "persons") == truth(box, "persons")


@pytest.mark.parametrize("path", ["sqlite"], indirect=True)
async def test_two_syncs_of_one_file_are_refused(sync: Sync, box: Sandbox, clock, path) -> None:
    import os
    import subprocess
    import sys

    from tonicdm.errors import StoreError

    await sync("offices")
    waits = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as other:  # noqa: ASYNC220 - it stands for another sync
        async with Store(path) as store:
            await store.set_meta("sync", f"{other.pid} {clock.now() + 100}")
        with pytest.raises(StoreError, match="another process"):
            await sync("offices")
        other.kill()
        other.wait()
    await sync("offices")
    assert os.getpid() != other.pid


@pytest.mark.parametrize("path", ["sqlite"], indirect=True)
async def test_a_store_of_a_newer_version_is_left_alone(path) -> None:
    import sqlite3

    from tonicdm.errors import StoreError

    with sqlite3.connect(path.path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError, match="newer"):
        async with Store(path):
            pass


async def test_a_part_of_a_type_is_never_taken_for_the_whole(sync: Sync, box: Sandbox, path) -> None:
    """Only some projects were asked for: the next run without them loads everything."""
    project = next(record["project_id"] for record in box.world.records("rfis") if record["status"] == "active")
    part = await sync("rfis", projects=[project])
    assert {record["project_id"] for record in held(path, "rfis").values()} == {project}
    assert "only the projects" in part.types[0].why[0]
    await sync("rfis")
    assert held(path, "rfis") == truth(box, "rfis", active=True)


async def test_filesets_are_read_by_the_ids_that_files_name(sync: Sync, tonic, box: Sandbox, path) -> None:
    """They can't be listed without IDs; a headerful of them costs one call."""
    report = await sync("files", "filesets")
    named = {normalise_id(record["filesetId"]) for record in held(path, "files").values()}
    assert set(held(path, "filesets")) == named
    assert report.types[1].meter.calls == -(-len(named) // 240)
    async with Store(path) as store:
        plan = await estimate_run(tonic, store, choose(["filesets"]), SyncOptions(audit="never"))
    assert plan.expected == report.types[1].meter.units


async def test_a_type_that_is_asked_for_by_records_which_the_copy_does_not_have_costs_no_unit(
    sync: Sync, path: Place
) -> None:
    """It has nothing to ask for, and is done; it is read when they are there."""
    (report,) = (await sync("filesets")).types
    assert (report.done, report.meter.calls) == (True, 0)
    assert not held(path, "filesets")
