"""What time it is for the issuer, whatever the local clock and the API's say."""

from __future__ import annotations

import logging
from typing import Final

from tonicdm.clock import Clock
from tonicdm.http.plain import Plain, PlainResponse
from tonicdm.rhythm.dateclock import STALE, DateClock
from tonicdm.rhythm.issuer import Issuer, read_date

logger: Final = logging.getLogger("tonicdm")

FRESH: Final = STALE
"""Seconds for which a reading is good enough to mint by: a local clock drifts, and a machine may sleep."""

ASK_AGAIN: Final = 60.0
"""Seconds after which a reading is worth another question where an API refuses a token that should live."""


class IssuerClock:
    """Bounds of the issuer's time from the Date headers of its own answers, of nobody else's.

    Args:
        issuer: Asked for its Date where none was heard.
        clock: The local clocks; the wall clock may be wrong by any number of minutes.
    """

    def __init__(self, issuer: Issuer, clock: Clock) -> None:
        self._issuer = issuer
        self._clock = clock
        self._dates = DateClock(clock)
        self._asked_at = float("-inf")
        self._lost = False

    def now(self) -> float:
        """Return the earliest that the issuer's clock can show, Unix seconds; by the local clock until it was heard."""
        return self._dates.now()

    @property
    def is_fresh(self) -> bool:
        """Whether the issuer was heard a short time ago, or would not tell."""
        return not self._lost and self._age < FRESH

    @property
    def may_be_wrong(self) -> bool:
        """Whether it is worth a question, after an API's answer that contradicts it: not more than once a minute."""
        return self._lost or self._age >= ASK_AGAIN

    @property
    def _age(self) -> float:
        return self._clock.monotonic() - max(self._asked_at, self._dates.heard_at)

    def heard(self, answer: PlainResponse) -> None:
        """Take in the Date of an answer of the issuer."""
        self._lost = False
        self._dates.observe(read_date(answer.headers), answer.sent_at, answer.received_at)

    def lost(self) -> None:
        """Note that the issuer did not answer: it must be heard again before a token is asked for."""
        self._lost = True

    async def ask(self, http: Plain, timeout: float) -> None:
        """Ask the issuer for its Date, which costs no token.

        Args:
            http: Sends the question.
            timeout: Seconds that the issuer may take.

        Raises:
            TransportError: It does not answer.
        """
        self.heard(await http.get(self._issuer.date_url, timeout=timeout))
        self._asked_at = self._clock.monotonic()
        if not self._dates.is_known:
            logger.warning("%s sends no Date: the local clock decides when its tokens expire", self._issuer.name)
