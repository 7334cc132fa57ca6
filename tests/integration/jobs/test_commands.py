"""``tonicdm jobs``, ``tenants`` and ``worker`` with input that can't be used: errors are ours, and nothing is kept."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket

import psycopg
import pytest
from click.testing import CliRunner, Result

from tests import postgres
from tonicdm._version import __version__
from tonicdm.cli.app import tonicdm
from tonicdm.databases import OWN_SCHEMAS
from tonicdm.jobs import JobQueue, RhythmAccess, Tenant, tables
from tonicdm.rhythm.database import RhythmDatabase

ADD = ("tenants", "add", "firm", "--token", "env:T")
US = (*ADD, "--zone", "us")
EXPORT = ("jobs", "submit", "export", "--tenant", "known")
SYNC = ("jobs", "submit", "sync", "--tenant", "known")
BAD = [
    # Tenants: names, schemas, servers, secrets, Rhythm.
    (("tenants", "add", "a\nb", "--token", "env:T", "--zone", "us"), "has lower-case letters"),
    (("tenants", "add", "a" * 64, "--token", "env:T", "--zone", "us"), "63 at most"),
    (("tenants", "add", "public", "--token", "env:T", "--zone", "us"), "not for one program alone"),
    (("tenants", "add", "pg_x", "--token", "env:T", "--zone", "us"), "not for one program alone"),
    (("tenants", "add", "tonicdm-jobs", "--token", "env:T", "--zone", "us"), "tonicdm's own"),
    ((*US, "--schema", "tonicdm_rhythm"), "tonicdm's own"),
    ((*US, "--schema", 'a"b'), "has lower-case letters"),
    (ADD, "no server"),
    ((*ADD, "--base-url", "ftp://x"), "must look like https://host"),
    ((*US, "--type", "people"), "no such record type"),
    ((*US, "--every", "99999999999999d"), "at least"),
    ((*US, "--every", "-1h"), "a number and s, m, h or d"),
    ((*ADD[:-1], "s3cret-itself", "--zone", "us"), "given by where it is"),
    ((*ADD[:-1], "env:s3cret.itself", "--zone", "us"), "given by where it is"),
    ((*ADD[:-1], "command:pass 's3cret", "--zone", "us"), "can't be split into words"),
    ((*US, "--rhythm-tenant", "x y"), "can't be one"),
    ((*US, "--rhythm-base-url", "http://x"), "must have {service} once"),
    ((*US, "--rhythm-tenant", "a.org", "--rhythm-auth-domain", "http:// x"), "must look like"),
    ((*US, "--rhythm-tenant", "a.org", "--rhythm-secret", "s3cret"), "given by where it is"),
    (("tenants", "remove", "a\nb"), "no tenant a b"),
    (("tenants", "remove", "\udcff"), "no UTF-8"),
    ((*ADD[:-1], "file:/x\udcff", "--zone", "us"), "no UTF-8"),
    ((*US, "--rhythm-tenant", ""), "no tenant"),
    # Jobs: numbers, calendars, destinations.
    (("jobs", "retry", "99999999999999999999"), "no failed job"),
    (("jobs", "cancel", "99999999999999999999"), "no job 99999999999999999999 that waits or runs"),
    (("jobs", "unschedule", "99999999999999999999"), "no schedule"),
    ((*SYNC[:-1], "a'b"), "no tenant a'b"),
    ((*SYNC[:-1], "\udcff"), "no UTF-8"),
    ((*SYNC, "people"), "no such record type"),
    ((*SYNC, "--cron", "0 0 31 2 *"), "no such day"),
    ((*SYNC, "--every", "99999999999999d"), "at least"),
    ((*EXPORT, "nowhere:x"), "an export goes to"),
    ((*EXPORT, "csv:"), "an export goes to"),
    ((*EXPORT, "csv:/a\nb"), "one line"),
    ((*EXPORT, "csv:" + "0" * 1200), "1,000 characters"),
    # Workers.
    (("worker", "--concurrency", "-1"), "not in the range"),
    (("worker", "--queue", "x"), "is not one of"),
    (("worker", "--handlers", "nosuch:thing"), "can't be imported"),
    (("worker", "--host", "256.1.1.1", "--port", "0"), "can't be served"),
    (("worker", "--host", "x" * 70, "--port", "0"), "can't be served"),
]


@pytest.fixture(scope="module")
def database(postgres_server: str) -> str:
    """The URL of a database with one tenant."""
    url = postgres.make_database(postgres_server)

    async def prepare() -> None:
        async with JobQueue(url) as queue:
            await queue.upgrade()
            await queue.add_tenant(Tenant(name="known", token="env:T", zone="us"))

    asyncio.run(prepare())
    return url


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TONICDM_ZONE", "TONICDM_BASE_URL", "TONICDM_DATABASE"):
        monkeypatch.delenv(name, raising=False)


def run(url: str, *words: str) -> Result:
    return CliRunner(env={"TONICDM_DATABASE": url}).invoke(tonicdm, list(words))


def kept(url: str) -> list[tuple[object, ...]]:
    counted = "SELECT (SELECT count(*) FROM {0}.tonicdm_tenant), (SELECT count(*) FROM {0}.tonicdm_schedule), "
    counted += "(SELECT count(*) FROM {0}.procrastinate_jobs), (SELECT count(*) FROM {0}.procrastinate_workers)"
    with psycopg.connect(url) as db:
        return db.execute(counted.format(tables.SCHEMA).encode()).fetchall()


@pytest.mark.parametrize(("words", "message"), BAD, ids=[ascii(" ".join(words))[1:60] for words, _ in BAD])
def test_what_cannot_be_used_is_refused_in_one_line_before_anything_is_kept(
    database: str, words: tuple[str, ...], message: str
) -> None:
    before = kept(database)
    done = run(database, *words)
    assert done.exit_code == 2, done.output
    said = done.stderr.strip()
    assert message in said and "\n" not in said and said.startswith("tonicdm: ")
    assert "s3cret" not in said and "fault of the command" not in said
    assert kept(database) == before


def test_a_port_that_is_taken_is_named_and_no_job_is_taken(database: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run(database, "worker", "--port", str(port), "--until-empty")
    assert done.exit_code == 2
    assert f"127.0.0.1:{port} can't be served" in done.stderr and "No job was taken" in done.stderr


@pytest.mark.parametrize("words", [("jobs", "list"), ("tenants", "list"), ("worker",), ("jobs", "upgrade")])
@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("firm.db", "jobs need a PostgreSQL database"),
        ("postgresql://me:s3cr/et@db/firm", "no URL of a PostgreSQL database"),
        ("postgresql://me:s3cret@db/firm\udcff", "no URL of a PostgreSQL database"),
        ("postgresql://me:s3cret@127.0.0.1:1/firm", "postgresql://127.0.0.1:1/firm can't be used: connection failed"),
    ],
)
def test_a_database_that_is_none_or_away_is_told_at_once(words: tuple[str, ...], url: str, message: str) -> None:
    """Half a minute passed once, and then the pool's own error came."""
    done = run(url, *words)
    assert done.exit_code in {2, 6}
    assert message in done.stderr and "\n" not in done.stderr.strip()
    assert "s3cr" not in done.output and "me:" not in done.output


