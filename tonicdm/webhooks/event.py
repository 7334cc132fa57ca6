"""Events as they arrive: their key, their type, the records they name."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import attrs

from tonicdm.errors import MalformedEventError
from tonicdm.webhooks.payload import Payload, PayloadReader, TolerantReader

ID_HEADER: Final = "webhook-id"
"""Header with the event's ID (Standard Webhooks 1.0)."""

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
    """Unix time at which it arrived, seconds by this machine."""


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
    content = _read(payload, reader or TolerantReader())
    sent = next((value for name, value in headers.items() if name.lower() == ID_HEADER), "").strip()
    key = sent or content.key
    if key is None:
        # Two hints about one record may be alike to the letter. Where nothing dates them, the later one must not be
        # taken for the earlier: to fetch once more costs little, to miss a change costs the change.
        key = _digest(body if content.dated else body + f"\n{received!r}".encode())
    elif len(key) > MAX_CHARACTERS or not _storable(key):
        key = _digest(key.encode("utf-8", "surrogatepass"))
    name = content.type[:MAX_CHARACTERS].encode("utf-8", "replace").decode()
    return Event(key, name, content.record_type, content.ids, body, signed, received)


def decode(body: bytes) -> Any:
    """Return the JSON object or array in *body*.

    Raises:
        MalformedEventError: It is something else; the error does not repeat it.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedEventError(f"the body of {len(body):,} bytes is no JSON") from None
    if not isinstance(payload, dict | list):
        raise MalformedEventError("the body is JSON, but neither an object nor an array")
    return payload


def _storable(text: str) -> bool:
    # Half a surrogate pair, which JSON and odd bytes of a header can bring, can't be written to the store.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read(payload: Any, reader: PayloadReader) -> Payload:
    try:
        return reader(payload)
    except MalformedEventError:
        raise
    except Exception as error:  # noqa: BLE001 - a reader of somebody's own; what it says might repeat the body
        raise MalformedEventError(f"the reader can't read the body ({type(error).__name__})") from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
