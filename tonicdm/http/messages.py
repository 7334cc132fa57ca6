"""The request of a call with what it may spend, and the response to it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

import attrs

from tonicdm.budget import Share
from tonicdm.errors import TonicDMError
from tonicdm.http.headers import Headers
from tonicdm.http.retry import RetryPolicy
from tonicdm.http.wire import Request
from tonicdm.types import Priority, RateLimit
from tonicdm.values import State

UNITS_STAY_CHARGED: Final = "Its units stay charged until a later call shows whether it counted."


@attrs.define(kw_only=True, eq=False, repr=False)  # each call makes one, and a frozen one takes twice the time
class OutgoingRequest(State):
    """A request, and how it may spend. Nothing changes it."""

    request: Request
    base_url: str
    """Scheme, host and port."""
    cost: int
    """Units that it costs at most."""
    expected: int | None = None
    """Units that it costs surely, where the documents say; only then can a mismatch be told."""
    priority: Priority = "normal"
    max_wait: float | None = None
    """Seconds that it may wait for units in all; None for as long as it takes."""
    timeout: float = 30.0
    """Seconds that one attempt may take."""
    job: Hashable = None
    share: Share | None = None
    """What its job may take of a window; None where it may take all."""
    on_sent: Callable[[], None] | None = None
    """Told each time that an attempt passes the gate."""
    shown_path: str = ""
    """The path as logs and errors show it, where the true one holds something personal."""
    template: str = ""
    """The path as the reference has it, with names in place of IDs; empty where it is not known."""
    max_429s: int | None = None
    """429s that are waited out before the call fails; None for as many as come."""
    if_lost: str = UNITS_STAY_CHARGED
    """What an error says of a call that may have arrived and was not answered."""
    public: bool = False
    """Whether it goes without a token, and none is asked for."""
    headers: tuple[tuple[str, str], ...] = ()
    """Lines beside those of the request, checked by `check_added`."""
    retry: RetryPolicy | None = None
    """How often and how soon it goes again; None for the transport's policy."""

    @property
    def path(self) -> str:
        """The path, for people."""
        return self.shown_path or self.request.path

    @property
    def label(self) -> str:
        """Method and path, for people."""
        return f"{self.request.method} {self.path}"


class _NamingErrors:
    """Gives errors of this package the name of a call, and strikes out of its response what they must not show."""

    __slots__ = ("_response",)

    def __init__(self, response: Response) -> None:
        self._response = response

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._response.headers.strike_out()
        if isinstance(error, TonicDMError):
            error.request_id = error.request_id or self._response.request_id


@attrs.define(kw_only=True, eq=False, repr=False)  # as `OutgoingRequest`
class Response(State):
    """What came back, undecoded. Nothing changes it."""

    status: int
    headers: Headers
    """Without secrets."""
    body: bytes = attrs.field(repr=False)
    """With the token struck out, should the server have repeated it."""
    rate_limit: RateLimit | None
    attempts: int
    mismatches: int = 0
    """How many answers in a row, this one included, cost what another data_quantity costs."""
    observed_cost: int | None = None
    """Units that the server charged, where that can be told."""
    cooldown_until: float | None = None
    """Server time before which nothing will be sent, Unix seconds; None where no 429 stopped the sending."""
    waited: float = 0.0
    """Seconds that the call waited for its units, those of its last attempt."""
    elapsed: float = 0.0
    """Seconds from the gate to the last byte, of the last attempt."""
    units: int = 0
    """Units that all attempts cost: what the server charged where that can be told, else what was reserved."""
    request_id: str = ""
    """What the call was named by in its request header, in hooks and logs."""

    def naming_errors(self) -> _NamingErrors:
        """Give the errors that are raised inside, where it is read, the name of the call that it answers."""
        return _NamingErrors(self)


class WaitAllowance(State):
    """What a call may still wait for and take, over all its attempts."""

    __slots__ = ("left_429s", "seconds_left")

    def __init__(self, seconds_left: float | None, left_429s: int | None = None) -> None:
        self.seconds_left: float | None = seconds_left
        """Seconds; None for as long as it takes."""
        self.left_429s: int | None = left_429s
        """429s that may still be waited out; None for as many as come."""

    def spend(self, seconds: float) -> None:
        """Count down a wait for units."""
        if self.seconds_left is not None:
            self.seconds_left = max(0.0, self.seconds_left - seconds)

    def allows(self, seconds: float) -> bool:
        """Tell whether a wait is short enough."""
        return self.seconds_left is None or seconds <= self.seconds_left

    def allows_429(self) -> bool:
        """Count down a 429; False where it was one too many."""
        if self.left_429s is not None:
            self.left_429s -= 1
        return self.left_429s is None or self.left_429s >= 0
