"""Webhooks: post the changes of the world to subscribers, with the faults that are set.

The concepts page says only that webhooks "send updated records". Form, signature, retries and order are chosen here:
a JSON object per event, signed as the Standard Webhooks specification does, up to five retries, no order.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
from collections.abc import Callable
from time import perf_counter
from types import SimpleNamespace
from typing import Any, Final, Literal

import aiohttp
import attrs

from tonicdm.clock import Clock
from tonicdm.sandbox.messages import to_json
from tonicdm.sandbox.world import Change, World
from tonicdm.sandbox.world.noise import key_of

ANSWER_SECONDS: Final = 20.0
"""Seconds that a receiver may take for its answer, as senders commonly allow some fifteen to thirty."""


@attrs.frozen
class Subscription:
    """Where events go."""

    url: str
    secret: bytes | None
    """Key of the signature; None sends unsigned."""
    record_types: frozenset[str] | None
    """Record types; None means all."""


@attrs.frozen
class Delivery:
    """One attempt to deliver an event."""

    event: str
    url: str
    attempt: int
    status: int | None
    """Status of the receiver; None when there was no answer."""
    seconds: float
    """Real time from the request's head, once it was sent, to the answer; up to the failure where there was none."""


@attrs.define
class Webhooks:
    """Sends events; its fields are its faults and may be set at any time.

    Args:
        now: Server time.
        clock: For delays in virtual time.
        seed: The same seed gives the same duplicates, drops and delays.
    """

    _now: Callable[[], float]
    _clock: Clock
    _seed: int
    duplicate_rate: float = 0.0
    """Share of events that are sent twice, under the same event id."""
    drop_rate: float = 0.0
    """Share of events that are never sent."""
    delay_seconds: tuple[float, float] = (0.0, 0.0)
    """Shortest and longest delay before sending; unequal delays reorder events."""
    time: Literal["real", "virtual"] = "real"
    """Whether delays pass in real time or on the clock the sandbox was given."""
    retries: int = 5
    """Further attempts when the receiver does not answer with 2xx."""
    retry_seconds: float = 1.0
    """Wait before the first retry; it doubles each time."""
    max_retry_seconds: float = 3600.0
    """Wait between two attempts at most."""
    deliveries: list[Delivery] = attrs.field(factory=list)
    """All attempts so far."""
    _outage: asyncio.Event | None = None
    _subscriptions: list[Subscription] = attrs.field(factory=list)
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set)
    _session: aiohttp.ClientSession | None = None
    _count: int = 0
    _chance: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._chance = random.Random(f"{self._seed}/webhooks")

    def subscribe(self, url: str, *, secret: bytes | None = None, record_types: set[str] | None = None) -> None:
        """Post events to *url* from now on.

        Args:
            url: Receiver.
            secret: Key of the signature; None sends unsigned.
            record_types: Record types of the world; None means all.
        """
        self._subscriptions.append(Subscription(url, secret, None if record_types is None else frozenset(record_types)))

    def begin_outage(self) -> None:
        """Hold all events back, until `end_outage` sends them at once."""
        self._outage = self._outage or asyncio.Event()

    def end_outage(self) -> None:
        """Send what was held back."""
        if self._outage is not None:
            self._outage.set()
            self._outage = None

    def notify(self, world: World, change: Change) -> None:
        """Send a change to all who subscribed to its type."""
        for subscription in self._subscriptions:
            if subscription.record_types is not None and change.record_type not in subscription.record_types:
                continue
            self._count += 1
            if self._chance.random() < self.drop_rate:
                continue
            event = f"evt_{key_of(self._seed, self._count):016x}"
            body = to_json(self._payload(world, change, event))
            for _ in range(2 if self._chance.random() < self.duplicate_rate else 1):
                task = asyncio.get_running_loop().create_task(self._deliver(subscription, event, body))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    @property
    def under_way(self) -> int:
        """Events that are neither delivered nor given up."""
        return len(self._tasks)

    async def drain(self) -> None:
        """Wait until every event is delivered or given up."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Stop sending."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _payload(self, world: World, change: Change, event: str) -> dict[str, Any]:
        record = world.get(change.record_type, change.id)
        return {
            "id": event,
            "type": f"{change.record_type}.{change.action}",
            "object": change.record_type,
            "sent": int(self._now()),
            # Of a record that is gone there is only the id to send.
            "data": [{"id": change.id} if record is None else record],
        }

    async def _deliver(self, subscription: Subscription, event: str, body: bytes) -> None:
        await self._pause(self._chance.uniform(*self.delay_seconds))
        if self._outage is not None:
            await self._outage.wait()
        for attempt in range(self.retries + 1):
            status, seconds = await self._post(subscription, event, body)
            self.deliveries.append(Delivery(event, subscription.url, attempt, status, seconds))
            if status is not None and 200 <= status < 300:
                return
            if attempt < self.retries:
                await self._pause(min(self.max_retry_seconds, self.retry_seconds * 2**attempt))

    async def _post(self, subscription: Subscription, event: str, body: bytes) -> tuple[int | None, float]:
        if self._session is None:
            # How long it waited here for a connection is no matter of the receiver's, nor an event given up for it.
            trace = aiohttp.TraceConfig()
            trace.on_request_headers_sent.append(_sent)
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_SECONDS, sock_read=ANSWER_SECONDS)
            self._session = aiohttp.ClientSession(timeout=timeout, trace_configs=[trace])
        moment = {"sent": perf_counter()}
        headers = {"Content-Type": "application/json", **self._signature(subscription.secret, event, body)}
        try:
            async with self._session.post(
                subscription.url, data=body, headers=headers, trace_request_ctx=moment
            ) as response:
                return response.status, round(perf_counter() - moment["sent"], 4)
        except (aiohttp.ClientError, TimeoutError):
            return None, round(perf_counter() - moment["sent"], 4)

    def _signature(self, secret: bytes | None, event: str, body: bytes) -> dict[str, str]:
        if secret is None:
            return {}
        sent = str(int(self._now()))
        digest = hmac.new(secret, f"{event}.{sent}.".encode() + body, hashlib.sha256).digest()
        return {
            "webhook-id": event,
            "webhook-timestamp": sent,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }

    async def _pause(self, seconds: float) -> None:
        if seconds <= 0:
            return
        if self.time == "virtual":
            await self._clock.sleep_until(self._clock.monotonic() + seconds)
        else:
            await asyncio.sleep(seconds)


async def _sent(_session: aiohttp.ClientSession, context: SimpleNamespace, _params: Any) -> None:
    context.trace_request_ctx["sent"] = perf_counter()
