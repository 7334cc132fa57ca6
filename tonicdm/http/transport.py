"""The attempt loop: reserve, pace, pass the gate at the connection, send, settle, decide. Only here is aiohttp."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

import aiohttp
import yarl

from tonicdm._version import __version__
from tonicdm.budget import Concurrency
from tonicdm.budget.views import utc
from tonicdm.clock import Clock
from tonicdm.errors import (
    BudgetTimeoutError,
    ClientClosedError,
    ConfigError,
    RateLimitedError,
    api_error_class,
)
from tonicdm.http.admission import Admission, Admitted
from tonicdm.http.auth import Bearer
from tonicdm.http.border import Lost, translate
from tonicdm.http.call import Answer, Call, Patience
from tonicdm.http.hooks import BudgetMismatchEvent, Hooks, RequestEvent, ResponseEvent, RetryEvent
from tonicdm.http.retry import Outcome, RetryPolicy, decide
from tonicdm.types import RateLimit, Secret

A = TypeVar("A", bound=Admission)

LONGEST_ANSWER_HEADER: Final = 65_536
"""Bytes of one response header that are still read; a proxy's long policy header must not cost an answer."""

USER_AGENT: Final = f"tonicdm-python/{__version__}"


class GateClosedError(Exception):
    """The units are gone between reservation and connection: nothing was sent, the attempt queues anew."""


class Gate:
    """Lets one attempt through once, at the moment its connection is ready."""

    def __init__(
        self,
        reservation: Admitted,
        hooks: Hooks,
        event: RequestEvent,
        on_sent: Callable[[], None] | None = None,
    ) -> None:
        self._reservation = reservation
        self._hooks = hooks
        self._event = event
        self._on_sent = on_sent

    async def __call__(self) -> None:
        """Pass, or raise `GateClosedError`."""
        # A second passage of the same attempt would be a silent re-send, which try_sent() refuses as well.
        if not await self._reservation.try_sent():
            raise GateClosedError
        self._hooks.request(self._event)
        if self._on_sent is not None:
            self._on_sent()


async def _at_connection(_session: Any, context: Any, _params: Any) -> None:
    await context.trace_request_ctx()


