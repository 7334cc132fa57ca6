"""Ways to stay inside a budget. Those of others imitate the rule; aiolimiter is the real library."""

import asyncio
from typing import Protocol

from aiolimiter import AsyncLimiter

from benchmarks.simulator.server import LIMIT, Server
from tests.unit.budget.virtualtime import LoopClock
from tonicdm.budget import Concurrency, UnitBudget
from tonicdm.budget.ledgers.memory import MemoryLedger
from tonicdm.budget.rules import BudgetRules
from tonicdm.types import Priority


class Policy(Protocol):
    """One process's way to make calls."""

    async def call(self, cost: int, lane: Priority) -> None:
        """Make one call, however long it takes; TimeoutError where its answer was lost."""


class SleepToReset:
    """Each call that meets a 429 sleeps to the Reset it was told (octokit, githubkit, dlt)."""

    def __init__(self, server: Server, clock: LoopClock) -> None:
        self.server, self.clock = server, clock

    async def call(self, cost: int, lane: Priority) -> None:  # noqa: ARG002 - it knows no lanes
        while True:
            await self.before(cost)
            status, headers = await self.server.call(cost)
            self.after(headers, cost)
            if status != 429:
                return
            await asyncio.sleep(max(0.0, float(headers["X-Rate-Limit-Reset"]) - self.clock.now()))

    async def before(self, cost: int) -> None: ...
    def after(self, headers: dict[str, str], cost: int) -> None: ...


class Limiter(SleepToReset):
    """AsyncLimiter(3600, 3600) before each call, and sleeping to the Reset after a 429."""

    def __init__(self, server: Server, clock: LoopClock) -> None:
        super().__init__(server, clock)
        self.limiter = AsyncLimiter(LIMIT, 3600)

    async def before(self, cost: int) -> None:
        await self.limiter.acquire(cost)


class LastWriteWins(SleepToReset):
    """The headers that arrived last are believed; a call is subtracted when it leaves (gidgethub's value)."""

    remaining, reset = LIMIT, 0.0

    async def before(self, cost: int) -> None:
        while self.remaining < cost and self.clock.now() < self.reset:
            await asyncio.sleep(max(0.05, self.reset - self.clock.now()))
        if self.clock.now() >= self.reset and self.remaining < cost:
            self.remaining = LIMIT
        self.remaining -= cost

    def after(self, headers: dict[str, str], cost: int) -> None:  # noqa: ARG002 - it forgets what is under way
        self.remaining = int(headers["X-Rate-Limit-Remaining"])
        self.reset = float(headers["X-Rate-Limit-Reset"])


class LeastOfBoth(LastWriteWins):
    """The least of the own count and the headers, released by the wall clock (airbyte, discord.py)."""

    under_way = 0

    async def before(self, cost: int) -> None:
        await super().before(cost)
        self.under_way += cost

    def after(self, headers: dict[str, str], cost: int) -> None:
        reset = float(headers["X-Rate-Limit-Reset"])
        self.under_way -= cost
        if reset > self.reset + 1800:
            self.remaining = LIMIT - self.under_way
        self.reset = max(self.reset, reset)
        self.remaining = min(self.remaining, int(headers["X-Rate-Limit-Remaining"]))


class SharedMemory(MemoryLedger):
    """Stands for a file: shared by the processes of a simulated host, which look once a second."""

    poll_seconds = 1.0


class Ours:
    """The budget of this package."""

    def __init__(
        self,
        server: Server,
        clock: LoopClock,
        ledger: MemoryLedger | None = None,
        rules: BudgetRules | None = None,
    ) -> None:
        self.server = server
        self.budget = UnitBudget(ledger, rules=rules, clock=clock, max_calls_per_second=20.0)
        self.budget._chance = server.rng.random
        self.bulk, self.interactive = Concurrency(40), Concurrency(40)

    async def call(self, cost: int, lane: Priority) -> None:
        slots = self.interactive if lane == "interactive" else self.bulk
        while True:
            async with self.budget.reserve(cost, priority=lane, slots=slots, timeout=30.0) as reservation:
                await reservation.sent()
                status, headers = await self.server.call(cost)
                await reservation.settle_from(headers, status)
            if status != 429:
                return