def test_jobs_of_a_newer_form_are_refused_with_both_versions_named(postgres_url: str) -> None:
    assert run(postgres_url, "jobs", "upgrade").exit_code == 0
    with psycopg.connect(postgres_url) as db:
        db.execute(f"UPDATE {tables.SCHEMA}.form SET number = {tables.FORM + 1}".encode())
    for words in (("jobs", "list"), ("worker", "--until-empty"), ("jobs", "upgrade")):
        done = run(postgres_url, *words)
        assert done.exit_code == 2
        assert f"form {tables.FORM + 1}, and tonicdm {__version__} reads form {tables.FORM}" in done.stderr


def test_tables_of_an_earlier_version_are_told_what_to_run(postgres_url: str) -> None:
    assert run(postgres_url, "jobs", "upgrade").exit_code == 0
    with psycopg.connect(postgres_url) as db:
        db.execute(f"ALTER TABLE {tables.SCHEMA}.tonicdm_tenant DROP COLUMN rhythm".encode())
    done = run(postgres_url, "tenants", "add", "firm", "--token", "env:T", "--zone", "us")
    assert done.exit_code == 6 and "run tonicdm jobs upgrade first" in done.stderr
    assert run(postgres_url, "jobs", "upgrade").exit_code == 0
    assert run(postgres_url, "tenants", "add", "firm", "--token", "env:T", "--zone", "us").exit_code == 0


def test_a_role_without_rights_is_told_so(postgres_url: str) -> None:
    assert run(postgres_url, "jobs", "upgrade").exit_code == 0
    role = f"reader_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 's3cret'".encode())
    scheme, _, rest = postgres_url.partition("://")
    url = f"{scheme}://{role}:s3cret@{rest.rpartition('@')[2]}"
    for words in (("jobs", "list"), ("tenants", "list"), ("worker", "--until-empty"), ("jobs", "upgrade")):
        done = run(url, *words)
        assert done.exit_code == 6
        assert "permission denied" in done.stderr and "\n" not in done.stderr.strip() and "s3cret" not in done.stderr


