"""Workers on one database: tenants whose windows are empty make way, dead workers lose nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import types

import aiohttp
import psycopg
import pytest
from click.testing import CliRunner
from procrastinate.jobs import Status

from tests.integration.jobs.virtual import SleepyServer
from tests.postgres import Proxy
from tests.processes import free_port
from tonicdm import UnitBudget
from tonicdm.cli.app import tonicdm
from tonicdm.clock import SystemClock, VirtualClock
from tonicdm.errors import ConfigError, StoreError
from tonicdm.jobs import JobQueue, Kind, Tenant, run_worker
from tonicdm.jobs.kinds import Job
from tonicdm.jobs.opening import OpenTenants
from tonicdm.jobs.rules import PutBack
from tonicdm.jobs.serving import served
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.store import Store
from tonicdm.sync import synchronize

TYPES = ("offices", "persons")


@pytest.fixture
async def queue(postgres_url, monkeypatch):
    monkeypatch.setenv("TOKEN_A", "token-a")
    monkeypatch.setenv("TOKEN_B", "token-b")
    async with JobQueue(postgres_url) as queue:
        await queue.upgrade()
        yield queue


@contextlib.asynccontextmanager
async def sandbox(limit=3600, window=3600.0):
    settings = SandboxSettings(limit=limit, window_seconds=window, tokens=("token-a", "token-b"))
    async with Sandbox(records=600, settings=settings) as box:
        yield box


def tenant(box, letter="a", **more):
    given = {"types": TYPES, **more}
    return Tenant(name=f"firm-{letter}", token=f"env:TOKEN_{letter.upper()}", base_url=box.url, **given)


@pytest.fixture
def port():
    return free_port()


async def counts(url, schema):
    async with Store(url, schema=schema) as store:
        return await store.counts()


async def test_the_syncs_of_two_tenants_are_done_and_their_jobs_gone(queue, postgres_url):
    async with sandbox() as box:
        for letter in "ab":
            await queue.add_tenant(tenant(box, letter))
            assert await queue.submit_sync(await queue.tenant(f"firm-{letter}")) == 1
        assert await queue.submit_sync(await queue.tenant("firm-a")) == 0, "the same waits already"
        await run_worker(postgres_url, concurrency=4, wait=False)
        assert await queue.jobs() == []
        for letter in "ab":
            stored = await counts(postgres_url, f"firm_{letter}")
            assert stored == {name: box.world.count(name) for name in TYPES}
        assert not [entry for entry in box.journal if entry.status == 429]


@pytest.mark.parametrize("read_ahead", [False, True])
async def test_a_worker_reads_ahead_if_it_is_told_to(queue, postgres_url, monkeypatch, read_ahead):
    told = []

    async def noted(*args, **more):
        told.append(more["read_ahead"])
        return await synchronize(*args, **more)

    monkeypatch.setattr("tonicdm.jobs.work.synchronize", noted)
    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        await queue.submit_sync(await queue.tenant("firm-a"), ["offices"])
        await run_worker(postgres_url, wait=False, read_ahead=read_ahead)
        assert told == [read_ahead]
        assert await counts(postgres_url, "firm_a") == {"offices": box.world.count("offices")}


async def test_a_tenant_that_waits_for_its_window_makes_way_and_comes_back_at_the_reset(queue, postgres_url):
    """The worker ends, as nothing may run now; what was read before the window was empty is stored."""
    async with sandbox(limit=12) as box:
        await queue.add_tenant(tenant(box))
        await queue.submit_sync(await queue.tenant("firm-a"))
        await run_worker(postgres_url, concurrency=2, wait=False)
        left = await queue.jobs()
        assert left
        assert {row.status for row in left} == {"todo"}
        assert {row.reason for row in left if row.scheduled_at is not None} == {"waits for its window"}
        assert not [entry for entry in box.journal if entry.status == 429]


async def test_a_refused_token_fails_the_job_which_can_be_retried(queue, postgres_url, monkeypatch):
    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        await queue.submit_sync(await queue.tenant("firm-a"), ["offices"])
        monkeypatch.setenv("TOKEN_A", "wrong")
        await run_worker(postgres_url, wait=False)
        (failed,) = await queue.jobs(status="failed")
        assert failed.reason.startswith("AuthenticationError: ") and "wrong" not in failed.reason
        monkeypatch.setenv("TOKEN_A", "token-a")
        await queue.retry(failed.id)
        await run_worker(postgres_url, wait=False)
        assert await queue.jobs() == []
        assert await counts(postgres_url, "firm_a")


async def test_a_job_that_runs_while_its_tenant_is_removed_leaves_nothing_in_the_queue(queue, postgres_url):
    """It ends behind its step as it would have, and what would have followed is left out."""
    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        await queue.submit_sync(await queue.tenant("firm-a"))
        box.settings.latency_seconds = (0.3, 0.3)
        worker = asyncio.create_task(run_worker(postgres_url, wait=False))
        async with asyncio.timeout(240):
            while not box.journal:
                await asyncio.sleep(0.01)
        assert await queue.remove_tenant("firm-a")
        await worker
    assert await queue.jobs() == []


async def test_due_tenants_are_submitted_once(queue):
    async with sandbox() as box:
        await queue.add_tenant(tenant(box, every=3600))
        assert await queue.submit_due() == 1
        assert await queue.submit_due() == 0


async def test_two_tenants_of_one_name_or_schema_are_refused_and_no_secret_is_kept(queue, postgres_url):
    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        await queue.add_tenant(tenant(box))
        with pytest.raises(ConfigError, match="already"):
            await queue.add_tenant(tenant(box, every=3600))
        with pytest.raises(ConfigError, match="holds the copy of firm-a"):
            await queue.add_tenant(tenant(box, "b", schema="firm_a"))
        await queue.submit_sync(await queue.tenant("firm-a"))
        with psycopg.connect(postgres_url) as connection:
            for table in ("tonicdm_tenant", "procrastinate_jobs"):
                assert "token-a" not in str(connection.execute(f"SELECT * FROM tonicdm_jobs.{table}").fetchall())


async def test_a_database_without_tables_is_told_what_to_run(postgres_url):
    with pytest.raises(StoreError, match="tonicdm jobs upgrade"):
        await run_worker(postgres_url, wait=False)


async def started(queue, box, url, *options):
    """Start a worker's process, and wait until it has sent its first call for a record."""
    command = [sys.executable, "-m", "tonicdm.cli", "worker", "--database", url, *options]
    process = subprocess.Popen(command, env={**os.environ, "TOKEN_A": "token-a"}, stderr=subprocess.DEVNULL)  # noqa: ASYNC220 - watched
    try:
        async with asyncio.timeout(240):
            while len(box.journal) < 2:  # the first one asks whose records they are
                await asyncio.sleep(0.01)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return process


