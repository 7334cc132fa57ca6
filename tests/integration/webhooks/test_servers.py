"""Every status, over a real socket, whatever server the receiver stands behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3

import aiohttp
import pytest

from tonicdm.errors import ConfigError, StoreError
from tonicdm.webhooks.asgi import WebhookApp
from tonicdm.webhooks.receiver import Receiver
from tonicdm.webhooks.serve import serve
from tonicdm.webhooks.verify import StandardWebhooks, Unverified

from .conftest import KEY, body_of
from .servers import behind_aiohttp, inside_fastapi


class Gate:
    """Holds commits back."""

    def __init__(self, inbox):
        self._inbox = inbox
        self.open = asyncio.Event()
        self.asked = asyncio.Event()

    async def receive(self, events):
        self.asked.set()
        await self.open.wait()
        return await self._inbox.receive(events)


async def post(session, url, body, headers, **settings):
    async with session.post(url, data=body, headers=headers, allow_redirects=False, **settings) as response:
        await response.read()
        return response.status


async def test_events_are_stored_and_duplicates_acknowledged(behind, make, sign, session, keys) -> None:
    async with behind(make()) as url:
        for number in (1, 2, 1):
            body = body_of(number)
            assert await post(session, url, body, sign(body, number)) == 200
        assert await keys() == ["e1", "e2"]


async def test_what_is_not_genuine_or_not_readable_is_refused_and_not_stored(
    behind, make, sign, clock, session, keys, caplog
) -> None:
    body = body_of(1)
    async with behind(make(max_body=50_000)) as url:
        refused = {
            "forged": (body, sign(body, key=b"guess"), 401),
            "changed": (body + b" ", sign(body), 401),
            "unsigned": (body, {}, 401),
            "malformed": (b"{", sign(b"{"), 400),
            "no object": (b"7", sign(b"7"), 400),
            "too large": (b"x" * 50_001, sign(body), 413),
            "compressed": (body, {**sign(body), "Content-Encoding": "gzip"}, 415),
        }
        for name, (sent, headers, status) in refused.items():
            assert await post(session, url, sent, headers) == status, name
        stale = sign(body)
        clock.advance(301)
        assert await post(session, url, body, stale) == 401
        async with session.get(url) as response:
            assert (response.status, response.headers["Allow"]) == (405, "POST")
        assert await keys() == []
        body = body_of(2)
        assert await post(session, url, body, sign(body, 2)) == 200, "it goes on as if nothing had happened"
    assert "refused with 401" in caplog.text
    assert "Ada" not in caplog.text
    assert "v1," not in caplog.text


async def test_a_chunked_body_without_end_is_refused_where_it_passes_the_limit(behind, make, sign, session) -> None:
    sent = 0

    async def endless():
        nonlocal sent
        while True:
            sent += 16_384
            yield b"x" * 16_384

    async with behind(make(max_body=100_000)) as url:
        # The server closes while the client still sends, so that it may see the answer or a broken pipe.
        with contextlib.suppress(aiohttp.ClientOSError):
            assert await post(session, url, endless(), sign(b"")) == 413
    assert sent < 20_000_000


async def test_a_declared_size_over_the_limit_is_refused_without_the_body(behind, make, sign) -> None:
    async with behind(make()) as url, speaking(url) as (reader, writer):
        writer.write(head(url, {**sign(b""), "Content-Length": "1000000000"}))
        assert b" 413 " in await reader.readline()


async def test_an_expecting_sender_is_told_before_it_sends(behind, make, sign) -> None:
    """No "100 Continue" for what will be refused; one for what may be fine."""
    body = body_of(1)
    async with behind(make()) as url:
        async with speaking(url) as (reader, writer):
            writer.write(head(url, {"Expect": "100-continue", "Content-Length": "10"}))
            assert b" 401 " in await reader.readline()
        async with speaking(url) as (reader, writer):
            writer.write(head(url, {**sign(body), "Expect": "100-continue", "Content-Length": str(len(body))}))
            assert b" 100 " in await reader.readline()
            await reader.readline()
            writer.write(body)
            assert b" 200 " in await reader.readline()


async def test_a_body_that_drips_ends_with_408_and_a_closed_connection(behind, make, sign, clock) -> None:
    receiver = make(body_seconds=10)
    async with behind(receiver) as url, speaking(url) as (reader, writer):
        writer.write(head(url, {**sign(b""), "Content-Length": "1000"}))
        for _ in range(9):
            writer.write(b"x")
            await writer.drain()
            await until(lambda: receiver._reading == 1)
            clock.advance(1)
        clock.advance(1)
        assert b" 408 " in await reader.readline()
        assert (await reader.read()).endswith(b"10 s\n"), "closed behind the answer"
        assert receiver._reading == receiver._held == 0


async def test_a_sender_that_hangs_up_midway_leaves_nothing_behind(behind, make, sign, session, keys) -> None:
    receiver = make()
    body = body_of(1)
    async with behind(receiver) as url:
        async with speaking(url) as (_, writer):
            writer.write(head(url, {**sign(body), "Content-Length": str(len(body))}) + body[:20])
            await until(lambda: receiver._held == 20)
        await until(lambda: receiver._reading == 0)
        assert receiver._held == 0
        assert await keys() == []
        assert await post(session, url, body, sign(body)) == 200


async def test_no_answer_before_the_commit_and_one_after(behind, make, store, sign, session, keys) -> None:
    gate = Gate(make()._commit._sink)
    body = body_of(1)
    async with behind(make(sink=gate)) as url:
        request = asyncio.ensure_future(post(session, url, body, sign(body)))
        await gate.asked.wait()
        await asyncio.sleep(0.05)
        assert not request.done()
        assert await keys() == []
        gate.open.set()
        assert await request == 200
        assert await keys() == ["e1"]


async def test_duplicates_in_one_commit_are_told_apart(make, sign, session, keys) -> None:
    gate = Gate(make()._commit._sink)
    receiver = make(sink=gate)
    async with behind_aiohttp(receiver) as url:
        sent = [asyncio.ensure_future(post(session, url, body_of(n), sign(body_of(n), n))) for n in (1, 2, 2, 3, 1)]
        await until(lambda: receiver._commit.pending == 5)
        gate.open.set()
        assert await asyncio.gather(*sent) == [200] * 5
        assert sorted(await keys()) == ["e1", "e2", "e3"]
        assert receiver.stored == {"new": 3, "duplicate": 2}


async def test_what_no_column_can_hold_is_stored_all_the_same(make, session, store) -> None:
    """Half surrogate pairs and times without UTC, in every place that is written."""
    odd = ["\ud800" * 19 + "Z", "0001-01-01T00:00:00+14:00", "\ud800"]
    async with behind_aiohttp(make(Unverified())) as url:
        for text in odd:
            record = {"id": "a" * 32, "updated": text, "status": text, "name": text}
            for fields in (
                {"id": text, "type": "persons.updated", "data": [record]},
                {"type": text, "data": record},
                [record],
            ):
                assert await post(session, url, json.dumps(fields).encode(), {}) == 200
    assert await store.query("SELECT count(*), count(DISTINCT key) FROM event") == [(9, 9)]


async def test_overload_is_503_with_a_time_to_come_again(behind, make, sign, session) -> None:
    gate = Gate(make()._commit._sink)
    receiver = make(sink=gate, max_waiting=2, retry_after=3)
    async with behind(receiver) as url:
        waiting = [asyncio.ensure_future(post(session, url, body_of(n), sign(body_of(n), n))) for n in (1, 2)]
        await until(lambda: receiver._commit.pending == 2)
        for number in range(3, 30):
            body = body_of(number)
            async with session.post(url, data=body, headers=sign(body, number)) as response:
                assert (response.status, response.headers["Retry-After"]) == (503, "3")
        gate.open.set()
        assert await asyncio.gather(*waiting) == [200, 200]


async def test_a_locked_store_is_503_in_time_and_the_event_is_not_lost(make, file, sign, clock, session, keys) -> None:
    receiver, body = make(commit_seconds=5), body_of(1)
    async with behind_aiohttp(receiver) as url:
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            request = asyncio.ensure_future(post(session, url, body, sign(body)))
            await until(lambda: receiver._commit.pending == 1)
            clock.advance(5)
            assert await request == 503
            other.execute("ROLLBACK")
        assert await post(session, url, body, sign(body)) == 200
        assert await keys() == ["e1"]


async def test_a_full_disk_is_503_until_there_is_room(make, store, sign, session, keys, caplog) -> None:
    body = body_of(1, padding="x" * 200_000)
    async with behind_aiohttp(make()) as url:
        (pages,) = await store.read(lambda db: db.execute("PRAGMA page_count").fetchone())
        await store.read(lambda db: db.execute(f"PRAGMA max_page_count = {pages}").fetchone())
        assert await post(session, url, body, sign(body)) == 503
        assert "disk is full" in caplog.text
        await store.read(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
        assert await post(session, url, body, sign(body)) == 200
        assert await keys() == ["e1"]


async def test_a_receiver_of_a_file_lives_with_its_server(behind, file, session) -> None:
    """Opened at the start, closed with what it had stored at the end."""
    async with behind(Receiver.for_file(file, Unverified())) as url:
        assert file.exists()
        assert await post(session, url, body_of(1), {}) == 200
    with contextlib.closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT key, signed FROM event").fetchall() == [("e1", 0)]


async def test_a_file_that_cannot_be_had_ends_the_start_with_the_reason(tmp_path) -> None:
    nowhere = tmp_path / "no" / "firm.db"
    with pytest.raises(StoreError, match="does not exist"):
        async with behind_aiohttp(Receiver.for_file(nowhere, StandardWebhooks(KEY))):
            pass
    (said,) = await talk(WebhookApp(Receiver.for_file(nowhere, StandardWebhooks(KEY))), {"type": "lifespan"}, "startup")
    assert said["type"] == "lifespan.startup.failed"
    assert "does not exist" in said["message"]


@pytest.mark.parametrize("path", ["/", "/hooks", "/hooks/", "/deep/er"])
async def test_aiohttp_takes_any_path_with_a_slash_behind_it_or_without(make, sign, session, path) -> None:
    body = body_of(1)
    async with behind_aiohttp(make(), path) as url:
        for address in {url, url.rstrip("/") + "/"}:
            assert await post(session, address, body, sign(body)) == 200
        if path != "/":
            assert await post(session, url.rstrip("/") + "/other", body, sign(body)) == 404


async def test_the_other_routes_of_an_application_are_left_alone(make, session) -> None:
    async with inside_fastapi(make()) as url, session.get(url.replace("/hooks", "/other")) as response:
        assert await response.json() == {"other": True}


async def test_a_websocket_is_turned_away(make) -> None:
    (said,) = await talk(WebhookApp(make()), {"type": "websocket"}, "websocket.connect")
    assert said["type"] == "websocket.close"


async def test_what_is_no_http_is_400_and_its_bytes_are_not_logged(make, caplog) -> None:
    """The server of aiohttp would log a traceback that repeats them."""
    stop, addresses = asyncio.Event(), []
    running = asyncio.ensure_future(serve(make(), stop, port=0, ready=addresses.append))
    await until(lambda: addresses)
    async with speaking(addresses[0]) as (reader, writer):
        writer.write(b"POST /webhooks HTTP/1.1\r\nAda\r\n\r\n")
        assert b" 400 " in await reader.readline()
    stop.set()
    await running
    assert "a connection failed (BadHttp" in caplog.text
    for told in ("Ada", "127.0.0.1", "Traceback"):
        assert told not in caplog.text


async def test_a_head_that_drips_ends_with_a_closed_connection(make) -> None:
    stop, addresses = asyncio.Event(), []
    running = asyncio.ensure_future(serve(make(), stop, port=0, head_seconds=0.2, ready=addresses.append))
    await until(lambda: addresses)
    async with speaking(addresses[0]) as (reader, writer):
        writer.write(b"POST /webhooks HTTP/1.1\r\nWebhook-Id: ")
        assert await asyncio.wait_for(reader.read(), 60) == b""
    stop.set()
    await running


async def test_a_body_with_broken_framing_ends_at_the_deadline_at_the_latest(make, sign, clock) -> None:
    """Not every server says at once that the rest can't be read."""
    receiver = make()
    async with behind_aiohttp(receiver) as url, speaking(url) as (reader, writer):
        writer.write(head(url, {**sign(b""), "Transfer-Encoding": "chunked"}))
        await until(lambda: receiver._reading == 1)
        writer.write(b"5\r\nhello\r\nAda\r\n")
        await until(lambda: receiver._held in {0, 5})
        clock.advance(10)
        line = await reader.readline()
        assert b" 408 " in line or b" 400 " in line


async def test_a_port_that_is_taken_is_an_error_that_names_it(make) -> None:
    async with behind_aiohttp(make()) as url:
        port = int(url.split("/")[2].split(":")[1])
        with pytest.raises(ConfigError, match=f"can't listen on 127.0.0.1:{port}"):
            await serve(make(), asyncio.Event(), port=port)


async def talk(app, scope, *messages):
    """Speak ASGI to *app* and return what it says."""
    said, asked = [], iter(messages)

    async def receive():
        return {"type": next(asked)}

    async def send(message):
        said.append(message)

    await app(scope, receive, send)
    return said


def head(url, headers):
    path = "/" + url.split("/", 3)[3]
    lines = [f"POST {path} HTTP/1.1", "Host: test", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n"


@contextlib.asynccontextmanager
async def speaking(url):
    """Speak bytes to the server."""
    host, port = url.split("/")[2].split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def until(true):
    """Wait for what other tasks bring about; a test that waits for ever is ended by its clientside timeout."""
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.002)
