"""Nights of exports: after each, every destination is what the store is, row by row."""

from __future__ import annotations

import pathlib
import random

import pytest

from tests.engines import ENGINES, Place, place
from tests.integration.sync.test_nights import meddle
from tonicdm.clock import VirtualClock
from tonicdm.export import WriteMode, dlt_source
from tonicdm.sandbox import Sandbox

from .conftest import Hand, Sync
from .readback import differences, from_csv, from_duckdb, from_parquet, stored

KINDS = ("offices", "persons", "projects")


@pytest.fixture
def path(request: pytest.FixtureRequest, engine: str) -> Place:
    """Where the store is."""
    return place(request, engine)


# In six nights the server's fields change in all of five ways; a store in PostgreSQL sees three of them in the suite.
NIGHTS = [("sqlite", 6, 1), ("postgresql", 4, 1)]
MONTHS = [pytest.param(engine, 30, 4, marks=pytest.mark.thorough) for engine in ENGINES]
THROUGH_DLT = [("sqlite", False, 2), ("sqlite", True, 2), ("postgresql", True, 2)]
LONG_THROUGH_DLT = [
    pytest.param(engine, keep_deleted, 10, marks=pytest.mark.thorough)
    for engine in ENGINES
    for keep_deleted in (False, True)
]


def change_the_schema(box: Sandbox, step: int) -> None:
    """Do what a new version of the server would in five steps: fields more, values of another type, fields less."""
    offices = sorted(box.world.ids("offices"))
    persons = sorted(box.world.ids("persons"))
    if step == 1:
        box.world.update("offices", offices[0], floorCount=3, openedOn="2020-02-29", Reason="merger")
    if step == 2:
        box.world.update("offices", offices[1], floorCount=2.5, phoneNumber="0800 OFFICE", openedOn="in spring")
        box.world.update("persons", persons[0], deskPhone="+1 555 0100")
    if step == 3:
        box.world.update("offices", offices[2], floorCount={"above": 3, "below": 1}, openedOn="2021-03-01")
        box.world.update("persons", persons[1], deskPhone=True)
    if step == 4:
        for one in offices:
            box.world.update("offices", one, address=None, phoneNumber=None)
    if step == 5:
        box.world.update("persons", persons[0], deskPhone=["+1 555 0100", "+1 555 0101"], title="é\u2028\x1f\n\"'")


@pytest.mark.parametrize(("engine", "nights", "every"), [*NIGHTS, *MONTHS])
async def test_what_is_exported_every_night_equals_the_store_after_each(
    engine: str,
    nights: int,
    every: int,
    sync: Sync,
    hand: Hand,
    box: Sandbox,
    clock: VirtualClock,
    path: Place,
    tmp_path: pathlib.Path,
) -> None:
    """Changes, soft and true deletions, and fields that come, go, and change their types *every* so many nights."""
    chance = random.Random(3)
    database, kept, parquet, table = (tmp_path / name for name in ("a.duckdb", "kept.duckdb", "parquet", "csv"))
    modes: set[WriteMode] = set()
    for night in range(nights):
        for kind in KINDS:
            meddle(box, kind, chance, deletions=True)
        if night % every == 0:
            change_the_schema(box, night // every)
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
    assert modes == set(WriteMode), "the nights must have seen each way to bring a table up to date"


@pytest.mark.parametrize(("engine", "keep_deleted", "nights"), [*THROUGH_DLT, *LONG_THROUGH_DLT])
async def test_nights_through_dlt_equal_the_store_after_each(
    engine: str,
    keep_deleted: bool,
    nights: int,
    sync: Sync,
    box: Sandbox,
    clock: VirtualClock,
    path: Place,
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Merge and hard delete, into a DuckDB file by dlt's own destination."""
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "home"))
    import dlt

    chance = random.Random(5)
    for night in range(nights):
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
