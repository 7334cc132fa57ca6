"""The aiohttp shell: sockets, real time, and faults of the connection. It decides nothing about units or records."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

import attrs
from aiohttp import web

from tonicdm.sandbox.damage import bad_gateway, damage
from tonicdm.sandbox.faults import Faults, InjectedFaults
from tonicdm.sandbox.messages import FilePart, Request, Response
from tonicdm.sandbox.settings import ServerSettings

_SENT_HEADERS = 1 << 20
"""aiohttp's own limits on what it reads are out of the way, so that the setting header_limit decides."""
_AT_ONCE = 1 << 16
"""Bytes of a file that are read and sent together."""


class Rules(Protocol):
    """A server without its sockets."""

    @property
    def settings(self) -> ServerSettings:
        """What the server was told."""
        ...

    def handle(
        self, request: Request, now: float, injected: InjectedFaults, *, at: float, damage: Callable[[Response], None]
    ) -> Response:
        """Serve one call and write it down."""
        ...

    def lost(self, request: Request, now: float, injected: InjectedFaults, status: int = 0) -> None:
        """Write down a call that never reached the rules."""
        ...


class ControlPaths(Protocol):
    """Answers the paths under /__."""

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a control request."""
        ...


@attrs.define
class Shell:
    """Turns requests into calls and answers into responses.

    Args:
        service: The rules.
        faults: The faults.
        now: Server time.
        control: Answers the paths under /__.
        zone: Zone of this port.
    """

    service: Rules
    faults: Faults
    now: Callable[[], float]
    control: ControlPaths
    seed: int = 1
    zone: str = "us"
    _chance: random.Random = attrs.field(init=False)
    _seen: set[asyncio.Transport] = attrs.field(factory=set)
    _runner: web.ServerRunner | None = None

    def __attrs_post_init__(self) -> None:
        self._chance = random.Random(f"{self.seed}/latency")

    async def start(self, host: str, port: int) -> int:
        """Listen, and return the port."""
        server = web.Server(
            self._handle,
            access_log=None,
            max_line_size=_SENT_HEADERS,
            max_field_size=_SENT_HEADERS,
            # Closing waits for nobody: a test that leaves a call open must still end.
            lingering_time=0,
        )
        runner = self._runner = web.ServerRunner(server, shutdown_timeout=0.05)
        await runner.setup()
        await web.TCPSite(runner, host, port).start()
        return int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Close all connections and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, web_request: web.BaseRequest) -> web.StreamResponse:
        if web_request.path.startswith("/__"):
            return await self.control.handle(web_request)
        arrived = self.now()
        request = Request(
            method=web_request.method,
            path=web_request.path,
            headers=tuple((k.decode("latin-1"), v.decode("utf-8", "replace")) for k, v in web_request.raw_headers),
            query=tuple(web_request.query.items()) if web_request.query_string else (),
            body=await web_request.read() if web_request.body_exists else b"",
            zone=self.zone,
            raw_path=web_request.rel_url.raw_path,
        )
        injected = self.faults.inject(request.method, request.path)
        if self._is_lost(web_request, injected):
            self.service.lost(request, arrived, injected)
            return self._cut(web_request, reset="drop_before" in injected)
        return await self._respond(web_request, request, injected, arrived)

    async def _respond(
        self, web_request: web.BaseRequest, request: Request, injected: InjectedFaults, arrived: float
    ) -> web.StreamResponse:
        before, after = self._latencies()
        if before:
            await asyncio.sleep(before)
        if (refused := self._refused_in_front(request, injected)) is not None:
            self.service.lost(request, arrived, injected, refused.status)
            return _web_response(refused) if refused.status else self._cut(web_request)
        now = self.now()
        response = self.service.handle(
            request, now, injected, at=arrived, damage=lambda made: damage(made, injected, now, self.faults)
        )
        if "slow" in injected:
            await asyncio.sleep(float(injected.detail("slow", "seconds")))
        if after:
            await asyncio.sleep(after)
        return await self._sent(web_request, response, injected)

    async def _sent(
        self, web_request: web.BaseRequest, response: Response, injected: InjectedFaults
    ) -> web.StreamResponse:
        if "drop_after" in injected:
            return self._cut(web_request, reset=True)
        if "cut_body" in injected:
            return self._raw(web_request, response, response.length // 2)
        if "no_date" in injected:
            response.headers.pop("Date", None)
            return self._raw(web_request, response, response.length)
        web_response = (
            _web_response(response)
            if response.file is None
            else await self._streamed(web_request, response, response.file)
        )
        if "close_idle" in injected and web_request.transport is not None:
            # After the answer has left, as a server does whose keep-alive time is over.
            asyncio.get_running_loop().call_later(0.005, web_request.transport.close)
        return web_response

    async def _streamed(self, web_request: web.BaseRequest, response: Response, part: FilePart) -> web.StreamResponse:
        """Send part of a file a piece at a time."""
        web_response = web.StreamResponse(status=response.status, headers=response.headers)
        web_response.content_type, web_response.content_length = response.content_type, part.length
        await web_response.prepare(web_request)
        left = part.length
        with part.path.open("rb") as file:
            file.seek(part.first)
            while piece := file.read(min(left, _AT_ONCE)):
                await web_response.write(piece)
                left -= len(piece)
        await web_response.write_eof()
        return web_response

    def _is_lost(self, web_request: web.BaseRequest, injected: InjectedFaults) -> bool:
        connection = web_request.transport
        reused = connection in self._seen
        if connection is not None and not reused:
            # The transports themselves, not their id(): a closed one's number may be given to the next.
            self._seen = {old for old in self._seen if not old.is_closing()} | {connection}
        return "drop_before" in injected or ("close_reused" in injected and reused)

    def _refused_in_front(self, request: Request, injected: InjectedFaults) -> Response | None:
        """Return what a proxy or the HTTP layer answers in place of the server; status 0 cuts the connection."""
        if "bad_gateway" in injected and not injected.detail("bad_gateway", "processed"):
            return bad_gateway()
        settings = self.service.settings
        limit = int(injected.detail("header_limit", "bytes")) if "header_limit" in injected else settings.header_limit
        if all(len(value.encode()) <= limit for _, value in request.headers):
            return None
        status = 0 if settings.header_limit_response == "cut" else int(settings.header_limit_response)
        return Response(status=status, body=b"Request header field too large.", content_type="text/plain")

    def _latencies(self) -> tuple[float, float]:
        """Return seconds before and after the charge: answers overtake each other on either side of it."""
        shortest, longest = self.service.settings.latency_seconds
        if longest <= 0:
            return 0.0, 0.0
        total = self._chance.uniform(shortest, longest)
        before = total * self._chance.random()
        return before, total - before

    def _cut(self, web_request: web.BaseRequest, *, reset: bool = False) -> web.StreamResponse:
        """Close the connection without an answer; aiohttp's own response then goes nowhere."""
        if web_request.transport is not None:
            if reset:
                web_request.transport.abort()
            else:
                web_request.transport.close()
        return web.Response()

    def _raw(self, web_request: web.BaseRequest, response: Response, length: int) -> web.StreamResponse:
        """Write a response by hand, with *length* bytes of its body, and close."""
        transport = web_request.transport
        if transport is not None:
            body = response.body if response.file is None else response.file.read()
            lines = [
                f"HTTP/1.1 {response.status} X",
                *(f"{name}: {value}" for name, value in response.headers.items()),
                f"Content-Type: {response.content_type}",
                f"Content-Length: {response.length}",
                "Connection: close",
            ]
            transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body[:length])
        return self._cut(web_request)


def _web_response(response: Response) -> web.Response:
    web_response = web.Response(status=response.status, headers=response.headers)
    if response.body:
        web_response.body = response.body
        web_response.headers["Content-Type"] = response.content_type
    return web_response
