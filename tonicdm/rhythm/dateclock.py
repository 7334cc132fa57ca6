"""Bounds of a server's time, by the Date headers of its responses."""

from __future__ import annotations

from typing import Final

from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.serverclock import ServerClock
from tonicdm.clock import Clock

_BUDGET_RULES: Final = BudgetRules()
"""The drift of local clocks is the same as for a budget."""

STALE_SECONDS: Final = 600.0
"""Seconds after which a reading is of another time if the machine slept since."""


class DateClock:
    """Bounds of a server's time.

    Args:
        clock: The local clocks; the wall clock may be wrong by any number of minutes.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen = ServerClock()

    def now(self) -> float:
        """Return the earliest that the server's clock can show, Unix seconds; by the local clock until it was heard."""
        instant = Instant(self._clock.monotonic(), self._clock.now())
        return instant.wall if self._seen.low is None else self._seen.lower(instant, _BUDGET_RULES)

    @property
    def is_known(self) -> bool:
        """Whether the server was heard."""
        return self._seen.low is not None

    @property
    def heard_at(self) -> float:
        """Monotonic time at which it was heard last; before all time where it never was."""
        return self._seen.at if self.is_known else float("-inf")

    def observe(self, date: float | None, sent_at: float, received_at: float) -> None:
        """Take in a Date.

        Args:
            date: Unix seconds; None is passed over.
            sent_at: Monotonic time before the call.
            received_at: Monotonic time at which its answer was there.
        """
        if date is None:
            return
        # What was heard before is of another time if the machine slept since; a Date is exact to a second.
        if self.is_known and received_at - self._seen.at > STALE_SECONDS:
            self._seen.forget()
        wall = self._clock.now() - (self._clock.monotonic() - received_at)
        self._seen.observe(date, sent_at, Instant(received_at, wall), _BUDGET_RULES)
