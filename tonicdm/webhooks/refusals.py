"""Refusals of requests: the deadlines that end one, their counts, and how often a line is logged."""

from __future__ import annotations

import asyncio
import collections
import contextlib
from collections.abc import Callable, Generator
from typing import Final

import attrs

from tonicdm.clock import Clock

LOG_INTERVAL_SECONDS: Final = 60.0
"""Seconds between two lines about the same reason."""

MAX_PEERS: Final = 1000
"""Peers that are counted each; more are counted as that many."""


class Refused(Exception):  # noqa: N818 - a signal inside the receiver, answered and never seen outside
    """A request is not taken.

    Args:
        status: The HTTP status that says so.
        reason: For the sender and for the log; holds nothing that was sent.
        detail: Only for the log.
    """

    def __init__(self, status: int, reason: str, *, detail: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.size = 0
        """Bytes of the body, as far as it was read or declared."""


@attrs.define
class _Series:
    count: int = 0
    peers: set[str] = attrs.field(factory=set)
    logged: float | None = None


class Refusals:
    """Counts refusals by status, and says when one is worth a line."""

    def __init__(self) -> None:
        self.counts: collections.Counter[int] = collections.Counter()
        """Refusals so far by status."""
        self._series: dict[tuple[int, str], _Series] = {}

    def note(self, refused: Refused, *, peer: str, now: float) -> str | None:
        """Take in a refusal and return the line to log, if one is due.

        Args:
            refused: What was refused, and why.
            peer: Who sent it; counted, never logged.
            now: Seconds that do not run backwards.
        """
        self.counts[refused.status] += 1
        series = self._series.setdefault((refused.status, refused.reason), _Series())
        series.count += 1
        if len(series.peers) < MAX_PEERS:
            series.peers.add(peer)
        if series.logged is not None and now - series.logged < LOG_INTERVAL_SECONDS:
            return None
        line = f"refused with {refused.status}: {refused.reason} ({refused.size:,} bytes"
        if series.count > 1:
            peers = f"{len(series.peers):,}{'' if len(series.peers) < MAX_PEERS else ' or more'}"
            line += f"; {series.count:,} such from {peers} peers since the last line"
        line += f"; {refused.detail})" if refused.detail else ")"
        series.count, series.logged = 0, now
        series.peers.clear()
        return line


class Deadlines:
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
