"""One attempt of a call: units, the gate at the connection, the request, and the response whose head settles it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Container
from typing import Any, Final, Generic, TypeVar

import aiohttp
import yarl
from aiohttp import hdrs
from multidict import istr

from tonicdm.budget import Concurrency, Settlement
from tonicdm.budget.headers import read
from tonicdm.clock import Clock
from tonicdm.http import hooks as told
from tonicdm.http.admission import Admission, Admitted
from tonicdm.http.exceptions import FOREIGN_EXCEPTIONS, FailedAttempt, map_exception, too_long
from tonicdm.http.headers import Headers
from tonicdm.http.hooks import Hooks
from tonicdm.http.messages import OutgoingRequest, Response, WaitAllowance
from tonicdm.http.middleware import SingleRequest
from tonicdm.http.session import USER_AGENT, BodyTooLongError, SessionHolder, arrived_body, read_body
from tonicdm.http.watching import Watchers
from tonicdm.types import RateLimit, Secret

A = TypeVar("A", bound=Admission)

MAX_REFUSAL_BYTES: Final = 65_536
"""Bytes of a response with an error status that are read; an error shows a few hundred characters of them."""


@functools.lru_cache(maxsize=16)
def _timeout(seconds: float) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=seconds, sock_connect=seconds)


@functools.lru_cache(maxsize=64)
def _url(text: str) -> yarl.URL:
    """Return an encoded URL as aiohttp takes it: with options in header lines, all calls to a path have the same."""
    return yarl.URL(text, encoded=True)


class GateClosedError(Exception):
    """The units were taken back between reservation and connection. Nothing was sent; the attempt queues again."""


class Channel(Generic[A]):
    """What the attempts of all calls of a client share.

    Args:
        session: Requests go through it.
        budget: Admits the calls: a budget of units, or a throttle.
        clock: Time.
        slots: Calls under way.
        hooks: Called with what happens.
        max_response_bytes: Bytes of a body that are read at most.
        request_id_header: The header that names each call to the server; None to send none.
        options: Names of options in lower case; what a session sends under such a name is left out.
    """

    def __init__(
        self,
        session: SessionHolder,
        budget: A,
        *,
        clock: Clock,
        slots: Concurrency,
        hooks: Hooks,
        max_response_bytes: int,
        request_id_header: str | None,
        options: Container[str],
    ) -> None:
        self.session = session
        self.budget = budget
        self.clock = clock
        self.slots = slots
        self.hooks = hooks
        self.watchers: Watchers = Watchers()
        self.max_response_bytes = max_response_bytes
        self.request_id_header: str | None = None if request_id_header is None else istr(request_id_header)
        self.options = options
        self._mismatches = 0

    def check_open(self) -> None:
        """Refuse use after close or on another event loop.

        Raises:
            ClientClosedError: Saying which of both, and what to do.
        """
        self.session.check_open()

    async def close(self) -> None:
        """Close the session, if it is ours; twice is once."""
        await self.session.close()

    def count_mismatch(self, call: OutgoingRequest, status: int, settlement: Settlement) -> int:
        """Return how many responses in a row, this one included, cost other units than was expected."""
        observed = settlement.observed_cost
        if status >= 300 or observed is None:
            return 0
        if call.expected is None or settlement.foreign or observed == call.expected:
            self._mismatches = 0
            return 0
        self._mismatches += 1
        self.hooks.budget_mismatch(
            told.BudgetMismatchEvent(
                method=call.request.method,
                path=call.path,
                expected=call.expected,
                observed=observed,
                in_a_row=self._mismatches,
            )
        )
        return self._mismatches


class Progress:
    """What became of a call in its attempts so far.

    Args:
        call: The call.
        request_id: What it is named by.
    """

    # Thousands may wait with one each: no dictionary of attributes.
    __slots__ = ("allowance", "attempt", "call", "limited", "may_refresh", "request_id", "units")

    def __init__(self, call: OutgoingRequest, request_id: str) -> None:
        self.call: OutgoingRequest = call
        self.request_id: str = request_id
        self.allowance: WaitAllowance = WaitAllowance(call.max_wait, call.max_429s)
        self.attempt: int = 1
        """The attempt that is being made, from 1."""
        self.may_refresh: bool = not call.public
        """Whether another token may be asked for after a 401."""
        self.limited: Response | None = None
        """The last 429 that was waited out."""
        self.units: int = 0
        """What the attempts so far cost, see `Response.units`."""


_AGENT: Final = (hdrs.USER_AGENT, USER_AGENT)

UNSETTLED: Final = Settlement()
"""What is known of the units before the head of a response came."""


class Exchange:
    """One attempt of a call.

    Args:
        channel: What all attempts share.
        progress: The call, and what became of it so far.
        token: Sent with it.
    """

    __slots__ = (
        "_call",
        "_channel",
        "_is_replaced",
        "_progress",
        "_queued_at",
        "_reservation",
        "_token",
        "_waited",
        "settlement",
        "status",
    )

    def __init__(self, channel: Channel[Any], progress: Progress, token: Secret) -> None:
        self._channel = channel
        self._progress = progress
        self._call = progress.call
        self._token = token
        self._queued_at: float = channel.clock.monotonic()
        self._waited = 0.0
        self._reservation: Admitted = self._reserve()
        self.settlement: Settlement = UNSETTLED
        self._is_replaced = False
        self.status: int = 0
        """The HTTP status; 0 until the head of a response came."""

    async def attempt(self) -> Response | FailedAttempt:
        """Wait for the units, send the request and return what came of it.

        Raises:
            BudgetError: There are no units within the time that is left to wait, or never.
            GateClosedError: The units were gone at the connection; nothing was sent.
        """
        channel, call, progress = self._channel, self._call, self._progress
        async with self._reservation:
            channel.session.check_open()
            entered = channel.clock.monotonic()
            self._waited = entered - self._queued_at
            progress.allowance.spend(self._waited)
            try:
                async with self._request() as response:
                    if self._reservation.sent_at is None:
                        await self._pass_late()
                    began = self._reservation.sent_at or entered
                    # The head says what the call cost, whatever becomes of the body.
                    self.status = response.status
                    report = read(response.headers)
                    self.settlement = await self._reservation.settle_from(response.headers, response.status, report)
                    rate_limit = report.rate_limit(channel.clock.now())
                    self._tell_response(rate_limit, began)
                    body = self._arrived(response)
                    if body is None:
                        body = await self._body(response)
                    headers = Headers(response.headers.items(), self._token.mask)
                elapsed = channel.clock.monotonic() - began
            except BodyTooLongError:
                return self._failed(
                    too_long(call, channel.max_response_bytes, self.status, progress.attempt, progress.request_id),
                    entered,
                )
            except Exception as error:
                failed = map_exception(
                    error,
                    call,
                    sent=self._reservation.sent_at is not None,
                    attempt=progress.attempt,
                    status=self.status or None,
                    request_id=progress.request_id,
                )
                if failed is None:
                    raise
                return self._failed(failed, entered)
            finally:
                self._note_units()
        return self._response(headers, body, rate_limit, elapsed)

    # --- the units ----------------------------------------------------------------------------------------------

    def _reserve(self) -> Admitted:
        call, channel = self._call, self._channel
        admitted: Admitted = channel.budget.reserve(
            call.cost,
            priority=call.priority,
            max_wait=self._progress.allowance.seconds_left,
            timeout=call.timeout,
            job=call.job,
            slots=channel.slots,
            read=call.request.method == "GET",
            label=call.label,
            share=call.share,
            on_wait=channel.hooks.wait,
        )
        return admitted

    def _note_units(self) -> None:
        """Count the cost of the attempt: the server's charge where it is known, else what was reserved."""
        if self._reservation.sent_at is not None:
            observed = self.settlement.observed_cost
            units = self._call.cost if observed is None else observed
            self._progress.units += units
            self._channel.watchers.sent(units)

    # --- the request --------------------------------------------------------------------------------------------

    def _request(self) -> Any:
        """Return the context in which the request is sent and its response is there."""
        call, session = self._call, self._channel.session
        lines, self._is_replaced = self._lines(), session.is_replaced
        single = SingleRequest(
            self._pass,
            lines=lines,
            token=None if call.public else self._token,
            options=self._channel.options,
        )
        if self._is_replaced and not call.public:
            # A tool in place of aiohttp expects the token among the lines. With aiohttp, the middleware adds it.
            lines = [*lines, ("Authorization", f"Bearer {self._token.reveal()}")]
        return session.request(
            call.request.method,
            _url(call.base_url + call.request.target),
            # aiohttp takes lines one by one, twice each. Where nothing else looks at them, the middleware puts them in.
            headers=None if session.is_own and not self._is_replaced else lines,
            data=call.request.body,
            timeout=_timeout(call.timeout),
            middleware=single,
        )

    def _lines(self) -> list[tuple[str, str]]:
        call, name = self._call, self._channel.request_id_header
        lines = [*call.request.headers, *call.headers, _AGENT]
        # A caller may have named the call; the lines of the request itself are options.
        if name is not None and not (call.headers and any(key.lower() == name.lower() for key, _ in call.headers)):
            lines.append((name, self._progress.request_id))
        return lines

    # --- the gate -----------------------------------------------------------------------------------------------

    async def _pass(self) -> None:
        """Let the request pass, at the moment its connection is ready.

        Raises:
            GateClosedError: Nothing may be sent.
        """
        # A second passage of the same attempt would be a silent re-send, which try_sent() refuses as well.
        if not await self._reservation.try_sent():
            raise GateClosedError
        self._tell_request()

    async def _pass_late(self) -> None:
        """Note that a tool in place of aiohttp sent the request unseen. Its response is there, so it counts."""
        await self._reservation.try_sent()
        self._tell_request()

    def _tell_request(self) -> None:
        call, hooks = self._call, self._channel.hooks
        if hooks.hears_requests:
            event = told.RequestEvent(
                method=call.request.method,
                path=call.path,
                cost=call.cost,
                priority=call.priority,
                base_url=call.base_url,
                url_template=call.template,
                attempt=self._progress.attempt,
                request_id=self._progress.request_id,
            )
            hooks.request(event)
        if call.on_sent is not None:
            call.on_sent()

    # --- the response -------------------------------------------------------------------------------------------

    def _tell_response(self, rate_limit: RateLimit | None, began: float) -> None:
        call, hooks = self._call, self._channel.hooks
        if hooks.hears_responses:
            event = told.ResponseEvent(
                method=call.request.method,
                path=call.path,
                status=self.status,
                cost=call.cost,
                observed_cost=self.settlement.observed_cost,
                rate_limit=rate_limit,
                attempt=self._progress.attempt,
                elapsed=self._channel.clock.monotonic() - began,
                priority=call.priority,
                base_url=call.base_url,
                url_template=call.template,
                request_id=self._progress.request_id,
            )
            hooks.response(event)
        if self.settlement.foreign:
            foreign, in_window = self.settlement.foreign, self.settlement.foreign_in_window
            hooks.foreign_usage(
                told.ForeignUsageEvent(method=call.request.method, path=call.path, units=foreign, in_window=in_window)
            )
        if (seconds := self.settlement.learned_window) is not None:
            hooks.window(told.WindowEvent(method=call.request.method, path=call.path, seconds=seconds))

    def _failed(self, failed: FailedAttempt, entered: float) -> FailedAttempt:
        """Tell of an attempt that ended without a whole response, and return it."""
        call, began = self._call, self._reservation.sent_at
        self._channel.hooks.failure(
            told.FailureEvent(
                method=call.request.method,
                path=call.path,
                error_type=type(failed.error).__name__,
                status=self.status or None,
                cost=call.cost,
                sent=began is not None,
                attempt=self._progress.attempt,
                elapsed=self._channel.clock.monotonic() - (entered if began is None else began),
                priority=call.priority,
                base_url=call.base_url,
                url_template=call.template,
                request_id=self._progress.request_id,
            )
        )
        return failed

    def _arrived(self, response: aiohttp.ClientResponse) -> bytes | None:
        """Return the body of an answer to keep that is there already; None for all others."""
        if self._is_replaced or self.status >= 300:
            return None
        return arrived_body(response, self._channel.max_response_bytes)

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        max_bytes = self._channel.max_response_bytes
        if self._is_replaced:
            body = await response.read()  # stand-ins know no other way
            if len(body) > max_bytes:
                raise BodyTooLongError
            return body
        if self.status < 300:
            return await read_body(response, max_bytes)
        # A refusal is one, however its explanation ends.
        content = bytearray()
        with contextlib.suppress(BodyTooLongError, *FOREIGN_EXCEPTIONS):
            await read_body(response, MAX_REFUSAL_BYTES, content)
        return bytes(content)

    def _response(self, headers: Headers, body: bytes, rate_limit: RateLimit | None, elapsed: float) -> Response:
        progress, settlement = self._progress, self.settlement
        if self.status >= 300:  # it becomes an error
            headers.strike_out()
        return Response(
            status=self.status,
            headers=headers,
            body=self._token.mask(body),
            rate_limit=rate_limit,
            attempts=progress.attempt,
            mismatches=self._channel.count_mismatch(self._call, self.status, settlement),
            observed_cost=settlement.observed_cost,
            cooldown_until=settlement.blocked_until,
            waited=self._waited,
            elapsed=elapsed,
            units=progress.units,
            request_id=progress.request_id,
        )
