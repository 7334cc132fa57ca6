"""The loop over the attempts of a call: send, then decide whether it goes again."""

from __future__ import annotations

import os
import random
import ssl
from collections.abc import Container
from typing import Final, TypeVar

import aiohttp

from tonicdm.budget import Concurrency
from tonicdm.budget.headers import retry_after
from tonicdm.clock import Clock
from tonicdm.errors import BudgetTimeoutError, ConfigError
from tonicdm.http import hooks as told
from tonicdm.http.admission import Admission
from tonicdm.http.auth import Bearer
from tonicdm.http.exceptions import FailedAttempt
from tonicdm.http.exchange import Channel, Exchange, GateClosedError, Progress
from tonicdm.http.hooks import Hooks
from tonicdm.http.messages import OutgoingRequest, Response
from tonicdm.http.refusals import refused
from tonicdm.http.retry import Outcome, RetryPolicy, decide, outcome_of
from tonicdm.http.session import SessionHolder
from tonicdm.types import Secret

A = TypeVar("A", bound=Admission)

MAX_RESPONSE_BYTES: Final = 256 * 1024 * 1024
"""Bytes of an unpacked body that are read, unless set; a page of a thousand records has a few million."""


NO_TOKEN: Final = Secret("")
"""The token of a public call, which needs none."""


class Transport(Channel[A]):
    """Sends calls over one session, on the event loop of its first call.

    Args:
        auth: Gives the token.
        budget: Admits the calls: a budget of units, or a throttle.
        clock: Time.
        max_concurrency: Calls under way at once.
        retry: How often and how soon failed calls go again.
        hooks: Called with what happens.
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
        super().__init__(
            SessionHolder(session=session, connector=connector, ssl=ssl, proxy=proxy, trust_env=trust_env),
            budget,
            clock=clock,
            slots=Concurrency(max_concurrency),
            hooks=hooks or Hooks(),
            max_response_bytes=max_response_bytes,
            request_id_header=request_id_header,
            options=options,
        )
        self.auth = auth
        self._fixed_token: Secret | None = getattr(auth, "fixed", None)
        self.retry: RetryPolicy = retry or RetryPolicy()
        self._chance = random.random

    async def send(self, call: OutgoingRequest) -> Response:
        """Send *call*, waiting for units and trying again as the rules allow, and return its response.

        Raises:
            BudgetError: No units within ``max_wait``, or never.
            APIError: The server refused the call; after all retries, if it failed.
            TransportError: No response came; after all retries.
        """
        progress = Progress(call, self._request_id(call))
        while True:
            self.session.check_open()
            token = NO_TOKEN if call.public else (self._fixed_token or await self.auth.token())
            try:
                ended = await Exchange(self, progress, token).attempt()
            except GateClosedError:
                continue
            except BudgetTimeoutError as error:
                if progress.limited is None:
                    raise
                raise refused(call, progress.limited) from error
            if isinstance(ended, FailedAttempt):
                await self._pause_or_raise(progress, ended.outcome, ended.error)
            elif ended.status == 429 and progress.allowance.allows_429():
                progress.limited = ended
            elif ended.status == 401 and progress.may_refresh and await self.auth.refresh(token, ended):
                progress.may_refresh = False
            elif (outcome := outcome_of(ended.status)) is not None:
                asked = retry_after(ended.headers, self.clock.now())
                await self._pause_or_raise(progress, outcome, refused(call, ended, asked=asked), asked)
            elif ended.status >= 300:
                raise refused(call, ended)
            else:
                self.watchers.received(ended)
                return ended

    def _request_id(self, call: OutgoingRequest) -> str:
        if not call.headers:
            return os.urandom(16).hex()
        name = (self.request_id_header or "").lower()
        return next((value for key, value in call.headers if key.lower() == name), "") or os.urandom(16).hex()

    async def _pause_or_raise(
        self, progress: Progress, outcome: Outcome | None, error: Exception, asked: float | None = None
    ) -> None:
        call = progress.call
        policy = call.retry or self.retry
        again = None
        if outcome is not None:
            again = decide(policy, call.request.method, outcome, progress.attempt, self._chance(), asked)
        if again is None or (asked is not None and not progress.allowance.allows(again.pause)):
            raise error
        self.hooks.retry(
            told.RetryEvent(
                method=call.request.method,
                path=call.path,
                attempt=progress.attempt,
                reason=str(outcome),
                pause=again.pause,
                request_id=progress.request_id,
                retry_after=asked,
            )
        )
        progress.attempt += 1
        await self.clock.sleep_until(self.clock.monotonic() + again.pause)
        if asked is not None:
            progress.allowance.spend(again.pause)
