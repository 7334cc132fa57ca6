"""Virtual time moves only when told, and wakes sleepers in order."""

from __future__ import annotations

import asyncio

import pytest

from tonicdm.clock import Clock, SystemClock, VirtualClock


async def test_sleepers_wake_in_order_and_never_early() -> None:
    clock = VirtualClock()
    woke: list[float] = []

    async def sleep(seconds: float) -> None:
        await clock.sleep_until(clock.monotonic() + seconds)
        woke.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2)]
    await asyncio.sleep(0)
    clock.advance(0.9)
    await asyncio.sleep(0)
    assert woke == []
    clock.advance(5)
    await asyncio.gather(*tasks)
    assert woke == [1, 2, 3]


async def test_a_cancelled_sleeper_is_no_deadline() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep_until(clock.monotonic() + 1))
    await asyncio.sleep(0)
    assert clock.next_deadline is not None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.next_deadline is None


def test_both_readings_move_together_until_the_wall_is_set() -> None:
    clock = VirtualClock(now=1e9)
    clock.advance(10)
    assert clock.now() == 1e9 + 10
    before = clock.monotonic()
    clock.step_wall(-600)
    assert (clock.now(), clock.monotonic()) == (1e9 - 590, before)
    with pytest.raises(ValueError, match="forward"):
        clock.advance(-1)


async def test_both_clocks_are_clocks() -> None:
    assert isinstance(VirtualClock(), Clock)
    assert isinstance(SystemClock(), Clock)
    await SystemClock().sleep_until(SystemClock().monotonic() - 1)
