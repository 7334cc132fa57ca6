"""What each kind of job does, and how it ends; on copies in files, as the engine makes no difference here."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time

import attrs
import pytest

from tonicdm import UnitBudget
from tonicdm.errors import AuthenticationError, ConfigError
from tonicdm.jobs import Kind, RhythmAccess, Tenant
from tonicdm.jobs.kinds import Job
from tonicdm.jobs.opening import OpenTenants
from tonicdm.jobs.work import Work
from tonicdm.sandbox import Sandbox
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize
from tonicdm.webhooks import Handlers, Inbox, parse


@pytest.fixture
async def box(monkeypatch):
    async with Sandbox(records=600, seed=5) as box:
        monkeypatch.setenv("FIRM_TOKEN", box.token)
        yield box


@attrs.define
class Desk:
    """A worker's work on one tenant, and the jobs that it puts into the queue."""

    tenant: Tenant
    work: Work
    tenants: OpenTenants
    put: list[Job]

    async def do(self, kind, what="", *, stopping=lambda: False, **more):
        """Do a job and what comes of it, in order; return how the first one ended."""
        back = await self.work.do(Job(kind=kind, tenant="firm", what=what, **more), stopping)
        while self.put and back is None:
            assert await self.work.do(self.put.pop(0), stopping) is None
        return back

    def copy(self):
        return self.tenants.store(self.tenant)


@pytest.fixture
async def desk(box, tmp_path):
    budget = UnitBudget.memory(max_calls_per_second=None)

    @contextlib.asynccontextmanager
    async def shared(_key):
        yield budget

    tenant = Tenant(name="firm", token="env:FIRM_TOKEN", base_url=box.url, types=("offices", "projects", "team"))
    put: list[Job] = []
    tenants = OpenTenants("", store=lambda _tenant: Store(tmp_path / "firm.db"), budget=shared)

    async def find(_name):
        return desk.tenant

    async def keep(job):
        put.append(job)

    handlers = Handlers()
    desk = Desk(tenant, Work(tenants, find, keep, handlers=handlers), tenants, put)
    yield desk
    await budget.close()


# --- syncs ------------------------------------------------------------------------------------------------------------


async def test_the_jobs_of_a_sync_cost_what_one_run_costs_and_end_with_the_same_copy(desk, box, tmp_path):
    """One look at whose records they are, each page once; the teams behind the projects that they are listed by."""
    await desk.do(Kind.SYNC)
    spent = box.units()
    box.journal.clear()
    async with desk.tenants.use(desk.tenant) as (tonic, _), Store(tmp_path / "other.db") as other:
        await synchronize(tonic, other, choose(list(desk.tenant.types)))
        sql = "SELECT type, id, raw FROM record ORDER BY type, id"
        async with desk.copy() as copy:
            assert await copy.query(sql) == await other.query(sql)
    assert spent == sum(entry.units for entry in box.journal)


async def test_a_plan_puts_types_side_by_side_and_those_that_wait_behind_theirs(desk):
    assert await desk.work.do(Job(kind=Kind.SYNC, tenant="firm"), lambda: False) is None
    assert [(job.what, job.then) for job in desk.put] == [("offices", ()), ("projects", ("team",))]
    assert len({job.checked for job in desk.put} - {""}) == 1
    projects = desk.put.pop()
    desk.put.clear()
    assert await desk.work.do(projects, lambda: False) is None
    assert [(job.what, job.then, job.checked) for job in desk.put] == [("team", (), projects.checked)]


async def test_a_job_that_was_planned_for_another_token_is_planned_anew_with_what_waits_for_it(desk, box):
    """So that another firm's records are looked at before anything is written: nothing is sent by the job itself."""
    back = await desk.do(Kind.SYNC, "projects", then=("team",), checked="another")
    assert back is not None
    assert (back.job.is_plan, back.job.what, back.job.then) == (True, "projects,team", ())
    assert not list(box.journal)


async def test_a_job_ends_behind_its_stored_step_when_the_worker_ends(desk, box):
    await desk.work.do(Job(kind=Kind.SYNC, tenant="firm", what="persons"), lambda: False)
    (job,) = desk.put
    asked = iter([False] * 2)
    async with desk.tenants.use(desk.tenant) as (tonic, _):
        tonic.caller.facts.page_limit = 10
        back = await desk.work.do(job, lambda: next(asked, True))
    assert back is not None and back.seconds == 0.0 and back.job.failures == 0
    async with desk.copy() as copy:
        assert (await copy.state("persons")).checkpoint is not None
        ((stored,),) = await copy.query("SELECT count(*) FROM record WHERE type = 'persons'")
    pages = [entry.records for entry in box.journal.calls(path="/core/persons", status=200)]
    assert stored == sum(pages) > 0


async def test_jobs_that_read_ahead_make_the_same_calls_and_lose_none_where_they_make_way(desk, box):
    """Each job ends behind its first step, with a page under way that was paid for."""

    async def sync() -> None:
        desk.put.clear()
        await desk.work.do(Job(kind=Kind.SYNC, tenant="firm", what="persons"), lambda: False)
        (job,) = desk.put
        while job is not None:
            async with desk.tenants.use(desk.tenant) as (tonic, _):
                tonic.caller.facts.page_limit = 60
                back = await desk.work.do(job, lambda: True)
            job = None if back is None else back.job

    async def made():
        async with desk.copy() as copy:
            records = await copy.query("SELECT id, raw FROM record WHERE type = 'persons' ORDER BY id")
        calls = [(entry.path, sorted(entry.options.items())) for entry in box.journal]
        return records, [(path, [item for item in given if item[0] != "updated_after"]) for path, given in calls]

    await sync()
    expected = await made()
    async with desk.copy() as copy:
        for table in ("record", "watermark", "history", "checkpoint", "scan", "capability"):
            await copy.write(lambda db, table=table: db.execute(f"DELETE FROM {table}"))
    desk.work._read_ahead = True
    box.journal.clear()
    await sync()
    found = await made()
    assert found[0] == expected[0]
    assert found[1] == [call for call in expected[1] if call in found[1]]
    assert len(found[1]) <= len(expected[1])