@pytest.mark.parametrize(
    "options", [(), pytest.param(("--read-ahead",), marks=pytest.mark.thorough)], ids=["by default", "read ahead"]
)
async def test_a_killed_worker_loses_no_page_and_its_job_goes_on_elsewhere(queue, postgres_url, options):
    """The copy is whole in the end, and costs at most what the killed one had in flight beside the bound."""
    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        await queue.submit_sync(await queue.tenant("firm-a"))
        box.settings.latency_seconds = (0.05, 0.1)
        with await started(queue, box, postgres_url, "--concurrency", "2", *options) as process:
            process.kill()
        assert await queue.rescue(60.0) == 0, "it may be alive"
        # It may have begun the second one a moment later, and its last statement go on without it.
        async with asyncio.timeout(240):
            rescued = 0
            while {row.status for row in await queue.jobs()} != {"todo"}:
                rescued += await queue.rescue(0.0)
        assert 1 <= rescued <= len(TYPES)
        async with asyncio.timeout(240):
            await run_worker(postgres_url, wait=False)
        assert await queue.jobs() == []
        assert await counts(postgres_url, "firm_a") == {name: box.world.count(name) for name in TYPES}
        assert not [entry for entry in box.journal if entry.status == 429]


async def test_a_stalled_job_that_was_submitted_anew_meanwhile_is_done_once(queue, postgres_url):
    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        await queue.submit_sync(await queue.tenant("firm-a"), ["offices"])
        number = await queue.app.job_manager.register_worker()
        assert await queue.app.job_manager.fetch_job(queues=None, worker_id=number)
        await queue.submit_sync(await queue.tenant("firm-a"), ["offices"])
        assert await queue.rescue(0.0) == 1
        assert [row.status for row in await queue.jobs()] == ["todo"]


