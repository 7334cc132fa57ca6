"""The aiohttp shell: sockets, real time, and faults of the connection. It decides nothing about units or records."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

import attrs
from aiohttp import web

from tonicdm.sandbox.calls import Answer, Call, FilePart
from tonicdm.sandbox.damage import bad_gateway, damage
from tonicdm.sandbox.faults import Faults, Strike
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

    def handle(self, call: Call, now: float, strike: Strike, *, at: float, damage: Callable[[Answer], None]) -> Answer:
        """Serve one call and write it down."""
        ...

    def lost(self, call: Call, now: float, strike: Strike, status: int = 0) -> None:
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

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/__"):
            return await self.control.handle(request)
        arrived = self.now()
        call = Call(
            method=request.method,
            path=request.path,
            headers=tuple((k.decode("latin-1"), v.decode("utf-8", "replace")) for k, v in request.raw_headers),
            query=tuple(request.query.items()) if request.query_string else (),
            body=await request.read() if request.body_exists else b"",
            zone=self.zone,
            raw_path=request.rel_url.raw_path,
        )
        strike = self.faults.strike(call.method, call.path)
        if self._is_lost(request, strike):
            self.service.lost(call, arrived, strike)
            return self._cut(request, reset="drop_before" in strike)
        return await self._answer(request, call, strike, arrived)

    async def _answer(self, request: web.BaseRequest, call: Call, strike: Strike, arrived: float) -> web.StreamResponse:
        before, after = self._latencies()
        if before:
            await asyncio.sleep(before)
        if (refused := self._refused_in_front(call, strike)) is not None:
            self.service.lost(call, arrived, strike, refused.status)
            return _response(refused) if refused.status else self._cut(request)
        now = self.now()
        answer = self.service.handle(
            call, now, strike, at=arrived, damage=lambda made: damage(made, strike, now, self.faults)
        )
        if "slow" in strike:
            await asyncio.sleep(float(strike.detail("slow", "seconds")))
        if after:
            await asyncio.sleep(after)
        return await self._sent(request, answer, strike)

    async def _sent(self, request: web.BaseRequest, answer: Answer, strike: Strike) -> web.StreamResponse:
        if "drop_after" in strike:
            return self._cut(request, reset=True)
        if "cut_body" in strike:
            return self._raw(request, answer, answer.length // 2)
        if "no_date" in strike:
            answer.headers.pop("Date", None)
            return self._raw(request, answer, answer.length)
        response = _response(answer) if answer.file is None else await self._streamed(request, answer, answer.file)
        if "close_idle" in strike and request.transport is not None:
            # After the answer has left, as a server does whose keep-alive time is over.
            asyncio.get_running_loop().call_later(0.005, request.transport.close)
        return response

    async def _streamed(self, request: web.BaseRequest, answer: Answer, part: FilePart) -> web.StreamResponse:
        """Send part of a file a piece at a time."""
        response = web.StreamResponse(status=answer.status, headers=answer.headers)
        response.content_type, response.content_length = answer.content_type, part.length
        await response.prepare(request)
        left = part.length
        with part.path.open("rb") as file:
            file.seek(part.first)
            while piece := file.read(min(left, _AT_ONCE)):
                await response.write(piece)
                left -= len(piece)
        await response.write_eof()
        return response

    def _is_lost(self, request: web.BaseRequest, strike: Strike) -> bool:
        connection = request.transport
        reused = connection in self._seen
        if connection is not None and not reused:
            # The transports themselves, not their id(): a closed one's number may be given to the next.
            self._seen = {old for old in self._seen if not old.is_closing()} | {connection}
        return "drop_before" in strike or ("close_reused" in strike and reused)

    def _refused_in_front(self, call: Call, strike: Strike) -> Answer | None:
        """Return what a proxy or the HTTP layer answers in place of the server; status 0 cuts the connection."""
        if "bad_gateway" in strike and not strike.detail("bad_gateway", "processed"):
            return bad_gateway()
        settings = self.service.settings
        limit = int(strike.detail("header_limit", "bytes")) if "header_limit" in strike else settings.header_limit
        if all(len(value.encode()) <= limit for _, value in call.headers):
            return None
        status = 0 if settings.header_limit_answer == "cut" else int(settings.header_limit_answer)
        return Answer(status=status, body=b"Request header field too large.", content_type="text/plain")

    def _latencies(self) -> tuple[float, float]:
        """Return seconds before and after the charge: answers overtake each other on either side of it."""
        shortest, longest = self.service.settings.latency_seconds
        if longest <= 0:
            return 0.0, 0.0
        total = self._chance.uniform(shortest, longest)
        before = total * self._chance.random()
        return before, total - before

    def _cut(self, request: web.BaseRequest, *, reset: bool = False) -> web.StreamResponse:
        """Close the connection without an answer; aiohttp's own response then goes nowhere."""
        if request.transport is not None:
            if reset:
                request.transport.abort()
            else:
                request.transport.close()
        return web.Response()

    def _raw(self, request: web.BaseRequest, answer: Answer, length: int) -> web.StreamResponse:
        """Write a response by hand, with *length* bytes of its body, and close."""
        transport = request.transport
        if transport is not None:
            body = answer.body if answer.file is None else answer.file.read()
            lines = [
                f"HTTP/1.1 {answer.status} X",
                *(f"{name}: {value}" for name, value in answer.headers.items()),
                f"Content-Type: {answer.content_type}",
                f"Content-Length: {answer.length}",
                "Connection: close",
            ]
            transport.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body[:length])
        return self._cut(request)


def _response(answer: Answer) -> web.Response:
    response = web.Response(status=answer.status, headers=answer.headers)
    if answer.body:
        response.body = answer.body
        response.headers["Content-Type"] = answer.content_type
    return response
