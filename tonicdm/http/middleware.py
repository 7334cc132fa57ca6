"""A middleware of aiohttp: one request an attempt, with our header lines, through the gate.

It speaks to aiohttp as a client middleware, in place of those that a session has of its own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence
from typing import Any, Final, Self

import aiohttp
from aiohttp import hdrs

from tonicdm.http.headers import is_added
from tonicdm.types import Secret

_AUTOMATIC: Final = frozenset({"host", "accept", "accept-encoding", "user-agent", "content-length", "content-type"})
"""Names in lower case of the lines that aiohttp adds by itself."""

_AS_WRITTEN: Final = frozenset({"Host", "Accept", "Accept-Encoding", "User-Agent", "Content-Length", "Content-Type"})
"""The same names as aiohttp writes them."""


class SentTwiceError(Exception):
    """A request of an attempt that had been sent was to be sent again."""


async def _closed(*_: Any) -> Any:
    raise SentTwiceError


class GatedRequest(aiohttp.ClientRequest):
    """A request of a session opened here: when its connection is there, it awaits its gate."""

    gate: Callable[[], Awaitable[None]] = _closed

    async def send(self, conn: Any) -> aiohttp.ClientResponse:
        """Send the request, if its gate lets it pass."""
        await self.gate()
        return await super().send(conn)


class SingleRequest:
    """Lets the request of one attempt pass once.

    aiohttp sends GET and DELETE again by itself when a kept-alive connection was dropped, and so may a middleware or a
    session's class: the second request is refused here with the error of the first, because every byte on the wire has
    a reservation of its own.

    Args:
        gate: Awaited when the connection is there, before the first byte; what it raises ends the request.
        lines: The lines that the call itself brings, in place of whatever stands under their names; what a session
            adds under other names stays only if it says nothing of the call.
        token: Sent as bearer token, in place of what a session or a netrc would send.
        options: Names of options in lower case.
    """

    def __init__(
        self,
        gate: Callable[[], Awaitable[None]],
        *,
        lines: Sequence[tuple[str, str]],
        token: Secret | None = None,
        options: Container[str] = (),
    ) -> None:
        self._gate = gate
        self._lines = lines
        self._token = token
        self._options = options
        self._entered = False
        self._error: Exception | None = None

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        # Tools that record requests copy their arguments.
        return self

    async def __call__(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """Send *request* by *handler*."""
        if self._entered:
            raise self._error or SentTwiceError
        self._entered = True
        self._keep_ours(request.headers)
        request.headers.update(self._lines)
        if isinstance(request, GatedRequest):
            request.gate = self._gate
        else:  # of a user's session
            request.send = self._gated(request.send)
        try:
            # The token stands in the request for as long as it is being sent and no longer: errors of aiohttp hold the
            # request's headers, and tools that track errors show them.
            if self._token is not None:
                request.headers[hdrs.AUTHORIZATION] = f"Bearer {self._token.reveal()}"
            return await handler(request)
        except Exception as error:
            self._error = error
            raise
        finally:
            if self._token is not None:
                request.headers.popall(hdrs.AUTHORIZATION, None)
            # The request, which its response holds, must not hold the attempt: nobody but the garbage collector would
            # part them.
            if isinstance(request, GatedRequest):
                request.gate = _closed
            else:
                request.send = _closed

    def _keep_ours(self, headers: Any) -> None:
        if _AS_WRITTEN.issuperset(headers):
            return
        others = set(headers).difference(_AS_WRITTEN)
        ours = {name.lower() for name, _ in self._lines}
        for name in others:
            key = name.lower()
            if key not in ours and key not in _AUTOMATIC and not is_added(key, self._options):
                headers.popall(name, None)

    def _gated(self, send: Callable[[Any], Awaitable[Any]]) -> Callable[[Any], Awaitable[Any]]:
        async def gated(connection: Any) -> Any:
            await self._gate()
            return await send(connection)

        return gated
