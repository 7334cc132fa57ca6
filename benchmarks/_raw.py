"""A server that answers with prepared bytes and does nothing else, in a process of its own."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from email.utils import formatdate
from typing import ClassVar

LIMIT = 1_000_000_000


class Answering(asyncio.Protocol):
    """Answers each request of a connection by its path.

    Args:
        bodies: What to answer with.
    """

    used: ClassVar[collections.Counter[bytes]] = collections.Counter()
    """Units used by token, so that no client takes another one's calls for those of strangers."""

    def __init__(self, bodies: dict[str, bytes], reset: int) -> None:
        self._bodies = bodies
        self._reset = reset
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].partition(b"?")[0].decode()
            body = self._bodies[path]
            token = head.partition(b"Authorization: ")[2].partition(b"\r\n")[0]
            self.used[token] += 5
            lines = (
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nDate: {formatdate(usegmt=True)}\r\n"
                f"X-Rate-Limit-Limit: {LIMIT}\r\nX-Rate-Limit-Remaining: {LIMIT - self.used[token]}\r\n"
                f"X-Rate-Limit-Reset: {self._reset}\r\n\r\n"
            )
            self._transport.write(lines.encode() + body)


async def serve(bodies: dict[str, bytes]) -> None:
    reset = int(time.time()) + 3600
    server = await asyncio.get_running_loop().create_server(lambda: Answering(bodies, reset), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def raw_server(bodies: dict[str, str]) -> Iterator[str]:
    """Run the server, and return its URL.

    Args:
        bodies: JSON texts by path.
    """
    command = [sys.executable, "-m", "benchmarks._raw"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(bodies) + "\n")
            process.stdin.flush()
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve({path: body.encode() for path, body in json.loads(sys.stdin.readline()).items()}))