async def test_a_worker_that_lost_its_job_to_another_one_neither_ends_nor_repeats_it(queue):
    """It was cut off, and its job taken to be stalled: what it says of it afterwards is not believed."""
    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        await queue.submit_sync(await queue.tenant("firm-a"), ["offices"])
        manager = queue.app.job_manager
        cut_off, other = await manager.register_worker(), await manager.register_worker()
        job = await manager.fetch_job(queues=None, worker_id=cut_off)
        await queue.rescue(0.0)
        for back in (None, PutBack(Job(kind=Kind.SYNC, tenant="firm-a", what="offices"), 5.0)):
            if back is not None:
                queue.endings[job.id] = back
            await manager.finish_job(job, Status.SUCCEEDED, delete_job=True)
            assert [row.status for row in await queue.jobs()] == ["todo"]
        again = await manager.fetch_job(queues=None, worker_id=other)
        await manager.finish_job(job, Status.FAILED, delete_job=False)
        assert [row.status for row in await queue.jobs()] == ["doing"]
        await manager.finish_job(again, Status.SUCCEEDED, delete_job=True)
        assert await queue.jobs() == []


async def test_sigterm_ends_a_worker_behind_the_step_under_way_whose_page_is_stored(queue, postgres_url):
    """A second one changes nothing."""
    async with sandbox() as box:
        await queue.add_tenant(tenant(box, types=["persons"]))
        await queue.submit_sync(await queue.tenant("firm-a"))
        box.settings.latency_seconds = (0.3, 0.3)
        with await started(queue, box, postgres_url) as process:
            for _ in range(2):
                process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.05)
            assert await asyncio.to_thread(process.wait, 240) == 0
        (row,) = await queue.jobs()
        assert (row.status, row.what, row.reason) == ("todo", "persons", "made way for others")
        (_, *pages) = box.journal
        async with Store(postgres_url, schema="firm_a") as store:
            assert await store.query("SELECT count(*) FROM record") == [(sum(entry.records for entry in pages),)]
        assert pages[0].records > 0


async def test_a_worker_whose_task_is_cancelled_ends_as_by_a_signal_and_leaves_no_task(queue, postgres_url):
    """A program may run one beside other things; its loop once went on behind a closed queue."""
    async with sandbox() as box:
        await queue.add_tenant(tenant(box, types=["persons"]))
        await queue.submit_sync(await queue.tenant("firm-a"))
        box.settings.latency_seconds = (0.2, 0.2)
        before = asyncio.all_tasks()
        worker = asyncio.create_task(run_worker(postgres_url))
        async with asyncio.timeout(240):
            while len(box.journal) < 2:
                await asyncio.sleep(0.01)
            worker.cancel()
            with pytest.raises(asyncio.CancelledError):
                await worker
        named = {task.get_name() for task in asyncio.all_tasks() - before}
        assert not [name for name in named if "worker" in name or "tonicdm" in name]
        (row,) = await queue.jobs()
        assert (row.status, row.reason) == ("todo", "made way for others")


async def test_a_running_job_that_is_cancelled_ends_behind_its_step_and_is_shown_as_aborted(queue, postgres_url):
    """The page in flight is paid for, and stored."""
    async with sandbox() as box:
        await queue.add_tenant(tenant(box, types=["persons"]))
        await queue.submit_sync(await queue.tenant("firm-a"))
        box.settings.latency_seconds = (0.2, 0.2)
        stop = asyncio.Event()
        worker = asyncio.create_task(run_worker(postgres_url, stop=stop))
        async with asyncio.timeout(240):
            while len(box.journal) < 2:
                await asyncio.sleep(0.01)
            (row,) = await queue.jobs(status="doing")
            await queue.cancel(row.id)
            while not (aborted := await queue.jobs(status="aborted")):
                await asyncio.sleep(0.01)
        assert [each.reason for each in aborted] == ["was cancelled"]
        stop.set()
        await worker
        (_, *pages) = box.journal
        async with Store(postgres_url, schema="firm_a") as store:
            assert await store.query("SELECT count(*) FROM record") == [(sum(entry.records for entry in pages),)]
        box.settings.latency_seconds = (0.0, 0.0)
        await queue.retry(row.id)
        await run_worker(postgres_url, wait=False)
        assert await queue.jobs() == []


