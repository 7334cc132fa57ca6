"""A request without a budget shows its form, its URL and its body in no error and in no frame of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.cases import for_each
from tests.hostile import CUT, NEVER, RESET, Hostile, answer, head
from tests.integration.http.frames import chain, leaks
from tonicdm import Secret, TonicDMError
from tonicdm.http.plain import Plain

SECRET = "cl1ent-secret-of-the-firm"

Work = Callable[[Plain, str], Awaitable[Any]]


async def posts(plain: Plain, url: str) -> None:
    await plain.post(url, {"client_secret": Secret(SECRET), "grant_type": "x"}, timeout=0.2)


async def reads(plain: Plain, url: str) -> None:
    async with plain.stream(Secret(f"{url}/file?sig={SECRET}"), timeout=0.2) as answer:
        async for _ in answer.chunks:
            pass


FAULTS: dict[str, Any] = {
    "refused": None,
    "cut": CUT,
    "reset": RESET,
    "never": NEVER,
    "no HTTP": [b"nonsense\r\n\r\n", CUT],
    "half a body": [head(200, [("Content-Length", "9")]) + b"1234", RESET],
    "never the body": [head(200, [("Content-Length", "9")]) + b"1234", NEVER],
    "no gzip": answer(200, b"1234", [("Content-Encoding", "gzip")]),
}


@for_each("name", FAULTS)
@for_each("work", [posts, reads])
async def test_no_error_of_a_plain_request_shows_what_was_sent(work: Work, name: str, hostile: Hostile):
    hostile.otherwise = FAULTS[name]
    url = "http://127.0.0.1:9" if name == "refused" else hostile.url
    plain = Plain()
    try:
        with pytest.raises(TonicDMError) as found:
            await work(plain, url)
    finally:
        await plain.close()
    assert leaks(found.value, SECRET) == []
    assert [type(one) for one in chain(found.value)] == [type(found.value)], "aiohttp's error is not chained"


async def test_a_form_shows_in_no_frame_of_a_cancelled_request(hostile: Hostile):
    """Of ours and of aiohttp's; the URL of a cancelled GET does show in aiohttp's own, which takes it as it is."""
    hostile.otherwise = NEVER
    plain = Plain()
    task = asyncio.create_task(plain.post(hostile.url, {"client_secret": Secret(SECRET)}))
    await hostile.seen(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as found:
        await task
    await plain.close()
    assert SECRET.encode() in hostile.requests[0].body
    assert leaks(found.value, SECRET) == []
