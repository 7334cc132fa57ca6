"""Workers as processes, in real time: many tenants at once, and a worker that is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import statistics
import subprocess
import sys
import time

import pytest

from tonicdm import TonicDM, UnitBudget
from tonicdm.jobs import JobQueue, Tenant
from tonicdm.jobs.worker import CARE_SECONDS, POLLING_SECONDS, STALLED_SECONDS
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize

pytestmark = pytest.mark.thorough

TYPES = ("offices", "projects", "team")
PAGE_UNITS = 5
FIRST_CALLS_SECONDS = 4.0
"""For the tenant to be opened, and for its first two calls, on a machine that has other work too."""
EVERYTHING = "SELECT type, id, raw FROM record ORDER BY type, id"


@contextlib.contextmanager
def workers(count, url, tokens, *options):
    """Start worker processes that know the tokens; end them."""
    command = [sys.executable, "-m", "tonicdm.cli", "worker", "--database", url, *options]
    known = {f"TOKEN_{number}": token for number, token in enumerate(tokens)}
    with contextlib.ExitStack() as stack:
        processes = [
            stack.enter_context(subprocess.Popen(command, env={**os.environ, **known}, stderr=subprocess.DEVNULL))
            for _ in range(count)
        ]
        try:
            yield processes
        finally:
            for process in processes:
                process.terminate()


async def submit(queue, box, tokens):
    for number in range(len(tokens)):
        tenant = Tenant(name=f"firm-{number}", token=f"env:TOKEN_{number}", base_url=box.url, types=TYPES)
        await queue.add_tenant(tenant)
        await queue.submit_sync(tenant)


async def until_done(queue, seconds):
    async with asyncio.timeout(seconds):
        while await queue.jobs():
            await asyncio.sleep(0.2)


def windows(box, token):
    """Return the units of each window of a token but the last, within which the work ends."""
    by_reset = {}
    for entry in box.journal.calls(token=token):
        by_reset[entry.reset] = by_reset.get(entry.reset, 0) + entry.units
    return [by_reset[reset] for reset in sorted(by_reset)][:-1]


async def test_twenty_tenants_on_three_workers_use_their_windows_and_none_is_left_behind(postgres_url, tmp_path):
    """Each needs four windows of a minute. What is left of one pays for no page; the copies are all the same."""
    tokens = [f"token-{number}" for number in range(20)]
    settings = SandboxSettings(tokens=tokens, limit=60, window_seconds=60.0, latency_seconds=(0.05, 0.2))
    async with Sandbox(records=600, settings=settings) as box, JobQueue(postgres_url) as queue:
        await queue.upgrade()
        await submit(queue, box, tokens)
        began = time.time()
        with workers(3, postgres_url, tokens, "--concurrency", "8"):
            await until_done(queue, 900)
        assert not box.journal.calls(status=429)
        used = [units for token in tokens for units in windows(box, token)]
        assert len(used) >= 3 * len(tokens)
        assert min(used) > 60 - PAGE_UNITS
        ends = [max(entry.at for entry in box.journal.calls(token=token)) - began for token in tokens]
        assert max(ends) <= 2 * statistics.median(ends)
        units = {box.journal.units(token=token) for token in tokens}
        box.settings.limit = 1_000_000
        box.journal.clear()
        async with (
            UnitBudget.memory() as budget,
            TonicDM(tokens[0], base_url=box.url, budget=budget) as tonic,
            Store(tmp_path / "one.db") as one,
        ):
            await synchronize(tonic, one, choose(list(TYPES)))
            expected = await one.query("SELECT type, id FROM record ORDER BY type, id")
        needed = sum(entry.units for entry in box.journal)
        # Read before another type has shown that pageSize is heeded, a short list has its end looked for.
        most = needed + len(TYPES)
        assert needed <= min(units) <= max(units) <= most, "they cost what one machine needs"
        copies = []
        for number in range(len(tokens)):
            async with Store(postgres_url, schema=f"firm_{number}") as store:
                copies.append(await store.query(EVERYTHING))
        assert all(copy == copies[0] for copy in copies)
        assert [row[:2] for row in copies[0]] == expected


async def test_the_job_of_a_killed_worker_is_done_by_another_within_the_documented_time(postgres_url):
    """Scale out: half a minute without a heartbeat, 5 s until it is looked for, and one until it is taken."""
    async with Sandbox(records=600) as box, JobQueue(postgres_url) as queue:
        box.settings.latency_seconds = (0.2, 0.3)
        await queue.upgrade()
        with workers(1, postgres_url, [box.token]) as (first,):
            await submit(queue, box, [box.token])
            async with asyncio.timeout(60):
                while len(box.journal) < 6:
                    await asyncio.sleep(0.05)
            with workers(1, postgres_url, [box.token]):
                async with asyncio.timeout(60):
                    while await queue.workers(STALLED_SECONDS) < 2:
                        await asyncio.sleep(0.05)
                first.kill()
                killed = time.monotonic()
                last = len(box.journal)
                async with asyncio.timeout(120):
                    while not await queue.jobs(status="doing") or len(box.journal) <= last + 1:
                        await asyncio.sleep(0.05)
                took = time.monotonic() - killed
                assert took <= STALLED_SECONDS + CARE_SECONDS + POLLING_SECONDS + FIRST_CALLS_SECONDS, f"{took:.1f} s"
                await until_done(queue, 120)
        async with Store(postgres_url, schema="firm_0") as store:
            assert (await store.counts())["team"] > 0
        assert not box.journal.calls(status=429)