def test_upgrade_by_an_owner_makes_all_that_a_worker_without_the_right_to_make_tables_needs(postgres_url: str) -> None:
    """Jobs, budgets, and what Rhythm's clients share: a worker's role may read and write rows, and no more."""
    assert run(postgres_url, "jobs", "upgrade").exit_code == 0
    role = f"worker_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 's3cret'".encode())
        for schema in sorted(OWN_SCHEMAS):
            admin.execute(f"GRANT USAGE ON SCHEMA {schema} TO {role}".encode())
            for what in ("SELECT, INSERT, UPDATE, DELETE ON ALL TABLES", "USAGE ON ALL SEQUENCES"):
                admin.execute(f"GRANT {what} IN SCHEMA {schema} TO {role}".encode())
    scheme, _, rest = postgres_url.partition("://")
    url = f"{scheme}://{role}:s3cret@{rest.rpartition('@')[2]}"
    with RhythmDatabase(url).transaction() as (connection, _):
        assert connection.execute("SELECT count(*) FROM tonicdm_rhythm.throttle").fetchone() == (0,)
    assert run(url, *US).exit_code == 0
    assert run(url, "jobs", "submit", "webhooks", "--tenant", "firm").exit_code == 0
    assert run(url, "worker", "--until-empty", "--queue", "export").exit_code == 0


async def test_a_role_that_owns_no_schema_of_rhythms_upgrades_all_the_same(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As before there was one; the log says what is missing for tenants of Rhythm."""
    role = f"owner_{secrets.token_hex(4)}"
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD 's3cret'".encode())
        for schema in ("tonicdm_jobs", "tonicdm_budget"):
            admin.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}".encode())
    scheme, _, rest = postgres_url.partition("://")
    async with JobQueue(f"{scheme}://{role}:s3cret@{rest.rpartition('@')[2]}") as queue:
        assert await queue.upgrade()
        assert not await queue.upgrade()
        assert await queue.jobs() == []
    assert "the tables for tenants of Rhythm were not made" in caplog.text and "s3cret" not in caplog.text


def test_a_zone_of_the_environment_is_kept_with_the_tenant(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workers' own variables decide nothing of where a tenant's data travels."""
    monkeypatch.setenv("TONICDM_ZONE", "de")
    assert run(database, "tenants", "add", "from-env", "--token", "env:T").exit_code == 0
    monkeypatch.setenv("TONICDM_ZONE", "us")
    assert '"zone": "de"' in run(database, "tenants", "list", "--json").stdout.replace('":"', '": "')
    assert run(database, "tenants", "remove", "from-env").exit_code == 0


async def test_what_a_later_version_has_kept_holds_up_no_earlier_one(
    postgres_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A field of a tenant's, a zone, and a kind of a schedule's, that this version does not know."""
    async with JobQueue(postgres_url) as queue:
        await queue.upgrade()
        await queue.add_tenant(Tenant(name="firm", token="env:T", zone="us", every=60, rhythm=RhythmAccess()))
        with psycopg.connect(postgres_url, autocommit=True) as db:
            later = json.dumps({"tenant_id": "a.org", "region": "eu"})
            db.execute("UPDATE tonicdm_jobs.tonicdm_tenant SET rhythm = %s", (later,))
            db.execute(
                "INSERT INTO tonicdm_jobs.tonicdm_schedule (tenant, kind, what, every, due) "
                "VALUES ('firm', 'audit', '', 60, now() - interval '1 hour')"
            )
        with psycopg.connect(postgres_url, autocommit=True) as db:
            db.execute(
                "INSERT INTO tonicdm_jobs.tonicdm_tenant (name, schema, token, zone, types) "
                "VALUES ('later', 'later', 'vault:x', 'mars', '')"
            )
        (firm,) = await queue.tenants()
        assert "tenant later can't be read, and is left out" in caplog.text
        assert firm.rhythm == RhythmAccess(tenant_id="a.org")
        assert await queue.submit_due() == 1
        assert [schedule.kind.value for schedule in await queue.schedules()] == ["sync"]
        with psycopg.connect(postgres_url) as db:
            due = db.execute("SELECT due < now() FROM tonicdm_jobs.tonicdm_schedule WHERE kind = 'audit'").fetchall()
        assert due == [(True,)], "it is left to who knows it"
