"""Decide what becomes of a job that could not go on. No clock, no I/O."""

from __future__ import annotations

import datetime
from typing import Final

import attrs

from tonicdm.errors import (
    BudgetTimeoutError,
    LedgerUnavailableError,
    ServerError,
    StoreError,
    TonicDMError,
    TransportError,
)

MAX_FAILURES: Final = 5
"""Failures in a row after which a job is given up; it stays in the list until it is retried or purged."""
MIN_RETRY_SECONDS: Final = 30.0
MAX_RETRY_SECONDS: Final = 3600.0
BUSY_SECONDS: Final = 30.0
"""After which a job looks again whether another one has let go of the tenant's store."""
SLICE_SECONDS: Final = 60.0
"""Seconds after which a job that could go on lets other tenants go first."""


@attrs.frozen
class PutBack:
    """A job goes back into its queue."""

    at: datetime.datetime
    """Not before this time."""
    failures: int
    """Failures in a row that it has then."""
    reason: str


def put_back(error: TonicDMError, failures: int, now: datetime.datetime) -> PutBack | None:
    """Decide when a job is tried again that ended with *error*; None where it is given up.

    A wait for the window is no failure: the job comes back when the units do. Every step before it is stored.

    Args:
        error: Why it ended.
        failures: How often it had failed in a row.
        now: UTC.
    """
    if isinstance(error, BudgetTimeoutError):
        seconds = max(1.0, error.wait or MIN_RETRY_SECONDS)
        return PutBack(now + datetime.timedelta(seconds=seconds), 0, "waits for its window")
    transient = isinstance(error, (TransportError, ServerError, LedgerUnavailableError, StoreError))
    if not transient or failures + 1 >= MAX_FAILURES:
        return None
    seconds = min(MAX_RETRY_SECONDS, MIN_RETRY_SECONDS * 4.0**failures)
    return PutBack(now + datetime.timedelta(seconds=seconds), failures + 1, f"failed: {type(error).__name__}")