async def at_work(queue):
    """Wait for a worker to have begun a job."""
    while not await queue.jobs(status="doing"):
        await asyncio.sleep(0.01)


async def test_a_job_that_does_not_end_in_its_time_is_put_back_when_its_worker_ends(queue, postgres_url, monkeypatch):
    monkeypatch.setattr("tonicdm.jobs.worker.GRACE_SECONDS", 0.1)
    async with sandbox() as box:
        await queue.add_tenant(tenant(box, types=["offices"]))
        await queue.submit_sync(await queue.tenant("firm-a"))
        box.settings.latency_seconds = (5.0, 5.0)
        stop = asyncio.Event()
        worker = asyncio.create_task(run_worker(postgres_url, stop=stop))
        async with asyncio.timeout(240):
            await at_work(queue)
            await asyncio.sleep(0.3)
            stop.set()
            await worker
        (row,) = await queue.jobs()
        assert (row.status, row.reason) == ("todo", "its worker ended")
        monkeypatch.setattr("tonicdm.jobs.worker.GRACE_SECONDS", 60.0)
        box.settings.latency_seconds = (0.0, 0.0)
        await run_worker(postgres_url, wait=False)
        assert await queue.jobs() == []


async def test_a_worker_that_ends_shows_signs_of_life_while_its_jobs_do(queue, postgres_url, monkeypatch):
    """A step may take longer than a dead worker's jobs are left alone; its job was once begun elsewhere meanwhile."""
    monkeypatch.setattr("tonicdm.jobs.worker.HEARTBEAT_SECONDS", 0.05)
    clock, beats = VirtualClock(), set()
    monkeypatch.setattr("tonicdm.sandbox.server.asyncio", SleepyServer(clock))
    async with sandbox() as box:
        await queue.add_tenant(tenant(box, types=["offices"]))
        await queue.submit_sync(await queue.tenant("firm-a"))
        box.settings.latency_seconds = (60.0, 60.0)  # its job lasts until the clock is moved
        stop = asyncio.Event()
        worker = asyncio.create_task(run_worker(postgres_url, stop=stop))
        async with asyncio.timeout(240), await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as db:
            await at_work(queue)
            stop.set()
            while len(beats) < 8:
                beat = await db.execute("SELECT max(last_heartbeat) FROM tonicdm_jobs.procrastinate_workers")
                beats.add(await beat.fetchone())
                await asyncio.sleep(0.01)
            assert not worker.done()
            while not worker.done():
                clock.advance(60.0)
                await asyncio.sleep(0.01)
            await worker
        assert await queue.rescue(0.0) == 0


async def test_a_worker_that_is_cut_off_from_the_database_says_so_and_goes_on_when_it_is_back(
    queue, postgres_url, monkeypatch, port
):
    monkeypatch.setattr("tonicdm.jobs.serving.ANSWER_SECONDS", 0.2)
    for name, seconds in (("HEARTBEAT_SECONDS", 0.2), ("AGAIN_SECONDS", 0.1), ("CARE_SECONDS", 0.2)):
        monkeypatch.setattr(f"tonicdm.jobs.worker.{name}", seconds)
    proxy = Proxy(postgres_url)
    await proxy.open()
    stop, address = asyncio.Event(), f"http://127.0.0.1:{port}"
    async with sandbox() as box, aiohttp.ClientSession() as session:
        worker = asyncio.create_task(run_worker(proxy.url, stop=stop, port=port))
        async with asyncio.timeout(240):
            while not await queue.workers(30.0):
                await asyncio.sleep(0.01)
            await proxy.cut()
            status = 200
            while status == 200:
                async with session.get(f"{address}/healthz") as response:
                    status, text = response.status, await response.text()
            assert status == 503
            assert "postgresql://127.0.0.1" in text and "s3cret" not in text
            async with session.get(f"{address}/metrics") as response:
                assert response.status == 200
            await queue.add_tenant(tenant(box))
            await queue.submit_sync(await queue.tenant("firm-a"), ["offices"])
            await proxy.open()
            while await queue.jobs():
                await asyncio.sleep(0.01)
        stop.set()
        await worker
        await proxy.cut()
        assert await counts(postgres_url, "firm_a")


