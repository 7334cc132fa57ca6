"""A signed event of one's own, to see whether a receiver takes it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Final

import aiohttp
import attrs

from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import ConfigError, ConnectError
from tonicdm.webhooks.event import TEST_TYPE
from tonicdm.webhooks.verify import ID, SharedSecret, StandardWebhooks, Unverified

SEND_SECONDS: Final = 30.0
"""Seconds for the whole request: a receiver answers when the event is on its disk."""

ANSWER_BYTES: Final = 4096
"""Bytes of an answer that are read; a receiver says what is wrong in one line."""


@attrs.frozen
class Sent:
    """What became of an event that was sent."""

    url: str
    event_id: str
    status: int
    answer: str
    """The first line of the answer's body."""
    seconds: float
    """From the first byte that was sent to the answer."""

    @property
    def taken(self) -> bool:
        """Whether the receiver has the event on its disk."""
        return 200 <= self.status < 300


def event_body(event_id: str, event_type: str = TEST_TYPE, ids: Sequence[str] = (), *, sent: float = 0.0) -> bytes:
    """Return the body of an event.

    Args:
        event_id: The event's ID.
        event_type: Record type and action, such as ``persons.updated``.
        ids: IDs of the records that it names.
        sent: Unix time, seconds.
    """
    data = [{"id": record_id} for record_id in ids]
    return json.dumps({"id": event_id, "type": event_type, "sent": int(sent), "data": data}).encode()


async def send(
    url: str,
    signer: StandardWebhooks | SharedSecret | Unverified,
    *,
    event_type: str = TEST_TYPE,
    ids: Sequence[str] = (),
    event_id: str | None = None,
    clock: Clock | None = None,
) -> Sent:
    """Send one event to a receiver, signed as its sender would sign it; no token and no unit is used.

    A test event names no record: a worker notes it as done.

    Args:
        url: Where the receiver is.
        signer: Made from the receiver's secret.
        event_type: Record type and action.
        ids: IDs of the records that it names.
        event_id: The event's ID; a new one unless given.
        clock: Its time; the machine's unless given.

    Raises:
        ConfigError: *url* is no address of HTTP.
        ConnectError: Nobody answers there.
    """
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"a receiver's URL begins with http:// or https://, unlike {url!r}. Nothing was sent.")
    now, name = (clock or SystemClock()).now(), event_id or f"evt_test_{secrets.token_hex(8)}"
    body = event_body(name, event_type, ids, sent=now)
    signed: Mapping[str, str] = (
        {ID: name} if isinstance(signer, Unverified) else signer.sign(body, event_id=name, now=now)
    )
    headers = {"Content-Type": "application/json", **signed}
    began = time.perf_counter()
    timeout = aiohttp.ClientTimeout(total=SEND_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            # A redirect would hand a shared secret to somebody else.
            session.post(url, data=body, headers=headers, allow_redirects=False) as response,
        ):
            answer = (await response.content.read(ANSWER_BYTES)).decode("utf-8", "replace")
            line = answer.strip().partition("\n")[0]
            return Sent(url, name, response.status, line, round(time.perf_counter() - began, 4))
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise ConnectError(f"the receiver at {url} gives no answer ({type(error).__name__})") from None
