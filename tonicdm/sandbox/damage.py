"""Faults that change a response after the server has made it."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping
from email.utils import formatdate

import attrs

from tonicdm.sandbox.faults import FaultName, Faults, InjectedFaults
from tonicdm.sandbox.messages import Response

LIMIT, REMAINING, RESET = "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"

_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>"


def damage(response: Response, injected: InjectedFaults, now: float, faults: Faults) -> None:
    """Change an answer as the faults let it through.

    Args:
        response: What the server has made; it is changed in place.
        injected: The faults.
        now: Server time.
        faults: The seeded chance.
    """
    for fault in injected:
        act = _ACTS.get(fault.name)
        if act is not None:
            act(response, injected, now, faults)


def bad_gateway() -> Response:
    """Return what a proxy says when the server behind it is gone: no JSON, no rate headers."""
    return Response(status=502, body=_BAD_GATEWAY, content_type="text/html")


def _without_rate(response: Response, *_: object) -> None:
    for name in (LIMIT, REMAINING, RESET):
        response.headers.pop(name, None)


def _redirect(response: Response, injected: InjectedFaults, *_: object) -> None:
    response.status, response.body, response.file = 302, b"", None
    response.headers["Location"] = str(injected.detail("redirect", "location"))


def _as_described(response: Response, injected: InjectedFaults, *_: object) -> None:
    described = described_response(injected)
    response.status, response.body, response.file = described.status, described.body, None
    response.content_type = described.content_type
    response.headers |= described.headers


def described_response(injected: InjectedFaults) -> Response:
    """Return the answer that the fault "response" describes."""
    body = injected.detail("response", "body")
    return Response(
        status=int(injected.detail("response", "status")),
        body=body if isinstance(body, bytes) else str(body).encode(),
        content_type=str(injected.detail("response", "content_type")),
        headers=dict(injected.detail("response", "headers")),
    )


def _truncated(response: Response, *_: object) -> None:
    length = response.length * 2 // 3
    response.body = response.body[:length]
    if response.file is not None:
        response.file = attrs.evolve(response.file, length=length)


def _invalid(response: Response, *_: object) -> None:
    response.body, response.file = b'[{"id": undefined}]', None


def _gzip(response: Response, *_: object) -> None:
    whole = response.body if response.file is None else response.file.read()
    response.body, response.file = gzip.compress(whole, compresslevel=1), None
    response.headers["Content-Encoding"] = "gzip"


def _wobble(response: Response, injected: InjectedFaults, _: float, faults: Faults) -> None:
    seconds = round(faults.wobble(injected.detail("reset_wobble", "seconds")))
    _move_reset(response, seconds)


def _skew(response: Response, injected: InjectedFaults, now: float, _: Faults) -> None:
    seconds = float(injected.detail("skew", "seconds"))
    _move_reset(response, round(seconds))
    response.headers["Date"] = formatdate(now + seconds, usegmt=True)


def _move_reset(response: Response, seconds: int) -> None:
    if RESET in response.headers:
        response.headers[RESET] = str(int(float(response.headers[RESET])) + seconds)


def _milliseconds(response: Response, *_: object) -> None:
    response.headers[RESET] = str(int(float(response.headers[RESET]) * 1000))


def _delta(response: Response, _injected: InjectedFaults, now: float, _: Faults) -> None:
    response.headers[RESET] = str(int(float(response.headers[RESET]) - now))


def _above_limit(response: Response, *_: object) -> None:
    response.headers[REMAINING] = str(int(response.headers[LIMIT]) + 1)


def _garbled(response: Response, *_: object) -> None:
    response.headers |= {LIMIT: "many", REMAINING: "-1", RESET: "soon"}


def _huge(response: Response, injected: InjectedFaults, *_: object) -> None:
    response.headers["X-Trace"] = "x" * int(injected.detail("huge_header", "bytes"))


def _no_reset(response: Response, *_: object) -> None:
    response.headers.pop(RESET, None)


def _no_gateway(response: Response, *_: object) -> None:
    replacement = bad_gateway()
    response.status, response.body, response.content_type = (
        replacement.status,
        replacement.body,
        replacement.content_type,
    )
    response.file = None
    _without_rate(response)


_ACTS: Mapping[FaultName, Callable[[Response, InjectedFaults, float, Faults], None]] = {
    "bad_gateway": _no_gateway,
    "response": _as_described,
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
