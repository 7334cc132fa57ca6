"""No error shows the token: not in its text, and not in the frames it passed, which error trackers capture."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import json
import logging
import traceback
from typing import Any

import aiohttp
import pytest

from tests.cases import for_each
from tests.hostile import CUT, NEVER, RESET, Hostile, Request, answer, bare, drip, head
from tonicdm import Hooks, Secret, TonicDM, TonicDMError
from tonicdm.http.auth import Auth
from tonicdm.http.headers import Headers

from .conftest import ID, TOKEN, Make
from .frames import chain, frames, leaks

ECHO = f"Authorization: Bearer {TOKEN}"


def echo(request: Request) -> str:
    """What the server was sent, as a debugging proxy repeats it."""
    return f"{request.head} {json.dumps(request.lines)}"


REPLIES: dict[str, Any] = {
    "400": answer(400, b"no"),
    "401": answer(401),
    "403": answer(403),
    "404": answer(404),
    "429": answer(429, remaining=0),
    "500": answer(500),
    "503": bare(503, [("Retry-After", "0")]),
    "redirect": bare(302, [("Location", "/x")]),
    "400 echo": lambda seen: answer(400, echo(seen).encode()),
    "401 echo": lambda seen: answer(401, {"error": echo(seen)}),
    "500 echo": lambda seen: answer(500, echo(seen).encode()),
    "429 echo": lambda seen: answer(429, echo(seen).encode(), remaining=0),
    "reason echo": answer(400, reason=ECHO),
    "headers echo": answer(403, b"no", [("X-Debug", ECHO), ("WWW-Authenticate", f'Bearer error="{TOKEN}"')]),
    "redirect echo": bare(302, [("Location", f"https://other.example/?access_token={TOKEN}")]),
    "cookie echo": answer(400, b"", [("Set-Cookie", f"token={TOKEN}")]),
    "headers echo and cut": [head(200, [("X-Debug", ECHO), ("Content-Length", "99")]) + b"[", CUT],
    "no JSON": answer(200, b"{"),
    "no JSON echo": lambda seen: answer(200, echo(seen).encode()),
    "wrong record echo": lambda seen: answer(200, [{"id": ID, "name": [echo(seen)], "status": {"a": echo(seen)}}]),
    "bad status line": [b"NONSENSE " + ECHO.encode() + b"\r\n\r\n", CUT],
    "bad header": [b"HTTP/1.1 200 OK\r\n" + ECHO.encode() + b"\x00\r\n\r\n", CUT],
    "bad chunk": [head(200, [("Transfer-Encoding", "chunked")]) + ECHO.encode() + b"\r\n", CUT],
    "bad encoding": answer(200, ECHO.encode(), [("Content-Encoding", "gzip")]),
    "cut": CUT,
    "reset": RESET,
    "cut body": [answer(200, b"[", length=9), CUT],
    "never": NEVER,
    "never the body": [answer(200, b"[", length=9), NEVER],
    "drip": drip(answer(200), 0.05, size=30),
}


async def caught(tonic: TonicDM) -> BaseException:
    with pytest.raises(TonicDMError) as found:
        async for _ in tonic.offices.list():
            pass
    return found.value


@for_each("own", [True, False], ids=["own session", "user's session"])
@for_each("name", REPLIES)
async def test_no_failure_shows_the_token(name: str, own: bool, make: Make, hostile: Hostile, caplog):
    """By text, repr, attributes, logs and the locals of every frame of this package and of aiohttp."""
    hostile.requests.clear()
    hostile.otherwise = REPLIES[name]
    events: list[Any] = []
    hooks = Hooks(on_request=events.append, on_response=events.append, on_retry=events.append)
    timeout = 0.2 if name.startswith(("never", "drip")) else 5.0
    async with aiohttp.ClientSession() as session:
        with caplog.at_level(logging.DEBUG):
            tonic = make(max_wait=0, timeout=timeout, hooks=hooks, session=None if own else session)
            error = await caught(tonic)
    assert hostile.requests[0].header("Authorization") == f"Bearer {TOKEN}"
    assert leaks(error, TOKEN) == []
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(events)


@pytest.mark.parametrize("status", [200, 403, 500])
async def test_the_frames_of_an_error_keep_no_line_as_it_came(status: int, make: Make, hostile: Hostile):
    """Whoever looks into objects, and does not ask for their repr, finds what is shown."""
    hostile.otherwise = answer(status, b"{", [("X-Debug", ECHO), ("Set-Cookie", "session=4711")])
    error = await caught(make())
    passed = [local for one in chain(error) for frame in frames(one.__traceback__) for local in frame.f_locals.values()]
    kept = [lines for local in [*passed, *vars(error).values()] for lines in (local, getattr(local, "headers", None))]
    kept = [lines for lines in kept if isinstance(lines, Headers)]
    for each in kept:
        kept += [more for more in gc.get_referents(each) if type(more) in {tuple, dict, str}]
    assert kept
    assert not [text for text in kept if isinstance(text, str) and (TOKEN in text or "4711" in text)]


@pytest.mark.parametrize("token", ["a+b/c==d&e<f>g", "x.y-z_~1234567890"])
async def test_a_token_is_struck_out_however_the_server_writes_it(token: str, make: Make, hostile: Hostile):
    from html import escape
    from urllib.parse import quote

    ways = [token, quote(token, safe=""), quote(token), token.replace("/", "\\/"), escape(token)]
    hostile.otherwise = answer(400, " | ".join(ways).encode())
    error = await caught(make(token=token))
    assert "***" in str(error)
    assert not [way for way in ways if way in str(error) + str(vars(error))]


async def test_the_headers_of_an_error_tell_what_is_no_secret(make: Make, hostile: Hostile):
    signed = "https://files.example/a?X-Signature=abcdef&b=c"
    hostile.otherwise = answer(
        403,
        b"",
        [("X-Trace", "t1"), ("Set-Cookie", "session=abcdef"), ("Location", signed), ("X-Multi", "a"), ("x-multi", "b")],
    )
    error: Any = await caught(make())
    assert error.headers["x-trace"] == "t1"
    assert error.headers["X-MULTI"] == "a, b"
    assert error.headers["X-Rate-Limit-Remaining"] == "3595"
    assert "abcdef" not in repr(error.headers)
    assert error.headers["location"].startswith("https://files.example/a")


@pytest.mark.parametrize("when", ["queued", "connecting", "waiting for the head", "waiting for the body"])
async def test_a_cancelled_call_shows_no_token(when: str, make: Make, hostile: Hostile):
    tonic = make()
    if when == "queued":
        hostile.script = [answer(remaining=0)]
        await tonic.offices.list(data_quantity="id_only").first()
    hostile.otherwise = NEVER if when != "waiting for the body" else [answer(200, b"[", length=9), NEVER]
    task = asyncio.create_task(tonic.offices.list().all())
    if when == "connecting":
        await asyncio.sleep(0)
    elif when != "queued":
        await hostile.seen(1)
    if when in {"queued", "waiting for the body"}:
        await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as found:
        await task
    assert leaks(found.value, TOKEN) == []


@pytest.mark.parametrize("hook", ["on_request", "on_response", "on_retry"])
async def test_the_log_of_a_faulty_hook_shows_no_token(hook: str, make: Make, hostile: Hostile, caplog):
    """logging's tools capture the frames of the error that is logged."""

    def fail(_event: Any) -> None:
        raise KeyError("mine")

    hostile.script = [answer(500)]
    await make(hooks=Hooks(**{hook: fail})).offices.list().first()
    record = next(one for one in caplog.records if one.exc_info)
    assert record.exc_info is not None and record.exc_info[1] is not None
    assert leaks(record.exc_info[1], TOKEN) == []


