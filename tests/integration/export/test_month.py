"""A month of nights: after each, every destination is what the store is, row by row."""

from __future__ import annotations

import pathlib
import random

import pytest

from tests.integration.sync.test_nights import meddle
from tonicdm.clock import VirtualClock
from tonicdm.export import WriteMode, dlt_source
from tonicdm.sandbox import Sandbox

from .conftest import Hand, Sync
from .readback import differences, from_csv, from_duckdb, from_parquet, stored

NIGHTS = 30
KINDS = ("offices", "persons", "projects")


def change_the_schema(box: Sandbox, night: int) -> None:
    """Do what a new version of the server would: a field more, values of another type, a field less."""
    offices = sorted(box.world.ids("offices"))
    persons = sorted(box.world.ids("persons"))
    if night == 4:
        box.world.update("offices", offices[0], floorCount=3, openedOn="2020-02-29", Reason="merger")
    if night == 8:
        box.world.update("offices", offices[1], floorCount=2.5, phoneNumber="0800 OFFICE", openedOn="in spring")
        box.world.update("persons", persons[0], deskPhone="+1 555 0100")
    if night == 12:
        box.world.update("offices", offices[2], floorCount={"above": 3, "below": 1}, openedOn="2021-03-01")
        box.world.update("persons", persons[1], deskPhone=True)
    if night == 16:
        for one in offices:
            box.world.update("offices", one, address=None, phoneNumber=None)
    if night == 20:
        box.world.update("persons", persons[0], deskPhone=["+1 555 0100", "+1 555 0101"], title="é\u2028\x1f\n\"'")


async def test_a_month_exported_every_night_equals_the_store_after_each(
    sync: Sync, hand: Hand, box: Sandbox, clock: VirtualClock, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Changes, soft and true deletions, and fields that come, go, and change their types."""
    chance = random.Random(3)
    database, kept, parquet, table = (tmp_path / name for name in ("a.duckdb", "kept.duckdb", "parquet", "csv"))
    modes: set[WriteMode] = set()
    for night in range(NIGHTS):
        for kind in KINDS:
            meddle(box, kind, chance, deletions=True)
        change_the_schema(box, night)
        clock.advance(86_400)
        await sync(*KINDS, audit="always", confirmed=True)
        report = await hand(f"duckdb:{database}")
        modes |= {one.mode for one in report.types if night}
        await hand(f"duckdb:{kept}", keep_deleted=True)
        await hand(f"parquet:{parquet}")
        await hand(f"csv:{table}")
        for kind in KINDS:
            live = stored(path, kind)
            assert live
            assert not differences(from_duckdb(database, kind), live), f"night {night}"
            assert not differences(from_parquet(parquet, kind), live), f"night {night}"
            assert not differences(from_csv(table, kind), live), f"night {night}"
            assert not differences(from_duckdb(kept, kind), stored(path, kind, deleted=True)), f"night {night}"
    assert modes == set(WriteMode), "a month must have seen each way to bring a table up to date"


@pytest.mark.parametrize("keep_deleted", [False, True])
async def test_nights_through_dlt_equal_the_store_after_each(
    keep_deleted: bool,
    sync: Sync,
    box: Sandbox,
    clock: VirtualClock,
    path: pathlib.Path,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Merge and hard delete, into a DuckDB file by dlt's own destination."""
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "home"))
    import dlt

    chance = random.Random(5)
    for night in range(5):
        for kind in ("offices", "projects"):
            meddle(box, kind, chance, deletions=True)
        clock.advance(86_400)
        await sync("offices", "projects", audit="always", confirmed=True)
        pipeline = dlt.pipeline(
            "firm", destination=dlt.destinations.duckdb(str(tmp_path / "dlt.duckdb")), dataset_name="tonicdm",
            pipelines_dir=str(tmp_path / "pipelines"),
        )  # fmt: skip
        pipeline.run(dlt_source(path, keep_deleted=keep_deleted))
        for kind in ("offices", "projects"):
            found = from_duckdb(tmp_path / "dlt.duckdb", f"tonicdm.{kind}")
            assert not differences(found, stored(path, kind, deleted=keep_deleted)), f"night {night}"
