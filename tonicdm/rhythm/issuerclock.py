"""What time it is for the issuer, whatever the local clock says."""

from __future__ import annotations

import logging
from typing import Final

from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.serverclock import ServerClock
from tonicdm.clock import Clock
from tonicdm.http.plain import Plain, PlainAnswer
from tonicdm.rhythm.issuer import Issuer, read_date

logger: Final = logging.getLogger("tonicdm")

_DRIFT: Final = BudgetRules()
"""The drift of local clocks is the same as for a budget."""

FRESH: Final = 600.0
"""Seconds for which a reading is good enough to mint by: a local clock drifts, and a machine may sleep."""

LONGEST_CALL: Final = 120.0
"""Seconds before its answer at which a call whose sending was not noted has surely been sent."""


class IssuerClock:
    """Bounds of the issuer's time from Date headers, of the token endpoint's answers and of the API's.

    Args:
        issuer: Asked for its Date where none was heard.
        http: Sends that question, which costs no token.
        clock: The local clocks; the wall clock may be wrong by any number of minutes.
    """

    def __init__(self, issuer: Issuer, http: Plain, clock: Clock) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._seen = ServerClock()
        self._asked_at = float("-inf")

    def now(self) -> float:
        """Return the earliest that the issuer's clock can show, Unix seconds; by the local clock until it was heard."""
        instant = Instant(self._clock.monotonic(), self._clock.now())
        return instant.wall if self._seen.low is None else self._seen.lower(instant, _DRIFT)

    @property
    def is_fresh(self) -> bool:
        """Whether the issuer was heard a short time ago, or would not tell."""
        heard = self._asked_at if self._seen.low is None else max(self._asked_at, self._seen.at)
        return self._clock.monotonic() - heard < FRESH

    def observe(self, date: float | None, sent_at: float, received_at: float) -> None:
        """Take in a Date.

        Args:
            date: Unix seconds; None is passed over.
            sent_at: Monotonic time before the call.
            received_at: Monotonic time at which its answer was there.
        """
        if date is not None:
            # What was heard before is of another time if the machine slept since; a Date is exact to a second.
            if self._seen.low is not None and received_at - self._seen.at > FRESH:
                self._seen.forget()
            wall = self._clock.now() - (self._clock.monotonic() - received_at)
            self._seen.observe(date, sent_at, Instant(received_at, wall), _DRIFT)

    def heard(self, answer: PlainAnswer) -> None:
        """Take in the Date of an answer of the issuer."""
        self.observe(read_date(answer.headers), answer.sent_at, answer.received_at)

    async def ask(self, timeout: float) -> None:
        """Ask the issuer for its Date.

        Raises:
            TransportError: It does not answer.
        """
        self.heard(await self._http.get(self._issuer.date_url, timeout=timeout))
        self._asked_at = self._clock.monotonic()
        if self._seen.low is None:
            logger.warning("%s sends no Date: the local clock decides when its tokens expire", self._issuer.name)
