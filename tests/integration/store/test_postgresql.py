"""What holds of a store in PostgreSQL beside all that holds of every store."""

from __future__ import annotations

import asyncio
import contextlib
import pathlib
import re
import secrets

import psycopg
import pytest

import tonicdm
from tests import postgres
from tests.engines import ENGINES, place, rows
from tests.pooler import Pooler
from tonicdm import TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError, StoreError
from tonicdm.store import Store
from tonicdm.store import rows as rows_of_the_store
from tonicdm.store.database import Database
from tonicdm.store.opening import locate
from tonicdm.store.postgresql import VERSION_NOTE
from tonicdm.store.schema import SCHEMA_VERSION
from tonicdm.types import DataQuantity
from tonicdm.webhooks import Inbox, parse

BASIC = DataQuantity.BASIC
LONG = {"x" * 80: "names longer than PostgreSQL's", "X" * 80: 1}


def office(number: int, **fields: object) -> dict[str, object]:
    return {"id": f"{number:032x}", "name": f"office {number}", "datetimeUpdated": "2026-01-01T00:00:00Z", **fields}


@pytest.mark.parametrize(
    "schema", ["", 'a"b', "a'b", "public", "PUBLIC", "pg_temp", "Pg_x", "information_schema", "é" * 32, "a\0b", "a\nb"]
)
def test_a_schema_that_is_none_or_not_for_one_program_is_refused(schema: str) -> None:
    with pytest.raises(ConfigError, match="Nothing was sent"):
        Store("postgresql://127.0.0.1:1/firm", schema=schema)


def test_a_schema_is_for_a_database_only(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match="PostgreSQL"):
        Store(tmp_path / "firm.db", schema="firm")


async def test_a_password_is_in_no_error_and_no_repr() -> None:
    """Neither where the server is away nor where the URL can't be read."""
    store = Store("postgresql://someone:s3cret@127.0.0.1:1/firm", schema="firm")
    with pytest.raises(StoreError) as raised:
        await store.open()
    with pytest.raises(ConfigError) as refused:
        Store("postgresql://someone:s3 cret@127.0.0.1:1/firm")
    assert "127.0.0.1" in str(raised.value) and "refused" in str(raised.value)
    client = TonicDM("token", base_url="http://127.0.0.1:1", store=store)
    for text in (repr(raised.value), str(raised.value), repr(refused.value), repr(store.location), repr(client)):
        assert "s3" not in text
    assert raised.value.__cause__ is None
    await client.close()


async def test_two_tenants_have_two_schemas(postgres_url: str) -> None:
    async with Store(postgres_url, schema="one") as one, Store(postgres_url, schema='Zwölf & "'[:-1]) as other:
        await one.write_page("offices", [office(1)], BASIC)
        assert (await one.counts(), await other.counts()) == ({"offices": 1}, {})


async def test_another_versions_store_is_refused_with_both_versions_and_upgraded_by_name(postgres_url: str) -> None:
    store = Store(postgres_url, schema="firm")
    await store.open()
    update = f"UPDATE firm.meta SET value = %s WHERE name = '{VERSION_NOTE}'"
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute(update, (str(SCHEMA_VERSION + 5),))
        # One that is open notices it at its next write.
        with pytest.raises(StoreError, match=f"version {SCHEMA_VERSION + 5}, this one knows {SCHEMA_VERSION}"):
            await store.set_meta("a", "b")
        with pytest.raises(StoreError, match=f"version {SCHEMA_VERSION + 5}, this one knows {SCHEMA_VERSION}"):
            await Store(postgres_url, schema="firm").open()
        db.execute(update, ("3",))
        with pytest.raises(StoreError, match=f"version 3, this one needs {SCHEMA_VERSION}.*tonicdm db upgrade"):
            await Store(postgres_url, schema="firm").open()
        db.execute(update, (str(SCHEMA_VERSION),))
    await store.close()
    assert locate(postgres_url, "firm").upgrade() == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert locate(postgres_url, "next").upgrade() == (0, SCHEMA_VERSION)


