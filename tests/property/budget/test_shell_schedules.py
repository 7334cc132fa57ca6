"""The same rules through the asyncio shell, in virtual time: any schedule of calls, latencies, losses and deaths."""

import asyncio
import contextlib
import copy
import dataclasses
import random

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.unit.budget.test_shell import Awaited, Server
from tests.unit.budget.virtualtime import LoopClock, run
from tonicdm.budget import BudgetRules, Concurrency, UnitBudget
from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.ledgers.memory import MemoryLedger

RULES = BudgetRules(limit=60, window=600.0, reserve_tail=20.0, settle_time=30.0)


class SharedMemory(MemoryLedger):
    """Stands for a file: its processes look once a second what others changed."""

    poll_seconds = 1.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """One call: what is asked, how long it travels, and what goes wrong."""

    process: int
    start: float
    cost: int
    lane: str
    outbound: float
    inbound: float
    outcome: str
    """ok, cancelled (after `max_wait` seconds), lost (the answer), stripped (of its headers) or failed (to connect)."""
    max_wait: float


SECONDS = st.floats(0.0, 10.0)
PLANS = st.builds(
    Plan,
    process=st.integers(0, 1),
    start=st.one_of(st.floats(0.0, 5.0), st.floats(0.0, 1500.0), st.floats(560.0, 640.0)),
    cost=st.sampled_from([1, 5, 20]),
    lane=st.sampled_from(["interactive", "normal", "bulk"]),
    outbound=SECONDS,
    inbound=SECONDS,
    outcome=st.sampled_from(["ok"] * 6 + ["cancelled", "cancelled", "lost", "stripped", "failed"]),
    max_wait=st.floats(0.0, 700.0),
)


async def carry_out(plan: Plan, budget: UnitBudget, server: Server, slots: Concurrency) -> None:
    await asyncio.sleep(plan.start)
    async with budget.reserve(plan.cost, priority=plan.lane, slots=slots, timeout=30.0) as reservation:
        await reservation.sent()
        if plan.outcome == "failed":
            await reservation.refund()
            return
        # The server processes what was sent even when its caller is gone meanwhile.
        served = asyncio.create_task(travel(plan, server))
        status, headers = await asyncio.shield(served)
        await asyncio.sleep(plan.inbound)
        if plan.outcome == "lost":
            return
        await reservation.settle_from({} if plan.outcome == "stripped" else headers, status)


async def travel(plan: Plan, server: Server):
    await asyncio.sleep(plan.outbound)
    return server.serve(plan.cost)


@given(plans=st.lists(PLANS, min_size=1, max_size=40), skew=st.floats(-3600, 3600), seed=st.integers(0, 9))
@settings(max_examples=150)
def test_any_schedule_of_a_sole_user_sees_no_429_and_loses_no_unit(plans, skew, seed):
    """I1, I3, I7 and I13 through the shell: two processes, one ledger, wrong wall clocks."""

    async def main():
        server, ledger = Server(limit=60, length=600.0), SharedMemory(RULES)
        budgets = [UnitBudget(ledger, rules=RULES, clock=LoopClock(skew), max_calls_per_second=None) for _ in range(2)]
        for budget in budgets:
            budget._chance = random.Random(seed).random
        slots = [Concurrency(6), Concurrency(6)]
        # The first answer tells the server's clock; without it a wrong local one may release too early.
        await carry_out(Plan(0, 0.0, 1, "normal", 0.1, 0.1, "ok", 0.0), budgets[0], server, slots[0])
        tasks = [
            asyncio.create_task(carry_out(plan, budgets[plan.process], server, slots[plan.process])) for plan in plans
        ]
        for plan, task in zip(plans, tasks, strict=True):
            if plan.outcome == "cancelled":
                asyncio.get_running_loop().call_later(plan.start + plan.max_wait, task.cancel)
        await asyncio.wait(tasks, timeout=40_000)
        assert all(task.done() for task in tasks), "I8, I9: everybody is served in the end"
        for plan, task in zip(plans, tasks, strict=True):
            assert task.cancelled() or task.exception() is None, plan
            assert not task.cancelled() or plan.outcome == "cancelled"
        assert all(status == 200 for _, _, status in server.log), "I1"
        window = ledger.window
        assert window.held == window.unknown, "I3: nothing is reserved by nobody"
        assert [each.taken for each in slots] == [0, 0]
        assert all(calls == 0 for budget in budgets for calls, _ in budget.snapshot().waiting.values())
        await asyncio.sleep(45)
        await carry_out(Plan(0, 0.0, 1, "interactive", 0.1, 0.1, "ok", 0.0), budgets[0], server, slots[0])
        assert window.held == 0, "I3"
        assert window.used == server.used, "I3"
        for budget in budgets:
            with contextlib.suppress(TimeoutError):
                await budget.close()

    run(main())


