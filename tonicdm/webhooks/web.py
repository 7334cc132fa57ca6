"""The receiver behind aiohttp's server, as a part of an application."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator

from aiohttp import web

from tonicdm.errors import ConfigError
from tonicdm.monitoring.readings import Reading, read_receiver, read_store
from tonicdm.monitoring.web import add_endpoints
from tonicdm.webhooks.receiver import Receiver, Reply
from tonicdm.webhooks.refusals import Refused


def add_to(app: web.Application, path: str, receiver: Receiver) -> None:
    """Add *receiver* to *app*; it opens with the application and closes with it.

    The application's ``client_max_size`` does not matter: `Limits.max_body` does.

    Args:
        app: The application, before it has started.
        path: Where webhooks arrive, such as ``/webhooks``; with a slash behind it or without.
        receiver: What takes the requests.

    Raises:
        ConfigError: *path* does not begin with a slash.
    """
    if not path.startswith("/"):
        raise ConfigError(f"a path begins with a slash, unlike {path!r}")
    endpoint = _Endpoint(receiver)
    prefix = path.rstrip("/")
    part = web.Application() if prefix else app
    for end in ("", "/") if prefix else ("/",):
        part.router.add_route("*", end, endpoint.handle, expect_handler=endpoint.expect)
    part.cleanup_ctx.append(endpoint.live)
    # At shutdown, before the server waits for its requests: one that drips must not hold it up.
    part.on_shutdown.append(endpoint.shut)
    if prefix:
        app.add_subapp(prefix, part)


def add_monitoring(app: web.Application, receiver: Receiver) -> None:
    """Add ``/healthz`` and ``/metrics`` to *app*, for load balancers and for Prometheus.

    Whoever can reach the application can read both; let a proxy in front pass only the path of the webhooks.

    Args:
        app: The application, before it has started.
        receiver: What is told of: events acknowledged and refused, its inbox, and the copy in the same file.
    """

    async def read() -> list[Reading]:
        readings = list(read_receiver(receiver))
        if receiver.location is not None:
            readings += await asyncio.to_thread(read_store, receiver.location, time.time())
        return readings

    add_endpoints(app, receiver.trouble, read)


class _Endpoint:
    """The handlers of one receiver."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Take a request."""
        async with contextlib.aclosing(_chunks(request)) as chunks:
            peer = request.remote or ""
            reply = await self._receiver.receive(request.method, request.headers, chunks, peer=peer)
        return await _answer(request, reply)

    async def expect(self, request: web.Request) -> web.StreamResponse | None:
        """Answer ``Expect: 100-continue``: a body that would be refused need not be sent."""
        peer = request.remote or ""
        if refusal := self._receiver.screen(request.method, request.headers, peer=peer):
            return await _answer(request, refusal)
        if request.transport is not None:
            request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        return None

    async def shut(self, _app: web.Application) -> None:
        """Refuse what comes, finish what is in hand."""
        await self._receiver.close()

    async def live(self, _app: web.Application) -> AsyncGenerator[None]:
        """Open with the application, close with it."""
        async with self._receiver:
            yield


async def _chunks(request: web.Request) -> AsyncGenerator[bytes]:
    try:
        async for chunk in request.content.iter_any():
            yield chunk
            del chunk  # else it would be kept while the next one is waited for
    except web.RequestPayloadError as error:
        raise Refused(400, "the body is not framed as HTTP has it", detail=type(error).__name__) from None


async def _answer(request: web.Request, reply: Reply) -> web.StreamResponse:
    response = web.Response(status=reply.status, headers=reply.headers, body=reply.body)
    if reply.closes:
        response.force_close()
    if reply.cuts:
        # Otherwise the server would go on reading for its lingering time.
        await response.prepare(request)
        await response.write_eof()
        request.protocol.force_close()
    return response
