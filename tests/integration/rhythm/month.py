"""Processes of several applications that share a folder, as objects with clocks of their own, on a virtual month."""

from __future__ import annotations

import asyncio
import base64
import json
import pathlib
from collections import Counter
from typing import Any

from tonicdm.clock import VirtualClock
from tonicdm.errors import AuthenticationError
from tonicdm.http.messages import Response
from tonicdm.http.plain import Plain
from tonicdm.rhythm.tokens.broker import TokenBroker
from tonicdm.rhythm.tokens.store import FileTokenStore
from tonicdm.sandbox.rhythm import RhythmSandbox
from tonicdm.types import Secret

HOUR = 3600.0


class OwnClock:
    """A machine's clocks: the wall clock may be wrong, the monotonic one starts anywhere."""

    def __init__(self, clock: VirtualClock, skew: float, start: float) -> None:
        self._clock, self._skew, self._start = clock, skew, start

    def now(self) -> float:
        return self._clock.now() + self._skew

    def monotonic(self) -> float:
        return self._clock.monotonic() + self._start

    async def sleep_until(self, deadline: float) -> None:
        await self._clock.sleep_until(deadline - self._start)


class Process:
    """One process of an application: it lives for an hour, and knows what it finds in the folder."""

    def __init__(
        self, box: RhythmSandbox, clock: VirtualClock, folder: pathlib.Path, client_id: str, secret: str, **more: Any
    ) -> None:
        own = OwnClock(clock, more.pop("skew", 0.0), more.pop("start", 0.0))
        self._box, self._http = box, Plain(clock=own)
        self.broker = TokenBroker(
            box.auth_url,
            client_id,
            secret,
            tenant_id=box.tenant_id,
            store=FileTokenStore(folder, clock=own),
            clock=own,
            http=self._http,
            **more,
        )

    async def call(self, *, really: bool = False) -> str:
        """Call the API as a transport does: with the token, and once more where another one is worth it.

        Calls that can only succeed are left out unless they are to be *really* made: they would change nothing.
        """
        token = await self.broker.token()
        if not really and self._is_good(token):
            return "200"
        answer = await self._get(token)
        if answer.status == 401 and await self.broker.refresh(token, answer):
            answer = await self._get(await self.broker.token())
        if answer.status == 401:
            raise AuthenticationError(status=401, method="GET", path="/contacts")
        return str(answer.status)

    async def _get(self, token: Secret) -> Response:
        url = f"{self._box.url}/rolodex/contacts/{self._box.tenant_id}"
        got = await self._http.get(url, {"Authorization": f"Bearer {token.reveal()}"})
        return Response(status=got.status, headers=got.headers, body=got.body, rate_limit=None, attempts=1)

    def _is_good(self, token: Secret) -> bool:
        part = token.reveal().split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return claims["exp"] > self._box.now() and not self._box.issuer.is_revoked(claims)

    async def end(self) -> None:
        await self.broker.close()
        await self._http.close()


async def together(clock: VirtualClock, works: list[Any]) -> Counter[str]:
    """Run *works* at once, moving *clock* only when every one that is left sleeps on it; count how they ended."""
    tasks = [asyncio.ensure_future(work) for work in works]
    while left := [task for task in tasks if not task.done()]:
        asleep = sum(not wake.done() for _, _, wake in clock._sleepers)
        if asleep == len(left) and (deadline := clock.next_deadline) is not None:
            clock.advance(max(0.0, deadline - clock.monotonic()))
        await asyncio.wait(left, timeout=0.002)
    ends = [task.exception() for task in tasks]
    return Counter(task.result() if end is None else type(end).__name__ for task, end in zip(tasks, ends, strict=True))
