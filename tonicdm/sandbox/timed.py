"""The time of a server."""

from __future__ import annotations

from tonicdm.clock import Clock, SystemClock
from tonicdm.sandbox.settings import ServerSettings


class Timed:
    """The base of servers whose time can be moved on, and be off.

    Args:
        clock: What it goes by; the machine's unless given.
        settings: Its settings, which say how far it is off.
    """

    def __init__(self, clock: Clock | None, settings: ServerSettings) -> None:
        self._clock: Clock = clock or SystemClock()
        self._server_settings = settings
        self._advanced = 0.0

    def now(self) -> float:
        """Return the server's time, Unix seconds: the clock, its skew, and what `advance` added."""
        return self._clock.now() + self._server_settings.skew_seconds + self._advanced

    def advance(self, seconds: float) -> None:
        """Move the server's time forward, apart from the clock.

        Raises:
            ValueError: *seconds* is negative.
        """
        if seconds < 0:
            raise ValueError(f"time moves forward only, not by {seconds} s")
        self._advanced += seconds
