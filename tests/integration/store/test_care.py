"""Care of a copy: check, backup, compact, prune; readers of the change feed are never made to skip anything."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
from typing import Any

import pytest

from tests.engines import ENGINES, Place, place, rows
from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError, ExportError, StoreError
from tonicdm.export import export
from tonicdm.store import Store, care, upkeep
from tonicdm.store.database import Location
from tonicdm.store.opening import locate
from tonicdm.store.retention import prune_tombstones
from tonicdm.types import DataQuantity
from tonicdm.webhooks import Inbox, parse

BASIC = DataQuantity.BASIC


def office(number: int, **fields: Any) -> dict[str, Any]:
    return {"id": f"{number:032x}", "name": f"Office {number}", "datetimeUpdated": "2026-01-01T00:00:00Z", **fields}


def content(file: pathlib.Path) -> bytes:
    return file.read_bytes()


def spoil(file: pathlib.Path) -> None:
    """Overwrite twenty pages."""
    spoilt = bytearray(file.read_bytes())
    spoilt[40 * 4096 : 60 * 4096] = b"\xff" * (20 * 4096)
    file.write_bytes(spoilt)


async def write(file: Place, *records: dict[str, Any]) -> None:
    async with Store(file) as store:
        await store.write_page("offices", records, BASIC)


async def bury(file: Place, *numbers: int, at: str = "2026-01-01T00:00:00+00:00") -> None:
    from tonicdm.store import writing

    async with Store(file) as store:
        ids = [f"{number:032x}" for number in numbers]
        await store.write(lambda db: writing.write_tombstones(db, "offices", ids, "deleted", at))


async def followed(file: Place, after: int = 0) -> tuple[dict[str, bool], int]:
    """Return what a reader of the feed hears behind a position, and the position that it has then."""
    async with Store(file) as store:
        changes = await store.changes(after, limit=10_000)
    heard = {change.raw: change.deleted_at is None for change in changes}
    return heard, changes[-1].sequence if changes else after


@pytest.fixture
async def firm(file: pathlib.Path) -> pathlib.Path:
    await write(file, *(office(number) for number in range(1, 21)))
    return file


@pytest.fixture(params=ENGINES)
async def held(request: pytest.FixtureRequest) -> Location:
    """The same on each engine."""
    where = place(request, request.param)
    await write(where, *(office(number) for number in range(1, 21)))
    return where


# --- check ------------------------------------------------------------------------------------------------------------


async def test_a_sound_file_is_not_changed_by_a_check(firm: pathlib.Path) -> None:
    before = content(firm)
    assert care.check(firm).is_sound
    assert content(firm) == before


async def test_a_sound_store_is_said_to_be_sound(held: Location) -> None:
    result = upkeep.check(held)
    assert (result.is_sound, result.records, result.tombstones, result.position) == (True, 20, 0, 20)
    assert result.size > 4096


@pytest.mark.parametrize(
    ("sql", "problem"),
    [
        ("UPDATE record SET change_seq = 3 WHERE change_seq = 4", "1 records share a position"),
        ("DELETE FROM meta WHERE name = 'identity'", "lost its identity"),
        ("UPDATE record SET deleted_at = '2026' WHERE change_seq = 3", "1 tombstones have no reason"),
    ],
)
async def test_what_contradicts_itself_is_named(held: Location, sql: str, problem: str) -> None:
    async with Store(held) as store:
        await store.write(lambda db: db.execute(sql))
    (found,) = upkeep.check(held).problems
    assert problem in found


async def test_what_is_no_json_is_named(firm: pathlib.Path) -> None:
    with contextlib.closing(sqlite3.connect(firm)) as db, db:
        db.execute("UPDATE record SET raw = '{' WHERE change_seq = 3")
    assert care.check(firm).problems == ("1 records are no JSON",)


async def test_a_damaged_file_is_said_to_be_damaged(firm: pathlib.Path) -> None:
    await write(firm, *(office(number, text="x" * 2000) for number in range(100, 200)))
    with contextlib.closing(sqlite3.connect(firm)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spoil(firm)
    with contextlib.suppress(StoreError):  # where the first page that is read is one of them
        assert not care.check(firm).is_sound


def test_what_is_no_store_is_refused(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as db:
        db.execute("CREATE TABLE x (y)")
    for command in (care.check, care.compact):
        with pytest.raises(StoreError, match="another program"):
            command(tmp_path / "other.db")
    with pytest.raises(StoreError, match="does not exist"):
        care.check(tmp_path / "no.db")


# --- backup and restore -----------------------------------------------------------------------------------------------


async def test_a_backup_is_whole_closed_to_others_and_no_other_file_is_left(
    held: Location, tmp_path: pathlib.Path
) -> None:
    """It is a file, from whichever engine."""
    copy = tmp_path / "copies" / "firm.db"
    copy.parent.mkdir()
    await bury(held, 7)
    async with Store(held) as store:  # while somebody has it open, with changes in its log
        await store.write_page("offices", [office(99, name="\ud800"), office(98)], BASIC)
        body = json.dumps({"id": "e1", "type": "offices.updated", "data": [office(3)]}).encode()
        await Inbox(store).receive([parse(body, {}, signed=True, received=1.8e9)])
        assert upkeep.backup(held, copy) == copy.stat().st_size
    heard = {json.dumps(json.loads(raw), sort_keys=True): there for raw, there in (await followed(held))[0].items()}
    saved = {json.dumps(json.loads(raw), sort_keys=True): there for raw, there in (await followed(copy))[0].items()}
    assert saved == heard
    for table in ("quarantine", "event", "job", "field"):
        counted = f"SELECT count(*) FROM {table}"
        assert rows(copy, counted) == rows(held, counted), table
    async with Store(copy) as store:
        assert await store.query("SELECT count(*) FROM offices WHERE deleted_at IS NULL") == [(20,)]
    assert care.check(copy).is_sound
    assert [path.name for path in copy.parent.glob("firm.db*") if path.suffix != ".db-x"] == ["firm.db"]
    if os.name == "posix":
        assert copy.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigError, match="--overwrite"):
        upkeep.backup(held, copy)
    upkeep.backup(held, copy, overwrite=True)


async def test_a_store_is_no_backup_of_itself(firm: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match="itself"):
        care.backup(firm, firm, overwrite=True)


async def test_a_backup_during_a_sync_can_be_synced_at_once(held: Location, tmp_path: pathlib.Path) -> None:
    async with Store(held) as store:
        await store.acquire_lock(VirtualClock(2e9))
        upkeep.backup(held, tmp_path / "copy.db")
        assert await store.meta("sync") is not None
    async with Store(tmp_path / "copy.db") as copy:
        assert await copy.meta("sync") is None


async def test_a_reader_of_a_schema_reads_on_in_the_file_that_was_made_of_it(
    postgres_url: str, tmp_path: pathlib.Path
) -> None:
    """The file can take its place: no position is given twice, and what the schema gave later is known to be lost."""
    schema = locate(postgres_url, "firm")
    await write(schema, office(1), office(2))
    _, position = await followed(schema)
    upkeep.backup(schema, tmp_path / "copy.db")
    await write(schema, office(3))
    _, ahead = await followed(schema)
    await write(tmp_path / "copy.db", office(4))
    heard, _ = await followed(tmp_path / "copy.db", position)
    assert [json.loads(raw)["id"] for raw in heard] == [f"{4:032x}"]
    with pytest.raises(StoreError, match="earlier state of itself"):
        await followed(tmp_path / "copy.db", ahead)


async def test_a_reader_that_is_ahead_of_a_restored_file_is_told_so_however_far_the_feed_has_got_again(
    firm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """A reader that had just read what the backup has goes on and misses nothing."""
    _, at_backup = await followed(firm)
    care.backup(firm, tmp_path / "copy.db")
    await write(firm, *(office(number) for number in range(21, 31)))
    _, ahead = await followed(firm)
    shutil.move(tmp_path / "copy.db", firm)
    for extra in range(40, 70):
        with pytest.raises(StoreError, match="earlier state of itself"):
            await followed(firm, ahead)
        await write(firm, office(extra))
    heard, position = await followed(firm, at_backup)
    assert len(heard) == 30
    assert await followed(firm, position) == ({}, position)
    assert len((await followed(firm))[0]) == 50


async def test_a_file_that_was_restored_by_copying_is_noticed_while_it_is_behind(
    firm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    shutil.copy(firm, tmp_path / "copy.db")
    await write(firm, office(21))
    _, ahead = await followed(firm)
    shutil.copy(tmp_path / "copy.db", firm)
    with pytest.raises(StoreError, match="Read it anew from position 0"):
        await followed(firm, ahead)


async def test_a_backup_of_a_backup_keeps_both_gaps(firm: pathlib.Path, tmp_path: pathlib.Path) -> None:
    first, second = tmp_path / "first.db", tmp_path / "second.db"
    care.backup(firm, first)
    await write(firm, office(21))
    _, ahead_of_first = await followed(firm)
    await write(first, office(22))
    care.backup(first, second)
    await write(first, office(23))
    _, ahead_of_second = await followed(first)
    for position in (ahead_of_first, ahead_of_second):
        with pytest.raises(StoreError, match="earlier state"):
            await followed(second, position)


@pytest.mark.parametrize("unnoted", [False, True], ids=["its run is noted", "its run could not be noted"])
async def test_an_export_that_is_ahead_of_a_restored_file_is_refused_until_it_is_made_anew(
    firm: pathlib.Path, tmp_path: pathlib.Path, unnoted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonicdm.export.source import UNNOTED, Source

    if unnoted:
        monkeypatch.setattr(Source, "note_run", lambda *_: UNNOTED)
    to = f"csv:{tmp_path / 'csv'}"
    await export(Store(firm), to)
    care.backup(firm, tmp_path / "copy.db")
    await write(firm, office(21))
    await export(Store(firm), to)
    shutil.move(tmp_path / "copy.db", firm)
    for number in (30, 31):
        await write(firm, office(number))
        with pytest.raises(ExportError, match="restored"):
            await export(Store(firm), to)
    await export(Store(firm), to, full=True)
    await write(firm, office(32))
    await export(Store(firm), to)
    assert len((tmp_path / "csv/offices/offices.csv").read_text().splitlines()) == 1 + 23


# --- compact ----------------------------------------------------------------------------------------------------------


async def test_compacting_gives_space_back_and_keeps_rows_positions_and_the_order_of_columns(
    firm: pathlib.Path,
) -> None:
    await write(firm, *(office(number, zulu=1, text="x" * 3000) for number in range(100, 400)))
    await write(firm, *(office(number, alpha=1, text="y") for number in range(100, 400)))
    before = await followed(firm)
    async with Store(firm) as store:
        columns = await store.query("SELECT name FROM pragma_table_info('offices')")
    was, now = care.compact(firm)
    assert now < was / 3
    assert await followed(firm) == before
    async with Store(firm) as store:
        assert await store.query("SELECT name FROM pragma_table_info('offices')") == columns
    assert care.check(firm).is_sound


async def test_a_store_that_a_sync_has_is_not_compacted(held: Location, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonicdm.store import lock

    monkeypatch.setattr(lock.Holder, "this_process", classmethod(lambda _cls: lock.Holder("other", "n", 1, "1")))
    async with Store(held) as store:
        await store.acquire_lock(VirtualClock(4e9))
    monkeypatch.undo()
    with pytest.raises(StoreError, match="being synced by another process"):
        upkeep.compact(held)


async def test_compacting_keeps_rows_and_positions_and_makes_a_store_smaller(held: Location) -> None:
    await write(held, *(office(number, text="x" * 3000) for number in range(100, 300)))
    await write(held, *(office(number, text="y") for number in range(100, 300)))
    before = await followed(held)
    was, now = upkeep.compact(held)
    assert now < was
    assert await followed(held) == before


# --- prune ------------------------------------------------------------------------------------------------------------


async def test_old_tombstones_leave_and_a_position_is_never_given_twice(firm: pathlib.Path) -> None:
    await bury(firm, 1, 2, 3)
    await bury(firm, 4, at="2026-06-01T00:00:00+00:00")
    heard, position = await followed(firm)
    await bury(firm, 5)  # the newest row of all
    async with Store(firm) as store:
        assert await store.write(lambda db: prune_tombstones(db, "2026-03-01T00:00:00+00:00")) == 4
    with pytest.raises(StoreError, match="lost its tombstones"):
        await followed(firm, position)
    assert len((await followed(firm))[0]) == len(heard) - 4
    await write(firm, office(99))
    heard, _ = await followed(firm, position + 1)
    assert [json.loads(raw)["id"] for raw in heard] == [f"{99:032x}"]


async def test_an_export_that_has_not_seen_pruned_tombstones_is_written_anew_by_itself(
    firm: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    to = f"duckdb:{tmp_path / 'firm.duckdb'}"
    await export(Store(firm), to)
    await bury(firm, 1, 2)
    async with Store(firm) as store:
        assert await store.write(lambda db: prune_tombstones(db, "2027-01-01T00:00:00+00:00")) == 2
    (done,) = (await export(Store(firm), to)).types
    assert (done.mode.value, done.written) == ("whole", 18)
    (done,) = (await export(Store(firm), to)).types
    assert done.mode.value == "unchanged"
    await bury(firm, 3)
    (done,) = (await export(Store(firm), to)).types
    assert (done.mode.value, done.removed) == ("changes", 1)


async def test_soft_deleted_records_stay(file: pathlib.Path) -> None:
    await write(file, office(1, status="deleted"))
    async with Store(file) as store:
        assert await store.write(lambda db: prune_tombstones(db, "2030-01-01T00:00:00+00:00")) == 0
