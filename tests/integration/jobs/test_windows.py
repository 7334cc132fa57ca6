"""Many tenants on few workers, in virtual time: no window is wasted, none overdrawn, and nobody is left behind."""

from __future__ import annotations

import pathlib
import statistics

import attrs
import pytest

from tests.integration.jobs.virtual import SleepyServer, VirtualWorkers
from tonicdm.clock import VirtualClock
from tonicdm.jobs import Kind, Tenant
from tonicdm.jobs.kinds import Job
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.store import Store

TYPES = ("offices", "persons", "brands")
PAGE_UNITS = 5


@attrs.frozen(kw_only=True)
class Setting:
    """Who works for whom."""

    tenants: int
    workers: int
    slots: int
    limit: int = 60
    """Units in so many seconds."""
    records: int = 600
    types: tuple[str, ...] = TYPES


@attrs.frozen
class Outcome:
    box: Sandbox
    workers: VirtualWorkers
    tokens: list[str]

    def windows(self, token: str) -> list[int]:
        """Return the units of each window of a token, the last one left out: the work ends within it."""
        by_reset: dict[float, int] = {}
        for entry in self.box.journal.calls(token=token):
            by_reset[entry.reset] = by_reset.get(entry.reset, 0) + entry.units
        return [by_reset[reset] for reset in sorted(by_reset)][:-1]

    def check(self, least: float) -> None:
        """Compare with what is promised; *least* is the share of a window that is used while there is work."""
        assert not self.box.journal.calls(status=429)
        windows = [self.windows(token) for token in self.tokens]
        assert all(len(several) >= 2 for several in windows), "else there was no work for several windows"
        limit = self.box.settings.limit
        used = [units for several in windows for units in several]
        assert min(used) >= least * limit
        ends = self.workers.queue.ended.values()
        assert max(ends) - START <= 2 * (statistics.median(ends) - START)


START = VirtualClock().monotonic()


async def work_off(setting: Setting, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """Load the copies of some tenants, each with a token and a window of its own."""
    clock = VirtualClock()
    server = SleepyServer(clock)
    monkeypatch.setattr("tonicdm.sandbox.server.asyncio", server)
    tokens = [f"token-{number}" for number in range(setting.tenants)]
    settings = SandboxSettings(
        tokens=tokens, limit=setting.limit, window_seconds=float(setting.limit), latency_seconds=(0.1, 0.3)
    )
    async with Sandbox(records=setting.records, settings=settings, clock=clock) as box:
        workers = VirtualWorkers(clock, server, folder, workers=setting.workers, slots=setting.slots)
        for number, token in enumerate(tokens):
            monkeypatch.setenv(f"TOKEN_{number}", token)
            tenant = Tenant(name=f"firm-{number}", token=f"env:TOKEN_{number}", base_url=box.url, types=setting.types)
            await workers.add(tenant, Job(kind=Kind.SYNC, tenant=tenant.name))
        await workers.run()
        for number in range(setting.tenants):
            async with Store(folder / f"firm-{number}.db") as store:
                held = dict(await store.query("SELECT type, count(*) FROM record GROUP BY type"))
                assert held == {name: box.world.count(name) for name in setting.types}
    return Outcome(box, workers, tokens)


async def test_a_tenant_that_waits_for_its_window_makes_way_and_no_window_is_wasted(tmp_path, monkeypatch):
    """With one slot for three tenants: nobody holds it while it waits, and each is back when its window begins.

    What is left of a window is less than a page costs; all are done at about the same time.
    """
    outcome = await work_off(Setting(tenants=3, workers=1, slots=1), tmp_path, monkeypatch)
    outcome.check(least=1 - (PAGE_UNITS - 1) / 60)
    put_back = [each for each in outcome.workers.queue.put_back if each[0].reason == "waits for its window"]
    assert {job.tenant for job, _, _ in put_back} == {"firm-0", "firm-1", "firm-2"}
    for job, at, until in put_back:
        token = outcome.tokens[int(job.tenant.removeprefix("firm-"))]
        now = VirtualClock().now() + until - START
        assert min(abs(now - entry.reset) for entry in outcome.box.journal.calls(token=token)) <= 5.0
        assert at < until


async def test_a_window_is_used_to_the_last_page_by_the_types_of_one_tenant_side_by_side(tmp_path, monkeypatch):
    """They cost what one machine needs: each page once, and one look at whose records they are."""
    outcome = await work_off(Setting(tenants=1, workers=2, slots=2), tmp_path, monkeypatch)
    outcome.check(least=1 - (PAGE_UNITS - 1) / 60)
    calls = [(entry.path, tuple(sorted(entry.options.items()))) for entry in outcome.box.journal]
    assert len(calls) == len(set(calls)), "no call is made twice"
    assert [path for path, _ in calls].count("/core/organizations/me") == 1


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("setting", "least"),
    [
        (Setting(tenants=200, workers=3, slots=16, types=("offices", "persons")), 1 - (PAGE_UNITS - 1) / 60),
        (Setting(tenants=12, workers=3, slots=4, limit=500, records=2500), 0.99),
    ],
    ids=["200 tenants", "larger windows"],
)
async def test_many_tenants_on_three_workers(setting, least, tmp_path, monkeypatch):
    """A window of 60 units can be missed by 4, which pay for no page; one of 500 is used by 99 % and more."""
    (await work_off(setting, tmp_path, monkeypatch)).check(least)
