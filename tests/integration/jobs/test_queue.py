"""The queue in PostgreSQL: who goes first, what waits, and what is submitted again and again."""

from __future__ import annotations

import asyncio
import datetime

import attrs
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.jobs.virtual import VirtualQueue
from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError
from tonicdm.jobs import JobQueue, Kind, RhythmAccess, Schedule, Tenant
from tonicdm.jobs.kinds import Job
from tonicdm.jobs.rules import MAX_FAILURES, PutBack

FIRM = Tenant(name="firm", token="env:T", zone="us", rhythm=RhythmAccess(tenant_id="example.org"))


@pytest.fixture
async def queue(postgres_url):
    async with JobQueue(postgres_url) as queue:
        await queue.upgrade()
        await queue.add_tenant(FIRM)
        yield queue


async def take(queue, worker, queues=None):
    job = await queue.app.job_manager.fetch_job(queues=queues, worker_id=worker)
    return job and (job, Job.from_queue(job.task_name, job.task_kwargs))


async def end(queue, job, back=None):
    from procrastinate.jobs import Status

    if back is not None:
        queue.endings[job.id] = back
    await queue.app.job_manager.finish_job(job, Status.SUCCEEDED, delete_job=True)


JOBS = st.builds(
    Job,
    kind=st.sampled_from([Kind.SYNC, Kind.GAP_REPAIR, Kind.EXPORT]),
    tenant=st.sampled_from("ab"),
    what=st.sampled_from(["persons", "offices"]),
    then=st.sampled_from([(), ("team",), ("filesets",)]),
    checked=st.just("t"),
)
LATER = st.sampled_from([0.0, 3600.0])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), JOBS, LATER),
        st.tuples(st.just("take"), st.none(), st.none()),
        st.tuples(st.just("end"), st.integers(0, 5), st.none() | LATER),
    ),
    max_size=14,
)


async def compare(queue: JobQueue, steps) -> None:
    """Take the same steps in the database and in the model of it, and compare who is taken."""
    await queue._rows("DELETE FROM tonicdm_jobs.procrastinate_jobs RETURNING id")
    model, worker = VirtualQueue(VirtualClock()), await queue.app.job_manager.register_worker()
    running = []
    for what, given_, seconds in steps:
        if what == "put":
            assert await queue.put(given_, seconds) == await model.put(given_, seconds)
        elif what == "take":
            taken, expected = await take(queue, worker), model.take()
            assert (taken and taken[1]) == (expected and expected.job)
            running += [(taken[0], expected)] if taken else []
        elif running:
            job, expected = running.pop(given_ % len(running))
            back = None if seconds is None else PutBack(expected.job, seconds)
            await end(queue, job, back)
            await model.end(expected, back)
    rows = await queue.jobs()
    assert len(rows) == len(model.jobs)


def test_the_queue_of_the_virtual_workers_does_what_the_database_does(postgres_url):
    """Who goes first, who waits for whom, what is once where it was asked for twice."""
    with asyncio.Runner() as runner:
        queue = JobQueue(postgres_url)
        runner.run(queue.__aenter__())
        runner.run(queue.upgrade())

        @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
        @given(STEPS)
        def same(steps) -> None:
            runner.run(compare(queue, steps))

        same()
        runner.run(queue.__aexit__())


async def test_urgent_queues_go_first_and_a_worker_may_take_some_only(queue):
    for kind, what in ((Kind.EXPORT, "csv:/x"), (Kind.SYNC, ""), (Kind.GAP_REPAIR, ""), (Kind.WEBHOOKS, "")):
        await queue.submit(kind, "firm", what)
    worker = await queue.app.job_manager.register_worker()
    assert (await take(queue, worker, ["export"]))[1].kind is Kind.EXPORT
    assert not await queue.ready(["export"])
    assert await queue.ready(["gap-repair"])
    assert not await queue.ready(["sync"]), "the plan of the gap repair goes first"
    order = [(await take(queue, worker))[1].kind for _ in range(2)]
    assert order == [Kind.WEBHOOKS, Kind.GAP_REPAIR]


@pytest.mark.parametrize(
    ("kind", "what", "message"),
    [
        (Kind.SYNC, "people", "no such record type"),
        (Kind.GAP_REPAIR, "people", "no such record type"),
        (Kind.RHYTHM_SYNC, "people", "can't be synced"),
        (Kind.EXPORT, "", "needs a destination"),
        (Kind.EXPORT, "postgresql://me:s3cret@db/x", "holds a password"),
        (Kind.EXPORT, "postgresql://db/x?password=s3cret", "holds a password"),
    ],
)
async def test_what_no_worker_could_do_is_refused_at_once_and_no_secret_is_kept_or_repeated(queue, kind, what, message):
    for submit in (
        queue.submit(kind, "firm", what),
        queue.add_schedule(Schedule(tenant="firm", kind=kind, what=what, every=3600)),
    ):
        with pytest.raises(ConfigError, match=message) as caught:
            await submit
        assert "s3cret" not in str(caught.value)
    assert await queue.jobs() == [] == await queue.schedules()


