"""The clock of the queue's database is set: no job of a living worker is taken, and none waits for the clock."""

from __future__ import annotations

import asyncio
import datetime
import time as wall

import psycopg
import pytest

from tests.integration.jobs.test_queue import FIRM, end, take
from tests.postgres import DatabaseTime
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import SystemClock
from tonicdm.jobs import JobQueue, Kind, Schedule, Tenant, run_worker
from tonicdm.jobs.rules import PutBack
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize

HOUR = 3600.0
STALLED = 30.0
TYPES = ("offices", "persons", "projects", "brands", "notes")


class TrueClock(SystemClock):
    """The server's, which nobody sets."""

    def now(self):
        return wall.time()


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
        _, again = await take(other, await other.app.job_manager.register_worker())
        assert again.waiting_lock == mine.waiting_lock
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


async def test_a_worker_that_begins_behind_a_jump_takes_nothing_from_the_living(queue, time, postgres_url, monkeypatch):
    """Else a job would run twice, and its worker could take no more: the library forgets it and its heartbeats."""
    monkeypatch.setattr("tonicdm.jobs.worker.CARE_SECONDS", 0.05)
    monkeypatch.setattr("tonicdm.jobs.worker.WATCHED_SECONDS", 0.2)
    await queue.submit(Kind.WEBHOOKS, "firm")
    worker = await queue.app.job_manager.register_worker()
    await take(queue, worker)
    time.set(HOUR)
    looks, rescue, mend_times, stop = [], JobQueue.rescue, JobQueue.mend_times, asyncio.Event()

    async def watches(of):
        looks.append("watches")
        await mend_times(of)

    async def rescues(of, seconds):
        looks.append("rescues")
        await queue.app.job_manager.update_heartbeat(worker)  # as it has by then
        assert await rescue(of, seconds) == 0
        stop.set()

    monkeypatch.setattr(JobQueue, "mend_times", watches)
    monkeypatch.setattr(JobQueue, "rescue", rescues)
    await run_worker(postgres_url, stop=stop)
    assert looks[0] == "watches"
    assert "rescues" in looks
    assert [row.status for row in await queue.jobs()] == ["doing"]
    with psycopg.connect(postgres_url) as connection:
        found = connection.execute("SELECT id FROM tonicdm_jobs.procrastinate_workers").fetchall()
    assert (worker,) in found


@pytest.mark.thorough
@pytest.mark.realtime
@pytest.mark.parametrize("whose", ["database", "hosts"])
async def test_two_workers_go_on_while_a_clock_is_set_back_and_forth(time, postgres_url, monkeypatch, whose):
    """No 429, nothing is read twice but a page at a window's end, and no window is waited for twice."""
    monkeypatch.setenv("TOKEN_A", "token-a")
    skew, window, settings = [0.0], 2.0, [-HOUR, HOUR, HOUR, -HOUR]
    monkeypatch.setattr(SystemClock, "now", lambda _self: wall.time() + skew[0])
    for name, given in (("HEARTBEAT_SECONDS", 0.5), ("CARE_SECONDS", 0.5)):
        monkeypatch.setattr(f"tonicdm.jobs.worker.{name}", given)

    def set_clock() -> None:
        seconds = settings.pop(0)
        if whose == "database":
            time.set(seconds)
        else:
            skew[0] += seconds

    given = SandboxSettings(tokens=("token-a",), limit=12, window_seconds=window)
    async with Sandbox(records=600, settings=given, clock=TrueClock()) as box, JobQueue(postgres_url) as queue:
        await queue.upgrade()
        await queue.add_tenant(Tenant(name="firm-a", token="env:TOKEN_A", base_url=box.url, types=TYPES))
        await queue.submit_sync(await queue.tenant("firm-a"))
        stop, began = asyncio.Event(), wall.monotonic()
        workers = [asyncio.ensure_future(run_worker(postgres_url, concurrency=2, stop=stop)) for _ in range(2)]
        async with asyncio.timeout(90):
            while jobs := await queue.jobs():
                assert not [job for job in jobs if job.status == "failed"]
                if settings and len(box.journal) > 2 * (4 - len(settings)):
                    set_clock()
                await asyncio.sleep(0.05)
        took = wall.monotonic() - began
        stop.set()
        await asyncio.gather(*workers)
        assert not settings, "the clock was set four times"
        assert not box.journal.calls(status=429)
        paid, windows = box.journal.units("token-a"), len({entry.reset for entry in box.journal})
        # A job is looked at again within 2 s of its reset, or is put back once more.
        assert took <= (windows + 1) * (window + 4.0)
        async with (
            UnitBudget.memory() as budget,
            TonicDM("token-a", base_url=box.url, budget=budget) as tonic,
            Store(postgres_url, schema="whole") as whole,
        ):
            box.settings.limit = 1_000_000
            run = await synchronize(tonic, whole, choose(list(TYPES)))
            sql = "SELECT type, id, raw FROM record ORDER BY type, id"
            async with Store(postgres_url, schema="firm_a") as copy:
                assert await copy.query(sql) == await whole.query(sql)
                (changes,) = await copy.query(
                    "SELECT count(*), count(DISTINCT change_seq), max(change_seq) FROM record"
                )
                assert len(set(changes)) == 1, "no page is applied twice"
    assert paid <= run.units + 5 * windows
