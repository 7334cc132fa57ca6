"""Decide what becomes of a job that could not go on. No clock, no I/O."""

from __future__ import annotations

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
from tonicdm.jobs.kinds import Job
from tonicdm.rhythm.errors import MintRefusedError, QueryTimeoutError
from tonicdm.webhooks.worker import describe_error

MAX_FAILURES: Final = 5
"""Failures in a row after which a job is given up; it stays in the list until it is retried or purged."""
MIN_RETRY_SECONDS: Final = 30.0
MAX_RETRY_SECONDS: Final = 3600.0
SLICE_SECONDS: Final = 60.0
"""Seconds after which a job that could go on lets other tenants go first."""


@attrs.frozen
class PutBack:
    """A job goes back into its queue."""

    job: Job
    """As it waits."""
    seconds: float = 0.0
    """For how long at least."""


def put_back(error: TonicDMError, job: Job) -> PutBack | None:
    """Decide when a job is tried again that ended with *error*; None where it is given up.

    A wait for the window is no failure: the job comes back when the units do. Every step before it is stored.

    Args:
        error: Why it ended.
        job: As it was.
    """
    if isinstance(error, BudgetTimeoutError):
        # One that is paused, or cooling down for long, is looked at again now and then; that costs nothing.
        seconds = min(MAX_RETRY_SECONDS, max(1.0, error.wait or MIN_RETRY_SECONDS))
        return PutBack(attrs.evolve(job, failures=0, reason="waits for its window"), seconds)
    if isinstance(error, MintRefusedError):
        return PutBack(attrs.evolve(job, failures=0, reason="waits for a machine token"), MAX_RETRY_SECONDS)
    if isinstance(error, QueryTimeoutError):
        return PutBack(attrs.evolve(job, failures=0, reason="its query goes on"), MIN_RETRY_SECONDS)
    transient = isinstance(error, (TransportError, ServerError, LedgerUnavailableError, StoreError))
    if not transient or job.failures + 1 >= MAX_FAILURES:
        return None
    seconds = min(MAX_RETRY_SECONDS, MIN_RETRY_SECONDS * 4.0**job.failures)
    return PutBack(attrs.evolve(job, failures=job.failures + 1, reason=f"failed: {describe_error(error)}"), seconds)
