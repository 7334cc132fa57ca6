"""What the database of the workers may know, and what its role may do."""

from __future__ import annotations

import contextlib
import pathlib
import secrets
import threading
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest

from tests.unit.rhythm.kept import SEALING_KEY
from tonicdm.errors import StoreError
from tonicdm.jobs import JobQueue, Kind, RhythmAccess, Tenant, run_worker
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings
from tonicdm.store import Store
from tonicdm.webhooks import Inbox, Receiver, SharedSecret

TOKEN = "t0ken-0f-firm-a-that-nobody-may-read"
KEY = "a-key-of-the-webhooks-of-firm-a-0123456789"
PASSWORD = "pa55word-0f-the-database"
EVENT = b'{"id": "e1", "type": "offices.updated", "data": [{"id": "00000000000000000000000000000001"}]}'
OWN_SCHEMAS = ("tonicdm_jobs", "tonicdm_budget", "tonicdm_rhythm", "firm_a", "reports")
SECRETS = (TOKEN, KEY, PASSWORD, SEALING_KEY, "Signature=", "signature=", "X-Amz-", "Bearer ", "eyJhbGciOi")
"""What nobody may read anywhere; a token of Rhythm's begins with the last."""


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body


def owner_of_its_schemas(url: str) -> str:
    """Make the role that the documentation shows, on the database of *url*; the URL with which it comes."""
    role = f"tonicdm_{secrets.token_hex(4)}"
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'")
        for schema in OWN_SCHEMAS:
            admin.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {role}")
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{role}:{PASSWORD}@{rest.rpartition('@')[2]}"


def everything(url: str) -> str:
    """Return all rows of all tables of a database as text."""
    with psycopg.connect(url) as admin:
        tables = admin.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT LIKE 'pg_%' "
            "AND schemaname <> 'information_schema'"
        ).fetchall()
        assert {name.partition(".")[0] for (name,) in tables} <= set(OWN_SCHEMAS)
        texts = [
            f"{name} {admin.execute(f'SELECT to_json(row)::text FROM {name} AS row'.encode()).fetchall()}"
            for (name,) in tables
        ]
        # Bodies of events are bytes.
        texts += [str(admin.execute("SELECT convert_from(body, 'UTF8') FROM firm_a.event").fetchall())]
    return "\n".join(texts)


@contextlib.contextmanager
def watched(url: str) -> Iterator[set[str]]:
    """Collect what the server's list of sessions shows of statements, and in the end what its log has of them."""
    seen, over = set[str](), threading.Event()

    def look() -> None:
        with psycopg.connect(url, autocommit=True) as admin:
            while not over.wait(0.002):
                seen.update(query for (query,) in admin.execute("SELECT query FROM pg_stat_activity").fetchall())

    with psycopg.connect(url, autocommit=True) as admin:
        (name,) = admin.execute("SELECT current_database()").fetchone() or ("",)
        admin.execute(f"ALTER DATABASE {name} SET log_statement = 'all'".encode())
        (folder,) = admin.execute("SHOW data_directory").fetchone() or ("",)
    log = pathlib.Path(folder) / "log"
    begin = log.stat().st_size if log.is_file() else None  # another server's log is not for us
    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()
    if begin is not None:
        with log.open(encoding="utf-8", errors="replace") as text:
            text.seek(begin)
            logged = text.read()
        assert "procrastinate_jobs" in logged, "it is searched where all is"
        seen.add(logged)


def leaks(texts: set[str], *more: str) -> list[str]:
    return [secret for secret in (*SECRETS, *more) if any(secret in text for text in texts)]


async def test_no_secret_of_rhythms_is_in_the_database_in_its_sessions_or_in_its_log(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Machine tokens are sealed there; pace, notes and jobs name who and what, and the statements say no more."""
    url = owner_of_its_schemas(postgres_url)
    instant = RhythmSettings(query_queued_seconds=0, query_seconds=0)
    async with RhythmSandbox(records=50, settings=instant) as box, JobQueue(url) as queue:
        monkeypatch.setenv("SECRET_A", box.client_secret)
        monkeypatch.setenv("RHYTHM_TOKENS_KEY", SEALING_KEY)
        access = RhythmAccess(
            tenant_id=box.tenant_id,
            client_id=box.client_id,
            secret="env:SECRET_A",  # type: ignore[arg-type] # converted
            auth_domain=box.auth_url,
            base_url=box.service_url,
        )
        await queue.upgrade()
        await queue.add_tenant(Tenant(name="firm-a", token="env:TOKEN_A", zone="us", rhythm=access))
        await queue.submit(Kind.RHYTHM_SYNC, "firm-a")
        with watched(postgres_url) as seen:
            box.faults.next("too_many_requests", method="POST", skip=1)
            await run_worker(url, wait=False)
        assert await queue.jobs() == []
        await queue.submit(Kind.RHYTHM_SYNC, "firm-a", "contacts")
        monkeypatch.setenv("SECRET_A", wrong := "another-s3cret-of-the-application")
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("DELETE FROM tonicdm_rhythm.token_ledger")
        await run_worker(url, wait=False)
        (failed,) = await queue.jobs()
        assert failed.reason, "a refused secret is told of without it"
    held = everything(postgres_url)
    for table in ("throttle", "token_ledger", "procrastinate_events"):
        assert table in held, "it is searched where all is"
    assert box.client_id in held
    assert leaks({held}, box.client_secret, wrong) == []
    assert leaks(seen, box.client_secret, wrong) == []


async def test_a_role_that_owns_its_schemas_does_everything_and_no_secret_is_in_the_database(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sync, budget, inbox, jobs and export; neither token, key and password, nor the signature of a link."""
    url = owner_of_its_schemas(postgres_url)
    monkeypatch.setenv("TOKEN_A", TOKEN)
    settings = SandboxSettings(tokens=(TOKEN,))
    async with Sandbox(records=600, settings=settings) as box, JobQueue(url) as queue:
        await queue.upgrade()
        firm = Tenant(
            name="firm-a", token="env:TOKEN_A", base_url=box.url, types=("offices", "persons", "files", "filesets")
        )
        await queue.add_tenant(firm)
        await queue.submit_sync(firm)
        with watched(postgres_url) as seen:
            await run_worker(url, wait=False)
        host = psycopg.conninfo.conninfo_to_dict(url)
        reports = f"postgresql://{host['user']}@/{host['dbname']}?host={host['host']}#reports"
        await queue.submit(Kind.EXPORT, "firm-a", reports)
        monkeypatch.setenv("PGPASSWORD", PASSWORD)
        await run_worker(url, wait=False)
        assert await queue.jobs() == []
    async with Store(url, schema="firm_a") as store, Receiver(Inbox(store), SharedSecret("X-Key", KEY)) as receiver:
        reply = await receiver.receive("POST", {"X-Key": KEY, "Authorization": f"Bearer {TOKEN}"}, _once(EVENT))
        assert reply.status == 200
        assert (await store.counts())["offices"]
    held = everything(postgres_url)
    assert "offices.updated" in held, "it is searched where all is"
    assert leaks({held}) == leaks(seen) == []
    with pytest.raises(StoreError, match="lacks a privilege"):
        await Store(url, schema="other").open()
