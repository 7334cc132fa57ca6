"""Workers in virtual time: the queue's rules in memory, real syncs against a sandbox, and a clock that jumps."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import attrs

from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.jobs.kinds import Job
from tonicdm.jobs.opening import OpenTenants
from tonicdm.jobs.rules import PutBack
from tonicdm.jobs.tenants import Tenant
from tonicdm.jobs.work import Work
from tonicdm.store import Store


@attrs.define
class Waiting:
    """A job in the queue."""

    number: int
    job: Job
    due: float
    doing: bool = False


class VirtualQueue:
    """What the queue's statements do, by a virtual clock; `test_queue` compares the two.

    Args:
        clock: Time.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.jobs: dict[int, Waiting] = {}
        self._numbers = itertools.count(1)
        self.changed = asyncio.Event()
        self.ended: dict[str, float] = {}
        """When the last job of each tenant was done."""
        self.put_back: list[tuple[Job, float, float]] = []
        """What was put back, when, and until when."""

    async def put(self, job: Job, seconds: float = 0.0) -> bool:
        for other in self.jobs.values():
            if not other.doing and other.job.waiting_lock == job.waiting_lock:
                other.job = attrs.evolve(other.job, then=tuple(sorted({*other.job.then, *job.then})))
                return False
        number = next(self._numbers)
        self.jobs[number] = Waiting(number, job, self.clock.monotonic() + seconds)
        self.changed.set()
        return True

    def take(self) -> Waiting | None:
        """Take the next job that may run now: of those with one lock only the first, while none of them runs."""
        first: dict[str, Waiting] = {}
        for each in self.jobs.values():
            other = first.get(each.job.lock)
            if other is None or each.doing or (not other.doing and _order(each) < _order(other)):
                first[each.job.lock] = each
        now = self.clock.monotonic()
        ready = [each for each in first.values() if not each.doing and each.due <= now]
        if not ready:
            return None
        taken = min(ready, key=_order)
        taken.doing = True
        return taken

    async def end(self, each: Waiting, back: PutBack | None) -> None:
        del self.jobs[each.number]
        now = self.clock.monotonic()
        if back is None:
            self.ended[each.job.tenant] = now
        else:
            self.put_back.append((back.job, now, now + back.seconds))
            await self.put(back.job, back.seconds)
        self.changed.set()


def _order(each: Waiting) -> tuple[int, int]:
    return -each.job.kind.priority, each.number


class SleepyServer:
    """Stands for asyncio in the sandbox: its latency passes by the virtual clock, and is counted."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.asleep = 0

    async def sleep(self, seconds: float) -> None:
        self.asleep += 1
        try:
            await self._clock.sleep_until(self._clock.monotonic() + seconds)
        finally:
            self.asleep -= 1

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


class _Tenants(OpenTenants):
    """Clients whose lists come in small pages, so that a small world has work for several windows."""

    async def _enter(self, tenant: Tenant, stack: contextlib.AsyncExitStack) -> tuple[TonicDM, Store]:
        tonic, store = await super()._enter(tenant, stack)
        tonic.caller.facts.page_limit = PAGE_RECORDS
        return tonic, store


PAGE_RECORDS = 2


class VirtualWorkers:
    """Several workers on one queue, as processes would be: each has its own clients and copies.

    Args:
        clock: Time, also that of the server.
        server: Its latency.
        folder: Where the copies are.
        workers: How many there are.
        slots: Jobs at once in each.
    """

    def __init__(
        self, clock: VirtualClock, server: SleepyServer, folder: pathlib.Path, *, workers: int, slots: int
    ) -> None:
        self.clock, self.queue, self._server = clock, VirtualQueue(clock), server
        self._budgets: dict[str, UnitBudget] = {}
        self._tenants: dict[str, Tenant] = {}
        self._busy = 0
        self._works = [
            Work(
                _Tenants(
                    "",
                    clock=clock,
                    store=lambda tenant: Store(folder / f"{tenant.name}.db"),
                    budget=self._budget,
                ),
                self._find,
                self.queue.put,
            )
            for _ in range(workers)
        ]
        self._slots = slots

    async def add(self, tenant: Tenant, job: Job) -> None:
        """Submit a job of a tenant."""
        self._tenants[tenant.name] = tenant
        await self.queue.put(job)

    async def _find(self, name: str) -> Tenant:
        return self._tenants[name]

    @contextlib.asynccontextmanager
    async def _budget(self, key: str) -> AsyncIterator[UnitBudget]:
        """Return the budget of a token, which all workers share, as they do in a database."""
        if key not in self._budgets:
            self._budgets[key] = UnitBudget.memory(clock=self.clock, max_calls_per_second=None)
        yield self._budgets[key]

    async def run(self) -> None:
        """Work until no job is left."""
        async with asyncio.TaskGroup() as group:
            slots = [group.create_task(self._slot(work)) for work in self._works for _ in range(self._slots)]
            await self._drive(slots)
        for budget in self._budgets.values():
            await budget.close()

    async def _slot(self, work: Work) -> None:
        while self.queue.jobs:
            taken = self.queue.take()
            if taken is None:
                self.queue.changed.clear()
                await self.queue.changed.wait()
                continue
            self._busy += 1
            try:
                back = await work.do(taken.job, lambda: False)
            finally:
                self._busy -= 1
            await self.queue.end(taken, back)

    def _waiting(self) -> int:
        """Return how many calls wait for units."""
        if self._busy == self._server.asleep:
            return 0
        at_work = {id(budget): budget for work in self._works for budget in work.tenants.budgets().values()}
        return sum(calls for budget in at_work.values() for calls, _ in budget._queues.sums.values())

    async def _drive(self, slots: list[asyncio.Task[None]]) -> None:
        """Let time pass while each job at work waits for units or for the server."""
        idle = 0
        while not all(slot.done() for slot in slots):
            await asyncio.sleep(0)
            idle = idle + 1 if self._busy == self._waiting() + self._server.asleep else 0
            if idle < 4:
                if self._busy:
                    await asyncio.sleep(0.0002)
                continue
            idle = 0
            dues = [each.due for each in self.queue.jobs.values() if not each.doing]
            nexts = [*dues, *([self.clock.next_deadline] if self.clock.next_deadline is not None else [])]
            later = {moment for moment in nexts if moment > self.clock.monotonic()}
            if later:
                self.clock.advance(min(later) - self.clock.monotonic())
            if any(self.clock.monotonic() >= due for due in dues if due in later):
                self.queue.changed.set()
