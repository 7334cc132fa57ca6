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


SET_TOLERANCE_SECONDS: Final = 2.0
"""Seconds by which a wall clock may move against our monotonic one between two readings without having been set."""
MAX_DRIFT: Final = 1e-3
"""Share of the time between two readings by which it may move beside that."""


class ClockWatch:
    """Notices that a wall clock was set which others may set: that of a database, by our monotonic clock.

    Threads may share one; that two of them notice the same does no harm. Whether it was set forward or our own clock
    stood still, as on a machine that was paused, can't be told apart: what follows from it must suit both.

    Args:
        monotonic: Seconds that never run backwards.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._last: tuple[float, float] | None = None
        self._set: list[tuple[float, float]] = []

    def read(self, shown: float) -> float:
        """Take in what the clock shows now; return the seconds by which it was set since the last reading, mostly 0.

        Args:
            shown: Unix time.
        """
        now = self._monotonic()
        read_at, ahead = self._last or (now, now - shown)
        self._last = now, now - shown
        moved = ahead - (now - shown)
        if abs(moved) <= SET_TOLERANCE_SECONDS + MAX_DRIFT * (now - read_at):
            return 0.0
        self._set = [*self._set[-MAX_SETTINGS:], (now, moved)]
        return moved

    def now(self) -> float | None:
        """Return what the clock shows now, as far as it was not set since it was read; None before that."""
        return None if self._last is None else self._monotonic() - self._last[1]

    def moved(self, seconds: float) -> float:
        """Return the seconds by which the clock was seen to be set within the last *seconds*; negative for back."""
        since = self._monotonic() - seconds
        return sum(moved for at, moved in self._set if at >= since)


MAX_SETTINGS: Final = 16
"""How many settings of a clock are remembered."""


def lease_end(until: float, now: float, seconds: float, moved: float) -> float:
    """Return when a lease ends, by a clock that may have been set since it was taken.

    One that lasts for longer than a lease was taken before the clock was set back: it would shut others out for as much
    longer. One that ended in the time that a clock skipped had not ended: its holder had no chance to renew it. Either
    lasts for one lease from now on, in which a living holder renews it. The new end is to be stored, or that would be
    put off again and again.

    Args:
        until: The end as it is stored, Unix time.
        now: The time by the clock.
        seconds: For how long leases are taken.
        moved: By how many seconds the clock was seen to be set lately; see `ClockWatch.moved`.
    """
    return now + seconds if until > now + seconds or now - moved < until <= now else until


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