@pytest.mark.parametrize("minutes", [-5, 5])
async def test_a_hosts_clock_has_no_part_in_how_long_a_run_has_its_type(queue, postgres_url, minutes):
    """The lease of a run ends by the database's clock, from the first moment on."""

    class Skewed(SystemClock):
        def now(self):
            return super().now() + minutes * 60

    async with sandbox() as box:
        await queue.add_tenant(tenant(box))
        tenants = OpenTenants(postgres_url, clock=Skewed())
        async with tenants.use(await queue.tenant("firm-a")) as (tonic, _):
            assert abs(tonic.budget.clock.now() - (await queue.now()).timestamp()) < 30


async def test_a_worker_tells_of_the_queue_and_of_its_tenants_budgets(queue, postgres_url, port):
    """By the exporter that all programs share; healthy is who reaches the database."""
    stop, address = asyncio.Event(), f"http://127.0.0.1:{port}"
    async with sandbox() as box, aiohttp.ClientSession() as session:
        box.settings.latency_seconds = (0.2, 0.2)
        await queue.add_tenant(tenant(box))
        await queue.submit(Kind.EXPORT, "firm-a", "csv:x")
        await queue.submit_sync(await queue.tenant("firm-a"))
        async with asyncio.timeout(240):
            worker = asyncio.create_task(run_worker(postgres_url, queues=["sync"], stop=stop, port=port))
            while len(box.journal) < 2:
                await asyncio.sleep(0.01)
            async with session.get(f"{address}/healthz") as response:
                assert (response.status, await response.text()) == (200, "ok\n")
            async with session.get(f"{address}/metrics") as response:
                text = await response.text()
            stop.set()
            await worker
    assert 'tonicdm_jobs{tonicdm_queue="export",tonicdm_state="todo"} 1\n' in text
    assert 'tonicdm_jobs{tonicdm_queue="sync",tonicdm_state="doing"}' in text
    assert re.search(r'^tonicdm_jobs_late_seconds\{tonicdm_queue="export"\} [0-9.]+$', text, re.MULTILINE)
    assert "\ntonicdm_workers 1\n" in text
    assert 'tonicdm_budget_limit{tonicdm_budget="firm-a"} 3600\n' in text
    assert "token-a" not in text


async def test_whatever_goes_wrong_with_the_care_of_the_queue_it_goes_on(queue, postgres_url, monkeypatch, caplog):
    """A fault of ours once ended it in silence: no schedule was submitted, and no dead worker's job put back."""
    monkeypatch.setattr("tonicdm.jobs.worker.CARE_SECONDS", 0.05)
    calls, submit_due = [], JobQueue.submit_due

    async def faulty(self):
        calls.append(None)
        if len(calls) == 1:
            raise ZeroDivisionError
        return await submit_due(self)

    monkeypatch.setattr(JobQueue, "submit_due", faulty)
    stop = asyncio.Event()
    worker = asyncio.create_task(run_worker(postgres_url, stop=stop))
    async with asyncio.timeout(240):
        while len(calls) < 3:
            await asyncio.sleep(0.01)
    stop.set()
    await worker
    assert "ZeroDivisionError" in caplog.text


