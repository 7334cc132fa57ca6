"""Whatever a server, a database or a role is set up with, everything works in it or says why it does not."""

from __future__ import annotations

import asyncio
import datetime
import secrets

import psycopg
import pytest
from click.testing import CliRunner

from tests.pooler import Pooler
from tests.postgres import with_database
from tonicdm.budget.ledgers.postgresql import PostgreSQLLedger
from tonicdm.cli.app import tonicdm
from tonicdm.errors import StoreError
from tonicdm.jobs import JobQueue, Kind, Schedule, Tenant, run_worker
from tonicdm.rhythm.database import RhythmDatabase
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.store import Store
from tonicdm.types import DataQuantity

ODD = (
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = on",
    "search_path = odd",
    "TimeZone = 'Asia/Kathmandu'",
    "DateStyle = 'German'",
    "IntervalStyle = 'iso_8601'",
    "bytea_output = 'escape'",
    "client_encoding = 'LATIN1'",
    "standard_conforming_strings = off",
    "extra_float_digits = -15",
    "quote_all_identifiers = on",
    "array_nulls = off",
    "transform_null_equals = on",
    "idle_session_timeout = '1min'",
    "idle_in_transaction_session_timeout = '500ms'",
)
TYPES = ("offices", "persons")


@pytest.fixture
def odd_url(postgres_url: str) -> str:
    """A database in which every setting that statements rely on is another one than usual."""
    name = psycopg.conninfo.conninfo_to_dict(postgres_url)["dbname"]
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("CREATE SCHEMA odd; CREATE TABLE odd.record (x int); CREATE TABLE odd.procrastinate_jobs (x int)")
        for setting in ODD:
            admin.execute(f"ALTER DATABASE {name} SET {setting}".encode())
    return postgres_url


def office(number: int) -> dict[str, object]:
    return {
        "id": f"{number:032x}",
        "name": f"Wrocław, {number} € \\",
        "a\\'b": number,
        "datetimeUpdated": "2026-01-01T00:00:00.5Z",
    }


async def test_stores_that_write_side_by_side_wait_for_one_another(odd_url: str) -> None:
    """In a serializable transaction one that has waited would see what was there before its wait, and be refused."""

    async def write(first: int) -> None:
        async with Store(odd_url, schema="acme") as store:
            for number in range(first, first + 5):
                await store.write_page("offices", [office(number)], DataQuantity.BASIC)

    await asyncio.gather(*(write(100 * each) for each in range(4)))
    async with Store(odd_url, schema="acme") as store:
        assert await store.counts() == {"offices": 20}
        found = await store.query("SELECT count(DISTINCT change_seq), max(change_seq) FROM record")
        assert [tuple(row) for row in found] == [(20, 20)]