class FailingMemory(Awaited):
    """Stands for a file on a bad disk: now and then a step can't be stored, before it was taken or after."""

    poll_seconds = 1.0

    def __init__(self, rules: BudgetRules, seed: int, share: float) -> None:
        super().__init__(rules)
        self.chance = random.Random(seed)
        self.share = share

    async def run(self, step, undo=None):
        await asyncio.sleep(0)
        before = copy.deepcopy(self.window)
        if self.chance.random() < self.share / 2:
            raise LedgerBusyError("locked")
        try:
            result = step(self.window)
        except BaseException:
            self.window = before
            raise
        if self.chance.random() < self.share / 2:
            self.window = before
            raise LedgerBusyError("disk full")
        return result


@given(plans=st.lists(PLANS, min_size=1, max_size=15), seed=st.integers(0, 99), share=st.sampled_from([0.1, 0.3, 0.6]))
@settings(max_examples=60)
def test_steps_that_can_not_be_stored_cost_no_429_no_unit_and_no_answer(plans, seed, share):
    """Every schedule ends as on a good disk, a little later: what became of each call is stored in the end."""

    async def main():
        server, ledger = Server(limit=60, length=600.0), FailingMemory(RULES, seed, 0.0)
        budget = UnitBudget(ledger, rules=RULES, clock=LoopClock(), max_calls_per_second=None, ledger_timeout=600.0)
        slots = Concurrency(6)
        await carry_out(Plan(0, 0.0, 1, "normal", 0.1, 0.1, "ok", 0.0), budget, server, slots)
        ledger.share = share
        tasks = [asyncio.create_task(carry_out(plan, budget, server, slots)) for plan in plans]
        for plan, task in zip(plans, tasks, strict=True):
            if plan.outcome == "cancelled":
                asyncio.get_running_loop().call_later(plan.start + plan.max_wait, task.cancel)
        await asyncio.wait(tasks, timeout=40_000)
        for plan, task in zip(plans, tasks, strict=True):
            assert task.done(), plan
            assert task.cancelled() or task.exception() is None, (plan, task)
        assert all(status == 200 for _, _, status in server.log), "I1"
        assert slots.taken == 0
        ledger.share = 0.0
        await asyncio.sleep(120)
        await carry_out(Plan(0, 0.0, 1, "interactive", 0.1, 0.1, "ok", 0.0), budget, server, slots)
        assert ledger.window.held == 0, "I3"
        assert ledger.window.used == server.used, "I3"

    run(main())


@given(plans=st.lists(PLANS, min_size=2, max_size=25), cancel=st.integers(0, 24))
@settings(max_examples=75)
def test_a_waiter_that_leaves_makes_nobody_of_its_lane_wait_longer(plans, cancel):
    """I7 in time: without one of the waiting calls, those of the same kind behind it are served no later."""
    plans = [dataclasses.replace(plan, process=0, lane="normal", outcome="ok", start=1.0, cost=5) for plan in plans]
    cancel %= len(plans)

    def times(leaving: int | None) -> dict[int, float]:
        async def main():
            server, seen = Server(limit=60, length=600.0), {}
            budget = UnitBudget.memory(rules=RULES, clock=LoopClock(), max_calls_per_second=None)
            slots = Concurrency(2)
            await carry_out(Plan(0, 0.0, 1, "normal", 0.1, 0.1, "ok", 0.0), budget, server, slots)

            async def one(index, plan):
                async with budget.reserve(plan.cost, slots=slots) as reservation:
                    seen[index] = asyncio.get_running_loop().time()
                    await reservation.sent()
                    await asyncio.sleep(0.5)
                    status, headers = server.serve(plan.cost)
                    await reservation.settle_from(headers, status)

            tasks = [asyncio.create_task(one(index, plan)) for index, plan in enumerate(plans)]
            await asyncio.sleep(0)
            if leaving is not None and leaving not in seen:
                tasks[leaving].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return seen

        return run(main())

    everybody, without = times(None), times(cancel)
    for index in range(len(plans)):
        if index != cancel:
            assert without[index] <= everybody[index] + 1e-3
