"""Bounds of the server's clock, from the Date headers of its responses."""

from __future__ import annotations

from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.values import State


class ServerClock(State):
    """Bounds of the server's time, on the local monotonic clock.

    A Date header is cut to whole seconds and was written between the sending of its call and the receipt of its
    response. So each response bounds the offset between the server's clock and ours; the bounds intersect, and widen
    again by the drift of the local clock. The wall clock serves only until the first Date.
    """

    __slots__ = ("at", "high", "low", "wall")

    def __init__(self, low: float | None = None, high: float | None = None, at: float = 0.0, wall: float = 0.0) -> None:
        self.low: float | None = low
        """Least possible value of server time minus monotonic time, at `at`."""
        self.high: float | None = high
        """Greatest possible value of the same."""
        self.at: float = at
        """Monotonic time at which the bounds held."""
        self.wall: float = wall
        """Wall time minus monotonic time, then. If it has grown, the machine may have slept, and the server not."""

    def lower(self, now: Instant, rules: BudgetRules) -> float:
        """Return the earliest that the server's clock can show, Unix seconds."""
        if self.low is None:
            return now.wall - rules.clock_margin
        elapsed = now.monotonic - self.at
        return now.monotonic + self.low - (rules.drift * elapsed if elapsed > 0.0 else 0.0)

    def upper(self, now: Instant, rules: BudgetRules) -> float:
        """Return the latest that the server's clock can show, Unix seconds."""
        if self.high is None:
            return now.wall + rules.clock_margin
        elapsed = now.monotonic - self.at
        return now.monotonic + self.high + self.slept(now) + (rules.drift * elapsed if elapsed > 0.0 else 0.0)

    def slept(self, now: Instant) -> float:
        """Return the seconds by which the wall clock ran ahead of the monotonic one: time asleep, or it was set."""
        ahead = now.wall - now.monotonic - self.wall
        return 0.0 if self.low is None or ahead < 0.0 else ahead

    def observe(self, date: float, sent_at: float, received: Instant, rules: BudgetRules) -> float:
        """Take in the Date of a response.

        Args:
            date: The header as Unix time in whole seconds.
            sent_at: Monotonic time at which the call was sent.
            received: The time at which its response was there.
            rules: The budget's settings.

        Returns:
            Seconds by which the server's clock was set, as far as that is no time that the machine slept; mostly 0.
        """
        received_at = received.monotonic
        # The local clock drifts during the call too.
        took = received_at - sent_at
        slip = rules.drift * took if took > 0.0 else 0.0
        low, high = date - received_at - slip, date + 1.0 - sent_at + slip
        observed, was_set = (low, high), 0.0
        if self.low is not None and self.high is not None:
            elapsed = received_at - self.at
            widened = rules.drift * elapsed if elapsed > 0.0 else 0.0
            least, greatest = self.low - widened, self.high + widened
            low, high = low if low > least else least, high if high < greatest else greatest
            if low > high:  # the server's clock was set: what it says now counts
                low, high = observed
                was_set = low - least
                if not received.counts_suspension and was_set > 0:
                    was_set = max(0.0, was_set - self.slept(received))
        self.low, self.high, self.at, self.wall = low, high, received_at, received.wall - received_at
        return was_set

    def forget(self) -> None:
        """Drop the bounds: a response disproved them, or the machine was restarted."""
        self.low = self.high = None
