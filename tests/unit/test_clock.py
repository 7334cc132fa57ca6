"""Virtual time moves only when told, and wakes sleepers in order."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from tonicdm import clock as clock_module
from tonicdm.budget.rules import Instant
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


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="a clock of Linux")
def test_the_time_that_a_machine_is_suspended_counts() -> None:
    assert SystemClock.counts_suspension
    assert SystemClock().monotonic() == pytest.approx(time.clock_gettime(time.CLOCK_BOOTTIME), abs=1.0)


async def test_a_sleeper_notices_that_the_machine_was_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Event loops count time on a clock that stands still meanwhile, so an hour's sleep would end hours late."""
    suspended = 0.0
    monkeypatch.setattr(clock_module, "_MONOTONIC", lambda: time.monotonic() + suspended)
    monkeypatch.setattr(clock_module, "MAX_SLEEP_SECONDS", 0.01)
    sleeper = asyncio.create_task(SystemClock().sleep_until(SystemClock().monotonic() + 3600))
    await asyncio.sleep(0.02)
    assert not sleeper.done()
    suspended = 8 * 3600.0
    async with asyncio.timeout(5):
        await sleeper


@pytest.mark.parametrize("refused", [AttributeError, OSError])
def test_without_such_a_clock_the_plain_one_serves_and_says_so(monkeypatch: pytest.MonkeyPatch, refused) -> None:
    """Who reads it learns that the wall clock alone tells of a suspension."""

    def refuse(number: int) -> float:
        raise OSError(22, "no such clock")

    if refused is OSError:
        monkeypatch.setattr(time, "clock_gettime", refuse, raising=False)
    else:
        monkeypatch.setattr(sys, "platform", "plan9")
    found, counts = clock_module._system_monotonic()
    assert (found, counts) == (time.monotonic, False)

    class Plain(VirtualClock):
        counts_suspension = counts

    assert not Instant.read(Plain()).counts_suspension
    assert Instant.read(VirtualClock()).counts_suspension, "a clock that says nothing is taken at its word"
