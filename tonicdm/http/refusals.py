"""Responses with an error status as errors of this package."""

from __future__ import annotations

from typing import Any, Final

from tonicdm.errors import APIError, RateLimitedError, api_error_class
from tonicdm.http.messages import OutgoingRequest, Response

REDIRECTED = "Redirects are not followed: they would carry the token elsewhere. Check base_url= and path_prefix=."

RESET_TOLERANCE_SECONDS: Final = 5.0
"""Seconds by which more than the Reset is waited for, as clocks and whole seconds may be off, without saying so."""


def refused(call: OutgoingRequest, response: Response, *, asked: float | None = None) -> APIError:
    """Return the error of *response*, whose status is none of success.

    Args:
        call: What was called.
        response: What came.
        asked: Seconds after which the server wants to be asked again.
    """
    fields: dict[str, Any] = {
        "method": call.request.method,
        "path": call.path,
        "body": response.body[:2000].decode("utf-8", "replace"),
        "rate_limit": response.rate_limit,
        "attempts": response.attempts,
        "headers": response.headers,
        "request_id": response.request_id,
    }
    if response.status == 429:
        from tonicdm.budget.views import utc  # a call that does not wait needs no views

        until = _cooldown_until(response)
        reset_at = None if until is None else utc(until)
        return RateLimitedError(cost=call.cost, reset_at=reset_at, **fields)
    note = REDIRECTED if 300 <= response.status < 400 else ""
    if asked is not None:
        note = f"The server wants to be asked again in {asked:,.0f} s."
    return api_error_class(response.status)(status=response.status, note=note, **fields)


def _cooldown_until(response: Response) -> float | None:
    """Return the server time until which a 429 stops all calls: the Reset that it named, unless it is another."""
    named = None if response.rate_limit is None else response.rate_limit.reset
    if response.cooldown_until is None or (
        named is not None and 0 <= response.cooldown_until - named <= RESET_TOLERANCE_SECONDS
    ):
        return named
    return response.cooldown_until