async def test_a_refused_token_gives_the_job_up(desk, monkeypatch):
    monkeypatch.setenv("FIRM_TOKEN", "wrong")
    with pytest.raises(AuthenticationError):
        await desk.do(Kind.SYNC)


# --- webhooks and gaps ------------------------------------------------------------------------------------------------


def event(number, record_id, at):
    body = {"id": f"e{number}", "type": "offices.updated", "data": [{"id": record_id}]}
    return parse(json.dumps(body).encode(), {}, signed=False, received=at)


async def test_events_in_the_inbox_are_fetched_and_handlers_called(desk, box):
    heard = []

    @desk.work._handlers.on("offices.*")
    async def note(delivery):
        heard.append(delivery.id)

    ids = list(box.world.ids("offices")[:3])
    async with desk.copy() as copy:
        await Inbox(copy).receive([event(number, one, time.time()) for number, one in enumerate(ids)])
    assert await desk.do(Kind.WEBHOOKS) is None
    assert sorted(heard) == sorted(ids)
    async with desk.copy() as copy:
        assert (await copy.counts())["offices"] == 3
    sent = len(box.journal)
    assert await desk.do(Kind.WEBHOOKS) is None
    assert len(box.journal) == sent, "an empty inbox costs nothing"


async def test_events_that_lack_units_wait_for_the_window_and_no_worker_waits_with_them(desk, box):
    box.settings.limit = 21
    await desk.do(Kind.SYNC, "offices")
    async with desk.tenants.use(desk.tenant) as (tonic, _):
        while tonic.budget.snapshot().remaining >= 5:
            await tonic.offices.get(box.world.ids("offices")[0])
    async with desk.copy() as copy:
        await Inbox(copy).receive([event(1, box.world.ids("offices")[0], time.time())])
    back = await desk.do(Kind.WEBHOOKS)
    assert back is not None
    assert back.job.reason == "waits for its window" and back.seconds > 60
    assert not box.journal.calls(status=429)


async def test_a_gap_repair_finds_what_no_event_named(desk, box):
    await desk.do(Kind.GAP_REPAIR, "offices")
    box.world.update("offices", box.world.ids("offices")[0], name="changed in silence")
    await desk.do(Kind.GAP_REPAIR, "offices")
    async with desk.copy() as copy:
        found = await copy.query("SELECT type, changed, recent FROM gap ORDER BY number")
    assert found == [("offices", 0, 0), ("offices", 1, 1)]


# --- Rhythm and exports -----------------------------------------------------------------------------------------------


async def test_a_sync_of_rhythms_goes_into_the_same_copy(desk, tmp_path, monkeypatch):
    monkeypatch.setenv("RHYTHM_TOKENS", str(tmp_path / "tokens"))
    instant = RhythmSettings(query_queued_seconds=0, query_seconds=0)
    async with RhythmSandbox(records=50, settings=instant) as rhythm:
        monkeypatch.setenv("RHYTHM_SECRET_OF_FIRM", rhythm.client_secret)
        access = RhythmAccess(
            tenant_id=rhythm.tenant_id,
            client_id=rhythm.client_id,
            secret="env:RHYTHM_SECRET_OF_FIRM",
            auth_domain=rhythm.auth_url,
            base_url=rhythm.service_url,
        )
        desk.tenant = attrs.evolve(desk.tenant, rhythm=access)
        assert await desk.do(Kind.RHYTHM_SYNC, "organizations") is None
        async with desk.copy() as copy:
            assert (await copy.counts())["rhythm_organizations"] > 0


async def test_a_tenant_without_access_to_rhythm_is_refused(desk):
    with pytest.raises(ConfigError, match="no access to Rhythm"):
        await desk.do(Kind.RHYTHM_SYNC, "contacts")


async def test_an_export_is_brought_up_to_date(desk, tmp_path):
    await desk.do(Kind.SYNC, "offices")
    assert await desk.do(Kind.EXPORT, f"csv:{tmp_path / 'csv'}") is None
    assert list((tmp_path / "csv").rglob("offices*"))


# --- open tenants -----------------------------------------------------------------------------------------------------


async def test_jobs_of_one_tenant_share_its_client_and_its_copy_until_the_last_one_ends(desk):
    ready, go = asyncio.Barrier(4), asyncio.Event()

    async def use():
        async with desk.tenants.use(desk.tenant) as both:
            await ready.wait()
            await go.wait()
            return both

    jobs = [asyncio.create_task(use()) for _ in range(3)]
    await ready.wait()
    assert list(desk.tenants.budgets()) == ["firm"]
    go.set()
    first, *others = await asyncio.gather(*jobs)
    assert all(other == first for other in others)
    assert not desk.tenants.budgets()
    async with desk.tenants.use(desk.tenant) as again:
        assert again[0] is not first[0]


async def test_a_tenant_that_cannot_be_opened_can_be_opened_later(desk, monkeypatch):
    token = desk.tenant.token.open().reveal()
    monkeypatch.delenv("FIRM_TOKEN")
    with pytest.raises(ConfigError, match="FIRM_TOKEN"):
        async with desk.tenants.use(desk.tenant):
            pass
    monkeypatch.setenv("FIRM_TOKEN", token)
    async with desk.tenants.use(desk.tenant) as (tonic, _):
        assert await tonic.me.get()
