"""Faults that change an answer after the server has made it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from email.utils import formatdate

import attrs

from tonicdm.sandbox.calls import Answer
from tonicdm.sandbox.faults import FaultName, Faults, Strike

LIMIT, REMAINING, RESET = "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"

_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"


def damage(answer: Answer, strike: Strike, now: float, faults: Faults) -> None:
    """Change an answer as the faults let it through.

    Args:
        answer: What the server has made; it is changed in place.
        strike: The faults.
        now: Server time.
        faults: The seeded chance.
    """
    for fault in strike:
        act = _ACTS.get(fault.name)
        if act is not None:
            act(answer, strike, now, faults)


def bad_gateway() -> Answer:
    """Return what a proxy says when the server behind it is gone: no JSON, no rate headers."""
    return Answer(status=502, body=_BAD_GATEWAY, content_type="text/html")


def _without_rate(answer: Answer, *_: object) -> None:
    for name in (LIMIT, REMAINING, RESET):
        answer.headers.pop(name, None)


def _redirect(answer: Answer, strike: Strike, *_: object) -> None:
    answer.status, answer.body, answer.file = 302, b"", None
    answer.headers["Location"] = str(strike.detail("redirect", "location"))


def _as_told(answer: Answer, strike: Strike, *_: object) -> None:
    told = told_answer(strike)
    answer.status, answer.body, answer.file = told.status, told.body, None
    answer.content_type = told.content_type
    answer.headers |= told.headers


def told_answer(strike: Strike) -> Answer:
    """Return the answer that the fault "answer" describes."""
    body = strike.detail("answer", "body")
    return Answer(
        status=int(strike.detail("answer", "status")),
        body=body if isinstance(body, bytes) else str(body).encode(),
        content_type=str(strike.detail("answer", "content_type")),
        headers=dict(strike.detail("answer", "headers")),
    )


def _truncated(answer: Answer, *_: object) -> None:
    length = answer.length * 2 // 3
    answer.body = answer.body[:length]
    if answer.file is not None:
        answer.file = attrs.evolve(answer.file, length=length)


def _invalid(answer: Answer, *_: object) -> None:
    answer.body, answer.file = b'[{"id": undefined}]', None


def _gzip(answer: Answer, *_: object) -> None:
    whole = answer.body if answer.file is None else answer.file.read()
    answer.body, answer.file = gzip.compress(whole, compresslevel=1), None
    answer.headers["Content-Encoding"] = "gzip"


def _wobble(answer: Answer, strike: Strike, _: float, faults: Faults) -> None:
    seconds = round(faults.wobble(strike.detail("reset_wobble", "seconds")))
    _move_reset(answer, seconds)


def _skew(answer: Answer, strike: Strike, now: float, _: Faults) -> None:
    seconds = float(strike.detail("skew", "seconds"))
    _move_reset(answer, round(seconds))
    answer.headers["Date"] = formatdate(now + seconds, usegmt=True)


def _move_reset(answer: Answer, seconds: int) -> None:
    if RESET in answer.headers:
        answer.headers[RESET] = str(int(float(answer.headers[RESET])) + seconds)


def _milliseconds(answer: Answer, *_: object) -> None:
    answer.headers[RESET] = str(int(float(answer.headers[RESET]) * 1000))


def _delta(answer: Answer, _strike: Strike, now: float, _: Faults) -> None:
    answer.headers[RESET] = str(int(float(answer.headers[RESET]) - now))


def _above_limit(answer: Answer, *_: object) -> None:
    answer.headers[REMAINING] = str(int(answer.headers[LIMIT]) + 1)


def _garbled(answer: Answer, *_: object) -> None:
    answer.headers |= {LIMIT: "many", REMAINING: "-1", RESET: "soon"}


def _huge(answer: Answer, strike: Strike, *_: object) -> None:
    answer.headers["X-Trace"] = "x" * int(strike.detail("huge_header", "bytes"))


def _no_reset(answer: Answer, *_: object) -> None:
    answer.headers.pop(RESET, None)


def _no_gateway(answer: Answer, *_: object) -> None:
    gone = bad_gateway()
    answer.status, answer.body, answer.content_type = gone.status, gone.body, gone.content_type
    answer.file = None
    _without_rate(answer)


_ACTS: Mapping[FaultName, Callable[[Answer, Strike, float, Faults], None]] = {
    "bad_gateway": _no_gateway,
    "answer": _as_told,
    "redirect": _redirect,
    "truncated_body": _truncated,
    "invalid_json": _invalid,
    "gzip": _gzip,
    "reset_wobble": _wobble,
    "skew": _skew,
    "reset_milliseconds": _milliseconds,
    "reset_delta": _delta,
    "remaining_above_limit": _above_limit,
    "garbled_rate_headers": _garbled,
    "no_rate_headers": _without_rate,
    "rate_limited_without_reset": _no_reset,
    "huge_header": _huge,
}
