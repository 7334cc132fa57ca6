"""Many calls: bounded, in order, nothing lost, nothing left behind."""

from __future__ import annotations

import asyncio
import gc
import warnings

import pytest

from tonicdm import BulkError, ConfigError
from tonicdm.bulk import as_completed, gather


async def test_results_come_in_order_and_no_more_than_the_limit_run_at_once() -> None:
    running = most = 0

    async def one(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(20 - number % 20):
            await asyncio.sleep(0)
        running -= 1
        return number

    assert await gather((one(number) for number in range(200)), limit=7) == list(range(200))
    assert most == 7


async def test_a_failure_stops_nobody_and_both_are_kept() -> None:
    async def one(number: int) -> int:
        if number % 3 == 0:
            raise ValueError(number)
        return number

    with pytest.raises(BulkError) as caught:
        await gather([one(number) for number in range(10)])
    assert caught.value.done == {number: number for number in range(10) if number % 3}
    assert sorted(caught.value.failed) == [0, 3, 6, 9]


async def test_results_can_be_taken_as_they_come() -> None:
    gates = [asyncio.Event() for _ in range(3)]

    async def one(number: int) -> int:
        await gates[number].wait()
        return number

    gates[2].set()
    seen = []
    async for index, result in as_completed(one(number) for number in range(3)):
        seen.append((index, result))
        if len(seen) < 3:
            gates[2 - len(seen)].set()
    assert seen == [(2, 2), (1, 1), (0, 0)]


async def test_failures_are_raised_behind_the_last_result_where_results_are_taken_as_they_come() -> None:
    async def one(number: int) -> int:
        if number % 3 == 0:
            raise ValueError(number)
        return number

    seen: list[int] = []

    async def take() -> None:
        async for index, _ in as_completed(one(number) for number in range(10)):
            seen.append(index)

    with pytest.raises(BulkError) as caught:
        await take()
    assert sorted(seen) == sorted(caught.value.done) == [1, 2, 4, 5, 7, 8]
    assert sorted(caught.value.failed) == [0, 3, 6, 9]


async def test_cancellation_leaves_no_task_and_no_unawaited_coroutine() -> None:
    cancelled: list[int] = []

    async def one(number: int) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        task = asyncio.create_task(gather([one(number) for number in range(10)], limit=4))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        gc.collect()
    assert sorted(cancelled) == [0, 1, 2, 3]
    assert len(asyncio.all_tasks()) == 1


async def test_leaving_early_cancels_the_rest() -> None:
    async def one(number: int) -> int:
        if number:
            await asyncio.Event().wait()
        return number

    outcomes = as_completed(one(number) for number in range(5))
    async for _ in outcomes:
        break
    await outcomes.aclose()
    assert len(asyncio.all_tasks()) == 1


async def test_a_limit_below_one_is_refused() -> None:
    with pytest.raises(ConfigError):
        await gather([], limit=0)
    assert await gather([]) == []
