"""The clock of the queue's database is set: no job of a living worker is taken, and none waits for the clock."""

from __future__ import annotations

import datetime

import psycopg
import pytest

from tests.integration.jobs.test_queue import FIRM, end, take
from tests.postgres import DatabaseTime
from tonicdm.jobs import JobQueue, Kind, Schedule
from tonicdm.jobs.rules import PutBack

HOUR = 3600.0
STALLED = 30.0


@pytest.fixture
def time(postgres_url):
    return DatabaseTime(postgres_url)


@pytest.fixture
async def queue(postgres_url, time):
    async with JobQueue(postgres_url) as queue:
        await queue.upgrade()
        await queue.add_tenant(FIRM)
        assert await queue.rescue(STALLED) == 0
        yield queue


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
async def test_a_living_worker_keeps_its_job_and_a_dead_one_loses_it_in_its_time(queue, time, postgres_url, seconds):
    """A worker that has watched sees that heartbeats were skipped; a new one sees those that lie ahead."""
    await queue.submit(Kind.WEBHOOKS, "firm")
    worker = await queue.app.job_manager.register_worker()
    job, mine = await take(queue, worker)
    time.set(seconds)
    assert await queue.rescue(STALLED) == 0
    await queue.app.job_manager.update_heartbeat(worker)
    assert await queue.rescue(STALLED) == 0
    assert await queue.workers(STALLED) == 1
    time.set(STALLED + 1)
    async with JobQueue(postgres_url) as other:
        assert await other.rescue(STALLED) == 1, "it died; so much time has passed"
        assert (await take(other, await other.app.job_manager.register_worker()))[1] == mine
    await end(queue, job)
    assert [row.status for row in await queue.jobs()] == ["doing"], "it is the other worker's now"


async def test_the_job_of_a_worker_that_died_before_its_clock_was_set_back_is_found_in_the_same_time(
    queue, time, postgres_url
):
    await queue.submit(Kind.WEBHOOKS, "firm")
    await take(queue, await queue.app.job_manager.register_worker())
    time.set(-HOUR)
    assert await queue.rescue(STALLED) == 0
    time.set(STALLED + 1)
    async with JobQueue(postgres_url) as other:
        assert await other.rescue(STALLED) == 1


@pytest.mark.parametrize(("seconds", "was_watched"), [(-HOUR, True), (-300 * HOUR, False)])
async def test_a_job_that_waits_for_its_reset_waits_no_longer(queue, time, postgres_url, seconds, was_watched):
    """One that comes too early is put back by its budget, whose times are corrected."""
    worker = await queue.app.job_manager.register_worker()
    await queue.submit(Kind.WEBHOOKS, "firm")
    job, mine = await take(queue, worker)
    await end(queue, job, PutBack(mine, 1800.0))
    time.set(seconds)
    async with JobQueue(postgres_url) as other:
        await (queue if was_watched else other).rescue(STALLED)
        (row,) = await queue.jobs()
        left = 0.0 if row.scheduled_at is None else (row.scheduled_at - await queue.now()).total_seconds()
    assert left <= 1800.0 if was_watched else left <= HOUR + 1800.0


async def test_a_schedule_is_due_an_interval_later_at_the_latest(queue, time):
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.WEBHOOKS, every=10))
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.SYNC, cron="30 * * * *"))
    assert await queue.submit_due() == 1
    time.set(-300 * HOUR)
    await queue.rescue(STALLED)
    now = await queue.now()
    webhooks, sync = await queue.schedules()
    assert webhooks.due <= now + datetime.timedelta(seconds=60)
    assert sync.due <= now + datetime.timedelta(hours=1)


async def test_a_worker_that_begins_behind_a_jump_forgets_no_living_one(queue, time, postgres_url):
    """Else that one's jobs were nobody's, and it could take no more."""
    worker = await queue.app.job_manager.register_worker()
    time.set(HOUR)
    from tonicdm.jobs import run_worker

    await run_worker(postgres_url, wait=False)
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT id FROM tonicdm_jobs.procrastinate_workers").fetchall()
    assert (worker,) in found
