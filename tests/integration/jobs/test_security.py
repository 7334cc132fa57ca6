"""What the database of the workers may know, and what its role may do."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator

import psycopg
import pytest

from tonicdm.errors import StoreError
from tonicdm.jobs import JobQueue, Kind, Tenant, run_worker
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.store import Store
from tonicdm.webhooks import Inbox, Receiver, SharedSecret

TOKEN = "t0ken-0f-firm-a-that-nobody-may-read"
KEY = "a-key-of-the-webhooks-of-firm-a-0123456789"
PASSWORD = "pa55word-0f-the-database"
EVENT = b'{"id": "e1", "type": "offices.updated", "data": [{"id": "00000000000000000000000000000001"}]}'
OWN_SCHEMAS = ("tonicdm_jobs", "tonicdm_budget", "firm_a", "reports")


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
        assert {name.partition(".")[0] for (name,) in tables} == set(OWN_SCHEMAS)
        texts = [str(admin.execute(f"SELECT to_json(row)::text FROM {name} AS row").fetchall()) for (name,) in tables]
        # Bodies of events are bytes.
        texts += [str(admin.execute("SELECT convert_from(body, 'UTF8') FROM firm_a.event").fetchall())]
    return "\n".join(texts)


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
    for secret in (TOKEN, KEY, PASSWORD, "Signature=", "X-Amz-", "Bearer "):
        assert secret not in held
    with pytest.raises(StoreError, match="lacks a privilege"):
        await Store(url, schema="other").open()
