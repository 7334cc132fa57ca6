"""The paths of the token service: /oauth/token and /authorize."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from tonicdm.sandbox.messages import Request, Response, json_response
from tonicdm.sandbox.rhythm.issuer import GrantRefusal, Issuer

_FORM = "application/x-www-form-urlencoded"


def authorize(issuer: Issuer, query: Mapping[str, str], now: float) -> Response:
    """Answer an authorization request: sign the user in at once and send the browser back.

    Raises:
        GrantRefusal: It may not be sent back anywhere.
    """
    redirect, parameters = issuer.authorize(query, now)
    return Response(status=302, headers={"Location": f"{redirect}?{urlencode(parameters)}"})


def refused(refusal: GrantRefusal) -> Response:
    """Return a refusal in the form of OAuth (reference, OAuthError)."""
    return json_response(refusal.status, {"error": refusal.error, "error_description": refusal.description}, 0)


def read_form(issuer: Issuer, request: Request) -> dict[str, str]:
    """Return the parameters of a token request.

    Raises:
        GrantRefusal: They are written in a way that the settings do not allow, or are none.
    """
    media = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    allowed = issuer.settings.token_encoding
    if media == _FORM and allowed != "json":
        return dict(parse_qsl(request.body.decode("utf-8", "replace")))
    if media == "application/json" and allowed != "form":
        try:
            told = json.loads(request.body)
        except ValueError:
            told = None
        if isinstance(told, dict):
            return {name: value for name, value in told.items() if isinstance(value, str)}
    raise GrantRefusal(400, "invalid_request", "the body cannot be read")
