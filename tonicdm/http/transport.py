"""The attempt loop: reserve, pace, pass the gate at the connection, send, settle, decide."""

from __future__ import annotations

import asyncio
import random
import ssl
import uuid
from collections.abc import Container
from typing import Any, Final, Generic, TypeVar

import aiohttp

from tonicdm.budget import Concurrency
from tonicdm.budget.headers import retry_after
from tonicdm.clock import Clock
from tonicdm.errors import BudgetTimeoutError, ClientClosedError, ConfigError
from tonicdm.http.admission import Admission, Admitted
from tonicdm.http.auth import Bearer
from tonicdm.http.exceptions import FailedAttempt
from tonicdm.http.exchange import Exchange, GateClosedError
from tonicdm.http.hooks import BudgetMismatchEvent, Hooks, RetryEvent
from tonicdm.http.messages import OutgoingRequest, Response, WaitAllowance
from tonicdm.http.refusals import refused
from tonicdm.http.retry import Outcome, RetryPolicy, decide, outcome_of
from tonicdm.http.session import check_session, check_usable, open_session
from tonicdm.http.watching import Watchers
from tonicdm.types import Secret

A = TypeVar("A", bound=Admission)

MAX_RESPONSE_BYTES: Final = 256 * 1024 * 1024
"""Bytes of an unpacked body that are read, unless set; a page of a thousand records has a few million."""


NO_TOKEN: Final = Secret("")
"""What a public call goes with."""


class Transport(Generic[A]):
    """Sends calls over one session; bound to the event loop of its first call.

    Args:
        auth: Gives the token.
        budget: Gives the units, or whatever else it takes to be let out.
        clock: Time.
        max_concurrency: Calls under way at once.
        retry: How often and how soon failed calls go again.
        hooks: Told what happens.
        session: A session to use instead of an own one; it is not closed here.
        connector: A connector for the session made here; it is not closed here.
        ssl: As for aiohttp.
        proxy: A proxy's URL.
        trust_env: Whether to read proxies from the environment.
        max_response_bytes: Bytes of a body that are read at most.
        request_id_header: The header that names each call to the server; None to send none.
        options: Names of options in lower case; what a session sends under such a name is left out.
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
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        request_id_header: str | None = None,
        options: Container[str] = (),
    ) -> None:
        if max_concurrency < 1:
            raise ConfigError(f"max_concurrency must be at least 1, not {max_concurrency}")
        if not isinstance(max_response_bytes, int) or max_response_bytes < 1:
            raise ConfigError(f"max_response_bytes must be a positive number of bytes, not {max_response_bytes!r}")
        if session is not None:
            check_session(session)
        self.budget = budget
        self.auth = auth
        self.clock = clock
        self.hooks: Hooks = hooks or Hooks()
        self.retry: RetryPolicy = retry or RetryPolicy()
        self.slots: Concurrency = Concurrency(max_concurrency)
        self.watchers: Watchers = Watchers()
        self.max_response_bytes = max_response_bytes
        self.request_id_header = request_id_header
        self.options = options
        self.request_options: dict[str, Any] = {"ssl": ssl, "proxy": proxy}
        self._session = session
        self._own_session = session is None
        self._connector, self._trust_env = connector, trust_env
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
        if not self._own_session:
            check_usable(self._session)

    def session(self) -> aiohttp.ClientSession:
        """Return the session, made with the first call."""
        if self._session is None:
            self._session = open_session(self._connector, trust_env=self._trust_env)
        return self._session

    async def close(self) -> None:
        """Close the session, if it is ours; twice is once."""
        if not self._closed:
            self._closed = True
            if self._own_session and self._session is not None:
                await self._session.close()

    # --- calls --------------------------------------------------------------------------------------------------

    async def send(self, call: OutgoingRequest) -> Response:
        """Send *call*, waiting for units and trying again as the rules allow, and return its answer.

        Raises:
            BudgetError: No units within ``max_wait``, or never.
            APIError: The server refused the call; after all retries, if it failed.
            TransportError: No answer came; after all retries.
        """
        run = _Run(call, self._request_id(call), WaitAllowance(call.max_wait, call.max_429s))
        while True:
            self.check_open()
            token = NO_TOKEN if call.public else await self.auth.token()
            try:
                ended = await self._attempt(run, token)
            except GateClosedError:
                continue
            except BudgetTimeoutError as error:
                if run.limited is None:
                    raise
                raise refused(call, run.limited) from error
            if isinstance(ended, FailedAttempt):
                await self._pause_or_raise(run, ended.outcome, ended.error)
            elif ended.status == 429 and run.allowance.allows_429():
                run.limited = ended
            elif ended.status == 401 and run.may_refresh and await self.auth.refresh(token, ended):
                run.may_refresh = False
            elif (outcome := outcome_of(ended.status)) is not None:
                asked = retry_after(ended.headers, self.clock.now())
                await self._pause_or_raise(run, outcome, refused(call, ended, asked=asked), asked)
            elif ended.status >= 300:
                raise refused(call, ended)
            else:
                self.watchers.received(ended)
                return ended

    def _request_id(self, call: OutgoingRequest) -> str:
        name = (self.request_id_header or "").lower()
        return next((value for key, value in call.headers if key.lower() == name), "") or uuid.uuid4().hex

    async def _pause_or_raise(
        self, run: _Run, outcome: Outcome | None, error: Exception, asked: float | None = None
    ) -> None:
        call = run.call
        policy = call.retry or self.retry
        chance = self._chance()
        again = None if outcome is None else decide(policy, call.request.method, outcome, run.attempt, chance, asked)
        if again is None or (asked is not None and not run.allowance.allows(again.pause)):
            raise error
        self.hooks.retry(
            RetryEvent(
                method=call.request.method,
                path=call.path,
                attempt=run.attempt,
                reason=str(outcome),
                pause=again.pause,
                request_id=run.request_id,
                retry_after=asked,
            )
        )
        run.attempt += 1
        await self.clock.sleep_until(self.clock.monotonic() + again.pause)
        if asked is not None:
            run.allowance.spend(again.pause)

    async def _attempt(self, run: _Run, token: Secret) -> Response | FailedAttempt:
        call = run.call
        reservation: Admitted = self.budget.reserve(
            call.cost,
            priority=call.priority,
            max_wait=run.allowance.seconds_left,
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
            run.allowance.spend(waited)
            exchange = Exchange(self, call, token, reservation, attempt=run.attempt, request_id=run.request_id)
            try:
                ended = await exchange.run()
            finally:
                if reservation.sent_at is not None:
                    run.units += exchange.units
                    self.watchers.sent(exchange.units)
        if isinstance(ended, FailedAttempt):
            return ended
        return ended.with_totals(waited=waited, units=run.units, mismatches=self._count_mismatch(call, exchange))

    def _count_mismatch(self, call: OutgoingRequest, exchange: Exchange) -> int:
        observed = exchange.settlement.observed_cost
        if exchange.status >= 300 or observed is None:
            return 0
        if call.expected is None or exchange.settlement.foreign or observed == call.expected:
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


class _Run:
    """Where a call stands over its attempts."""

    def __init__(self, call: OutgoingRequest, request_id: str, allowance: WaitAllowance) -> None:
        self.call = call
        self.request_id = request_id
        self.allowance = allowance
        self.attempt = 1
        self.may_refresh = not call.public
        """Whether another token may be asked for after a 401."""
        self.limited: Response | None = None
        """The last 429 that was waited out."""
        self.units = 0
        """What the attempts so far cost, see `Response.units`."""
