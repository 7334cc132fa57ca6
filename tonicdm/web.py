"""Errors of this package as answers of a web application, in aiohttp, FastAPI or Starlette."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
from aiohttp import web

from tonicdm.budget.headers import retry_after
from tonicdm.errors import (
    APIError,
    BudgetError,
    BudgetTimeoutError,
    ClientClosedError,
    ConfigError,
    ConnectError,
    InvalidIDError,
    InvalidOptionError,
    RateLimitedError,
    RequestTimeoutError,
    SeveralFoundError,
    StoreError,
    TonicDMError,
)

__all__ = ["ErrorAnswer", "answer_errors", "error_answer", "handle_error"]

logger: Final = logging.getLogger("tonicdm")

RETRY_SECONDS: Final = 60.0
"""Seconds after which a visitor may try again where nobody knows when it will work."""


@attrs.frozen
class ErrorAnswer:
    """What a visitor is told of an error: nothing of the call, the token or the record."""

    status: int
    """The HTTP status."""
    detail: str
    """What happened, for people."""
    headers: dict[str, str] = attrs.field(factory=dict)
    """Header lines: Retry-After, where trying again makes sense."""


def error_answer(error: TonicDMError, *, now: float | None = None) -> ErrorAnswer:
    """Return what a web application answers when a call of its ends in *error*.

    Args:
        error: The error.
        now: Unix time; the machine's unless given.

    Returns:
        404 for a record that is not there, and for what is no ID; 429 with Retry-After where the units are used up;
        503 with Retry-After where the server, the budget or the store can't be used now; 500 for a mistake of the
        application; 502 for everything else that the server answered.
    """
    now = time.time() if now is None else now
    if isinstance(error, InvalidIDError) or (
        isinstance(error, LookupError) and not isinstance(error, SeveralFoundError)
    ):
        return ErrorAnswer(404, "There is no such record.")
    if isinstance(error, (RateLimitedError, BudgetTimeoutError)):
        return _later(429, "There were too many requests. Try again later.", _seconds_until_units(error, now))
    if isinstance(error, (ConnectError, RequestTimeoutError, BudgetError, StoreError, ClientClosedError)):
        return _later(503, "The service can't be reached now. Try again later.", RETRY_SECONDS)
    if isinstance(error, APIError) and error.status == 503:
        seconds = retry_after(error.headers, now)
        return _later(503, "The service can't be reached now. Try again later.", seconds or RETRY_SECONDS)
    if isinstance(error, (ConfigError, InvalidOptionError)):
        return ErrorAnswer(500, "The application made a mistake.")
    return ErrorAnswer(502, "The service gave no usable answer.")


def _later(status: int, detail: str, seconds: float) -> ErrorAnswer:
    return ErrorAnswer(status, detail, {"Retry-After": str(max(1, math.ceil(seconds)))})


def _seconds_until_units(error: RateLimitedError | BudgetTimeoutError, now: float) -> float:
    if isinstance(error, BudgetTimeoutError) and error.wait:
        return error.wait
    return RETRY_SECONDS if error.reset_at is None else error.reset_at.timestamp() - now


def _answer(error: TonicDMError) -> ErrorAnswer:
    answer = error_answer(error)
    if answer.status >= 500:
        # Its text may repeat what the server said; type and name of the call lead to it.
        logger.warning(
            "answered %d for %s, request %s", answer.status, type(error).__name__, error.request_id or "none"
        )
    return answer


@web.middleware
async def answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer for errors of this package that a handler lets pass; a middleware of ``aiohttp.web``."""
    try:
        return await handler(request)
    except TonicDMError as error:
        answer = _answer(error)
        return web.json_response({"detail": answer.detail}, status=answer.status, headers=answer.headers)


async def handle_error(_request: Any, error: Any) -> Any:
    """Answer for an error of this package; an exception handler of FastAPI or Starlette for `TonicDMError`."""
    from starlette.responses import JSONResponse

    answer = _answer(error)
    return JSONResponse({"detail": answer.detail}, answer.status, answer.headers)
