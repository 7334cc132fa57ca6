"""Tools that stand in for aiohttp's way of sending, to record requests or to replay answers."""

from __future__ import annotations

import contextlib
import copy
import json
import time
from typing import Any, Self

import aiohttp
import pytest
from aioresponses import CallbackResult

from tests.contract.mocking import mocked
from tests.hostile import Hostile, answer
from tonicdm import RateLimitedError, ServerError

from .conftest import ID, ONCE, TOKEN, Make

RATE = {
    "X-Rate-Limit-Limit": "3600",
    "X-Rate-Limit-Remaining": "3000",
    "X-Rate-Limit-Reset": str(int(time.time()) + 3600),
}


@pytest.fixture(params=["own session", "user's session"])
async def session(request):
    if request.param == "own session":
        yield None
        return
    async with aiohttp.ClientSession() as session:
        yield session


async def test_answers_of_aioresponses_are_charged_and_settled(session, make: Make):
    seen: list[dict[str, Any]] = []

    def reply(_method: str, _url: Any, **request: Any) -> CallbackResult:
        seen.append(request)
        return CallbackResult(status=200, headers=RATE, body=json.dumps([{"id": ID, "name": "a"}]).encode())

    tonic = make(session=session)
    with mocked(reply):
        found = await tonic.offices.list().first()
    assert found is not None and found.id == ID
    assert dict(seen[0]["headers"])["Authorization"] == f"Bearer {TOKEN}", "as a recorder expects it"
    budget = tonic.budget.snapshot()
    assert (budget.reserved, budget.remaining) == (0, 3000)


@pytest.mark.parametrize(("status", "kind"), [(429, RateLimitedError), (503, ServerError)])
async def test_refusals_of_a_stand_in_mean_what_they_mean(status, kind, session, make: Make):
    tonic = make(session=session, max_wait=0, retry=ONCE)
    spent = CallbackResult(status=status, headers={**RATE, "X-Rate-Limit-Remaining": "0"})
    with mocked(lambda *_, **__: spent), pytest.raises(kind):
        await tonic.offices.list().first()
    assert tonic.budget.snapshot().reserved == 0


async def test_what_a_request_is_made_of_can_be_copied_as_recorders_do(session, make: Make, monkeypatch):
    async def record(self: aiohttp.ClientSession, method: str, url: Any, **request: Any) -> Any:
        copy.deepcopy(request)
        return await genuine(self, method, url, **request)

    genuine = aiohttp.ClientSession._request
    tonic = make(session=session)
    monkeypatch.setattr(aiohttp.ClientSession, "_request", record)
    await tonic.offices.list().first()
    assert tonic.budget.snapshot().remaining == 3595


class Replayed:
    """An answer as a cassette plays it: no more than what everybody reads."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.status, self._body, self.headers, self.reason = status, body, headers, "OK"

    async def read(self) -> bytes:
        return self._body

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    def release(self) -> None: ...


async def test_a_recorder_records_and_then_plays_with_no_request_beyond_what_was_reserved(
    session, make: Make, hostile: Hostile, monkeypatch
):
    """A hand-made recorder that passes through, then plays back what came."""
    genuine, cassette = aiohttp.ClientSession._request, []

    async def record(self: aiohttp.ClientSession, method: str, url: Any, **request: Any) -> Any:
        response = await genuine(self, method, url, **request)
        cassette.append((response.status, await response.read(), dict(response.headers)))
        return response

    async def play(self: aiohttp.ClientSession, method: str, url: Any, **request: Any) -> Any:
        return Replayed(*cassette.pop(0))

    hostile.script = [answer(body=[{"id": ID, "name": name}], remaining=3600 - 5 * number)
                      for number, name in enumerate("ab", 1)]  # fmt: skip
    tonic = make(session=session)
    monkeypatch.setattr(aiohttp.ClientSession, "_request", record)
    recorded = [(await tonic.offices.list(page_size=1).first()).name for _ in range(2)]
    assert len(hostile.requests) == 2
    again = make(session=session)
    monkeypatch.setattr(aiohttp.ClientSession, "_request", play)
    assert [(await again.offices.list(page_size=1).first()).name for _ in range(2)] == recorded == ["a", "b"]
    assert len(hostile.requests) == 2
    budget = again.budget.snapshot()
    assert (budget.reserved, budget.remaining) == (0, 3590)


async def test_an_answer_that_is_played_into_a_silence_is_still_handed_out(session, make: Make, monkeypatch):
    """The stand-in does not ask at the gate; a 429 that came in between loses no answer that is in hand."""
    tonic = make(session=session, max_wait=0)
    await tonic.offices.list().first()

    async def play(self: aiohttp.ClientSession, method: str, url: Any, **request: Any) -> Any:
        if "persons" in str(url):
            return Replayed(429, b"", {**RATE, "X-Rate-Limit-Remaining": "0"})
        with contextlib.suppress(RateLimitedError):
            await tonic.persons.list().first()
        return Replayed(200, json.dumps([{"id": ID, "name": "a"}]).encode(), RATE)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", play)
    found = await tonic.offices.list(page_size=1).first()
    assert found is not None and found.id == ID
    assert tonic.budget.snapshot().reserved == 0
