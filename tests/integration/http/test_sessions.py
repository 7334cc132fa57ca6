"""A user's session: what it is set to never changes what we send, what is charged, or what an answer means."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import warnings
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.hostile import CUT, NEVER, Hostile, answer, head
from tonicdm import ClientClosedError, ConfigError, ConnectError, ProtocolError, RateLimitedError, TonicDM

from .conftest import ID, ONCE, TOKEN, Make

OFFICES = [{"id": ID, "name": "Lisbon"}]


async def twice(request: Any, handler: Any) -> Any:
    """A middleware that sends everything twice."""
    (await handler(request)).close()
    return await handler(request)


def trace() -> aiohttp.TraceConfig:
    """A trace that looks into a context of its own, as one made for a user's own requests."""
    found = aiohttp.TraceConfig()

    async def look(_session: Any, context: Any, _params: Any) -> None:
        assert context.trace_request_ctx is None or context.trace_request_ctx["user"]

    found.on_request_start.append(look)
    found.on_request_end.append(look)
    found.on_connection_create_end.append(look)
    return found


def basic() -> aiohttp.BasicAuth:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return aiohttp.BasicAuth("somebody", "else")


class Refusing:
    def __call__(self, _value: Any) -> str:
        raise AssertionError("the session's own JSON")


async def refuse(_response: Any) -> None:
    raise AssertionError("the session's own check")


DEFAULTS: dict[str, Callable[[], dict[str, Any]]] = {
    "plain": dict,
    "raise_for_status": lambda: {"raise_for_status": True},
    "raise_for_status function": lambda: {"raise_for_status": refuse},
    "auth": lambda: {"auth": basic()},
    "netrc": lambda: {"trust_env": True},
    "authorization": lambda: {"headers": {"Authorization": "Basic c29tZTpib2R5"}},
    "options": lambda: {"headers": {"data_quantity": "complete", "filterIDs": "b" * 32, "PAGESIZE": "1"}},
    "conditions": lambda: {"headers": {"If-None-Match": "*", "Range": "bytes=0-1"}},
    "other user": lambda: {"headers": {"Cookie": "a=b", "X-HTTP-Method-Override": "DELETE"}},
    "agent": lambda: {"headers": {"User-Agent": "mine", "Accept": "text/html", "Content-Type": "text/plain"}},
    "cookies": lambda: {"cookies": {"a": "b"}, "cookie_jar": aiohttp.CookieJar(unsafe=True)},
    "timeout": lambda: {"timeout": aiohttp.ClientTimeout(total=1e-6, sock_read=1e-6)},
    "base_url": lambda: {"base_url": "http://elsewhere.invalid/api/"},
    "auto_decompress": lambda: {"auto_decompress": False},
    "read_bufsize": lambda: {"read_bufsize": 1, "max_line_size": 10, "max_field_size": 10, "max_headers": 1},
    "middlewares": lambda: {"middlewares": (twice,)},
    "traces": lambda: {"trace_configs": [trace()]},
    "json": lambda: {"json_serialize": Refusing()},
    "version": lambda: {"version": aiohttp.HttpVersion10},
    "skip": lambda: {"skip_auto_headers": {"User-Agent", "Accept-Encoding", "Content-Type"}},
    "requote": lambda: {"requote_redirect_url": False},
}


def session_of(name: str) -> aiohttp.ClientSession:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return aiohttp.ClientSession(**DEFAULTS[name]())


@pytest.fixture(autouse=True)
def netrc(tmp_path, monkeypatch) -> None:
    path = tmp_path / "netrc"
    path.write_text("default login somebody password else\n")
    path.chmod(0o600)
    monkeypatch.setenv("NETRC", str(path))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("name", DEFAULTS)
