"""What happens to a database while a store is open: each is an error of ours, loses no page, and the store goes on."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from tests import postgres
from tests.disks import small_disk
from tests.engines import rows
from tests.integration.sync.conftest import drive
from tests.listserver import ListServer
from tonicdm import TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.errors import StoreError
from tonicdm.store import Store, choose
from tonicdm.store.database import Database
from tonicdm.store.opening import locate
from tonicdm.store.store import outlasting
from tonicdm.sync import TypeReport, synchronize
from tonicdm.types import DataQuantity

BASIC = DataQuantity.BASIC


def office(number: int, **fields: object) -> dict[str, object]:
    return {"id": f"{number:032x}", "name": f"office {number}", "datetimeUpdated": "2026-01-01T00:00:00Z", **fields}


@pytest.fixture(scope="module")
def own() -> Iterator[postgres.OwnServer]:
    with postgres.own_server() as server:
        yield server


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[Store]:
    """A store with one record, open."""
    async with Store(postgres_url, schema="firm") as store:
        await store.write_page("offices", [office(1)], BASIC)
        yield store


def administer(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as db:
        for statement in statements:
            db.execute(statement.encode())


def set_for_all(url: str, setting: str) -> None:
    """Set something for all sessions of a database, those that are open included."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    administer(url, f"ALTER DATABASE {name} {setting}")


def end_sessions(url: str) -> None:
    administer(
        url,
        "SET statement_timeout = 0",
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )


async def test_idle_connections_that_the_server_ends_cost_nothing(store: Store, postgres_url: str) -> None:
    """As a pooler, a firewall or idle_session_timeout does; nothing was under way on them."""
    end_sessions(postgres_url)
    await store.write_page("offices", [office(2)], BASIC)
    end_sessions(postgres_url)
    assert await store.counts() == {"offices": 2}


async def test_a_server_that_restarts_between_two_pages_costs_nothing(own: postgres.OwnServer) -> None:
    async with Store(own.url, schema="restarted") as store:
        await store.write_page("offices", [office(1)], BASIC)
        own.stop()
        own.start()
        await store.write_page("offices", [office(2)], BASIC)
        assert await store.counts() == {"offices": 2}


async def test_a_server_that_is_down_is_an_error_that_says_so_and_the_store_goes_on_behind_it(
    own: postgres.OwnServer,
) -> None:
    async with Store(own.url, schema="down") as store:
        await store.write_page("offices", [office(1)], BASIC)
        own.stop()
        try:
            with pytest.raises(StoreError, match="can't be reached") as raised:
                await store.write_page("offices", [office(2)], BASIC)
            assert raised.value.away
        finally:
            own.start()
        await store.write_page("offices", [office(2)], BASIC)
        assert await store.counts() == {"offices": 2}


async def test_a_read_only_standby_refuses_what_is_written_and_serves_what_is_read(
    store: Store, postgres_url: str
) -> None:
    """After a failover the address may lead to a standby for a while."""
    set_for_all(postgres_url, "SET default_transaction_read_only = on")
    end_sessions(postgres_url)
    assert await store.counts() == {"offices": 1}
    with pytest.raises(StoreError, match="read-only, a standby perhaps"):
        await store.write_page("offices", [office(2)], BASIC)
    set_for_all(postgres_url.replace("?", "?options=-c%20default_transaction_read_only%3Doff&"), "RESET ALL")
    end_sessions(postgres_url)
    await store.write_page("offices", [office(2)], BASIC)
    assert await store.counts() == {"offices": 2}


async def test_a_statement_that_the_server_stops_for_its_time_is_an_error_and_stores_nothing(
    store: Store, postgres_url: str
) -> None:
    set_for_all(postgres_url, "SET statement_timeout = '200ms'")
    end_sessions(postgres_url)
    with pytest.raises(StoreError, match="statement_timeout") as raised:
        await store.query("SELECT pg_sleep(5)")
    assert not raised.value.away
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE firm.record IN EXCLUSIVE MODE")
        with pytest.raises(StoreError, match="statement_timeout"):
            await store.write_page("offices", [office(2)], BASIC)
    await store.write_page("offices", [office(2)], BASIC)
    assert await store.counts() == {"offices": 2}


