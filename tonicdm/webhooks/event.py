"""Events as they arrive: their key, their type, the records they name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from tonicdm.codec.parsing import parse_strictly
from tonicdm.errors import MalformedEventError
from tonicdm.store.types import TYPES
from tonicdm.webhooks.payload import Payload, PayloadReader, TolerantReader

ID_HEADER: Final = "webhook-id"
"""Header with the event's ID (Standard Webhooks 1.0)."""

TEST_TYPE: Final = "webhook.test"
"""Type of an event that is sent to try a receiver: it names no record, and there is nothing to do about it."""

DELIVERY_FIELDS: Final = frozenset(
    {
        *("sent", "sentat", "delivered", "deliveredat", "delivery", "deliveryid", "deliveryattempt"),
        *("attempt", "attempts", "attemptnumber", "retry", "retries", "retrycount", "tries"),
        *("redelivered", "redelivery"),
    }
)
"""Fields of an envelope, in small letters without separators, that tell of one attempt to deliver an event."""

MAX_CHARACTERS: Final = 200
"""Characters of a key or a type: a longer key is replaced by its digest, a longer type is cut."""


@attrs.frozen
class Event:
    """An event as it arrived: not believed yet."""

    key: str
    """What duplicates share: the ``webhook-id`` header, else the body's ``id``, else a digest of the body."""
    type: str
    """Object and action as the sender wrote them, such as ``persons.updated``; empty where it has none."""
    record_type: str | None
    """Record type of the store (`tonicdm.store.TYPES`), None where unknown."""
    ids: tuple[str, ...]
    """IDs of the records named, compact lower case."""
    body: bytes = attrs.field(repr=False)
    """The raw body; may hold personal data."""
    signed: bool
    """Whether a verifier has confirmed it."""
    received: float
    """Unix time at which it arrived, seconds by the clock of what keeps it."""
    content: str = ""
    """A digest of what it says of records, without what tells of its delivery; empty where it was not made."""


def parse(
    body: bytes,
    headers: Mapping[str, str],
    *,
    signed: bool,
    received: float,
    reader: PayloadReader | None = None,
) -> Event:
    """Make an event of a request.

    Args:
        body: Raw body.
        headers: Its headers, names in any case.
        signed: Whether a verifier has confirmed it.
        received: Unix time of its arrival, seconds.
        reader: Tells what the body says; `TolerantReader` unless given.

    Raises:
        MalformedEventError: The body is no JSON object or array, or the reader can't read it.
    """
    payload = decode(body)
    content = read_payload(payload, reader or TolerantReader())
    sent = next((value for name, value in headers.items() if name.lower() == ID_HEADER), "").strip()
    key = sent or content.key
    if key is None:
        # Two hints about one record may be alike to the letter. Where nothing dates them, the later one must not be
        # taken for the earlier: to fetch once more costs little, to miss a change costs the change.
        key = _digest(body if content.dated else body + f"\n{received!r}".encode())
    elif len(key) > MAX_CHARACTERS or not _storable(key):
        key = _digest(key.encode("utf-8", "surrogatepass"))
    name = storable(content.type[:MAX_CHARACTERS])
    digest = content_digest(payload, content)
    return Event(key, name, content.record_type, content.ids, body, signed, received, digest)


def decode(body: bytes) -> Any:
    """Return the JSON object or array in *body*, which has to be JSON in every reader's eyes.

    NaN is none, and of a key that stands twice two readers may take different values: what a check before the receiver
    has read is not what the receiver would act on.

    Raises:
        MalformedEventError: It is something else; the error does not repeat it.
    """
    try:
        payload = parse_strictly(body, object_pairs_hook=_unrepeated)
    except _RepeatedKeyError:
        raise MalformedEventError(f"the body of {len(body):,} bytes has a key twice in one object") from None
    except (ValueError, RecursionError):
        raise MalformedEventError(f"the body of {len(body):,} bytes is no JSON") from None
    if not isinstance(payload, dict | list):
        raise MalformedEventError("the body is JSON, but neither an object nor an array")
    return payload


class _RepeatedKeyError(ValueError):
    """A key stands twice in one object."""


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _RepeatedKeyError
    return members


def content_digest(payload: Any, content: Payload) -> str:
    """Return a digest of what a body says of records.

    Two bodies with one ID and one digest are one event that was delivered twice; with different ones they are two.

    Args:
        payload: The decoded body.
        content: What the reader has found in it.
    """
    records: list[Any] = list(content.records) or [payload]
    shown = [_without_delivery(record) if record is payload else record for record in records]
    try:
        text = json.dumps([content.record_type, content.type, shown], sort_keys=True)
    except RecursionError:
        return ""
    return _digest(text.encode())


def _without_delivery(payload: Any) -> Any:
    if not isinstance(payload, Mapping):
        return payload
    return {
        name: value
        for name, value in payload.items()
        if name.lower().replace("_", "").replace("-", "") not in DELIVERY_FIELDS
    }


def storable(text: str) -> str:
    """Return *text* without halves of surrogate pairs, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def _storable(text: str) -> bool:
    # Half a surrogate pair, which JSON and odd bytes of a header can bring, can't be written to the store.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_payload(payload: Any, reader: PayloadReader) -> Payload:
    """Return what a reader finds in a decoded body; a record type that no store has is none.

    Args:
        payload: The decoded body.
        reader: Tells what it says; may be somebody's own.

    Raises:
        MalformedEventError: The reader can't read it.
    """
    try:
        content = reader(payload)
        content.type.encode("utf-8", "replace")  # which no other type than a text can
        return content if content.record_type in TYPES else attrs.evolve(content, record_type=None)
    except MalformedEventError:
        raise
    except Exception as error:  # noqa: BLE001 - a reader of somebody's own; what it says might repeat the body
        raise MalformedEventError(f"the reader can't read the body ({type(error).__name__})") from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
