"""The receiver as a process: killed, stopped, and held open by a thousand idle connections."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import pathlib
import re
import resource
import signal
import sqlite3
import subprocess
import time

import aiohttp
import pytest

from tests.processes import free_port

from .conftest import body_of, signature
from .processes import COMMAND, serving


def stored(file):
    with contextlib.closing(sqlite3.connect(file)) as db:
        return {key for (key,) in db.execute("SELECT key FROM event")}


def memory(process):
    """Resident memory of a process in MiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


async def send(session, url, number):
    body = body_of(number)
    try:
        async with session.post(url, data=body, headers=signature(body, f"e{number}", time.time())) as response:
            return response.status
    except (aiohttp.ClientError, OSError):
        return None


async def status_of(reader):
    """Return the status that was answered; None where a byte sent behind the answer has broken the connection."""
    try:
        return (await reader.readline()).split(b" ")[1]
    except ConnectionError:
        return None


async def test_killed_with_minus_9_every_event_that_was_acknowledged_is_in_the_file(file) -> None:
    """Twice, in the middle of a burst; what was not acknowledged is sent again, and in the end each is there once."""
    open_numbers, acked, port = set(range(600)), set(), free_port()
    for round_number in range(3):
        last, enough = round_number == 2, 150 * (round_number + 1)
        with serving(file, port=port) as (process, url):
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=20)) as session:

                async def one(number, session=session, url=url, process=process, last=last, enough=enough):
                    if await send(session, url, number) == 200:
                        acked.add(number)
                    if not last and len(acked) >= enough and process.poll() is None:
                        process.kill()

                await asyncio.gather(*(one(number) for number in sorted(open_numbers)))
            if not last:
                assert process.wait(60) == -signal.SIGKILL
                assert open_numbers - acked, "killed when all was done"
        assert {f"e{number}" for number in acked} <= stored(file)
        open_numbers -= acked
    assert not open_numbers
    assert stored(file) == {f"e{number}" for number in range(600)}


async def test_sigterm_ends_it_cleanly_with_what_it_had_accepted(file) -> None:
    """A connection that drips does not hold it up."""
    with serving(file) as (process, url):
        host, port = url.split("/")[2].split(":")
        async with aiohttp.ClientSession() as session:
            assert await send(session, url, 1) == 200
            assert await send(session, url, 1) == 200
            reader, writer = await asyncio.open_connection(host, int(port))
            headers = signature(b"", "e2", time.time())
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"POST /webhooks HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 50\r\n\r\n{{".encode())
            await writer.drain()
            await send(session, url, 3)
            process.send_signal(signal.SIGTERM)
            answer = await reader.read()
            assert b" 503 " in answer or answer == b""
            writer.close()
        assert await asyncio.to_thread(process.wait, 60) == 0
        *_, last = process.stdout.read().splitlines(keepends=True)
        assert last == "Stopped: 2 events stored, 1 were there already, 1 requests refused.\n"
        assert "being stopped" in process.stderr.read()
    assert stored(file) == {"e1", "e3"}


@pytest.mark.skipif(not pathlib.Path("/proc/self/status").exists(), reason="reads memory from /proc")
async def test_a_thousand_dripping_connections_leave_memory_flat_and_others_served(file) -> None:
    """Each sends a genuine head and then a byte at a time; at most 32 KiB are spent on each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4096)), hard))
    with serving(file, "--body-seconds", "3") as (process, url):
        host, port = url.split("/")[2].split(":")
        async with aiohttp.ClientSession() as session:
            for number in range(50):
                assert await send(session, url, number) == 200
            before = memory(process)
            headers = signature(b"", "drip", time.time())
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            head = f"POST /webhooks HTTP/1.1\r\nHost: x\r\n{lines}Content-Length: 1000000\r\n\r\n".encode()
            links = await asyncio.gather(*(asyncio.open_connection(host, int(port)) for _ in range(1000)))
            for _, writer in links:
                writer.write(head)
            peak, waits = before, []
            for number in range(1000, 1020):
                for _, writer in links:
                    if not writer.is_closing():
                        writer.write(b"x")
                began = time.perf_counter()
                assert await send(session, url, number) == 200
                waits.append(time.perf_counter() - began)
                peak = max(peak, memory(process))
            answers = await asyncio.gather(*(status_of(reader) for reader, _ in links))
            for _, writer in links:
                writer.close()
            assert set(answers) <= {b"408", None}
            assert await send(session, url, 2000) == 200
        assert peak - before < 32, f"{before:.1f} -> {peak:.1f} MiB; the slowest answer took {max(waits):.3f} s"


@pytest.mark.parametrize("kind", ["file", "header", "none"])
async def test_the_senders_check_is_chosen_by_options(file, tmp_path, kind) -> None:
    secrets = tmp_path / "secrets"
    new_key = b"new-secret-of-31-bytes-in-base6"
    secrets.write_text(f"old-secret-of-24-letters\nwhsec_{base64.b64encode(new_key).decode()}\n")
    options = {
        "file": ("--secret-file", str(secrets)),
        "header": ("--secret-file", str(secrets), "--shared-secret-header", "X-Key"),
        "none": ("--unverified",),
    }[kind]
    command = [*COMMAND, str(file), "--port", "0", "--path", "/in", "--max-body", "1KiB", *options]
    with subprocess.Popen(  # noqa: ASYNC220 - it starts at once
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = process.stdout.readline().split()[2]
        assert url.endswith("/in")
        async with aiohttp.ClientSession() as session:

            async def status(number, headers):
                async with session.post(url, data=body_of(number), headers=headers) as response:
                    return response.status

            new = signature(body_of(1), "e1", time.time(), key=new_key)
            assert await status(1, new) == (401 if kind == "header" else 200)
            assert await status(2, {"X-Key": "old-secret-of-24-letters"}) == (401 if kind == "file" else 200)
            assert await status(3, {}) == (200 if kind == "none" else 401)
            async with session.post(url, data=b"x" * 1025, headers=new) as response:
                assert response.status == 413
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "secret" not in out + err.replace("no x-key", "")
    assert stored(file) == {"file": {"e1"}, "header": {"e2"}, "none": {"e1", "e2", "e3"}}[kind]