class Transport(Generic[A]):
    """Sends calls over one session; bound to the event loop of its first call.

    Args:
        auth: Gives the token.
        budget: Gives the units, or whatever else it takes to be let out.
        clock: Time.
        max_concurrency: Calls under way at once.
        retry: How often and how soon failed calls go again.
        hooks: Told what happens.
        session: A session to use instead of an own one; it is not closed here, and as its connections can't be
            watched, a call counts as sent when its request is entered.
        options: ``connector``, ``ssl``, ``proxy``, ``trust_env`` for the session and its requests.
    """

    def __init__(
        self,
        auth: Bearer,
        budget: A,
        *,
        clock: Clock,
        max_concurrency: int = 8,
        retry: RetryPolicy | None = None,
        hooks: Hooks | None = None,
        session: aiohttp.ClientSession | None = None,
        connector: aiohttp.BaseConnector | None = None,
        ssl: ssl.SSLContext | bool = True,
        proxy: str | None = None,
        trust_env: bool = False,
    ) -> None:
        if max_concurrency < 1:
            raise ConfigError(f"max_concurrency must be at least 1, not {max_concurrency}")
        self.budget = budget
        self.auth = auth
        self.clock = clock
        self.hooks: Hooks = hooks or Hooks()
        self.retry: RetryPolicy = retry or RetryPolicy()
        self.slots: Concurrency = Concurrency(max_concurrency)
        self._session = session
        self._own_session = session is None
        self._session_options: dict[str, Any] = {
            "connector": connector,
            "connector_owner": connector is None,
            "trust_env": trust_env,
        }
        self._request_options: dict[str, Any] = {"ssl": ssl, "proxy": proxy}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._mismatches = 0
        self._chance = random.random

    # --- life ---------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Refuse use after close or on another event loop.

        Raises:
            ClientClosedError: Saying which of both, and what to do.
        """
        if self._closed:
            raise ClientClosedError("this client is closed; make a new one, or keep it open with async with")
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise ClientClosedError("this client belongs to another event loop; make one client per loop")

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_create_end.append(_at_connection)
            trace.on_connection_reuseconn.append(_at_connection)
            options = dict(self._session_options)
            if options["connector"] is None:
                # The slots bound the calls under way; a second bound would hold reserved units in a queue.
                options["connector"] = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(
                trace_configs=[trace],
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=True,
                **options,
            )
            # aiohttp sends GET and DELETE again by itself when a kept-alive connection was dropped; here every
            # byte on the wire has its reservation. Should the attribute vanish, the gate refuses the second passage.
            self._session._retry_connection = False
        return self._session

    async def close(self) -> None:
        """Close the session, if it is ours; twice is once."""
        if not self._closed:
            self._closed = True
            if self._own_session and self._session is not None:
                await self._session.close()

    # --- calls --------------------------------------------------------------------------------------------------

    async def send(self, call: Call) -> Answer:
        """Send *call*, waiting for units and trying again as the rules allow, and return its answer.

        Raises:
            BudgetError: No units within ``max_wait``, or never.
            APIError: The server refused the call; after all retries, if it failed.
            TransportError: No answer came; after all retries.
        """
        attempt, refreshed, patience = 1, False, Patience(call.max_wait, call.refusals)
        limited: Answer | None = None
        while True:
            self.check_open()
            token = await self.auth.token()
            try:
                answer = await self._attempt(call, token, attempt, patience)
            except GateClosedError:
                continue
            except BudgetTimeoutError as error:
                if limited is None:
                    raise
                raise _rate_limited(call, limited) from error
            except Lost as lost:
                await self._pause_or_raise(call, lost.outcome, attempt, lost.error)
                attempt += 1
                continue
            if answer.status == 429 and patience.takes_refusal():
                limited = answer
            elif answer.status == 401 and not refreshed and await self.auth.refresh(token, answer):
                refreshed = True
            elif answer.status >= 500:
                await self._pause_or_raise(call, Outcome.SERVER_ERROR, attempt, _api_error(call, answer))
                attempt += 1
            elif answer.status >= 300:
                raise _api_error(call, answer)
            else:
                return answer

    async def _pause_or_raise(self, call: Call, outcome: Outcome, attempt: int, error: Exception) -> None:
        again = decide(self.retry, call.request.method, outcome, attempt, self._chance())
        if again is None:
            raise error
        self.hooks.retry(
            RetryEvent(
                method=call.request.method,
                path=call.path,
                attempt=attempt,
                reason=str(outcome),
                pause=again.pause,
            )
        )
        await self.clock.sleep_until(self.clock.monotonic() + again.pause)

    async def _attempt(self, call: Call, token: Secret, attempt: int, patience: Patience) -> Answer:
        reservation = self.budget.reserve(
            call.cost,
            priority=call.priority,
            max_wait=patience.left,
            timeout=call.timeout,
            job=call.job,
            slots=self.slots,
            read=call.request.method == "GET",
            label=call.label,
            on_wait=self.hooks.wait,
        )
        queued = self.clock.monotonic()
        async with reservation:
            self.check_open()
            waited = self.clock.monotonic() - queued
            patience.spend(waited)
            try:
                return await self._exchange(call, token, attempt, reservation, waited)
            except GateClosedError:
                raise
            except Exception as error:
                lost = translate(error, call, sent=reservation.sent_at is not None, attempt=attempt)
                if lost is None:
                    raise
                raise lost from error

    async def _exchange(self, call: Call, token: Secret, attempt: int, reservation: Admitted, waited: float) -> Answer:
        request, session = call.request, self._open_session()
        event = RequestEvent(
            method=request.method, path=call.path, cost=call.cost, priority=call.priority, attempt=attempt
        )
        gate = Gate(reservation, self.hooks, event, call.on_sent)
        if not self._own_session:
            await gate()
        headers = [*request.headers, ("User-Agent", USER_AGENT), ("Authorization", f"Bearer {token.reveal()}")]
        async with session.request(
            request.method,
            yarl.URL(call.base_url + request.target, encoded=True),
            headers=headers,
            data=request.body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=call.timeout, sock_connect=call.timeout),
            max_line_size=LONGEST_ANSWER_HEADER,
            max_field_size=LONGEST_ANSWER_HEADER,
            trace_request_ctx=gate,
            **self._request_options,
        ) as response:
            # The head says what the call cost, whatever becomes of the body.
            settlement = await reservation.settle_from(response.headers, response.status)
            rate_limit = RateLimit.from_headers(response.headers)
            self.hooks.response(
                ResponseEvent(
                    method=request.method,
                    path=call.path,
                    status=response.status,
                    cost=call.cost,
                    observed_cost=settlement.observed_cost,
                    rate_limit=rate_limit,
                    attempt=attempt,
                    elapsed=self.clock.monotonic() - (reservation.sent_at or 0.0),
                )
            )
            body = await response.read()
        mismatches = 0
        if response.status < 300 and settlement.observed_cost is not None:
            mismatches = self._count_mismatch(call, settlement.observed_cost, settlement.foreign)
        return Answer(
            status=response.status,
            headers=response.headers,
            body=body,
            rate_limit=rate_limit,
            attempts=attempt,
            mismatches=mismatches,
            observed_cost=settlement.observed_cost,
            waited=waited,
        )

    def _count_mismatch(self, call: Call, observed: int, foreign: int) -> int:
        if call.expected is None or foreign or observed == call.expected:
            self._mismatches = 0
            return 0
        self._mismatches += 1
        self.hooks.budget_mismatch(
            BudgetMismatchEvent(
                method=call.request.method,
                path=call.path,
                expected=call.expected,
                observed=observed,
                in_a_row=self._mismatches,
            )
        )
        return self._mismatches


def _text(answer: Answer) -> str:
    return answer.body[:2000].decode("utf-8", "replace")


def _api_error(call: Call, answer: Answer) -> Exception:
    if answer.status == 429:
        return _rate_limited(call, answer)
    note = ""
    if 300 <= answer.status < 400:
        note = "Redirects are not followed: they would carry the token elsewhere. Check base_url= and path_prefix=."
    return api_error_class(answer.status)(
        status=answer.status,
        method=call.request.method,
        path=call.path,
        body=_text(answer),
        rate_limit=answer.rate_limit,
        attempts=answer.attempts,
        note=note,
    )


def _rate_limited(call: Call, answer: Answer) -> RateLimitedError:
    return RateLimitedError(
        method=call.request.method,
        path=call.path,
        body=_text(answer),
        rate_limit=answer.rate_limit,
        attempts=answer.attempts,
        cost=call.cost,
        reset_at=None if answer.rate_limit is None else utc(answer.rate_limit.reset),
    )
