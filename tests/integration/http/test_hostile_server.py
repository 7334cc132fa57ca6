"""The hostile server does what its script says, to the byte; other tests stand on it."""

from __future__ import annotations

import asyncio
import time

import aiohttp
import pytest

from tests.hostile import CUT, NEVER, RESET, Hostile, Pause, Request, answer, bare, drip, head


async def exchange(server: Hostile, data: bytes) -> bytes:
    """Send bytes and return all that comes until the end of the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(), 60)
    finally:
        writer.close()


async def test_requests_are_answered_by_the_script_in_their_order_and_then_otherwise():
    async with Hostile(bare(503), lambda seen: answer(body={"target": seen.target}), otherwise=bare(418)) as server:
        async with aiohttp.ClientSession() as session:
            said = []
            for path in ("/a", "/b", "/c", "/d"):
                async with session.get(server.url + path) as response:
                    said.append((response.status, await response.text()))
        assert said == [(503, ""), (200, '{"target": "/b"}'), (418, ""), (418, "")]
        assert [seen.target for seen in server.requests] == ["/a", "/b", "/c", "/d"]
        assert server.connections == 1
        assert len(server.answered) == 4


async def test_every_byte_is_seen_also_of_a_request_that_never_became_whole(hostile: Hostile):
    began = time.monotonic()
    _, writer = await asyncio.open_connection("127.0.0.1", hostile.port)
    writer.write(b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nab")
    await asyncio.sleep(0.05)
    writer.close()
    await asyncio.sleep(0.05)
    assert b"".join(data for _, _, data in hostile.received) == b"POST /x HTTP/1.1\r\nContent-Length: 5\r\n\r\nab"
    assert all(began <= at <= time.monotonic() for at, _, _ in hostile.received)
    assert hostile.requests == []


async def test_a_request_with_a_body_is_whole_only_with_it(hostile: Hostile):
    hostile.script = [[answer(), CUT]]
    await exchange(hostile, b"POST /x HTTP/1.1\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nabcde")
    (seen,) = hostile.requests
    assert (seen.method, seen.target, seen.body, seen.header("x-a")) == ("POST", "/x", b"abcde", "1")


@pytest.mark.parametrize("end", [CUT, RESET])
async def test_an_answer_is_cut_where_the_script_says(end, hostile: Hostile):
    hostile.script = [[head(200, [("Content-Length", "10")]) + b"12345", Pause(0.05), end]]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientError):
            async with session.get(hostile.url) as response:
                await response.read()


async def test_nothing_comes_where_the_script_says_never(hostile: Hostile):
    hostile.script = [NEVER]
    async with aiohttp.ClientSession() as session:
        with pytest.raises(TimeoutError):
            await session.get(hostile.url, timeout=aiohttp.ClientTimeout(total=0.1))
    await hostile.seen(1)


async def test_an_answer_drips_with_its_pauses(hostile: Hostile):
    async def slowly(_request: Request):
        return [*drip(answer(body=b"abc"), 0.002, size=40), b"extra", CUT]

    hostile.script = [slowly]
    began = time.monotonic()
    assert (await exchange(hostile, b"GET / HTTP/1.1\r\n\r\n")).endswith(b"abcextra")
    assert time.monotonic() - began >= 0.01
