"""One attempt at the connection: through the gate once, out, its answer's head settled before the body is read."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import yarl

from tonicdm.budget import Settlement
from tonicdm.budget.headers import read
from tonicdm.http.admission import Admitted
from tonicdm.http.exceptions import FOREIGN, FailedAttempt, map_exception, too_long
from tonicdm.http.headers import Headers
from tonicdm.http.hooks import RequestEvent, ResponseEvent, WindowEvent
from tonicdm.http.messages import OutgoingRequest, Response
from tonicdm.http.middleware import SingleRequest
from tonicdm.http.session import PER_REQUEST, USER_AGENT, BodyTooLongError, is_replaced, read_body
from tonicdm.types import RateLimit, Secret

if TYPE_CHECKING:
    from tonicdm.http.transport import Transport

MAX_REFUSAL_BYTES: Final = 65_536
"""Bytes of an answer with an error status that are read; an error shows a few hundred characters of them."""


class GateClosedError(Exception):
    """The units are gone between reservation and connection: nothing was sent, the attempt queues anew."""


class Exchange:
    """One attempt of a call.

    Args:
        transport: Session, hooks and settings.
        call: What to call.
        token: Sent with it.
        reservation: Its units.
        attempt: Which one it is, from 1.
        request_id: What the call is named by.
    """

    def __init__(
        self,
        transport: Transport[Any],
        call: OutgoingRequest,
        token: Secret,
        reservation: Admitted,
        *,
        attempt: int,
        request_id: str,
    ) -> None:
        self._transport = transport
        self._call = call
        self._token = token
        self._reservation = reservation
        self._attempt = attempt
        self._request_id = request_id
        self.settlement: Settlement = Settlement()
        self.status: int = 0
        """The HTTP status; 0 until the head of an answer came."""

    @property
    def units(self) -> int:
        """What the attempt cost: as the server charged it where that can be told, else as it was reserved."""
        observed = self.settlement.observed_cost
        return self._call.cost if observed is None else observed

    async def run(self) -> Response | FailedAttempt:
        """Send the request and return what came of it.

        Raises:
            GateClosedError: The units were gone at the connection; nothing was sent.
        """
        call = self._call
        try:
            return await self._exchange()
        except BodyTooLongError:
            return too_long(call, self._transport.max_response_bytes, self.status, self._attempt, self._request_id)
        except Exception as error:
            lost = map_exception(
                error,
                call,
                sent=self._reservation.sent_at is not None,
                attempt=self._attempt,
                status=self.status or None,
                request_id=self._request_id,
            )
            if lost is None:
                raise
            return lost

    def _bearer(self) -> tuple[str, str]:
        return "Authorization", f"Bearer {self._token.reveal()}"

    async def _exchange(self) -> Response:
        call, transport, session = self._call, self._transport, self._transport.session()
        lines = self._lines()
        single = SingleRequest(
            self._pass,
            names={name.lower() for name, _ in lines},
            token=None if call.public else self._token,
            options=transport.options,
        )
        replaced = is_replaced(session)
        entered = transport.clock.monotonic()
        async with session.request(
            call.request.method,
            yarl.URL(call.base_url + call.request.target, encoded=True),
            # Who stands in for aiohttp expects the token among the lines; to aiohttp the middleware gives it.
            headers=[*lines, self._bearer()] if replaced and not call.public else lines,
            data=call.request.body,
            timeout=aiohttp.ClientTimeout(total=call.timeout, sock_connect=call.timeout),
            middlewares=(single,),
            **PER_REQUEST,
            **transport.request_options,
        ) as response:
            if self._reservation.sent_at is None:
                await self._pass_late()
            began = self._reservation.sent_at or entered
            # The head says what the call cost, whatever becomes of the body.
            self.status = response.status
            self.settlement = await self._reservation.settle_from(response.headers, response.status)
            rate_limit = read(response.headers).rate_limit(transport.clock.now())
            self._tell(rate_limit, transport.clock.monotonic() - began)
            body = await self._body(response, whole=replaced)
            headers = Headers(response.headers.items(), self._token.mask)
        return Response(
            status=self.status,
            headers=headers,
            body=self._token.mask(body),
            rate_limit=rate_limit,
            attempts=self._attempt,
            observed_cost=self.settlement.observed_cost,
            cooldown_until=self.settlement.blocked_until,
            elapsed=transport.clock.monotonic() - began,
            request_id=self._request_id,
        )

    def _lines(self) -> list[tuple[str, str]]:
        call, name = self._call, self._transport.request_id_header
        lines = [*call.request.headers, *call.headers, ("User-Agent", USER_AGENT)]
        if name is not None and not any(key.lower() == name.lower() for key, _ in lines):
            lines.append((name, self._request_id))
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
        self._tell_sent()

    async def _pass_late(self) -> None:
        """Note that a request went out unseen: something stands in for aiohttp. Its answer is in hand, so it counts."""
        await self._reservation.try_sent()
        self._tell_sent()

    def _tell_sent(self) -> None:
        call = self._call
        self._transport.hooks.request(
            RequestEvent(
                method=call.request.method,
                path=call.path,
                cost=call.cost,
                priority=call.priority,
                attempt=self._attempt,
                request_id=self._request_id,
            )
        )
        if call.on_sent is not None:
            call.on_sent()

    # --- the answer ---------------------------------------------------------------------------------------------

    def _tell(self, rate_limit: RateLimit | None, elapsed: float) -> None:
        call = self._call
        self._transport.hooks.response(
            ResponseEvent(
                method=call.request.method,
                path=call.path,
                status=self.status,
                cost=call.cost,
                observed_cost=self.settlement.observed_cost,
                rate_limit=rate_limit,
                attempt=self._attempt,
                elapsed=elapsed,
                request_id=self._request_id,
            )
        )
        if (seconds := self.settlement.learned_window) is not None:
            event = WindowEvent(method=call.request.method, path=call.path, seconds=seconds)
            self._transport.hooks.window(event)

    async def _body(self, response: aiohttp.ClientResponse, *, whole: bool) -> bytes:
        if whole:
            found = await response.read()  # stand-ins know no other way
            if len(found) > self._transport.max_response_bytes:
                raise BodyTooLongError
            return found
        if self.status < 300:
            return bytes(await read_body(response, self._transport.max_response_bytes))
        # A refusal is one, however its explanation ends.
        content = bytearray()
        with contextlib.suppress(BodyTooLongError, *FOREIGN):
            await read_body(response, MAX_REFUSAL_BYTES, content)
        return bytes(content)