async def test_the_error_of_a_users_own_trace_shows_no_token_in_our_frames(make: Make, hostile: Hostile):
    """What a trace of the user's is given by aiohttp is the user's; the request's headers hold the token no longer."""
    trace = aiohttp.TraceConfig()

    async def fail(_session: Any, _context: Any, _params: Any) -> None:
        raise KeyError("mine")

    trace.on_request_end.append(fail)
    async with aiohttp.ClientSession(trace_configs=[trace]) as session:
        with pytest.raises(KeyError) as found:
            await make(session=session).offices.list().first()
    assert leaks(found.value, TOKEN) == []


@for_each(
    "settings",
    [{}, {"zone": "xx"}, {"base_url": "ftp://x"}, {"base_url": "http://x", "max_wait": -1},
     {"base_url": "http://x", "option_placement": "body"}, {"base_url": "http://x", "max_age": 3}],
)  # fmt: skip
@for_each("by", ["argument", "variable"])
def test_a_wrong_setting_shows_no_token(settings: dict[str, Any], by: str, monkeypatch):
    monkeypatch.delenv("TONICDM_BASE_URL", raising=False)
    monkeypatch.delenv("TONICDM_ZONE", raising=False)
    if by == "variable":
        monkeypatch.setenv("TONICDM_TOKEN", TOKEN)
    with pytest.raises(TonicDMError) as found:
        TonicDM(**settings, **({"token": TOKEN} if by == "argument" else {}))
    assert leaks(found.value, TOKEN) == []