async def test_a_schema_that_an_earlier_version_made_is_brought_to_this_one_with_nothing_lost(
    postgres_url: str,
) -> None:
    """It was really made by that version; it is refused before, and afterwards is as one made anew."""
    dump = pathlib.Path(__file__).parents[2] / "fixtures" / "before" / "postgresql-7.sql"
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute(await asyncio.to_thread(dump.read_bytes))
    kept = {
        "record": "SELECT type, id, raw, updated, quality, change_seq FROM record ORDER BY id",
        "history": "SELECT type, changed, deleted, units FROM history",
        "watermark": "SELECT type, until, audited FROM watermark",
        "job": "SELECT record_type, id, state, due FROM job",
        "event": "SELECT key, type, received, body FROM event",
    }
    old = locate(postgres_url, "firm")

    def held() -> dict[str, list[tuple[object, ...]]]:
        with psycopg.connect(postgres_url) as db:
            db.execute("SET search_path = firm")
            return {table: db.execute(sql.encode()).fetchall() for table, sql in kept.items()}

    before = held()
    with pytest.raises(StoreError, match=f"version 7, this one needs {SCHEMA_VERSION}.*tonicdm db upgrade"):
        await Store(old).open()
    assert held() == before, "a refusal changes nothing"
    assert old.upgrade() == (7, SCHEMA_VERSION)
    assert old.upgrade() == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert held() == before
    new = locate(postgres_url, "made_anew")
    new.upgrade()
    columns = (
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = ? AND table_name <> 'offices'"
    )
    indexes = "SELECT replace(indexdef, ?, '') FROM pg_indexes WHERE schemaname = ?"
    assert set(rows(old, columns, "firm")) == set(rows(old, columns, "made_anew"))
    assert set(rows(old, indexes, "firm.", "firm")) == set(rows(old, indexes, "made_anew.", "made_anew"))
    async with Store(old) as store:
        await store.write_page("offices", [office(7)], BASIC)
        await store.finish("offices", until="2027-01-01T00:00:00+00:00", audited=None, changed=1, deleted=0, units=1)
        assert (await store.counts())["offices"] == 5
        assert await store.meta("kept") == "yes"
        inbox = Inbox(store, clock=VirtualClock(2e9))
        await inbox.triage(trusted=False)
        assert len((await inbox.lease(fetch=["offices"])).jobs) == 1


