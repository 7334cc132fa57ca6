"""Windows, 429s and other users of the token, on the virtual clock."""

from __future__ import annotations

import asyncio
import math
import random

import pytest

from tonicdm import BudgetTimeoutError, RateLimitedError, TonicDM, UnitBudget
from tonicdm.bulk import gather
from tonicdm.clock import VirtualClock
from tonicdm.http.hooks import Hooks, WindowEvent
from tonicdm.sandbox import Sandbox

from .conftest import drive


async def test_a_thousand_mixed_calls_meet_no_429_and_use_the_fewest_windows(make, box: Sandbox, clock) -> None:
    """1,000 concurrent calls of 1, 5 and 20 units in windows of 1,200: every result right, at most one window more."""
    box.settings.limit = 1200
    box.settings.latency_seconds = (0.0, 0.004)
    tonic: TonicDM = make(max_concurrency=64)
    offices = [record["id"] for record in box.world.records("offices") if record["status"] == "active"]
    chance = random.Random(7)
    costs = chance.choices((1, 5, 20), (5, 3, 2), k=1000)

    async def one(cost: int) -> bool:
        if cost == 1:
            found = await tonic.offices.list(data_quantity="id_only", page_size=1, filter_ids=[offices[0]]).first()
            return found is not None and found.id == offices[0]
        wanted = chance.choice(offices)
        quantity = "basic" if cost == 5 else "complete"
        return (await tonic.offices.get(wanted, data_quantity=quantity)).id == wanted

    results = await drive(clock, gather((one(cost) for cost in costs), limit=1000), tonic)
    assert all(results)
    assert [call.status for call in box.journal.calls() if call.status != 200] == []
    windows = {call.reset for call in box.journal.calls()}
    assert len(windows) <= math.ceil(box.units() / 1200) + 1


async def test_after_a_429_nothing_is_sent_before_the_named_reset(make, box: Sandbox, clock: VirtualClock) -> None:
    """Another user empties the window: our first call is told 429, all others stay silent, then work resumes."""
    tonic: TonicDM = make()
    await tonic.offices.list(data_quantity="id_only").first()
    box.spend(3600)
    results = await drive(clock, gather([tonic.offices.list().first() for _ in range(50)], limit=50), tonic)
    assert all(results)
    refused = [call for call in box.journal.calls() if call.status == 429]
    named = max(call.reset for call in refused)
    later = [call for call in box.journal.calls() if call.at > max(one.at for one in refused)]
    assert len(refused) <= tonic.caller.transport.slots.limit
    assert later and all(call.at >= named and call.status == 200 for call in later)


async def test_max_wait_raises_at_once_and_names_the_reset(make, box: Sandbox, clock: VirtualClock) -> None:
    tonic: TonicDM = make(max_wait=60)
    await tonic.offices.list(data_quantity="id_only").first()
    box.spend(3600)
    with pytest.raises(RateLimitedError) as limited:
        await tonic.offices.list().first()
    sent = len(box.journal.calls())
    assert limited.value.reset_at is not None
    assert limited.value.reset_at.timestamp() == box.window().reset
    assert limited.value.status == 429
    with pytest.raises(BudgetTimeoutError) as refused:
        await tonic.offices.list().first()
    assert refused.value.reset_at is not None and refused.value.wait is not None and refused.value.wait > 60
    assert len(box.journal.calls()) == sent, "something was sent while blocked"


async def test_a_restart_stays_silent_until_the_reset(make, box: Sandbox, clock: VirtualClock, tmp_path) -> None:
    """With the ledger in a file, a new client knows of the 429 that an earlier one was told."""
    path = tmp_path / "budget.db"

    def budget() -> UnitBudget:
        return UnitBudget.shared(path, key="k", clock=clock, max_calls_per_second=None)

    first: TonicDM = make(max_wait=1, budget=budget())
    await first.offices.list(data_quantity="id_only").first()
    box.spend(3600)
    with pytest.raises(RateLimitedError):
        await first.offices.list().first()
    await first.close()
    sent = len(box.journal.calls())
    second: TonicDM = make(max_wait=1, budget=budget())
    with pytest.raises(BudgetTimeoutError):
        await second.offices.list().first()
    assert len(box.journal.calls()) == sent


async def test_a_cancelled_wait_leaves_nothing_and_moves_nobody_back(make, box: Sandbox, clock: VirtualClock) -> None:
    tonic: TonicDM = make(budget=UnitBudget.memory(clock=clock, max_calls_per_second=None))
    await tonic.offices.list(data_quantity="id_only").first()
    box.spend(3590)
    await tonic.offices.list(data_quantity="id_only").first()
    waiting = [asyncio.create_task(tonic.offices.list(data_quantity="complete").first()) for _ in range(5)]
    while tonic.budget.snapshot().waiting["normal"][0] < 5:
        await asyncio.sleep(0.001)
    for task in waiting[:4]:
        task.cancel()
    await asyncio.gather(*waiting[:4], return_exceptions=True)
    assert tonic.budget.snapshot().waiting["normal"] == (1, 20)
    assert await drive(clock, waiting[4], tonic) is not None


async def test_the_hooks_see_the_wait_the_call_and_its_answer(make, box: Sandbox, clock: VirtualClock) -> None:
    from tonicdm import Hooks

    seen: list[str] = []
    hooks = Hooks(
        on_request=lambda event: seen.append(f"request {event.cost}"),
        on_response=lambda event: seen.append(f"response {event.status}"),
        on_wait=lambda notice: seen.append(f"wait {notice.reason}"),
        on_retry=lambda event: seen.append(f"retry {event.reason}"),
    )
    tonic: TonicDM = make(hooks=hooks)
    box.faults.next("server_error")
    await drive(clock, tonic.offices.list(data_quantity="id_only").first(), tonic)
    box.spend(3600)
    await drive(clock, tonic.offices.list().first(), tonic)
    assert seen[:4] == ["request 1", "response 500", "retry server error", "request 1"]
    assert "response 429" in seen and "wait blocked" in seen and seen[-1] == "response 200"


@pytest.mark.realtime
async def test_three_second_windows_in_real_time() -> None:
    """On the machine's own clocks: 120 units in windows of 30 units and 3 s, no 429, at most one window more."""
    from tonicdm.sandbox import SandboxSettings

    settings = SandboxSettings(limit=60, window_seconds=3.0)
    async with Sandbox(records=1000, seed=3, settings=settings) as box:
        from tonicdm.budget import BudgetRules

        rules = BudgetRules(limit=60, window=3.0, reset_tolerance=1.0)
        budget = UnitBudget.memory(rules=rules, max_calls_per_second=None)
        async with TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
            found = await gather([tonic.offices.list().first() for _ in range(30)], limit=30)
        await budget.close()
    assert all(found)
    assert {call.status for call in box.journal.calls()} == {200}
    assert len({call.reset for call in box.journal.calls()}) <= math.ceil(box.units() / 60) + 2


async def test_the_length_of_a_servers_windows_is_learned_and_told(make, box: Sandbox, clock) -> None:
    """Windows of twenty hours: three answers over a minute agree, then a hook is told."""
    box.settings.window_seconds = 72_000.0
    told: list[WindowEvent] = []
    tonic: TonicDM = make(hooks=Hooks(on_window=told.append))
    for _ in range(4):
        await tonic.me.get()
        clock.advance(31)
    assert [event.seconds for event in told] == [pytest.approx(72_000, abs=2)]
    assert tonic.budget.snapshot().reset_at.timestamp() == box.journal[-1].reset
