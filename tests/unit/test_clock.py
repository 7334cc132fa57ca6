"""Virtual time moves only when told, and wakes sleepers in order."""

from __future__ import annotations

import asyncio
import sys
import time

import pytest

from tonicdm import clock as clock_module
from tonicdm.budget.rules import Instant
from tonicdm.clock import Clock, ClockWatch, SystemClock, VirtualClock, lease_end


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
    async with asyncio.timeout(60):
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


class Monotonic:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("seconds", [-3600.0, -3.0, 3.0, 3600.0])
def test_a_wall_clock_that_is_set_is_noticed_once_and_remembered_for_a_while(seconds):
    own = Monotonic()
    watch = ClockWatch(own)
    assert watch.now() is None
    assert watch.read(1e9) == 0.0, "the first look has nothing to compare with"
    own.now += 10
    assert watch.read(1e9 + 10.4) == 0.0, "a reading is late by the network's delay"
    own.now += 10
    assert watch.read(1e9 + 20.4 + seconds) == pytest.approx(seconds)
    own.now += 60
    assert watch.read(1e9 + 80.4 + seconds) == 0.0
    assert watch.now() == pytest.approx(1e9 + 80.4 + seconds)
    assert watch.moved(61.0) == pytest.approx(seconds)
    assert watch.moved(59.0) == 0.0


def test_a_clock_that_drifts_was_not_set():
    own = Monotonic()
    watch = ClockWatch(own)
    for day in range(3):
        own.now = 86_400.0 * day
        assert watch.read(1e9 + 86_400.0 * day * (1 + 5e-4)) == 0.0


@pytest.mark.parametrize(
    ("until", "moved", "end"),
    [
        pytest.param(1_030.0, 0.0, 1_030.0, id="holds"),
        pytest.param(990.0, 0.0, 990.0, id="ended"),
        pytest.param(990.0, 3600.0, 1_060.0, id="ended while the clock jumped"),
        pytest.param(-5_000.0, 3600.0, -5_000.0, id="ended before the clock jumped"),
        pytest.param(4_630.0, -3600.0, 1_060.0, id="the clock was set back"),
        pytest.param(4_630.0, 0.0, 1_060.0, id="the clock was set back before anybody looked"),
        pytest.param(990.0, -3600.0, 990.0, id="ended, and the clock was set back before that"),
    ],
)
def test_a_lease_ends_at_its_time_or_one_lease_after_the_clock_was_set(until, moved, end):
    """However often the clock is set, the new end is stored, so a dead holder's lease ends."""
    assert lease_end(until, 1_000.0, 60.0, moved) == end
    assert lease_end(end, 1_061.0, 60.0, 0.0) <= 1_061.0