async def test_a_schema_of_another_program_is_refused_and_stays_as_it_is(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute("CREATE SCHEMA music; CREATE TABLE music.meta (song text)")
        with pytest.raises(StoreError, match="another program"):
            await Store(postgres_url, schema="music").open()
        tables = db.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'music'").fetchall()
    assert tables == [("meta",)]


async def test_what_jsonb_cannot_hold_is_in_quarantine_with_its_text(postgres_url: str) -> None:
    """NUL in a value or a name; a version that can be held is kept, and one that comes later takes it out again."""
    async with Store(postgres_url, schema="firm") as store:
        await store.write_page("offices", [office(1), office(2)], BASIC)
        broken = [office(1, name="a\0b"), office(2, **{"x\0": 1}), office(3, name="\\u0000")]
        written = await store.write_page("offices", broken, BASIC)
        assert (written.quarantined, written.changed) == (2, 1)
        aside = await store.quarantine("offices")
        assert {element.id for element in aside} == {office(1)["id"], office(2)["id"]}
        assert all(b"\\u0000" in element.raw for element in aside)
        names = await store.query("SELECT raw ->> 'name' FROM record ORDER BY id")
        assert names == [("office 1",), ("office 2",), ("\\u0000",)]
        await store.write_page("offices", [office(1, name="ab"), office(2)], BASIC)
        assert not await store.quarantine("offices")


async def test_columns_of_views_have_types_and_comments(postgres_url: str) -> None:
    """A value of another type is NULL there, and in raw as it came."""
    async with Store(postgres_url, schema="firm") as store:
        records = [
            office(
                1, datetimeCreated="2026-02-03T04:05:06+01:00", phoneNumber=2**70, **{"x" * 80: "long", "X" * 80: 1}
            ),
            office(2, datetimeCreated="the day before", phoneNumber="none", deeper={"a": [1, 2.5]}),
        ]
        await store.write_page("offices", records, BASIC)
        await store.refresh_views()
        found = await store.query(
            "SELECT datetime_created IS NOT NULL, phone_number, raw ->> 'phoneNumber' FROM offices "
            "JOIN record USING (id) ORDER BY id"
        )
        assert found == [(True, 2**70, str(2**70)), (False, None, "none")]
        ((comment,),) = await store.query(
            "SELECT col_description('offices'::regclass, attnum) FROM pg_attribute "
            "WHERE attrelid = 'offices'::regclass AND attname = 'datetime_created'"
        )
        assert "datetimeCreated" in comment


@pytest.mark.parametrize("is_older", [False, True])
async def test_a_view_is_read_by_its_full_name_with_whatever_search_path(postgres_url: str, is_older: bool) -> None:
    """As analysts and pg_dump do. Functions of an earlier version called one another by their bare names."""
    async with Store(postgres_url, schema="acme") as store:
        await store.write_page("offices", [office(1)], BASIC)
    if is_older:
        with psycopg.connect(postgres_url, autocommit=True) as db:
            db.execute("SET search_path = acme")
            db.execute(
                "CREATE OR REPLACE FUNCTION as_time(value text) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS "
                "$$ SELECT CASE WHEN text_form(value) = 'moment' THEN value::timestamptz END $$"
            )
            db.execute("DELETE FROM meta WHERE name = 'functions'")
        async with Store(postgres_url, schema="acme"):
            pass
    with psycopg.connect(postgres_url, autocommit=True) as db:
        for path in ("public", "''"):
            db.execute(f"SET search_path = {path}".encode())
            assert db.execute("SELECT name, updated::date::text FROM acme.offices").fetchall() == [
                ("office 1", "2026-01-01")
            ]


async def test_a_view_that_others_stand_on_stays_and_the_sync_goes_on(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Store(postgres_url, schema="firm") as store:
        await store.write_page("offices", [office(1)], BASIC)
        await store.refresh_views()
        with psycopg.connect(postgres_url, autocommit=True) as db:
            db.execute("CREATE VIEW public.report AS SELECT name FROM firm.offices")
        await store.write_page("offices", [office(2, colour="green")], BASIC)
        await store.refresh_views()
        assert "offices stays as it was" in caplog.text
        assert len(await store.query("SELECT name FROM offices")) == 2


@pytest.mark.parametrize(("writers", "pages"), [(8, 6), pytest.param(8, 40, marks=pytest.mark.thorough)])
async def test_readers_during_eight_writers_see_each_change_once_and_in_order(
    writers: int, pages: int, postgres_url: str
) -> None:
    async def write(number: int) -> None:
        async with Store(postgres_url, schema="firm") as store:
            for page in range(pages):
                first = (number * pages + page) * 5
                await store.write_page("offices", [office(first + one) for one in range(5)], BASIC)

    async def follow() -> list[str]:
        seen, position = list[str](), 0
        async with Store(postgres_url, schema="firm") as store:
            while len(seen) < writers * pages * 5:
                changes = await store.changes(position, limit=17)
                seen += [change.id for change in changes]
                sequences = [change.sequence for change in changes]
                assert sequences == sorted(set(sequences))
                assert not sequences or sequences[0] > position
                position = sequences[-1] if sequences else position
        return seen

    locate(postgres_url, "firm").upgrade()
    *_, seen, again = await asyncio.gather(*(write(number) for number in range(writers)), follow(), follow())
    assert len(seen) == len(set(seen)) == writers * pages * 5
    assert seen == again


async def test_workers_of_several_hosts_lease_each_job_once_and_keep_the_order_of_a_record(postgres_url: str) -> None:
    """No worker waits for a transaction that holds some of the jobs."""
    stores = [Store(postgres_url, schema="firm") for _ in range(4)]
    inboxes = [Inbox(store) for store in stores]
    events = [
        parse(f'{{"id": "e{n}", "type": "persons.updated", "data": {{"id": "{n % 7:032x}"}}}}'.encode(), {},
              signed=False, received=float(n))
        for n in range(70)
    ]  # fmt: skip
    assert all(await inboxes[0].receive(events))
    with psycopg.connect(postgres_url) as other:
        held = other.execute("SELECT number FROM firm.job ORDER BY number LIMIT 1 FOR UPDATE").fetchall()
        first = await asyncio.gather(*(inbox.lease(fetch=["persons"], limit=3) for inbox in inboxes))
    taken = [job.number for lease in first for job in lease.jobs]
    assert held[0][0] not in taken
    assert len(taken) == len(set(taken)) == 6, "one job of each record, but of the one that is held"
    order: dict[str, list[int]] = {}
    leases = list(zip(inboxes, first, strict=True))
    while any(lease.jobs for _, lease in leases):
        for inbox, lease in leases:
            for job in lease.jobs:
                order.setdefault(job.id, []).append(job.number)
            assert await inbox.finish([job.number for job in lease.jobs], lease.owner)
        again = await asyncio.gather(*(inbox.lease(fetch=["persons"], limit=3) for inbox in inboxes))
        leases = list(zip(inboxes, again, strict=True))
    assert sum(map(len, order.values())) == 70
    assert all(numbers == sorted(numbers) for numbers in order.values())
    for store in stores:
        await store.close()


async def test_a_schema_that_the_role_may_not_use_is_an_error_that_says_so(postgres_url: str) -> None:
    role = f"stranger_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN; CREATE SCHEMA acme")
    scheme, _, rest = postgres_url.partition("://")
    with pytest.raises(StoreError, match="the role lacks a privilege"):
        await Store(f"{scheme}://{role}@{rest.rpartition('@')[2]}", schema="acme").open()


async def test_the_documented_roles_are_enough(postgres_url: str) -> None:
    """The writer owns its schema and nothing else; a reader sees views that are made after its rights were given."""
    writer, reader = (f"{name}_{secrets.token_hex(4)}" for name in ("writer", "reader"))
    with psycopg.connect(postgres_url, autocommit=True) as db:
        db.execute(f"CREATE ROLE {writer} LOGIN; CREATE SCHEMA acme AUTHORIZATION {writer}; CREATE ROLE {reader} LOGIN")
        db.execute(f"GRANT USAGE ON SCHEMA acme TO {reader}")
        db.execute(f"ALTER DEFAULT PRIVILEGES FOR ROLE {writer} IN SCHEMA acme GRANT SELECT ON TABLES TO {reader}")
    async with Store(make_conninfo_url(postgres_url, writer), schema="acme") as store:
        await store.write_page("offices", [office(1)], BASIC)
        await store.refresh_views()
    async with Store(make_conninfo_url(postgres_url, reader), schema="acme") as store:
        assert await store.query("SELECT name FROM offices") == [("office 1",)]
        with pytest.raises(StoreError, match="lacks a privilege"):
            await store.set_meta("a", "b")
    with pytest.raises(StoreError, match="lacks a privilege"):
        await Store(make_conninfo_url(postgres_url, reader), schema="other").open()


def make_conninfo_url(url: str, user: str) -> str:
    """Return *url* for another user."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{user}@{rest.rpartition('@')[2]}"


@pytest.mark.parametrize("by_transaction", [False, True], ids=["session", "transaction"])
async def test_a_pooler_in_transaction_mode_is_told_and_one_in_session_mode_serves(
    postgres_url: str, *, by_transaction: bool
) -> None:
    """A transaction could fall into a session whose names are another tenant's."""
    locate(postgres_url, "firm").upgrade()
    async with Pooler(postgres_url, by_transaction=by_transaction) as pooler:
        store = Store(pooler.url, schema="firm")
        if by_transaction:
            with pytest.raises(StoreError, match=r"pooler in transaction mode.*pool_mode = session"):
                await store.set_meta("a", "b")
        else:
            await store.set_meta("a", "b")
            assert await store.meta("a") == "b"
        await store.close()


async def test_a_transaction_in_a_session_of_another_tenant_writes_nothing(postgres_url: str) -> None:
    """Behind a pooler that changes its mode, or that was not seen through when the store was opened."""
    for schema in ("one", "other"):
        locate(postgres_url, schema).upgrade()
    with contextlib.closing(locate(postgres_url, "one").open()) as db:
        db.execute("SET search_path = other")
        with pytest.raises(StoreError, match="pooler in transaction mode"), db.transaction():
            rows_of_the_store.put_note(db, "a", "b")
        db.execute("SET search_path = one")
        with db.transaction():
            rows_of_the_store.put_note(db, "a", "b")
    assert rows(locate(postgres_url, "other"), "SELECT 1 FROM meta WHERE name = 'a'") == []


async def test_no_statement_keeps_the_plan_of_a_small_table(postgres_url: str) -> None:
    """A first load begins with an empty one: each page would read all of it."""
    async with Store(postgres_url, schema="firm") as store:
        assert await store.query("SHOW plan_cache_mode") == [("force_custom_plan",)]


async def test_a_connection_that_breaks_costs_one_transaction(postgres_url: str) -> None:
    proxy = postgres.Proxy(postgres_url)
    await proxy.open()
    store = Store(proxy.url, schema="firm")
    await store.set_meta("before", "1")
    loop = asyncio.get_running_loop()

    def broken(db: Database) -> None:
        rows_of_the_store.put_note(db, "during", "1")
        asyncio.run_coroutine_threadsafe(proxy.cut(), loop).result(10)
        rows_of_the_store.put_note(db, "during", "2")

    with pytest.raises(StoreError, match="connection broke"):
        await store.write(broken)
    await proxy.open()
    await store.set_meta("after", "1")
    assert [await store.meta(name) for name in ("before", "during", "after")] == ["1", None, "1"]
    await store.close()
    await proxy.cut()


def test_both_engines_have_the_same_tables(request: pytest.FixtureRequest) -> None:
    """Whoever adds a step for one engine has to add it for the other."""
    columns: dict[str, set[tuple[str, str]]] = {}
    for engine in ENGINES:
        location = place(request, engine)
        location.upgrade()
        if engine == "sqlite":
            tables = rows(location, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
            columns[engine] = {
                (table, row[1]) for (table,) in tables for row in rows(location, f"PRAGMA table_info({table})")
            }
        else:
            sql = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = ?"
            columns[engine] = set(rows(location, sql, location.schema))
    assert columns["sqlite"] == columns["postgresql"] - {("field", "number")}


def test_what_engines_write_differently_stands_in_their_adapters_alone() -> None:
    root = pathlib.Path(tonicdm.__file__).parent
    adapters = {"store/sqlite.py", "store/schema.py"}
    words = re.compile(
        r"import sqlite3|import psycopg|json_extract|PRAGMA|jsonb|INSERT OR |rowid|\bGLOB\b", re.IGNORECASE
    )
    found = {
        f"{path.relative_to(root)}: {match[0]}"
        for part in ("store", "webhooks", "sync", "export", "monitoring", "cli")
        for path in (root / part).rglob("*.py")
        if str(path.relative_to(root)) not in adapters and path.parent.name != "postgresql"
        for match in [words.search(path.read_text(encoding="utf-8"))]
        if match is not None
    }
    # A lock of a folder, and what exports go to, are no store. The care of files is theirs alone.
    others = {
        "store/care.py: import sqlite3",
        "store/erasing.py: import sqlite3",
        "export/folder.py: import sqlite3",
        "export/duck.py: json_extract",
        "export/postgresql.py: import psycopg",
    }
    assert found <= others
