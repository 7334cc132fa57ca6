"""Single requests outside any budget: what they send, and what their errors do not say."""

from __future__ import annotations

import asyncio
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from aiohttp import web

from tonicdm.errors import ClientClosedError, ConfigError, ConnectError, ProtocolError, RequestTimeoutError
from tonicdm.http.plain import MAX_BODY_BYTES, Plain
from tonicdm.types import Secret

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    runners: list[web.ServerRunner] = []

    async def serve(handler: Handler) -> str:
        runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.05)
        runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
async def plain() -> AsyncIterator[Plain]:
    http = Plain()
    yield http
    await http.close()


async def test_a_form_is_posted_once_and_the_answer_comes_back_whatever_its_status(serve, plain: Plain) -> None:
    seen = []

    async def handler(request: web.BaseRequest) -> web.Response:
        seen.append(
            (request.method, request.content_type, dict(await request.post()), "Authorization" in request.headers)
        )
        return web.json_response({"error": "x"}, status=503)

    answer = await plain.post(await serve(handler) + "/oauth/token", {"a": "b c&d", "e": "ü"})
    assert (answer.status, answer.body) == (503, b'{"error": "x"}')
    assert seen == [("POST", "application/x-www-form-urlencoded", {"a": "b c&d", "e": "ü"}, False)]
    assert answer.sent_at <= answer.received_at
    assert "Date" in answer.headers


async def test_a_redirect_is_not_followed(serve, plain: Plain) -> None:
    """It would carry a secret to wherever somebody says."""

    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    assert (await plain.post(await serve(handler) + "/x", {"client_secret": "s"})).status == 307


async def test_the_query_of_a_signed_uri_is_sent_as_it_was_given_and_is_in_no_error(serve, plain: Plain) -> None:
    targets = []

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        targets.append(request.raw_path)
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"half")
        assert request.transport is not None
        request.transport.close()
        return response

    url = await serve(handler) + "/file%2Fa?X-Signature=s3cret%2Bsig&x=%20"
    async with plain.stream(Secret(url)) as stream:
        assert await anext(stream.chunks) == b"half"
        with pytest.raises(ProtocolError) as caught:
            await anext(stream.chunks)
    assert targets == ["/file%2Fa?X-Signature=s3cret%2Bsig&x=%20"]
    shown = "".join(traceback.format_exception(caught.value)) + repr(vars(caught.value)) + repr(stream)
    assert "s3cret" not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert "unit" not in str(caught.value), "there are none here"


async def test_a_stream_gives_the_body_in_pieces(serve, plain: Plain) -> None:
    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(50):
            await response.write(b"x" * 65_536)
        return response

    async with plain.stream(Secret(await serve(handler) + "/f")) as stream:
        sizes = [len(piece) async for piece in stream.chunks]
    assert sum(sizes) == 50 * 65_536
    assert len(sizes) > 5


async def test_an_error_says_whether_the_request_may_have_arrived(serve, plain: Plain) -> None:
    async def silent(_request: web.BaseRequest) -> web.Response:
        await asyncio.sleep(60)
        raise AssertionError

    with pytest.raises(RequestTimeoutError) as late:
        await plain.post(await serve(silent) + "/x", {}, timeout=0.5)
    assert late.value.sent
    with pytest.raises(ConnectError) as never:
        await plain.post("http://127.0.0.1:9/x", {})
    assert not never.value.sent
    assert "Nothing was sent" in str(never.value)
    assert pickle.loads(pickle.dumps(late.value)).sent


async def test_an_endless_answer_is_given_up(serve, plain: Plain) -> None:
    async def handler(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * (MAX_BODY_BYTES + 1))

    with pytest.raises(ProtocolError, match="longer than"):
        await plain.get(await serve(handler) + "/x")


async def test_use_after_close_or_of_no_url_is_a_clear_error() -> None:
    plain = Plain()
    with pytest.raises(ConfigError):
        await plain.get("ftp://host/x")
    await plain.close()
    with pytest.raises(ClientClosedError):
        await plain.get("http://127.0.0.1:9/x")
