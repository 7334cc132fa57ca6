"""The pacer behind the ledger. It spreads the sends; it is not the budget."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

MAX_BURST: Final = 10
"""Calls that may leave at once."""


class Pacer:
    """Lets through at most so many calls a second, after a burst.

    Args:
        calls_per_second: The rate; None switches it off.
        burst: Calls that may leave at once.
    """

    def __init__(self, calls_per_second: float | None, burst: int = MAX_BURST) -> None:
        self.calls_per_second = calls_per_second
        self._burst = burst
        self._limiter: AsyncLimiter | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def pace(self) -> None:
        """Return when the next call may leave."""
        if self.calls_per_second is None:
            return
        loop = asyncio.get_running_loop()
        if self._limiter is None or self._loop is not loop:  # a limiter belongs to one loop
            from aiolimiter import AsyncLimiter

            # Its bucket leaks max_rate in each time_period, and max_rate is also what it lets through at once.
            self._limiter, self._loop = AsyncLimiter(self._burst, self._burst / self.calls_per_second), loop
        await self._limiter.acquire()
