"""Exports to PostgreSQL: after each night what the store is, from either engine; incremental, and no more than that."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import psycopg
import pytest

from tests.engines import ENGINES, Place, place
from tests.integration.sync.test_nights import meddle
from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError, ExportError
from tonicdm.export import WriteMode, export
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store
from tonicdm.types import DataQuantity

from .conftest import Hand, Sync
from .readback import Rows, by_id, differences, stored
from .test_month import KINDS, change_the_schema


@pytest.fixture(params=ENGINES)
def path(request: pytest.FixtureRequest) -> Place:
    """Where the store is, on each engine."""
    return place(request, request.param)


def from_postgresql(url: str, kind: str, schema: str = "tonicdm_export") -> Rows:
    with contextlib.closing(psycopg.connect(url)) as db:
        db.execute("SET TimeZone = 'UTC'")
        found = db.execute(f'SELECT * FROM "{schema}"."{kind}"')
        names = [column.name for column in found.description or ()]
        return by_id([dict(zip(names, map(plain, row), strict=True)) for row in found.fetchall()])


def plain(value: Any) -> Any:
    """Return arrays and objects as texts, as DuckDB gives them."""
    return json.dumps(value) if isinstance(value, (dict, list)) else value


async def test_what_is_exported_every_night_equals_the_store_after_each(
    sync: Sync, hand: Hand, box: Sandbox, clock: VirtualClock, path: Place, postgres_url: str
) -> None:
    chance, modes = random.Random(3), set[WriteMode]()
    to, kept = f"{postgres_url}", f"{postgres_url}#kept"
    for night in range(6):
        for kind in KINDS:
            meddle(box, kind, chance, deletions=True)
        change_the_schema(box, night)
        clock.advance(86_400)
        await sync(*KINDS, audit="always", confirmed=True)
        report = await hand(to)
        modes |= {done.mode for done in report.types if night}
        await hand(kept, keep_deleted=True)
        for kind in KINDS:
            assert not differences(from_postgresql(postgres_url, kind), stored(path, kind)), f"night {night}"
            whole = from_postgresql(postgres_url, kind, "kept")
            assert not differences(whole, stored(path, kind, deleted=True)), f"night {night}"
    again = await hand(to)
    assert {done.mode for done in again.types} == {WriteMode.UNCHANGED}
    assert WriteMode.CHANGES in modes


@pytest.mark.parametrize("path", ["sqlite"], indirect=True)
async def test_a_schema_of_others_and_a_second_export_at_once_are_refused(path: Place, postgres_url: str) -> None:
    with pytest.raises(ConfigError, match="public"):
        await export(Store(path), f"{postgres_url}#public")
    async with Store(path) as store:
        await store.write_page("offices", [{"id": "1" * 32, "name": "a\0b", "x": ["\0"]}], DataQuantity.BASIC)
        with psycopg.connect(postgres_url, autocommit=True) as db:
            db.execute("CREATE SCHEMA theirs; CREATE TABLE theirs.offices (name text)")
            with pytest.raises(ExportError, match="offices of its own"):
                await export(store, f"{postgres_url}#theirs")
            await export(store, postgres_url)
            assert db.execute("SELECT name, x FROM tonicdm_export.offices").fetchall() == [("a\ufffdb", ["\ufffd"])]
            db.execute("BEGIN")
            db.execute("LOCK TABLE tonicdm_export.offices")
            db.execute("ROLLBACK")
            db.execute("CREATE VIEW theirs.report AS SELECT name FROM tonicdm_export.offices")
        await store.write_page("offices", [{"id": "2" * 32, "name": "b", "x": ["c"]}], DataQuantity.BASIC)
        assert (await export(store, postgres_url)).written == 1
        assert (await export(store, postgres_url, full=True)).written == 2, "the view of others stays"
