"""An issuer without sockets, on a clock of its own, that can answer badly."""

from __future__ import annotations

import asyncio
import base64
import datetime
import json
from collections.abc import Callable, Mapping
from email.utils import format_datetime
from typing import Any

from tonicdm.clock import VirtualClock
from tonicdm.errors import ConnectError, RequestTimeoutError
from tonicdm.http.messages import Response
from tonicdm.http.plain import PlainResponse
from tonicdm.rhythm.claims import AUDIENCE

DOMAIN = "example.us.auth0.com"
SECRET = "s3cret-of-the-application"


def jwt(**claims: Any) -> str:
    """Return a token whose signature is nonsense."""
    parts = [json.dumps(part).encode() for part in ({"alg": "RS256"}, claims)]
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (*parts, b"sig"))


def answer(status: int, date: float | None) -> Response:
    """Return an answer of the API."""
    return Response(status=status, headers=dates(date), body=b"", rate_limit=None, attempts=1)


def dates(at: float | None) -> dict[str, str]:
    if at is None:
        return {}
    return {"Date": format_datetime(datetime.datetime.fromtimestamp(int(at), datetime.UTC), usegmt=True)}


class FakeIssuer:
    """Stands where `Plain` stands; its time is *now*, and may differ from everybody else's."""

    def __init__(self, now: Callable[[], float], clock: VirtualClock) -> None:
        self.now, self.clock = now, clock
        self.secret, self.lifetime, self.audience = SECRET, 86400.0, AUDIENCE
        self.mints: list[float] = []
        self.asked: list[Mapping[str, str]] = []
        self.questions = 0
        self.answers: list[tuple[int, dict[str, Any] | bytes, dict[str, str]]] = []
        """What comes instead of tokens, in order."""
        self.faults: list[str] = []
        self.gate: asyncio.Event | None = None
        self.has_date = True
        self.members: dict[str, Any] = {}
        self.ends_after: float | None = None
        """Seconds after its issue at which a token ends by its own word; None where it does not say."""

    async def post(self, _url: str, form: Mapping[str, str], *, timeout: float = 30.0) -> PlainResponse:
        sent_at = self.clock.monotonic()
        self.asked.append(form)
        fault = self.faults.pop(0) if self.faults else ""
        if fault == "unreachable":
            raise ConnectError("no connection. Nothing was sent.", sent=False)
        if self.gate is not None:
            await self.gate.wait()
        if self.answers:
            status, body, headers = self.answers.pop(0)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            return self._answer(status, content, sent_at, headers)
        if form["client_secret"] != self.secret:
            return self._answer(401, b'{"error": "access_denied"}', sent_at)
        self.mints.append(self.now())
        if fault == "lost":
            raise RequestTimeoutError(f"no answer within {timeout:g} s")
        ends = {} if self.ends_after is None else {"exp": int(self.now() + self.ends_after)}
        token = jwt(
            aud=self.audience, n=len(self.mints), **ends, **{"http://rhythmsoftware.com/tenant_id": "example.org"}
        )
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime, **self.members}
        return self._answer(200, json.dumps(body).encode(), sent_at)

    async def get(self, _url: str, *, timeout: float = 30.0) -> PlainResponse:
        self.questions += 1
        if "unreachable" in self.faults:
            raise ConnectError(f"no connection within {timeout:g} s. Nothing was sent.", sent=False)
        return self._answer(404, b"", self.clock.monotonic())

    async def close(self) -> None:
        pass

    def _answer(
        self, status: int, body: bytes, sent_at: float, headers: Mapping[str, str] | None = None
    ) -> PlainResponse:
        shown = dates(self.now() if self.has_date else None)
        return PlainResponse(
            status=status,
            headers={**shown, **(headers or {})},
            body=body,
            sent_at=sent_at,
            received_at=self.clock.monotonic(),
        )