async def test_metrics_are_told_while_a_budgets_database_takes_its_time_and_the_worker_goes_on(queue, port):
    """A look at each tenant's budget once held up the loop, and with it every job, for half a second each."""
    loop, looked = asyncio.get_running_loop(), []

    class Slow:
        clock = SystemClock()

        def snapshot(self):
            turned = threading.Event()
            loop.call_soon_threadsafe(turned.set)
            looked.append(turned.wait(60))
            return UnitBudget.memory().snapshot()

    tenants = types.SimpleNamespace(budgets=lambda: {"firm-a": Slow(), "firm-b": Slow()})
    async with (
        served(queue, tenants, "127.0.0.1", port, alive_seconds=30.0),
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as response,
    ):
        text = await response.text()
    assert looked == [True, True]
    assert 'tonicdm_budget="firm-a"' in text and 'tonicdm_budget="firm-b"' in text


async def test_the_connections_of_a_worker_are_bounded_by_its_concurrency_and_not_by_its_tenants(
    queue, postgres_url, monkeypatch
):
    """How many: three for each tenant at work, and five (docs/how-to/scale-out.md)."""
    tokens = [f"token-{number}" for number in range(8)]
    settings = SandboxSettings(tokens=tokens, latency_seconds=(0.01, 0.02))
    most, over = [0], threading.Event()

    def watch():
        with psycopg.connect(postgres_url, autocommit=True) as db:
            sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> ALL(%s)"
            others = "SELECT array_agg(pid) FROM pg_stat_activity WHERE datname = current_database()"
            known = db.execute(others).fetchone()
            ready.set()
            while not over.wait(0.005):
                most.append(db.execute(sql, known).fetchone()[0])

    ready = threading.Event()
    async with Sandbox(records=600, settings=settings) as box:
        for number, token in enumerate(tokens):
            monkeypatch.setenv(f"TOKEN_{number}", token)
            given = Tenant(name=f"t{number}", token=f"env:TOKEN_{number}", base_url=box.url, types=["offices"])
            await queue.add_tenant(given)
            await queue.submit_sync(given)
        watching = threading.Thread(target=watch)
        watching.start()
        await asyncio.to_thread(ready.wait)
        await run_worker(postgres_url, concurrency=2, wait=False)
        over.set()
        watching.join()
    assert await queue.jobs() == []
    assert 3 < max(most) <= 2 * 3 + 5 + 2, "a tenant may be closed while the next one is opened"


async def test_the_commands_keep_tenants_and_jobs(queue, postgres_url):
    """In-process; each prints a table and, with --json, one document."""
    environment = {"TONICDM_DATABASE": postgres_url}

    def run(*words):
        done = CliRunner().invoke(tonicdm, list(words), env=environment)
        assert done.exit_code == 0, done.output
        return done.stdout

    def work():
        run("tenants", "add", "firm-a", "--token", "env:TOKEN_A", "--zone", "us", "--every", "1h")
        assert "firm-a" in run("tenants", "list")
        assert json.loads(run("jobs", "submit", "sync", "--tenant", "firm-a", "offices", "--json"))["submitted"] == 1
        (job,) = json.loads(run("jobs", "list", "--json"))
        run("jobs", "cancel", str(job["id"]))
        assert json.loads(run("jobs", "list", "--status", "todo", "--json")) == []
        run("jobs", "submit", "webhooks", "--tenant", "firm-a", "--every", "10s")
        run("jobs", "submit", "export", "csv:x", "--tenant", "firm-a", "--cron", "30 2 * * *")
        (hourly, *others) = json.loads(run("jobs", "schedules", "--json"))
        assert [(row["kind"], row["every"], row["cron"]) for row in (hourly, *others)] == [
            ("sync", 3600, None),
            ("webhooks", 10, None),
            ("export", None, "30 2 * * *"),
        ]
        run("jobs", "unschedule", str(hourly["id"]))
        assert "every 10 s" in run("jobs", "schedules", "--tenant", "firm-a")
        run("tenants", "remove", "firm-a")
        assert json.loads(run("tenants", "list", "--json")) == [] == json.loads(run("jobs", "schedules", "--json"))

    await asyncio.to_thread(work)


def test_the_package_of_jobs_is_not_loaded_by_the_client():
    """It needs an extra."""
    code = "import sys, tonicdm; print('procrastinate' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown == "False\n"
