"""Events of calls, as values: what hooks are told."""

from __future__ import annotations

import attrs

from tonicdm.types import Priority, RateLimit
from tonicdm.values import Value


@attrs.frozen(kw_only=True, eq=False, repr=False)
class _AttemptEvent(Value):
    """What the events of an attempt have in common."""

    method: str
    path: str
    base_url: str = ""
    """Scheme, host and port of the server."""
    url_template: str = ""
    """The path as the reference has it, with names in place of IDs; empty where it is not known."""
    request_id: str = ""
    """What the call is named by in its request header and in errors; the same for all its attempts."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RequestEvent(_AttemptEvent):
    """A call passes the gate: its first byte is about to be sent."""

    cost: int
    """Units reserved."""
    priority: Priority
    attempt: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ResponseEvent(_AttemptEvent):
    """The head of an answer is there."""

    status: int
    cost: int
    """Units that were reserved."""
    observed_cost: int | None
    """Units that the server charged, where that can be told."""
    rate_limit: RateLimit | None
    attempt: int
    elapsed: float
    """Seconds since the call passed the gate."""
    priority: Priority = "normal"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class FailureEvent(_AttemptEvent):
    """An attempt ended without a whole answer."""

    error_type: str
    """Name of the error's class, such as ``ConnectError``."""
    status: int | None
    """The HTTP status, where the head of an answer came; None where it did not."""
    cost: int
    """Units that were reserved."""
    sent: bool
    """Whether the attempt had passed the gate, so that its units stay charged."""
    attempt: int
    elapsed: float
    """Seconds since the call passed the gate, or since it began to connect."""
    priority: Priority = "normal"


@attrs.frozen(kw_only=True, eq=False, repr=False)
class RetryEvent(Value):
    """A call goes again."""

    method: str
    path: str
    attempt: int
    """The attempt that failed."""
    reason: str
    pause: float
    """Seconds until the next attempt queues."""
    request_id: str = ""
    """What the call is named by in its request header and in errors; the same for all its attempts."""
    retry_after: float | None = None
    """Seconds that the server asked for by Retry-After; the pause may be shorter, see `RetryPolicy.max_retry_after`."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class BudgetMismatchEvent(Value):
    """The server charged other units than the call's data_quantity costs."""

    method: str
    path: str
    expected: int
    observed: int
    in_a_row: int


@attrs.frozen(kw_only=True, eq=False, repr=False)
class ForeignUsageEvent(Value):
    """Others spend the token's units: a program that shares no ledger with this one."""

    method: str
    """Of the call whose answer showed it."""
    path: str
    units: int
    """Units that they spent at least since the answer before."""
    in_window: int
    """Units that they spent at least in this window."""


@attrs.frozen(kw_only=True, eq=False, repr=False)
class WindowEvent(Value):
    """Answers agree that the server's windows last otherwise than was known."""

    method: str
    path: str
    seconds: float
    """How long a window is taken to last from now on."""
