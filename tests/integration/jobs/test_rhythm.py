"""Rhythm's syncs on several workers: what their clients share is in the database of the workers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import subprocess
import sys

import psycopg
import pytest

from tests.unit.rhythm.kept import SEALING_KEY
from tonicdm.errors import ConfigError
from tonicdm.jobs import JobQueue, Kind, RhythmAccess, Tenant
from tonicdm.jobs.work import _rhythm_client
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings
from tonicdm.store import Store

PAUSE = 1.5
"""Seconds that the server asks for with its 429."""


def access_to(box: RhythmSandbox) -> RhythmAccess:
    return RhythmAccess(
        tenant_id=box.tenant_id,
        client_id=box.client_id,
        secret="env:RHYTHM_SECRET_OF_FIRM",
        auth_domain=box.auth_url,
        base_url=box.service_url,
    )


@contextlib.contextmanager
def workers(count: int, url: str, **variables: str):
    """Start worker processes that take one job at a time, of Rhythm's; end them."""
    command = [sys.executable, "-m", "tonicdm.cli", "worker", "--database", url]
    command += ["--concurrency", "1", "--queue", Kind.RHYTHM_SYNC.value]
    known = {name: value for name, value in os.environ.items() if not name.startswith(("RHYTHM_", "TONICDM_"))}
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, env=known | variables, stderr=subprocess.DEVNULL))
            for _ in range(count)
        ]
        try:
            yield
        finally:
            for process in processes:
                process.terminate()


async def until(condition) -> None:
    async with asyncio.timeout(240):
        while not await condition():
            await asyncio.sleep(0.05)


async def test_two_workers_of_one_database_mint_once_and_keep_one_pace_and_one_cooldown(postgres_url: str) -> None:
    """No variable names what Rhythm's clients share, and no folder is: it is the workers' own database."""
    slow = RhythmSettings(query_queued_seconds=0, query_seconds=3600.0)
    async with RhythmSandbox(records=50, settings=slow) as box, JobQueue(postgres_url) as queue:
        await queue.upgrade()
        await queue.add_tenant(Tenant(name="firm", token="env:T", zone="us", rhythm=access_to(box)))

        async def both_ready() -> bool:
            return await queue.workers(60.0) == 2

        async def both_at_work() -> bool:
            return len(box.queries()) == 2

        async def refused_once() -> bool:
            return len(box.calls(status=429)) == 1

        async def done() -> bool:
            return not await queue.jobs()

        variables = {"RHYTHM_SECRET_OF_FIRM": box.client_secret, "RHYTHM_TOKENS_KEY": SEALING_KEY}
        with workers(2, postgres_url, **variables):
            await until(both_ready)
            await queue.submit(Kind.RHYTHM_SYNC, "firm")
            await until(both_at_work)
            box.faults.next("too_many_requests", method="GET", retry_after=PAUSE)
            await until(refused_once)
            for query in box.queries():
                query.seconds = 0.0
            await until(done)
        assert len(box.mints()) == 1
        (refused,) = box.calls(status=429)
        sent = [entry for entry in box.calls() if entry.service not in {"auth0", "s3"}]
        early = [entry.operation for entry in sent if refused.at < entry.at < refused.at + PAUSE - 0.1]
        assert len(early) <= 1, "but for one that the other worker had under way"
        with psycopg.connect(postgres_url) as db:
            paces = db.execute("SELECT next_at > 0, limited_at > 0 FROM tonicdm_rhythm.throttle").fetchall()
            assert paces == [(True, True)], "one for both"
        async with Store(postgres_url, schema="firm") as store:
            counts = await store.counts()
            assert counts["rhythm_contacts"] and counts["rhythm_organizations"]


async def test_another_database_wins_where_it_is_named_and_so_does_another_place_for_tokens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """Without a key for the tokens in the workers' database nothing is sent."""
    monkeypatch.setenv("RHYTHM_SECRET_OF_FIRM", "s3cret")
    access = RhythmAccess(
        tenant_id="a.org", client_id="app", secret="env:RHYTHM_SECRET_OF_FIRM", auth_domain="a.us.auth0.com"
    )
    ours = "postgresql://workers/jobs"
    with pytest.raises(ConfigError, match=r"RHYTHM_TOKENS_KEY.*Nothing was sent"):
        await _rhythm_client(access, ours)
    monkeypatch.setenv("RHYTHM_TOKENS_KEY", SEALING_KEY)
    for named, place in ((None, ours), ("postgresql://other/rhythm", "postgresql://other/rhythm")):
        if named is not None:
            monkeypatch.setenv("RHYTHM_DATABASE", named)
        async with await _rhythm_client(access, ours) as rhythm:
            assert (str(rhythm._database), str(rhythm.broker.store)) == (
                f"<RhythmDatabase {place}>",
                f"<PostgresqlTokenStore {place}>",
            )
    monkeypatch.setenv("RHYTHM_TOKENS", str(tmp_path))
    async with await _rhythm_client(access, ours) as rhythm:
        assert rhythm.broker.store.where == str(tmp_path)