async def test_a_schedule_is_submitted_once_over_all_workers_and_survives_them(queue, postgres_url):
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.SYNC, every=3600))
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.EXPORT, what="csv:/x", cron="30 2 * * *"))
    async with JobQueue(postgres_url) as other:
        assert sum(await asyncio.gather(*(each.submit_due() for each in (queue, other) * 4))) == 1
    (sync, nightly) = await queue.schedules()
    now = await queue.now()
    assert datetime.timedelta(minutes=59) < sync.due - now <= datetime.timedelta(hours=1)
    assert (nightly.due.hour, nightly.due.minute) == (2, 30)
    assert now < nightly.due <= now + datetime.timedelta(days=1)


async def test_what_was_due_while_no_worker_ran_is_submitted_once_and_a_worker_that_dies_over_it_is_replaced(
    queue, postgres_url
):
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.SYNC, every=60))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        long_ago = "UPDATE tonicdm_jobs.tonicdm_schedule SET due = now() - interval '1 day'"
        connection.execute(long_ago)
        put = queue.put
        queue.put = None  # it dies when it has claimed what is due
        with pytest.raises(TypeError):
            await queue.submit_due()
        queue.put = put
        assert await queue.submit_due() == 0, "the claim holds for a minute"
        connection.execute("UPDATE tonicdm_jobs.tonicdm_schedule SET due = due - interval '1 minute'")
    assert await queue.submit_due() == 1
    assert await queue.submit_due() == 0


async def test_a_schedule_can_be_changed_and_ends_with_its_tenant(queue):
    number = await queue.add_schedule(Schedule(tenant="firm", kind=Kind.WEBHOOKS, every=5))
    assert await queue.add_schedule(Schedule(tenant="firm", kind=Kind.WEBHOOKS, every=10)) == number
    (only,) = await queue.schedules()
    assert only.every == 10
    await queue.submit_due()
    assert await queue.remove_tenant("firm")
    assert await queue.schedules() == [] == await queue.jobs()
    with pytest.raises(ConfigError, match="no schedule"):
        await queue.remove_schedule(number)


async def test_a_job_that_waits_takes_on_what_waits_for_it(queue):
    first = Job(kind=Kind.SYNC, tenant="firm", what="projects", checked="t")
    assert await queue.put(first)
    assert not await queue.put(Job(kind=Kind.SYNC, tenant="firm", what="projects", checked="t", then=("team",)))
    worker = await queue.app.job_manager.register_worker()
    assert (await take(queue, worker))[1].then == ("team",)


async def test_what_waits_for_a_running_job_is_not_lost_where_the_same_one_waits_already(queue):
    """It is put back, or its worker dies: the one that waits leads on to what it would have led to."""
    running = Job(kind=Kind.SYNC, tenant="firm", what="projects", checked="t", then=("team",))
    worker = await queue.app.job_manager.register_worker()
    for is_dead in (False, True):
        await queue.put(running)
        job, mine = await take(queue, worker)
        assert await queue.put(attrs.evolve(running, then=("tasks",)))
        await (queue.rescue(0.0) if is_dead else end(queue, job, PutBack(mine, 3600.0)))
        (row,) = await queue.jobs()
        assert row.scheduled_at is None, "the one that waits goes when it would have gone"
        job, both = await take(queue, worker)
        assert both.then == ("tasks", "team")
        await end(queue, job)


async def test_the_job_of_a_dead_worker_can_run_at_once_whatever_the_clock_of_who_finds_it_shows(queue, monkeypatch):
    """A host that was ten minutes ahead once let it wait for so long. What was to be cancelled is."""
    monkeypatch.setattr("procrastinate.utils.utcnow", None)
    worker = await queue.app.job_manager.register_worker()
    for is_cancelled in (False, True):
        await queue.submit(Kind.WEBHOOKS, "firm")
        job, mine = await take(queue, worker)
        if is_cancelled:
            await queue.cancel(job.id)
        assert await queue.rescue(60.0) == 0, "it may be alive"
        assert await queue.rescue(0.0) == 1
        (row,) = await queue.jobs()
        assert (row.id, row.status) == (job.id, "aborted" if is_cancelled else "todo")
        if not is_cancelled:
            job, again = await take(queue, worker)
            assert again == attrs.evolve(mine, failures=1, reason="its worker died")
            await end(queue, job)