async def test_the_jobs_of_a_sync_an_export_and_a_schedule_in_utc(
    odd_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calendar of a schedule was read in the zone of the database's sessions once."""
    monkeypatch.setenv("TOKEN_A", "token-a")
    async with Sandbox(records=600, settings=SandboxSettings(tokens=("token-a",))) as box, JobQueue(odd_url) as queue:
        await queue.upgrade()
        await queue.add_tenant(Tenant(name="firm-a", token="env:TOKEN_A", base_url=box.url, types=TYPES))
        await queue.add_schedule(Schedule(tenant="firm-a", kind=Kind.GAP_REPAIR, cron="30 2 * * *"))
        (schedule,) = await queue.schedules()
        assert schedule.due is not None
        assert schedule.due.astimezone(datetime.UTC).time() == datetime.time(2, 30)
        await queue.submit(Kind.SYNC, "firm-a")
        await run_worker(odd_url, wait=False)
        assert await queue.jobs() == []
        await queue.submit(Kind.EXPORT, "firm-a", f"{odd_url.replace('postgres:@', 'postgres@')}#reports")
        await run_worker(odd_url, wait=False)
        assert await queue.jobs() == []
    expected = {name: box.world.count(name) for name in TYPES}
    async with Store(odd_url, schema="firm_a") as store:
        assert await store.counts() == expected
        assert len(await store.query("SELECT updated FROM offices WHERE updated IS NOT NULL")) == expected["offices"]
    with psycopg.connect(odd_url) as reader:
        for name in TYPES:
            assert reader.execute(f"SELECT count(*) FROM reports.{name}".encode()).fetchone() == (expected[name],)
    shown = await asyncio.to_thread(CliRunner().invoke, tonicdm, ["jobs", "schedules", "--database", odd_url])
    assert "02:30:00+00:00" in shown.output


async def test_a_step_of_the_budget_sees_what_the_one_before_it_has_committed(odd_url: str) -> None:
    """And it reads its times to the last digit."""
    time = (
        "CASE WHEN current_setting('transaction_isolation') = 'read committed' "
        "THEN extract(epoch FROM clock_timestamp())::float8 + 0.000001 END"
    )
    ledger = PostgreSQLLedger(odd_url, key="a", time_sql=time)
    assert await ledger.run(lambda window: window.limit) > 0
    assert abs(ledger.clock.now() - datetime.datetime.now(datetime.UTC).timestamp()) < 60
    await ledger.close()


def test_what_clients_of_rhythm_share_goes_by_the_time_of_the_database(odd_url: str) -> None:
    with RhythmDatabase(odd_url).transaction() as (connection, now):
        assert abs(now - datetime.datetime.now(datetime.UTC).timestamp()) < 60
        assert connection.execute("SHOW transaction_isolation").fetchone() == ("read committed",)


async def test_sessions_of_the_queue_are_kept_and_so_is_what_a_url_says_of_them(odd_url: str) -> None:
    """Some hosted servers take from the options whose database it is."""
    async with JobQueue(f"{odd_url}&options=-c%20work_mem%3D7MB") as queue:
        for name, expected in {"work_mem": "7MB", "idle_session_timeout": "0", "search_path": "tonicdm_jobs"}.items():
            (row,) = await queue.app.connector.execute_query_all_async(f"SHOW {name}")  # type: ignore[arg-type]
            assert row == {name: expected}


async def test_a_pooler_in_transaction_mode_is_refused_at_once_and_one_in_session_mode_serves(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the former the library finds its functions in some sessions and not in others."""
    monkeypatch.setenv("TOKEN_A", "token-a")
    async with Pooler(postgres_url, by_transaction=True) as pooler:
        with pytest.raises(StoreError, match=r"pooler in transaction mode.*pool_mode = session"):
            await run_worker(pooler.url, wait=False)
    settings = SandboxSettings(tokens=("token-a",))
    async with (
        Pooler(postgres_url, by_transaction=False) as pooler,
        Sandbox(records=600, settings=settings) as box,
        JobQueue(pooler.url) as queue,
    ):
        await queue.upgrade()
        await queue.add_tenant(Tenant(name="firm-a", token="env:TOKEN_A", base_url=box.url, types=TYPES))
        await queue.submit(Kind.SYNC, "firm-a")
        await run_worker(pooler.url, wait=False)
        assert await queue.jobs() == []


async def test_tables_of_another_version_of_the_library_are_refused_with_what_is_missing(postgres_url: str) -> None:
    """A worker would be told so by the one statement that needs it, perhaps when a job ends."""
    async with JobQueue(postgres_url) as queue:
        await queue.upgrade()
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute("DROP FUNCTION tonicdm_jobs.procrastinate_retry_job_v2")
    with pytest.raises(
        StoreError, match=r"another version of procrastinate than .*procrastinate_retry_job_v2 is missing"
    ):
        await run_worker(postgres_url, wait=False)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
async def test_a_database_that_cannot_hold_every_character_is_refused_before_a_page_is_paid_for(
    postgres_server: str, encoding: str
) -> None:
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0".encode())
    url = with_database(postgres_server, name)
    with pytest.raises(StoreError, match=f"has the encoding {encoding}.*createdb --encoding UTF8"):
        await Store(url, schema="acme").open()
    async with JobQueue(url) as queue:
        with pytest.raises(StoreError, match=f"has the encoding {encoding}"):
            await queue.upgrade()
    with psycopg.connect(url) as admin:
        assert admin.execute("SELECT count(*) FROM pg_tables WHERE schemaname !~ '^(pg|info)'").fetchone() == (0,)
    # A budget holds none that is not in all of them.
    ledger = PostgreSQLLedger(url, key="a")
    assert await ledger.run(lambda window: window.limit) == await ledger.run(lambda window: window.limit)
    await ledger.close()
