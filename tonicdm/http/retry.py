"""Decide whether and when a call is sent again. No clock, no I/O."""

from __future__ import annotations

import enum
import math
from typing import Final, NamedTuple

import attrs

from tonicdm.errors import ConfigError
from tonicdm.values import Value

IDEMPOTENT: Final = frozenset({"GET", "DELETE"})
"""Methods whose repetition changes nothing more."""

NOT_SERVED: Final = frozenset({408, 425})
"""Statuses below 500 that say that the server did not get to serve the request (RFC 9110, 15.5.9; RFC 8470, 5.2)."""


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
    NOT_SERVED = "asked to try again"
    """An answer of 408 or 425."""


def outcome_of(status: int) -> Outcome | None:
    """Return what a *status* means for a retry; None where it is an answer to keep."""
    if status >= 500:
        return Outcome.SERVER_ERROR
    return Outcome.NOT_SERVED if status in NOT_SERVED else None


@attrs.frozen(eq=False, repr=False)
class RetryPolicy(Value):
    """How often and how soon a failed call goes again."""

    attempts: int = 3
    """Tries in all, the first included; a 429 is none."""
    base: float = 0.5
    """Seconds that the first pause lasts at most; each further one may be twice as long."""
    cap: float = 8.0
    """Seconds that a pause lasts at most, unless the server asks for a longer one."""
    floor: float = 0.25
    """Seconds that a pause lasts at least; `base` where that is less."""
    max_retry_after: float = 60.0
    """Seconds that a server may ask for by Retry-After; a longer pause is cut to this."""

    def __attrs_post_init__(self) -> None:
        if not isinstance(self.attempts, int) or isinstance(self.attempts, bool) or self.attempts < 1:
            raise ConfigError(f"a retry policy needs a whole number of attempts, at least 1, not {self.attempts!r}")
        for name in ("base", "cap", "floor", "max_retry_after"):
            value = getattr(self, name)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < math.inf:
                raise ConfigError(f"{name} of a retry policy must be a number of seconds, 0 or more, not {value!r}")


class Again(NamedTuple):
    """The call goes again after *pause* seconds."""

    pause: float


def decide(
    policy: RetryPolicy,
    method: str,
    outcome: Outcome,
    attempt: int,
    chance: float,
    asked: float | None = None,
) -> Again | None:
    """Say whether a call goes again.

    Args:
        policy: How often and how soon.
        method: The call's method; POST and PATCH go again only if they provably were not sent.
        outcome: How the attempt ended.
        attempt: Which attempt it was, from 1.
        chance: A random number of [0, 1): the pause is drawn from its whole range above the floor ("full jitter").
        asked: Seconds that the server asked for by Retry-After.

    Returns:
        None where the error stands.
    """
    if attempt >= policy.attempts or (outcome is not Outcome.NOT_SENT and method not in IDEMPOTENT):
        return None
    max_pause = min(policy.cap, policy.base * 2.0 ** min(attempt - 1, 60))
    min_pause = min(policy.floor, max_pause)
    pause = min_pause + chance * (max_pause - min_pause)
    return Again(pause if asked is None else max(pause, min(asked, policy.max_retry_after)))
