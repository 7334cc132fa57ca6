"""The receiver as an ASGI 3 application: alone under any ASGI server, or inside FastAPI or Starlette."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from tonicdm.errors import TonicDMError
from tonicdm.webhooks.receiver import Receiver, Reply

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]


class _GoneError(Exception):
    """The sender has hung up: there is nobody to answer."""


class WebhookApp:
    """An ASGI application that hands every request to a receiver, whatever its path.

    Where the server speaks the lifespan protocol with it, it opens the receiver at the start and closes it at the end.
    Inside another application it is only called; open and close the receiver in that one's lifespan.

    Args:
        receiver: What takes the requests.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.receiver: Receiver = receiver

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one connection, as ASGI 3 has it."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            await self.receiver.open()
        except TonicDMError as error:
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.receiver.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        client = scope.get("client")
        peer = client[0] if client else ""
        try:
            async with contextlib.aclosing(_chunks(receive)) as chunks:
                reply = await self.receiver.receive(scope["method"], _headers(scope["headers"]), chunks, peer=peer)
        except _GoneError:
            return
        await send({"type": "http.response.start", "status": reply.status, "headers": _raw(reply)})
        await send({"type": "http.response.body", "body": reply.body})


async def _chunks(receive: Receive) -> AsyncGenerator[bytes]:
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        more = message.get("more_body")
        if message.get("body"):
            yield message["body"]
        if not more:
            return
        del message  # else it would be kept while the next one is waited for


def _headers(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("utf-8", "surrogateescape")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _raw(reply: Reply) -> list[tuple[bytes, bytes]]:
    # A server that speaks HTTP/2 has no Connection header and leaves it out.
    pairs = {**reply.headers, "Content-Length": str(len(reply.body))}
    return [(name.lower().encode(), value.encode()) for name, value in pairs.items()]
