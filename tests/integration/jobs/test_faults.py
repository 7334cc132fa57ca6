"""Three workers, one killed, one cut off from the database: no page is lost, applied twice or paid for twice."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.engines import rows
from tests.postgres import Proxy
from tonicdm import TonicDM, UnitBudget
from tonicdm.jobs import JobQueue, Tenant, run_worker
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.sandbox.journal import JournalEntry
from tonicdm.store import Store, choose
from tonicdm.store.opening import locate
from tonicdm.sync import synchronize

TYPES = ("offices", "persons", "email_addresses", "projects", "notes", "tasks")
ROWS = "SELECT type, id, raw, updated, deleted_at, reason FROM record ORDER BY type, id"


def records_units(box: Sandbox, token: str) -> int:
    """Return the units without those of looks for an end.

    How many there are depends on the order of types: one that has shown that the server heeds pageSize saves the rest.
    """
    looks = [entry for entry in box.journal.calls(token=token) if is_look(entry)]
    return box.journal.units(token) - sum(entry.units for entry in looks)


def is_look(entry: JournalEntry) -> bool:
    return entry.options.get("data_quantity") == "id_only" and "pageNumber" in entry.options


async def one_machine(box: Sandbox, url: str) -> int:
    """Sync as one program does, into the schema ``whole``; the units of the records that it read."""
    budget = UnitBudget.memory(max_calls_per_second=None)
    client = TonicDM("token-b", base_url=box.url, budget=budget)
    async with budget, client, Store(url, schema="whole") as store:
        await synchronize(client, store, choose(list(TYPES)))
    return records_units(box, "token-b")


@contextlib.asynccontextmanager
async def worker(database: str, *, real: bool) -> AsyncIterator[subprocess.Popen[bytes] | None]:
    """Run a worker of one job at a time: a process of its own, or one of this process."""
    if not real:
        stop = asyncio.Event()
        running = asyncio.create_task(run_worker(database, concurrency=1, stop=stop))
        yield None
        stop.set()
        await running
        return
    command = [sys.executable, "-m", "tonicdm.cli", "worker", "--database", database, "--concurrency", "1"]
    with subprocess.Popen(command, env={**os.environ, "TOKEN_A": "token-a"}) as process:  # noqa: ASYNC220 - watched from here
        try:
            yield process
        finally:
            process.terminate()
            # It ends its work in the database, by way of the proxy, which this loop serves.
            await asyncio.to_thread(process.wait)


async def until(condition) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(240):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("real", "seconds", "records"),
    [
        pytest.param(False, 1.0, 900, id="1 s"),
        pytest.param(True, 20.0, 3_000, id="20 s, processes", marks=pytest.mark.thorough),
    ],
)
async def test_three_workers_one_killed_one_cut_off(
    real: bool, seconds: float, records: int, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zero 429, the copy is the one machine's row by row, and all that is paid twice is the call that died."""
    monkeypatch.setenv("TOKEN_A", "token-a")
    if not real:
        shorter = {"HEARTBEAT_SECONDS": 0.2, "AGAIN_SECONDS": 0.1, "CARE_SECONDS": 0.2, "WATCHED_SECONDS": 0.3}
        for name, given in shorter.items():
            monkeypatch.setattr(f"tonicdm.jobs.worker.{name}", given)
    settings = SandboxSettings(tokens=("token-a", "token-b"))
    proxy = Proxy(postgres_url)
    async with Sandbox(records=records, settings=settings) as box, JobQueue(postgres_url) as queue, proxy:
        await queue.upgrade()
        expected = await one_machine(box, postgres_url)
        await queue.add_tenant(Tenant(name="firm-a", token="env:TOKEN_A", base_url=box.url, types=TYPES))
        box.settings.latency_seconds = (0.1, 0.2)
        calls = lambda: len(box.journal.calls(token="token-a"))  # noqa: E731
        async with worker(postgres_url, real=True) as doomed:
            await queue.submit_sync(await queue.tenant("firm-a"))
            await until(lambda: calls() >= 1)
            with psycopg.connect(postgres_url) as connection:
                dead = connection.execute("SELECT id FROM tonicdm_jobs.procrastinate_workers").fetchall()
            async with worker(proxy.url, real=real), worker(postgres_url, real=real):
                before = calls()
                await until(lambda: calls() >= before + 4)
                assert doomed is not None
                doomed.kill()
                doomed.wait()
                await proxy.cut()
                if not real:
                    forget(postgres_url, dead)
                await asyncio.sleep(seconds)
                await proxy.open()
                async with asyncio.timeout(240):
                    while await queue.jobs():
                        await asyncio.sleep(0.02)
        assert not box.journal.calls(status=429)
        assert records_units(box, "token-a") <= expected + 5
        again = Counter((entry.path, *sorted(entry.options.items())) for entry in box.journal.calls(token="token-a"))
        assert sum(again.values()) - len(again) <= 1, "but for the call that died, none was made twice"
    whole, copy = (locate(postgres_url, schema) for schema in ("whole", "firm_a"))
    assert rows(copy, ROWS) == rows(whole, ROWS)
    (changes,) = rows(copy, "SELECT count(*), count(DISTINCT change_seq), max(change_seq) FROM record")
    assert len(set(changes)) == 1, "no page is applied twice"
    assert not rows(copy, "SELECT type FROM checkpoint"), "each type came to its end"


def forget(url: str, workers: list[tuple[int]]) -> None:
    """Let workers count as dead at once, for the sake of a short test."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "UPDATE tonicdm_jobs.procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour' "
            "WHERE id = ANY(%s)",
            ([number for (number,) in workers],),
        )