async def test_no_default_of_a_session_changes_a_call_or_its_price(name: str, make: Make, hostile: Hostile):
    """One request with our lines, its units settled, its answer read; for a read and for a write."""
    packed = gzip.compress(json.dumps(OFFICES).encode())
    hostile.otherwise = answer(200, packed, [("Content-Encoding", "gzip"), ("Set-Cookie", "c=d")])
    async with session_of(name) as session:
        tonic = make(session=session)
        found = await tonic.offices.list(data_quantity="basic", page_size=50).first()
        assert found is not None and found.name == "Lisbon"
        await tonic.offices.update(ID, name="Porto")
        assert tonic.budget.snapshot().reserved == 0
        await tonic.close()
        assert not session.closed
    read, write = hostile.requests
    for seen in (read, write):
        assert seen.header("Authorization") == f"Bearer {TOKEN}"
        assert seen.header("data_quantity") == "basic"
        assert seen.header("User-Agent").startswith("tonicdm-python/")
        assert seen.header("Accept") == "application/json"
        present = {line.lower() for line, _ in seen.lines}
        assert not present & {"cookie", "range", "if-none-match", "x-http-method-override"}
    assert (read.header("filterIDs"), read.header("pageSize")) == (None, "50")
    assert (write.header("Content-Type"), json.loads(write.body)) == ("application/json", {"id": ID, "name": "Porto"})


@pytest.mark.parametrize("name", DEFAULTS)
async def test_a_429_is_a_429_whatever_the_session_makes_of_it(name: str, make: Make, hostile: Hostile):
    """With raise_for_status it was a broken connection, and went again into the silence."""
    hostile.otherwise = answer(429, b"slow down", remaining=0)
    async with session_of(name) as session:
        tonic = make(session=session, max_wait=0)
        with pytest.raises(RateLimitedError):
            await tonic.offices.list().first()
        seen = tonic.budget.snapshot()
        assert (seen.reserved, seen.remaining) == (0, 0)
    assert len(hostile.requests) == 1


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_aiohttp_never_sends_a_second_time_by_itself(method: str, own: bool, make: Make, hostile: Hostile):
    """It does so where a kept-alive connection was dropped; each byte on the wire needs units of its own."""
    hostile.script = [answer(body=OFFICES), CUT]
    async with aiohttp.ClientSession() as session:
        tonic = make(retry=ONCE, session=None if own else session)
        await tonic.offices.list().first()
        with pytest.raises(ProtocolError):
            await tonic.request(method, "/core/offices", options={"id": ID})
        assert tonic.budget.snapshot().unknown == 20
    assert len(hostile.requests) == 2
    assert len({seen.connection for seen in hostile.requests}) == 1, "the connection was a kept one"


async def test_a_netrc_signs_in_for_nobody_in_a_session_of_ours(make: Make, hostile: Hostile):
    tonic = make(trust_env=True)
    await tonic.offices.list(data_quantity="id_only").first()
    assert hostile.requests[0].header("Authorization") == f"Bearer {TOKEN}"
    assert tonic.budget.snapshot().reserved == 0


async def test_what_a_session_adds_for_others_than_the_api_still_goes_along(make: Make, hostile: Hostile):
    async with aiohttp.ClientSession(headers={"X-Gateway-Key": "k"}) as session:
        await make(session=session).offices.list().first()
    assert hostile.requests[0].header("X-Gateway-Key") == "k"


async def test_a_proxy_of_the_session_gets_its_own_credentials_and_the_api_ours(make: Make, hostile: Hostile):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        session = aiohttp.ClientSession(proxy=hostile.url, proxy_auth=basic())
    async with session:
        tonic = make(session=session, base_url="http://api.invalid")
        await tonic.offices.list(data_quantity="id_only").first()
    (seen,) = hostile.requests
    assert seen.target == "http://api.invalid/core/offices"
    assert seen.header("Authorization") == f"Bearer {TOKEN}"
    assert seen.header("Proxy-Authorization") == basic().encode()


async def test_calls_that_queue_for_a_connection_do_not_leave_after_a_429(make: Make, hostile: Hostile):
    """The connector of the session has one connection: the units are asked for again when it is free."""
    release = asyncio.Event()

    async def late(_request: Any) -> bytes:
        await release.wait()
        return answer(429, remaining=0)

    hostile.script = [answer(), late]
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        tonic = make(session=session, max_wait=0)
        await tonic.offices.list().first()
        calls = [asyncio.create_task(tonic.offices.list(data_quantity="id_only").first()) for _ in range(5)]
        await hostile.seen(2)
        await asyncio.sleep(0.05)
        release.set()
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(one, Exception) for one in results)
        assert tonic.budget.snapshot().reserved == 0
    assert len(hostile.requests) == 2


