"""Waits that end: at a deadline of the injected clock, or when the receiver closes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator

from tonicdm.clock import Clock
from tonicdm.webhooks.refusals import Refused


class Patience:
    """Ends blocks of code with a refusal when they take too long.

    Args:
        clock: Its time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._stops: set[Callable[[Refused], None]] = set()

    @contextlib.contextmanager
    def within(self, seconds: float, late: Refused, *, stoppable: bool = False) -> Generator[None]:
        """Run a block for at most *seconds*.

        Args:
            seconds: How long it may take.
            late: Raised in its place when it took longer.
            stoppable: Whether `stop` ends it, too.
        """
        task = asyncio.current_task()
        assert task is not None
        before, causes = task.cancelling(), list[Refused]()

        def stop(cause: Refused) -> None:
            if not causes:
                causes.append(cause)
                task.cancel()

        def rung(_alarm: asyncio.Future[None]) -> None:
            stop(late)

        alarm = asyncio.ensure_future(self._clock.sleep_until(self._clock.monotonic() + seconds))
        alarm.add_done_callback(rung)
        if stoppable:
            self._stops.add(stop)
        try:
            yield
        except asyncio.CancelledError:
            # As `asyncio.timeout` does it: a cancellation from outside, at the same moment, wins.
            if causes and task.uncancel() <= before:
                raise causes[0] from None
            raise
        finally:
            self._stops.discard(stop)
            alarm.remove_done_callback(rung)
            alarm.cancel()

    def stop(self, cause: Callable[[], Refused]) -> None:
        """End all stoppable blocks, each with a refusal of its own."""
        for stop in list(self._stops):
            stop(cause())
