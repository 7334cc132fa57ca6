"""Whatever bytes a server sends: an answer that is right, or an error of this package; never one from below."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tests.hostile import CUT, NEVER, RESET, Hostile, Step, answer, bare, head
from tonicdm import Hooks, ProtocolError, RequestTimeoutError, ServerError, TonicDM, TonicDMError, UnitBudget

from .conftest import ID, ONCE, TOKEN, Make

BODY = b'[{"id": "%s", "name": "Lisbon"}]' % ID.encode()


def chunked(*pieces: bytes) -> bytes:
    return head(200, [("Transfer-Encoding", "chunked"), ("Content-Type", "application/json")]) + b"".join(pieces)


def encoded(name: str, body: bytes) -> bytes:
    return answer(200, body, [("Content-Encoding", name)])


ODD: dict[str, Step] = {
    "nothing": CUT,
    "reset": RESET,
    "garbage": [b"\x00\xff\xfe garbage \r\n\r\n", CUT],
    "HTTP/0.9": [b"<html>hello</html>", CUT],
    "HTTP/2": [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", CUT],
    "TLS alert": [b"\x15\x03\x01\x00\x02\x02\x28", CUT],
    "status letters": [b"HTTP/1.1 OK 200\r\n\r\n", CUT],
    "status of five digits": [b"HTTP/1.1 20000 OK\r\nContent-Length: 0\r\n\r\n", CUT],
    "status 999": answer(999),
    "status 0": answer(0),
    "status 204 with a body": answer(204, b"[]"),
    "status 304": answer(304, b""),
    "status 101": [head(101, [("Upgrade", "websocket"), ("Connection", "Upgrade")], reason="Switching"), CUT],
    "endless 1xx": [head(103) * 200, answer(200, BODY), CUT],
    "reason of bytes": answer(200, BODY, reason=b"\xff\xfe\x80 caf\xe9"),
    "reason with NUL": [b"HTTP/1.1 200 O\x00K\r\nContent-Length: 2\r\n\r\n[]", CUT],
    "long reason": answer(200, BODY, reason="x" * 70_000),
    "long header": answer(200, BODY, [("X-Long", "x" * 70_000)]),
    "header of 60,000 bytes": answer(200, BODY, [("X-Long", "x" * 60_000)]),
    "many headers": answer(200, BODY, [(f"X-{number}", "x") for number in range(600)]),
    "header without colon": [b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n", CUT],
    "header of bytes": answer(200, BODY, [("X-Bytes", b"\xff\xfe\x80")]),
    "header with NUL": answer(200, BODY, [("X-Nul", b"a\x00b")]),
    "folded header": answer(200, BODY, [("X-Fold", b"a\r\n b")]),
    "space before colon": answer(200, BODY, [("X-Space ", "a")]),
    "empty header name": answer(200, BODY, [("", "a")]),
    "bare line feeds": [b"HTTP/1.1 200 OK\nContent-Length: 2\n\n[]", CUT],
    "negative length": answer(200, BODY, length=-1),
    "length of letters": [head(200, [("Content-Length", "many")]) + BODY, CUT],
    "length of 400 digits": [head(200, [("Content-Length", "9" * 400)]) + BODY, CUT],
    "two lengths": [head(200, [("Content-Length", "2"), ("Content-Length", "3")]) + b"[]x", CUT],
    "length and chunks": [head(200, [("Content-Length", "2"), ("Transfer-Encoding", "chunked")]) + b"[]", CUT],
    "length too long": [answer(200, BODY, length=5_000), CUT],
    "length too short": answer(200, BODY, length=5),
    "extra bytes": answer(200, BODY) + b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsmuggled!",
    "bad chunk size": [chunked(b"zz\r\n[]\r\n0\r\n\r\n"), CUT],
    "huge chunk size": [chunked(b"f" * 40 + b"\r\n[]"), CUT],
    "negative chunk size": [chunked(b"-5\r\n[]\r\n0\r\n\r\n"), CUT],
    "chunk extension": [chunked(b"2;a=" + b"x" * 70_000 + b"\r\n[]\r\n0\r\n\r\n"), CUT],
    "chunk without end": [chunked(b"2\r\n[]"), CUT],
    "odd trailers": [chunked(b"2\r\n[]\r\n0\r\n\xff\xfe: x\r\n\r\n"), CUT],
    "unknown transfer": [head(200, [("Transfer-Encoding", "zip, \xff")]) + BODY, CUT],
    "no gzip": encoded("gzip", BODY),
    "cut gzip": encoded("gzip", gzip.compress(BODY)[:-9]),
    "gzip twice": encoded("gzip, gzip", gzip.compress(gzip.compress(BODY))),
    "no deflate": encoded("deflate", b"\xff\xff\xff" + BODY),
    "raw deflate": encoded("deflate", zlib.compress(BODY)[2:-4]),
    "no brotli": encoded("br", BODY),
    "no zstd": encoded("zstd", BODY),
    "unknown encoding": encoded("rot13", BODY),
    "encoding of bytes": answer(200, BODY, [("Content-Encoding", b"\xff")]),
    "unknown charset": answer(200, BODY, [("Content-Type", "application/json; charset=klingon")]),
    "charset of bytes": answer(200, BODY, [("Content-Type", b"application/json; charset=\xff\x00")]),
    "content type of nonsense": answer(200, BODY, [("Content-Type", ";;;=;/,")]),
    "no JSON": answer(200, b"<html>"),
    "half JSON": answer(200, BODY[:-3]),
    "JSON in UTF-16": answer(200, BODY.decode().encode("utf-16")),
    "JSON with BOM": answer(200, b"\xef\xbb\xbf" + BODY),
    "no UTF-8": answer(200, b'[{"name": "\xff\xfe"}]'),
    "deep JSON": answer(200, b"[" * 200_000),
    "deep whole JSON": answer(200, b"[" * 100_000 + b"]" * 100_000),
    "number of 5,000 digits": answer(200, b'[{"id": "%s", "rank": %s}]' % (ID.encode(), b"9" * 5_000)),
    "NaN": answer(200, b'[{"id": NaN, "name": Infinity}]'),
    "lone surrogate": answer(200, b'[{"id": "%s", "name": "\\ud800"}]' % ID.encode()),
    "NUL in JSON": answer(200, b'[{"id": "\\u0000", "name": "\x00"}]'),
    "scalar": answer(200, b"42"),
    "null": answer(200, b"null"),
    "error status and cut body": [answer(500, b"half", length=99), CUT],
    "odd cookies": answer(200, BODY, [("Set-Cookie", b"\xff=\x01; expires=never; domain=;;;")]),
    "odd date": answer(200, BODY, date="Fri, 99 Foo 99999 99:99:99 GMT"),
    "odd rate": answer(200, BODY, limit="9" * 5_000, remaining="\u00b2", reset="1e999"),
    "odd retry": bare(503, [("Retry-After", b"\xff")]),
    "location of nonsense": bare(302, [("Location", b"http://[::1\xff")]),
}  # fmt: skip


async def outcome(tonic: TonicDM) -> str:
    """Read one page; what came of it."""
    try:
        found = await tonic.offices.list(page_size=50).first()
    except TonicDMError as error:
        str(error), repr(error)
        return type(error).__name__
    return "nothing" if found is None else str(found.name)


@for_each("name", ODD)
async def test_an_odd_answer_is_read_or_is_an_error_of_ours(name: str, make: Make, hostile: Hostile):
    """It costs what was sent and no more, the log can be written, and the next call is as good as any."""
    hostile.requests.clear()
    hostile.script = [ODD[name]]
    events: list[Any] = []
    hooks = Hooks(on_request=events.append, on_response=events.append)
    tonic = make(retry=ONCE, hooks=hooks)
    await asyncio.wait_for(outcome(tonic), 60)
    assert len(hostile.requests) == 1
    repr(events).encode()
    hostile.otherwise = answer(200, BODY, remaining=3000, reset=int(time.time()) + 3600)
    assert await outcome(make(retry=ONCE, budget=UnitBudget.memory())) == "Lisbon"


WELL = ("reason of bytes", "header of bytes", "endless 1xx", "extra bytes", "raw deflate", "unknown charset",
        "odd date", "odd rate", "odd cookies", "JSON with BOM", "header of 60,000 bytes")  # fmt: skip


@for_each("name", WELL)
async def test_what_is_odd_beside_the_data_costs_no_data(name: str, make: Make, hostile: Hostile):
    hostile.script = [ODD[name]]
    assert await outcome(make(retry=ONCE)) == "Lisbon"


async def test_extra_bytes_behind_an_answer_are_no_answer_to_the_next_call(make: Make, hostile: Hostile):
    hostile.script = [answer(200, BODY) + answer(200, b'[{"id": "%s", "name": "smuggled"}]' % ID.encode())]
    tonic = make()
    assert await outcome(tonic) == "Lisbon"
    assert await outcome(tonic) == "nothing"


async def test_a_bomb_is_not_unpacked_beyond_the_bound(make: Make, hostile: Hostile):
    """A packed answer of 200 kB that unpacks to 200 MB: an error that names the bound, once, its units charged."""
    bomb = gzip.compress(b"[" + b" " * 200_000_000, compresslevel=9)
    hostile.otherwise = encoded("gzip", bomb)
    tonic = make(max_response_bytes=1_000_000)
    with pytest.raises(ProtocolError, match="max_response_bytes") as found:
        await tonic.offices.list().first()
    assert (found.value.attempts, found.value.status, len(hostile.requests)) == (1, 200, 1)
    assert tonic.budget.snapshot().remaining == 3595


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "many", None])
async def test_a_bound_that_means_nothing_is_refused(wrong: Any, make: Make):
    from tonicdm import ConfigError

    with pytest.raises(ConfigError, match="max_response_bytes"):
        make(max_response_bytes=wrong)


async def test_a_refusal_without_end_is_a_refusal(make: Make, hostile: Hostile):
    """500 with a body that never ends, drips, or is huge: the status is what counts."""
    hostile.script = [
        [answer(500, b"x" * 100, length=10**9), NEVER],
        [answer(500, b"y" * 300_000), CUT],
        [answer(500, b"z", length=10), RESET],
    ]
    with pytest.raises(ServerError) as found:
        await make(timeout=1.0).offices.list().first()
    assert found.value.attempts == 3


async def test_an_answer_that_drips_ends_with_the_timeout(make: Make, hostile: Hostile):
    from tests.hostile import drip

    # It would be whole after some seconds, and no two of its bytes are further apart than the timeout.
    hostile.otherwise = drip(answer(200, BODY), 0.02)
    with pytest.raises(RequestTimeoutError):
        await make(timeout=0.2, retry=ONCE).offices.list().first()


# --- any bytes --------------------------------------------------------------------------------------------------------

GOOD = answer(200, BODY, [("Content-Encoding", "identity")])
CHUNKED = chunked(b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A whole answer with some of its bytes struck out, doubled, or replaced by others."""
    data = bytearray(draw(st.sampled_from([GOOD, CHUNKED, encoded("gzip", gzip.compress(BODY))])))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        upto = draw(st.integers(at, min(len(data), at + 12)))
        data[at:upto] = draw(
            st.one_of(
                st.binary(max_size=6),
                st.sampled_from(
                    [b"\r\n", b"\x00", b"\xff", b":", b"Content-Length: 7\r\n", b"\r\n\r\n", bytes(data[at:upto]) * 2]
                ),
            )
        )
    return bytes(data)


async def answered(reply: bytes) -> None:
    budget = UnitBudget.memory(max_calls_per_second=None)
    async with (
        Hostile(otherwise=[reply, CUT]) as server,
        budget,
        TonicDM(TOKEN, base_url=server.url, budget=budget, retry=ONCE, timeout=2.0, max_wait=0) as tonic,
    ):
        await outcome(tonic)
        assert len(server.requests) == 1
        seen = budget.snapshot()
        assert seen.reserved == seen.unknown <= 5


FUZZ = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(FUZZ, max_examples=60)
@given(st.one_of(damaged(), st.binary(max_size=200)))
def test_no_bytes_at_all_let_a_foreign_error_out(reply: bytes):
    asyncio.run(answered(reply))


@pytest.mark.thorough
@settings(FUZZ, max_examples=5_000)
@given(st.one_of(damaged(), st.binary(max_size=2_000)))
def test_no_bytes_at_all_let_a_foreign_error_out_in_many_examples(reply: bytes):
    asyncio.run(answered(reply))