async def test_a_call_cancelled_before_its_connection_is_there_costs_nothing_in_a_foreign_session_too(
    make: Make, hostile: Hostile
):
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        tonic = make(session=session)
        await tonic.offices.list().first()
        hostile.script = [[head(200, [("Content-Length", "9")]), NEVER]]
        async with session.get(hostile.url):  # holds the only connection
            call = asyncio.create_task(tonic.offices.list().first())
            while tonic.budget.snapshot().reserved != 5:
                await asyncio.sleep(0.001)
            await asyncio.sleep(0.05)
            call.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await call
            assert tonic.budget.snapshot().reserved == 0


@pytest.mark.parametrize("name", ["Expect", "content-length", "Transfer-Encoding", "Connection", "Content-Encoding"])
async def test_a_session_that_breaks_every_request_is_refused_at_the_start(name: str, make: Make, hostile: Hostile):
    async with aiohttp.ClientSession(headers={name: "1"}) as session:
        with pytest.raises(ConfigError, match=name):
            make(session=session)


@pytest.mark.parametrize("wrong", [aiohttp.ClientSession, "session", object()])
def test_what_is_no_session_is_refused_at_the_start(wrong: Any):
    with pytest.raises(ConfigError, match="session="):
        TonicDM(TOKEN, base_url="http://127.0.0.1:9", session=wrong)


async def test_a_closed_session_is_a_clear_error_and_costs_nothing(make: Make, hostile: Hostile):
    session = aiohttp.ClientSession()
    tonic = make(session=session)
    await tonic.offices.list().first()
    await session.close()
    with pytest.raises(ClientClosedError, match="session="):
        await tonic.offices.list().first()
    assert tonic.budget.snapshot().reserved == 0


def test_a_session_of_another_loop_is_a_clear_error_and_costs_nothing():
    async def opened() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    async def used(session: aiohttp.ClientSession) -> None:
        from tonicdm import UnitBudget

        async with (
            UnitBudget.memory() as budget,
            TonicDM(TOKEN, base_url="http://127.0.0.1:9", session=session, budget=budget) as tonic,
        ):
            await tonic.offices.list().first()

    first = asyncio.new_event_loop()
    session = first.run_until_complete(opened())
    try:
        with pytest.raises(ClientClosedError, match="another event loop"):
            asyncio.run(used(session))
    finally:
        first.run_until_complete(session.close())
        first.close()


async def test_a_session_that_sends_again_by_itself_is_refused_its_second_request(make: Make, hostile: Hostile):
    """A class that repeats what the server refused: one request is sent, as reserved, and the error says why."""

    class Stubborn:
        def __init__(self, session: aiohttp.ClientSession) -> None:
            self._session, self.headers, self.closed = session, session.headers, False

        def request(self, method: str, url: Any, **options: Any) -> Any:
            @contextlib.asynccontextmanager
            async def again():
                for _ in range(3):
                    async with self._session.request(method, url, **options) as response:
                        if response.status < 500:
                            yield response
                            return

            return again()

    hostile.otherwise = answer(500)
    async with aiohttp.ClientSession() as session:
        tonic = make(session=Stubborn(session))
        with pytest.raises(ProtocolError, match="by itself") as found:
            await tonic.offices.list().first()
        assert found.value.attempts == 1
        assert tonic.budget.snapshot().unknown == 5
    assert len(hostile.requests) == 1


async def test_a_server_without_tls_is_told_apart_from_a_certificate(make: Make, hostile: Hostile):
    hostile.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    with pytest.raises(ConnectError, match="agree on TLS"):
        await make(base_url=hostile.url.replace("http:", "https:"), retry=ONCE).offices.list().first()
