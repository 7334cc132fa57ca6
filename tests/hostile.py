"""A server of raw bytes that answers as it is told, right or wrong, and notes every byte that came and when.

The sandbox answers as TonicDM does, with faults that have names. This one knows no HTTP beyond the end of a request:
what it writes is up to the test.

```python
async with Hostile(answer(429, limit=10, remaining=0, reset=now + 60), NEVER, otherwise=answer()) as server:
    ...                                   # the first request gets the 429, the second nothing, all others an empty list
    assert [seen.target for seen in server.requests] == [...]
```
"""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import json
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, Self, TypeAlias

import attrs


@attrs.frozen
class Pause:
    """Nothing happens for some seconds of real time."""

    seconds: float


@attrs.frozen
class End:
    """What becomes of the connection."""

    how: str


CUT: Final = End("cut")
"""The connection is closed as usual (FIN), whatever was written before."""
RESET: Final = End("reset")
"""The connection is torn down (RST)."""
NEVER: Final = End("never")
"""Nothing more comes; the connection stays open until the client lets go of it."""

Piece: TypeAlias = bytes | Pause | End
Step: TypeAlias = Piece | Sequence[Piece]
"""What one request is answered with; after it the connection waits for the next request, unless an `End` says else."""


@attrs.frozen
class Request:
    """One request as it came."""

    at: float
    """Monotonic time of its first byte."""
    connection: int
    """Connections are counted from 0."""
    raw: bytes = attrs.field(repr=False)

    @property
    def head(self) -> str:
        """Request line and header lines."""
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1")

    @property
    def body(self) -> bytes:
        """What came behind the head."""
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def method(self) -> str:
        """The first word of the request line."""
        return self.head.split(" ", 1)[0]

    @property
    def target(self) -> str:
        """Path and query."""
        return self.head.split(" ", 2)[1]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The header lines in their order, repeated ones too."""
        split = (line.partition(":") for line in self.head.split("\r\n")[1:])
        return [(name, value.strip()) for name, _, value in split]

    def header(self, name: str) -> str | None:
        """Return the one value of a header; None where there is none.

        Raises:
            AssertionError: It came more than once.
        """
        found = [value for key, value in self.lines if key.lower() == name.lower()]
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None


Reply: TypeAlias = Step | Callable[[Request], "Step | Awaitable[Step]"]


class Hostile:
    """The server; used as ``async with``.

    Args:
        script: The replies to the first requests, in the order in which their heads are complete, over all connections.
            A function is called with the request and returns the reply.
        otherwise: The reply to all others.
        greeting: Written to each new connection before anything was asked.
    """

    def __init__(self, *script: Reply, otherwise: Reply | None = None, greeting: Step = b"") -> None:
        self.script: list[Reply] = list(script)
        self.otherwise: Reply = otherwise if otherwise is not None else (lambda _request: answer())
        self.greeting = greeting
        self.requests: list[Request] = []
        """Requests whose head and body came whole."""
        self.received: list[tuple[float, int, bytes]] = []
        """Every read: monotonic time, connection, bytes; also of requests that never became whole."""
        self.answered: list[float] = []
        """Monotonic times at which replies were begun, in the order of `requests`."""
        self.connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Scheme, host and port."""
        return f"http://127.0.0.1:{self.port}"

    async def seen(self, count: int, *, seconds: float = 60.0) -> None:
        """Wait until *count* requests have come.

        Raises:
            TimeoutError: They have not within *seconds*.
        """
        async with asyncio.timeout(seconds):
            while len(self.requests) < count:
                await asyncio.sleep(0.001)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        number, self.connections = self.connections, self.connections + 1
        try:
            if self.greeting and not await self._play(self.greeting, reader, writer):
                return
            rest = b""
            while (taken := await self._take(reader, number, rest)) is not None:
                request, rest = taken
                self.requests.append(request)
                reply = self.script.pop(0) if self.script else self.otherwise
                if callable(reply):
                    made = reply(request)
                    reply = await made if isinstance(made, Awaitable) else made
                self.answered.append(time.monotonic())
                if not await self._play(reply, reader, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass  # at the end of the test; a stream's task that ends cancelled is reported by asyncio
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await writer.wait_closed()

    async def _take(self, reader: asyncio.StreamReader, number: int, data: bytes) -> tuple[Request, bytes] | None:
        """Read one request; None at the end of the connection."""
        began = time.monotonic()
        wanted: int | None = None
        while wanted is None or len(data) < wanted:
            if not (piece := await reader.read(65_536)):
                return None
            if not data:
                began = time.monotonic()
            self.received.append((time.monotonic(), number, piece))
            data += piece
            head, end, _ = data.partition(b"\r\n\r\n")
            if end and wanted is None:
                lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
                wanted = len(head) + 4 + (int(lengths[0].split(b":")[1]) if lengths else 0)
        return Request(began, number, data[:wanted]), data[wanted:]

    async def _play(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Write a reply; whether the connection is still of use."""
        for piece in [step] if isinstance(step, (bytes, Pause, End)) else step:
            if isinstance(piece, bytes):
                writer.write(piece)
                await writer.drain()
            elif isinstance(piece, Pause):
                await asyncio.sleep(piece.seconds)
            elif piece is NEVER:
                while await reader.read(65_536):
                    pass
                return False
            else:
                if piece is RESET:
                    writer.transport.abort()
                return False
        return True


Headers: TypeAlias = Iterable[tuple[str, str | bytes]]


def head(status: int = 200, headers: Headers = (), *, reason: str | bytes = "OK", version: str = "HTTP/1.1") -> bytes:
    """Return status line and header lines, with the empty line behind them."""
    text = reason.encode() if isinstance(reason, str) else reason
    lines = [b"%s %d %s" % (version.encode(), status, text)]
    lines += [
        b"%s: %s" % (name.encode(), value.encode() if isinstance(value, str) else value) for name, value in headers
    ]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def answer(
    status: int = 200,
    body: bytes | list[Any] | dict[str, Any] = b"[]",
    headers: Headers = (),
    *,
    limit: object = 3600,
    remaining: object = 3595,
    reset: object = ...,
    date: object = True,
    reason: str | bytes = "OK",
    length: int | None = None,
) -> bytes:
    """Return a whole answer with the headers that TonicDM sends.

    Args:
        status: The HTTP status.
        body: Bytes, or what becomes JSON.
        headers: More header lines.
        limit: X-Rate-Limit-Limit, as it is written; None for no such line.
        remaining: X-Rate-Limit-Remaining, the same.
        reset: X-Rate-Limit-Reset, the same; an hour from now unless given.
        date: The Date header: True for the present, a number for Unix time, None for none, or any text.
        reason: The text behind the status.
        length: Content-Length, where it is not the body's.
    """
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    now = time.time()
    if reset is ...:
        reset = int(now) + 3600
    if date is True:
        date = now
    lines: list[tuple[str, str | bytes]] = [("Content-Type", "application/json")]
    if date is not None:
        text = email.utils.formatdate(date, usegmt=True) if isinstance(date, (int, float)) else str(date)
        lines.append(("Date", text))
    for name, value in (("Limit", limit), ("Remaining", remaining), ("Reset", reset)):
        if value is not None:
            lines.append((f"X-Rate-Limit-{name}", str(value)))
    lines += headers
    lines.append(("Content-Length", str(len(content) if length is None else length)))
    return head(status, lines, reason=reason) + content


def bare(status: int, headers: Headers = (), body: bytes = b"") -> bytes:
    """Return an answer of something between client and server: no Date, no rate headers."""
    return answer(status, body, headers, limit=None, remaining=None, reset=None, date=None)


def drip(data: bytes, every: float, *, size: int = 1) -> list[Piece]:
    """Return *data* cut into pieces of *size* bytes with a pause before each."""
    return [piece for at in range(0, len(data), size) for piece in (Pause(every), data[at : at + size])]