@for_each("wrong", [f"{TOKEN}\n", f" {TOKEN}", f"Bearer {TOKEN}", f"{TOKEN}é"])
@for_each("by", ["argument", "variable", "source", "secret"])
async def test_a_token_that_no_header_can_carry_is_not_shown(wrong: str, by: str, make: Make, monkeypatch):
    async def source() -> str:
        return wrong

    monkeypatch.setenv("TONICDM_TOKEN", wrong)
    given = {"argument": wrong, "variable": None, "source": source, "secret": Secret(wrong)}[by]
    with pytest.raises(TonicDMError) as found:
        await make(token=given).offices.list().first()
    ours = [one for one in leaks(found.value, TOKEN) if "conftest" not in one]
    assert ours == []


async def test_a_source_of_tokens_that_fails_shows_none_of_the_old(make: Make, hostile: Hostile):
    tokens = [TOKEN]

    async def source() -> str:
        if not tokens:
            raise OSError("the vault is closed")
        return tokens.pop()

    hostile.otherwise = answer(401, echo_of(TOKEN))
    with pytest.raises(OSError, match="vault") as found:
        await make(token=source).offices.list().first()
    assert leaks(found.value, TOKEN) == []


def echo_of(text: str) -> bytes:
    return f"you sent {text}".encode()


async def test_several_refused_calls_show_no_token_in_their_group(make: Make, hostile: Hostile):
    hostile.otherwise = lambda seen: answer(400, echo(seen).encode())
    tonic = make()

    async def several() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(tonic.offices.list().first())

    with pytest.raises(BaseExceptionGroup) as found:
        await several()
    assert leaks(found.value, TOKEN) == []


def test_reprs_of_what_holds_a_token_do_not():
    auth = Auth(Secret(TOKEN))
    assert TOKEN not in repr(auth) + repr(vars(auth))


async def test_a_chained_cause_says_what_the_system_said_and_no_more(make: Make, hostile: Hostile):
    tonic = make(base_url="http://127.0.0.1:9")
    error = await caught(tonic)
    causes = [one for one in chain(error) if one is not error]
    assert [type(one).__name__ for one in causes] == ["ConnectionRefusedError"]
    assert causes[0].__traceback__ is None


async def test_the_password_of_a_proxy_is_in_no_error(make: Make, hostile: Hostile):
    tonic = make(proxy="http://user:pa55word-of-proxy@127.0.0.1:9", base_url="http://api.invalid")
    error = await caught(tonic)
    shown = "".join(traceback.format_exception(error)) + repr(list(chain(error)))
    assert "pa55word" not in shown
    assert base64.b64encode(b"user:pa55word-of-proxy").decode() not in shown
    with contextlib.suppress(AttributeError):
        assert "pa55word" not in repr(vars(error))