async def test_a_server_without_a_free_connection_is_an_error_that_says_so(store: Store, postgres_url: str) -> None:
    role = f"crowd_{os.getpid()}"
    administer(postgres_url, f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 1", f"CREATE SCHEMA acme AUTHORIZATION {role}")
    scheme, _, rest = postgres_url.partition("://")
    url = f"{scheme}://{role}@{rest.rpartition('@')[2]}"
    async with Store(url, schema="acme") as first:
        await first.write_page("offices", [office(1)], BASIC)
        with pytest.raises(StoreError, match=r"no connection left|too many connections"):
            await Store(url, schema="acme").open()
        await first.write_page("offices", [office(2)], BASIC)


async def test_a_full_disk_is_an_error_that_keeps_every_page_before_and_the_store_goes_on(
    own: postgres.OwnServer,
) -> None:
    """A tablespace of a few megabytes."""
    with small_disk(12, owner="pgserver") as folder:
        administer(own.url, f"CREATE TABLESPACE small LOCATION '{folder}'", "CREATE DATABASE small TABLESPACE small")
        url = postgres.with_database(own.url, "small")
        async with Store(url, schema="firm") as store:
            await store.write_page("offices", [office(1)], BASIC)
            with pytest.raises(StoreError, match=r"the server's disk is full\. Every page stored before is kept; free"):
                await fill(store)
            kept = await store.counts()
            assert kept["offices"] >= 1
            subprocess.run(["mount", "-o", "remount,size=200m", str(folder)], check=True)  # noqa: ASYNC221 - at once
            await store.write_page("offices", [office(9_999_999)], BASIC)
            assert await store.counts() == {"offices": kept["offices"] + 1}
        administer(own.url, "DROP DATABASE small WITH (FORCE)", "DROP TABLESPACE small")


async def fill(store: Store) -> None:
    for page in range(40):
        records = [office(100 * page + n, text=os.urandom(1500).hex()) for n in range(2, 80)]
        await store.write_page("offices", records, BASIC)


# --- a run ------------------------------------------------------------------------------------------------------------


async def test_a_page_in_hand_outlasts_a_database_that_is_away(
    tonic: TonicDM, server: ListServer, clock: VirtualClock, postgres_url: str
) -> None:
    """It was paid for: it is stored when the database is back, once, and the run costs what it costs anyway."""
    proxy = postgres.Proxy(postgres_url)
    await proxy.open()
    locate(postgres_url, "whole").upgrade()
    async with Store(postgres_url, schema="whole") as store:
        whole = await drive(clock, synchronize(tonic, store, choose(["persons"])), tonic)
    cuts = 0

    async def away() -> None:
        await proxy.cut()
        await asyncio.sleep(0.3)  # three tries
        await proxy.open()

    def after(report: TypeReport) -> None:
        nonlocal cuts
        if report.pages in {1, 2} and cuts < report.pages:
            cuts += 1
            tasks.append(asyncio.ensure_future(away()))

    tasks: list[asyncio.Task[None]] = []
    async with Store(proxy.url, schema="firm") as store:
        run = synchronize(tonic, store, choose(["persons"]), on_progress=after)
        cut = await drive(clock, run, tonic)
    await asyncio.gather(*tasks)
    await proxy.cut()
    assert (cuts, cut.units) == (2, whole.units)
    sql = "SELECT id, raw, deleted_at FROM record ORDER BY id"
    assert rows(locate(postgres_url, "firm"), sql) == rows(locate(postgres_url, "whole"), sql)
    (sequences,) = rows(locate(postgres_url, "firm"), "SELECT count(*), max(change_seq) FROM record")
    assert sequences[0] == sequences[1], "no page is applied twice"


async def test_a_commit_whose_answer_is_lost_is_applied_once(postgres_url: str) -> None:
    """Nobody can tell whether it was made, so a run makes it again; the second time nothing is left to be changed."""
    proxy = postgres.Proxy(postgres_url)
    await proxy.open()
    async with Store(proxy.url, schema="firm") as store:
        await store.write_page("offices", [office(1)], BASIC)
        stamp = await store.draw(1.8e9)
        proxy.loses_answer_to = b"COMMIT"
        with outlasting():
            written = asyncio.ensure_future(store.write_page("offices", [office(2), office(3)], BASIC, stamp=stamp))
            while proxy.loses_answer_to:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            await proxy.open()
            await written
        changes = [(change.sequence, change.id) for change in await store.changes(0)]
        assert changes == [(number, office(number)["id"]) for number in (1, 2, 3)]
    await proxy.cut()


async def test_a_host_that_vanishes_in_a_transaction_holds_up_the_others_for_a_bounded_time(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connection is not closed, so the server can't know; without a bound its lock would stay for hours."""
    proxy = postgres.Proxy(postgres_url)
    await proxy.open()
    gone, freeze = asyncio.Event(), asyncio.get_running_loop()

    def vanish(db: Database) -> None:
        freeze.call_soon_threadsafe(proxy.freeze)
        freeze.call_soon_threadsafe(gone.set)
        db.execute("SELECT 1")

    with monkeypatch.context() as patch:
        patch.setattr("tonicdm.store.postgresql.database.SILENCE_TIMEOUT", "300ms")
        vanishing = Store(proxy.url, schema="firm")
        await vanishing.set_meta("a", "b")
    lost = asyncio.ensure_future(vanishing.write(vanish))
    await gone.wait()
    async with Store(postgres_url, schema="firm") as store, asyncio.timeout(60):
        await store.write_page("offices", [office(1)], BASIC)
    proxy.thaw()
    with pytest.raises(StoreError, match="idle_in_transaction_session_timeout"):
        await lost
    await proxy.cut()
    await vanishing.close()
