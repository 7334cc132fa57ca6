"""Usage by others of the same token, measured from the responses to our own calls. No clock, no I/O."""

from __future__ import annotations

import math
from typing import Final

from tonicdm.budget.rules import BudgetRules
from tonicdm.values import State

MIN_MEASURED_SECONDS: Final = 60.0
"""Seconds over which a rate is measured at least: one early call of another user is not a rate yet."""


class ForeignUsage(State):
    """A lower bound of what others spent in this window, and the guard that follows from it.

    The server's ``used`` holds our settled calls, some of those under way, and everybody else's. What is more than
    all of ours together is surely theirs.
    """

    __slots__ = ("own", "rate", "seen_at", "since", "spent")

    def __init__(self) -> None:
        self.own: int = 0
        """Units of this window that are ours at most, calls under way left out."""
        self.spent: int = 0
        """Units that others spent at least in this window."""
        self.rate: float = 0.0
        """Units a second that they spent in earlier windows."""
        self.since: float = 0.0
        """Monotonic time at which the measuring of this window began."""
        self.seen_at: float = 0.0
        """Monotonic time at which the call was sent whose response reported the greatest ``used``."""

    def begin(self, monotonic: float) -> None:
        """Begin a new window; what others did in the last one is expected of them again."""
        measured = self.spent / max(MIN_MEASURED_SECONDS, monotonic - self.since)
        self.rate = max(measured, self.rate / 2)
        if self.rate < 1 / 3600:
            self.rate = 0.0
        self.own, self.spent, self.since, self.seen_at = 0, 0, monotonic, monotonic

    def measure(self, used: int, held: int) -> int:
        """Return the units that turn out to be others' when the server reports *used* and we hold *held*."""
        if self.own > used:
            self.own = used
        more = used - self.own - held - self.spent
        if more <= 0:
            return 0
        self.spent += more
        return more

    def pace(self, monotonic: float) -> float:
        """Return the units a second that others are taken to spend."""
        return max(self.rate, self.spent / max(MIN_MEASURED_SECONDS, monotonic - self.since))

    def guard(self, monotonic: float, rules: BudgetRules) -> int:
        """Return the units to leave for calls of others that no response has shown yet.

        They are taken to come at random, each at the highest price: the mean of the time since the last look, and
        three deviations more. Without any sign of others it is nothing.
        """
        if not (self.rate or self.spent):
            return 0
        pace = self.pace(monotonic)
        calls = pace * (max(0.0, monotonic - self.seen_at) + 1.0) / rules.max_call_cost
        return max(rules.max_call_cost, math.ceil(rules.max_call_cost * (calls + 3.0 * math.sqrt(calls))))
