"""How soon a webhook is acknowledged: the receiver, which stores first, beside a bare handler that stores nothing.

A second bare handler appends each body to a file and flushes it, as many at once as came meanwhile: what is left of the
receiver's time above that is its own; the rest is the disk.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO

import aiohttp
import attrs
from aiohttp import web

SECRET = b"the-secret-of-the-benchmark"
RATES = ((170, 3000), (500, 3000))
"""Events a second, evenly spaced, and how many; 170 a second are 10,000 a minute."""
TURNS = 5
BURST, CONNECTIONS = 2000, 100
"""Events sent as fast as answers come, over so many connections."""


@attrs.frozen
class Server:
    url: str
    pid: int

    def cpu(self) -> float:
        """Return the seconds of CPU that it has used."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@attrs.define
class Measurement:
    """What a case has shown in its turns."""

    took: list[float] = attrs.field(factory=list)
    spent: float = 0.0
    cpu: float = 0.0

    @contextlib.contextmanager
    def measured(self, server: Server) -> Iterator[None]:
        began, used = time.perf_counter(), server.cpu()
        yield
        self.spent += time.perf_counter() - began
        self.cpu += server.cpu() - used

    def report(self, case: str) -> None:
        ordered, count = sorted(self.took), len(self.took)
        shown = [ordered[int(share * (count - 1))] * 1000 for share in (0.5, 0.99, 1)]
        figures = "".join(f"{value:>10.1f}" for value in shown)
        print(f"{case:<54}{count / self.spent:>10,.0f}{figures}{self.cpu / count * 1000:>8.2f}")


def main() -> None:
    print("\nAcknowledgement of a signed event of about 1 KB, over HTTP between two processes")
    print(f"{'case':<54}{'events/s':>10}{'p50 ms':>10}{'p99 ms':>10}{'max ms':>10}{'CPU ms':>8}")
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "bare aiohttp handler, stores nothing": [sys.executable, "-m", "benchmarks.webhooks"],
            "bare, appended to a file and flushed": [sys.executable, "-m", "benchmarks.webhooks", f"{folder}/bare.log"],
            "tonicdm webhooks serve": [
                *(sys.executable, "-m", "tonicdm.cli", "webhooks", "serve", f"{folder}/firm.db"),
                *("--port", "0", "--secret-env", "WEBHOOK_SECRET"),
            ],
        }
        with contextlib.ExitStack() as stack:
            running_ones = {name: stack.enter_context(running(command)) for name, command in commands.items()}
            asyncio.run(measure(running_ones))
    print("Each event of the receiver is on the disk (synchronous=FULL) before it is answered; target: p99 < 100 ms.")
    print(f"CPU is that of the server for one event. Load of the machine at the end: {os.getloadavg()[0]:.1f}.")


@contextlib.contextmanager
def running(command: list[str]) -> Iterator[Server]:
    environment = {**os.environ, "WEBHOOK_SECRET": SECRET.decode()}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
            yield Server(url, process.pid)
        finally:
            process.terminate()


async def measure(servers: dict[str, Server]) -> None:
    """Measure the servers in turns, so that a slow moment of the machine strikes all of them."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for server in servers.values():
            await at_rate(session, server.url, events("warm", 100), 100)
        for rate, count in RATES:
            results = {name: Measurement() for name in servers}
            for turn in range(TURNS):
                for name, server in servers.items():
                    with results[name].measured(server):
                        made = events(f"{rate}-{turn}", count // TURNS)
                        results[name].took += await at_rate(session, server.url, made, rate)
            for name, measurement in results.items():
                measurement.report(f"{name}, {rate}/s")
        for name, server in servers.items():
            measurement = Measurement()
            with measurement.measured(server):
                measurement.took += await burst(session, server.url, events("burst", BURST))
            measurement.report(f"{name}, burst of {BURST:,}")


def events(name: str, count: int) -> list[tuple[bytes, dict[str, str]]]:
    """Make signed events beforehand, so that the sender's work does not count."""
    made = []
    for number in range(count):
        record = {"id": f"{number:032x}", "updated": "2026-01-01T00:00:00Z", "notes": "x" * 900}
        key, sent = f"{name}-{number}", str(int(time.time()))
        body = json.dumps({"id": key, "type": "persons.updated", "sent": int(sent), "data": [record]}).encode()
        digest = hmac.digest(SECRET, f"{key}.{sent}.".encode() + body, hashlib.sha256)
        signature = f"v1,{base64.b64encode(digest).decode()}"
        made.append((body, {"webhook-id": key, "webhook-timestamp": sent, "webhook-signature": signature}))
    return made


async def post(session: aiohttp.ClientSession, url: str, event: tuple[bytes, dict[str, str]]) -> float:
    began = time.perf_counter()
    async with session.post(url, data=event[0], headers=event[1]) as response:
        assert response.status == 200, response.status
    return time.perf_counter() - began


async def at_rate(
    session: aiohttp.ClientSession, url: str, made: list[tuple[bytes, dict[str, str]]], rate: int
) -> list[float]:
    """Send at even distances, whether or not the ones before were answered."""
    began, sent = time.perf_counter(), []
    for number, event in enumerate(made):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        sent.append(asyncio.ensure_future(post(session, url, event)))
    return list(await asyncio.gather(*sent))


async def burst(session: aiohttp.ClientSession, url: str, made: list[tuple[bytes, dict[str, str]]]) -> list[float]:
    waiting = iter(made)

    async def sender() -> list[float]:
        return [await post(session, url, event) for event in waiting]

    parts = await asyncio.gather(*(sender() for _ in range(CONNECTIONS)))
    return [seconds for part in parts for seconds in part]


def bare(path: str | None) -> None:
    waiting: list[tuple[bytes, asyncio.Future[None]]] = []
    tasks: list[asyncio.Task[None]] = []

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        if path is not None:
            done = asyncio.get_running_loop().create_future()
            waiting.append((body, done))
            if not tasks:
                tasks.append(asyncio.ensure_future(flush(path)))
            await done
        return web.Response()

    async def flush(path: str) -> None:
        with open(path, "ab") as file:  # noqa: ASYNC230, PTH123 - the writes are on a thread
            while waiting:
                group = waiting.copy()
                waiting.clear()
                await asyncio.to_thread(append, file, b"".join(body for body, _ in group))
                for _, done in group:
                    done.set_result(None)
        tasks.clear()

    def append(file: BinaryIO, content: bytes) -> None:
        file.write(content)
        file.flush()
        os.fdatasync(file.fileno())

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/webhooks", handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        print(f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks", flush=True)
        await asyncio.Event().wait()

    asyncio.run(serve())


if __name__ == "__main__":
    bare(sys.argv[1] if len(sys.argv) > 1 else None)
