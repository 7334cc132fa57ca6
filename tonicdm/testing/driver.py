"""Move a virtual clock over every wait, so that hours of waiting pass in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from tonicdm.client import TonicDM
from tonicdm.clock import VirtualClock

T = TypeVar("T")

_QUIET: Final = 3
"""Turns in a row without a call under way after which nothing but the clock can be waited for."""


class Drive:
    """Awaits work while it moves the clock: ``await drive(work)``.

    Args:
        clock: The clock of client and sandbox.
        tonics: Clients on that clock; while one of them has a call under way, the clock stands still.
    """

    def __init__(self, clock: VirtualClock, *tonics: TonicDM) -> None:
        self._clock = clock
        self._tonics = tonics

    async def __call__(self, work: Awaitable[T], *tonics: TonicDM, max_seconds: float = 24 * 3600.0) -> T:
        """Return what *work* returns, moving the clock to the next deadline whenever nothing else is going on.

        Args:
            work: A coroutine, task or future.
            tonics: Further clients that take part.
            max_seconds: Seconds of virtual time that the work may take.

        Raises:
            TimeoutError: It waits for longer than *max_seconds*.
        """
        task = asyncio.ensure_future(work)
        clock, began, quiet = self._clock, self._clock.monotonic(), 0
        try:
            while not task.done():
                # A turn of real time, in which sockets and the sandbox get theirs.
                await asyncio.sleep(0.001)
                quiet = 0 if self._busy(tonics) else quiet + 1
                if quiet >= _QUIET and not task.done() and (deadline := clock.next_deadline) is not None:
                    if deadline - began > max_seconds:
                        raise TimeoutError(f"the work waits for more than {max_seconds:,.0f} s of virtual time")
                    clock.advance(max(0.0, deadline - clock.monotonic()))
                    quiet = 0
        finally:
            task.cancel()
        return await task

    def _busy(self, more: tuple[TonicDM, ...]) -> bool:
        return any(tonic.caller.transport.slots.taken for tonic in (*self._tonics, *more))
