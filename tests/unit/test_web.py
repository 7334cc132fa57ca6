"""What a web application answers when one of its calls fails."""

from __future__ import annotations

import datetime
import logging
from typing import Any

import fastapi
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tests import asgi
from tonicdm import errors
from tonicdm.errors import TonicDMError
from tonicdm.rhythm.errors import NotFoundError
from tonicdm.web import answer_errors, error_answer, handle_error

NOW = 1_700_000_000.0
RESET = datetime.datetime.fromtimestamp(NOW + 1200.4, datetime.UTC)
CALL: dict[str, Any] = {"method": "GET", "path": "/core/persons"}
SECRET = "mel@pacific.com"

CASES: list[tuple[TonicDMError, int, str | None]] = [
    (errors.RecordNotFoundError(SECRET, path="/core/persons"), 404, None),
    (errors.InvalidIDError("record", SECRET), 404, None),
    (NotFoundError(status=404, **CALL), 404, None),
    (errors.BudgetTimeoutError(SECRET, wait=12.2), 429, "13"),
    (errors.BudgetTimeoutError(SECRET, reset_at=RESET), 429, "1201"),
    (errors.BudgetTimeoutError(SECRET), 429, "60"),
    (errors.RateLimitedError(reset_at=RESET, **CALL), 429, "1201"),
    (errors.RateLimitedError(reset_at=datetime.datetime.fromtimestamp(NOW - 5, datetime.UTC), **CALL), 429, "1"),
    (errors.LedgerUnavailableError(SECRET), 503, "60"),
    (errors.StoreError(SECRET, "is in use"), 503, "60"),
    (errors.ClientClosedError(SECRET), 503, "60"),
    (errors.ServerError(status=503, headers={"Retry-After": "7"}, **CALL), 503, "7"),
    (errors.ServerError(status=503, **CALL), 503, "60"),
    (errors.ServerError(status=500, body=SECRET, **CALL), 502, None),
    (errors.AuthenticationError(status=401, **CALL), 502, None),
    (errors.PermissionDeniedError(status=403, **CALL), 502, None),
    (errors.EndpointNotFoundError(status=404, **CALL), 502, None),
    (errors.DecodeError([SECRET]), 502, None),
    (errors.SeveralFoundError([SECRET], path="/core/persons"), 502, None),
    (errors.ConfigError(SECRET), 500, None),
    (errors.InvalidOptionError(SECRET), 500, None),
]


@pytest.mark.parametrize(("error", "status", "retry"), CASES, ids=lambda one: getattr(type(one), "__name__", None))
def test_each_error_has_its_answer_and_tells_nothing_of_the_call(error: TonicDMError, status: int, retry: str | None):
    answer = error_answer(error, now=NOW)
    assert (answer.status, answer.headers.get("Retry-After")) == (status, retry)
    assert SECRET not in answer.detail
    assert answer.detail


@pytest.mark.parametrize(
    ("error_type", "status"),
    [(errors.ConnectError, 503), (errors.RequestTimeoutError, 503), (errors.ProtocolError, 502)],
)
def test_a_server_out_of_reach_is_503_and_a_broken_answer_502(error_type: type[errors.TransportError], status: int):
    assert error_answer(error_type(SECRET)).status == status


async def failing() -> None:
    raise errors.BudgetTimeoutError(SECRET, wait=12.2)


async def broken() -> None:
    raise errors.ServerError(status=500, body=SECRET, request_id="req-1", **CALL)


async def test_in_fastapi(caplog: pytest.LogCaptureFixture):
    app = fastapi.FastAPI()
    app.add_exception_handler(TonicDMError, handle_error)
    app.get("/failing")(failing)
    app.get("/broken")(broken)
    answer = await asgi.get(app, "/failing")
    assert (answer.status, answer.headers["retry-after"]) == (429, "13")
    assert answer.json() == {"detail": "There were too many requests. Try again later."}
    assert not caplog.records
    with caplog.at_level(logging.WARNING, "tonicdm"):
        assert (await asgi.get(app, "/broken")).status == 502
    assert caplog.messages == ["answered 502 for ServerError, request req-1"]


async def test_in_aiohttp():
    async def sound(_request: web.Request) -> web.Response:
        return web.Response(text="fine")

    async def fails(_request: web.Request) -> web.Response:
        await failing()
        raise AssertionError

    app = web.Application(middlewares=[answer_errors])
    app.router.add_get("/failing", fails)
    app.router.add_get("/sound", sound)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get("/failing")
        assert (answer.status, answer.headers["Retry-After"]) == (429, "13")
        assert await answer.json() == {"detail": "There were too many requests. Try again later."}
        assert (await client.get("/sound")).status == 200
