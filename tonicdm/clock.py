"""Time as a parameter: every wait and every timestamp of the package goes through a `Clock`."""

from __future__ import annotations

import asyncio
import functools
import heapq
import itertools
import sys
import time
from collections.abc import Callable
from typing import Final, Protocol, runtime_checkable

MAX_SLEEP_SECONDS: Final = 10.0
"""Seconds after which a sleeper looks at the clock again: event loops do not count the time that a machine sleeps."""


@runtime_checkable
class Clock(Protocol):
    """What the package may ask about time."""

    def now(self) -> float:
        """Return the wall clock as Unix time in seconds (UTC)."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never run backwards, from an arbitrary start."""
        ...

    async def sleep_until(self, deadline: float) -> None:
        """Return once `monotonic` has reached *deadline*."""
        ...


def counts_suspension(clock: Clock) -> bool:
    """Tell whether *clock*'s monotonic reading goes on while the machine is suspended.

    Args:
        clock: May say so itself, by an attribute ``counts_suspension``; one that says nothing is taken at its word.
    """
    return bool(getattr(clock, "counts_suspension", True))


def _system_monotonic() -> tuple[Callable[[], float], bool]:
    """Choose the machine's monotonic clock, and say whether it counts the time that the machine is suspended."""
    # Linux has a clock of its own for this; macOS counts it in CLOCK_MONOTONIC, not in time.monotonic; Windows always.
    name = {"linux": "CLOCK_BOOTTIME", "darwin": "CLOCK_MONOTONIC"}.get(sys.platform, "")
    number = getattr(time, name, None)
    if number is not None:
        try:
            time.clock_gettime(number)
        except OSError:  # a sandbox or an old kernel does not let us
            return time.monotonic, False
        return functools.partial(time.clock_gettime, number), True
    return time.monotonic, sys.platform == "win32"


_MONOTONIC, _COUNTS_SUSPENSION = _system_monotonic()


class SystemClock:
    """The machine's own clocks."""

    counts_suspension: bool = _COUNTS_SUSPENSION
    """Whether `monotonic` goes on while the machine is suspended; it does on Linux, macOS and Windows."""

    def now(self) -> float:
        """Return `time.time`."""
        return time.time()

    def monotonic(self) -> float:
        """Return seconds since the machine's start, suspension included: on one host the same for all processes."""
        return _MONOTONIC()

    async def sleep_until(self, deadline: float) -> None:
        """Sleep on the event loop until *deadline*, at most some seconds longer if the machine was suspended."""
        # The loop may wake a timer up to its resolution early, so one sleep is not always enough.
        while (left := deadline - self.monotonic()) > 0:
            await asyncio.sleep(min(left, MAX_SLEEP_SECONDS))


class DatabaseClock:
    """Our monotonic clock, and the database's wall clock, so that all hosts see one.

    Args:
        base: The clock of this machine.
        wall: Returns the database's time, Unix seconds; None before it was read.
    """

    def __init__(self, base: Clock, wall: Callable[[], float | None]) -> None:
        self.base = base
        self.wall = wall

    @property
    def counts_suspension(self) -> bool:
        """Whether `monotonic` goes on while the machine is suspended."""
        return bool(getattr(self.base, "counts_suspension", True))

    def now(self) -> float:
        """Return the database's time; this machine's until it was read."""
        shared = self.wall()
        return self.base.now() if shared is None else shared

    def monotonic(self) -> float:
        """Return this machine's seconds."""
        return self.base.monotonic()

    async def sleep_until(self, deadline: float) -> None:
        """Return once `monotonic` has reached *deadline*."""
        await self.base.sleep_until(deadline)


class VirtualClock:
    """A clock that stands still until it is told to move.

    One instance is given to a client and to the sandbox it talks to; a test then moves both at once and waits
    for nothing. It belongs to one event loop.

    Args:
        now: The first wall-clock reading, Unix time in seconds.
    """

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self._now = now
        self._monotonic = 1000.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Return the virtual wall clock."""
        return self._now

    def monotonic(self) -> float:
        """Return the virtual monotonic clock."""
        return self._monotonic

    async def sleep_until(self, deadline: float) -> None:
        """Wait until somebody advances the clock to *deadline*."""
        if deadline <= self._monotonic:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (deadline, next(self._order), wake))
        await wake

    @property
    def next_deadline(self) -> float | None:
        """The monotonic time at which the next sleeper wants to wake, None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def advance(self, seconds: float) -> None:
        """Move both readings forward by *seconds* and wake whoever waited for less.

        Args:
            seconds: How far to move; never negative.

        Raises:
            ValueError: *seconds* is negative.
        """
        if seconds < 0:
            raise ValueError(f"a clock moves forward only, not by {seconds} s")
        self._now += seconds
        self._monotonic += seconds
        while (deadline := self.next_deadline) is not None and deadline <= self._monotonic:
            heapq.heappop(self._sleepers)[2].set_result(None)

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back by *seconds*, as an administrator would; nobody wakes."""
        self._now += seconds
