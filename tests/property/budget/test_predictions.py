"""What is said of a wait is what is waited for: notices, errors, forecasts and snapshots against the grants."""

import asyncio

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from tests.unit.budget.test_shell import Server
from tests.unit.budget.virtualtime import START, LoopClock, run
from tonicdm.budget import BudgetRules, Reason, UnitBudget
from tonicdm.errors import BudgetTimeoutError

RULES = BudgetRules(limit=60, window=600.0, reserve_tail=20.0)
TIMELESS = {Reason.FIRST_CALL, Reason.IN_FLIGHT, Reason.UNKNOWN, Reason.QUEUE, Reason.CONCURRENCY}
"""What depends on answers, so that no time can be named."""
LANE = st.sampled_from(["interactive", "normal", "bulk"])


async def call(budget, server, cost, *, headers=None, status=None, lane="interactive"):
    async with budget.reserve(cost, priority=lane) as reservation:
        await reservation.sent()
        await asyncio.sleep(0.1)
        served, reported = server.serve(cost)
        await reservation.settle_from(reported | (headers or {}), status or served)


async def situation(spent: list[int], refused: str, age: float, skew: float) -> tuple[UnitBudget, Server]:
    """Make a budget that has *spent* units, was perhaps refused, and is *age* seconds older; and its server."""
    server = Server(limit=60, length=600.0)
    budget = UnitBudget.memory(rules=RULES, clock=LoopClock(skew), max_calls_per_second=None)
    budget._chance = lambda: 0.5
    for cost in spent:
        if server.used + cost <= 60:
            await call(budget, server, cost)
    if refused:
        headers = {"X-Rate-Limit-Reset": "soon", "Retry-After": "40"} if refused == "later" else {}
        await call(budget, server, 1, headers=headers, status=429)
    await asyncio.sleep(age)
    return budget, server


@given(
    spent=st.lists(st.sampled_from([1, 5, 20]), min_size=1, max_size=12),
    refused=st.sampled_from(["", "", "reset", "later"]),
    age=st.one_of(st.floats(0, 2), st.floats(0, 700)),
    skew=st.floats(-100, 100),
    cost=st.sampled_from([1, 5, 20, 60]),
    lane=LANE,
)
@example(spent=[20, 20, 20], refused="", age=1.0, skew=0.0, cost=1, lane="normal")
@example(spent=[20, 20, 5, 5, 5], refused="", age=1.0, skew=0.0, cost=1, lane="bulk")
@settings(max_examples=100)
def test_a_call_that_waits_alone_is_granted_when_all_said_it_would(spent, refused, age, skew, cost, lane):
    """Nothing is under way, so nothing is left open: notice, forecast, snapshot and error name the very time."""

    async def main():
        budget, _ = await situation(spent, refused, age, skew)
        notices = []
        loop = asyncio.get_running_loop()
        forecast = budget.forecast(cost, priority=lane)
        began = loop.time()
        waiting = asyncio.create_task(
            budget.reserve(cost, priority=lane, on_wait=notices.append).__aenter__(),
        )
        for _ in range(5):
            await asyncio.sleep(0)
        seen = budget.snapshot()
        error = None
        if not waiting.done():
            try:
                await budget.reserve(cost, priority=lane, max_wait=0.0, job="another").__aenter__()
            except BudgetTimeoutError as raised:
                error = raised
        await waiting
        waited = loop.time() - began
        if not notices:
            assert waited == pytest.approx(0.0, abs=1e-3)
            assert forecast.done_in == pytest.approx(0.0, abs=1e-3)
            assert forecast.waits_for is None or cost > 1
            return
        assert waited > 0
        assert notices[0].wait == pytest.approx(waited, abs=0.01)
        assert seen.eta[lane] == pytest.approx(waited, abs=0.01)
        assert forecast.done_in == pytest.approx(waited, abs=0.01)
        assert notices[0].reason is seen.waits_for[lane]
        server_time = notices[0].until.timestamp()
        assert budget.server_time() == pytest.approx(server_time, abs=0.01)
        assert error is not None
        assert error.wait == pytest.approx(waited, abs=0.01) or notices[0].wait < 0.5
        if notices[0].wait > 1:
            assert error.reset_at == notices[0].until
        if seen.blocked_until is not None and notices[0].reason is Reason.BLOCKED:
            assert server_time >= seen.blocked_until.timestamp() - 0.01

    run(main())


@given(
    spent=st.lists(st.sampled_from([1, 5, 20]), min_size=1, max_size=12),
    flying=st.lists(st.sampled_from([1, 5, 20]), max_size=4),
    asked=st.lists(st.tuples(st.sampled_from([1, 5, 20]), LANE), min_size=1, max_size=8),
    refused=st.sampled_from(["", "", "reset", "later"]),
    age=st.floats(0, 700),
)
@settings(max_examples=75)
def test_what_is_said_of_a_queue_is_a_lower_bound_and_never_now_without_a_reason(spent, flying, asked, refused, age):
    """With calls under way nobody knows the time: then it is at least what was said, and the reason is named."""

    async def main():
        budget, server = await situation(spent, refused, age, 0.0)
        notices, loop = {}, asyncio.get_running_loop()
        under_way = [asyncio.create_task(call(budget, server, cost)) for cost in flying]
        await asyncio.sleep(0)
        began, granted = loop.time(), {}

        async def wait(index, cost, lane):
            on_wait = lambda notice: notices.setdefault(index, notice)  # noqa: E731
            async with budget.reserve(cost, priority=lane, on_wait=on_wait) as reservation:
                granted[index] = loop.time() - began
                await reservation.sent()
                await asyncio.sleep(0.1)
                status, headers = server.serve(cost)
                await reservation.settle_from(headers, status)

        waiting = [asyncio.create_task(wait(index, *each)) for index, each in enumerate(asked)]
        for _ in range(10):
            await asyncio.sleep(0)
        seen = budget.snapshot()
        for lane, (calls, _) in seen.waiting.items():
            assert (seen.waits_for[lane] is not None) == bool(calls)
            assert not calls or seen.eta[lane] > 0 or seen.waits_for[lane] in TIMELESS
        forecast = budget.forecast(1)
        assert forecast.start_in == 0 or forecast.waits_for is not None
        assert forecast.start_in > 0 or forecast.waits_for in TIMELESS | {None}
        await asyncio.wait([*under_way, *waiting], timeout=10_000)
        for task in [*under_way, *waiting]:
            task.cancel()
        for index, notice in notices.items():
            if index in granted:
                # An answer under way may tell the server's clock better, by a second at most.
                assert granted[index] >= notice.wait - 1.0
                assert notice.wait > 0 or notice.reason in TIMELESS
            assert notice.until.timestamp() >= START - 100

    run(main())