async def test_a_job_that_ends_its_workers_is_given_up_after_five_in_a_row(queue):
    """One that needs more memory than there is, for example: it would take down every worker, one after the other."""
    worker = await queue.app.job_manager.register_worker()
    await queue.submit(Kind.WEBHOOKS, "firm")
    for number in range(MAX_FAILURES):
        job, mine = await take(queue, worker)
        assert mine.failures == number
        assert await queue.rescue(0.0) == 1
    (row,) = await queue.jobs()
    assert (row.id, row.status, row.reason) == (job.id, "failed", "its worker died")
    await queue.retry(row.id)
    assert (await take(queue, worker))[1].failures == 0


async def test_a_tenant_is_kept_with_its_schedule_or_not_at_all(queue, monkeypatch):
    """Whoever added it once died in between, and the same command again added no schedule."""
    hourly = Tenant(name="hourly", token="env:T", zone="us", every=3600)
    monkeypatch.setattr(JobQueue, "add_schedule", None)
    await queue.add_tenant(hourly)
    (schedule,) = await queue.schedules("hourly")
    assert (schedule.kind, schedule.what, schedule.every) == (Kind.SYNC, "", 3600)
    assert schedule.due <= await queue.now()
    await queue.remove_schedule(schedule.id)
    await queue.add_tenant(hourly)
    assert await queue.schedules("hourly") == [], "the same tenant twice is once"


async def test_a_cancelled_job_is_not_put_back(queue):
    await queue.submit(Kind.WEBHOOKS, "firm")
    worker = await queue.app.job_manager.register_worker()
    job, mine = await take(queue, worker)
    await queue.cancel(job.id)
    await end(queue, job, PutBack(mine, 0.0))
    assert await queue.jobs() == []


async def test_a_schedule_that_submits_nothing_any_more_holds_up_no_other_one(queue, postgres_url, caplog):
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.SYNC, every=60))
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.WEBHOOKS, every=60))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE tonicdm_jobs.tonicdm_schedule SET what = 'gone' WHERE kind = 'sync'")
    assert await queue.submit_due() == 1
    assert [row.task for row in await queue.jobs()] == ["tonicdm.webhooks"]
    assert "schedule 1 of firm submits nothing: no such record type: gone" in caplog.text
    assert await queue.submit_due() == 0, "it is looked at again when it is due again"


async def test_tables_of_before_there_were_schedules_are_brought_up_to_date(queue, postgres_url):
    """A tenant's row said when it was due, and all jobs waited in one queue."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET search_path = tonicdm_jobs")
        connection.execute("DROP TABLE tonicdm_schedule")
        connection.execute("UPDATE tonicdm_jobs.tonicdm_tenant SET every = 3600, due = now()")
        connection.execute(
            "INSERT INTO tonicdm_jobs.procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args) VALUES "
            """('tonicdm', 'tonicdm.sync', 'firm', 'x', '{"tenant": "firm", "what": "offices", "failures": 2}')"""
        )
    for _ in range(2):
        assert not await queue.upgrade()
        assert [(row.kind, row.every) for row in await queue.schedules()] == [(Kind.SYNC, 3600)]
    worker = await queue.app.job_manager.register_worker()
    _, job = await take(queue, worker, ["sync"])
    assert job == Job(kind=Kind.SYNC, tenant="firm", what="offices", failures=2)
    assert job.is_plan


async def test_a_job_of_a_later_version_is_listed(queue, postgres_url):
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET search_path = tonicdm_jobs")
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('audit', 'tonicdm.audit', '{}')"
        )
    assert [(row.task, row.tenant) for row in await queue.jobs()] == [("tonicdm.audit", "")]


async def test_a_schedule_that_no_version_could_have_kept_holds_up_no_other_one(queue, postgres_url, caplog):
    """One that is written by hand, for example; a calendar without a day once ended the care of the whole queue."""
    await queue.add_schedule(Schedule(tenant="firm", kind=Kind.WEBHOOKS, every=60))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO tonicdm_jobs.tonicdm_schedule (tenant, kind, what, cron, due) "
            "VALUES ('firm', 'sync', '', '0 0 31 2 *', now() - interval '1 hour')"
        )
    assert await queue.submit_due() == 1
    assert "submits nothing: there is no such day" in caplog.text
    assert len(await queue.schedules()) == 1
