"""Whether a call goes again, as a pure decision."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Final

import attrs

from tonicdm.budget.reservation import server_date
from tonicdm.errors import ConfigError

IDEMPOTENT: Final = frozenset({"GET", "DELETE"})
"""Methods whose repetition changes nothing more."""


class Outcome(enum.StrEnum):
    """How an attempt ended, as far as a retry is concerned."""

    NOT_SENT = "not sent"
    """Surely no byte reached the server."""
    CUT = "connection cut"
    """The connection broke after the request may have been read."""
    TIMED_OUT = "timed out"
    """No answer came in time."""
    SERVER_ERROR = "server error"
    """An answer of 5xx."""


@attrs.frozen
class RetryPolicy:
    """How often and how soon a failed call goes again."""

    attempts: int = 3
    """Tries in all, the first included; a 429 is none."""
    base: float = 0.5
    """Seconds that the first pause lasts at most."""
    cap: float = 8.0
    """Seconds that any pause lasts at most."""

    def __attrs_post_init__(self) -> None:
        if self.attempts < 1 or self.base < 0 or self.cap < 0:
            raise ConfigError("a retry policy needs at least one attempt and no negative pauses")


@attrs.frozen
class Again:
    """The call goes again after *pause* seconds."""

    pause: float


def decide(policy: RetryPolicy, method: str, outcome: Outcome, attempt: int, chance: float) -> Again | None:
    """Say whether a call goes again.

    Args:
        policy: How often and how soon.
        method: The call's method; POST and PATCH go again only if they provably were not sent.
        outcome: How the attempt ended.
        attempt: Which attempt it was, from 1.
        chance: A random number of [0, 1): the pause is drawn from its whole range ("full jitter").

    Returns:
        None where the error stands.
    """
    if attempt >= policy.attempts or (outcome is not Outcome.NOT_SENT and method not in IDEMPOTENT):
        return None
    return Again(chance * min(policy.cap, policy.base * 2.0 ** (attempt - 1)))


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that Retry-After names, never negative; None where it is absent or unreadable.

    Args:
        headers: Of the answer. A date is measured from the answer's own Date, which shares the server's clock.
        now: Unix time here, for answers without a Date.
    """
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError):
        return None
    said = server_date(headers)
    return max(0.0, moment - (now if said is None else said))
