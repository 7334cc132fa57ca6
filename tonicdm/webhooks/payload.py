"""The content of a webhook's body: which records of which type, and what happened to them.

The concepts page says only that webhooks "send updated records", so the reader here takes any form that can be read
without guessing, and another one can be given in its place (docs/explanation/decisions).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol

import attrs

from tonicdm.errors import ConfigError
from tonicdm.store.rows import updated_of
from tonicdm.store.types import TYPES
from tonicdm.types import normalise_id

_TYPE: Final = ("type", "event", "eventType", "event_type", "topic")
_OBJECT: Final = ("object", "objectType", "object_type", "resource", "recordType", "record_type")
_ACTION: Final = ("action", "operation")
_CONTENT: Final = ("data", "records", "record", "payload", "object")
_NAMES: Final = ("ids", "recordIds", "record_ids", "recordId", "record_id", "objectId", "object_id")
_MOMENT: Final = ("sent", "timestamp", "time", "created", "createdAt", "created_at", "occurredAt", "occurred_at")
_ID: Final = re.compile(r"[0-9a-f]{32}")
_SEPARATOR: Final = re.compile(r"[.:/\s]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[-_]+")

MAX_DEPTH: Final = 3
"""How deep records may lie in their envelope."""


@attrs.frozen
class Payload:
    """What a body was found to say."""

    type: str = ""
    """Object and action as the sender wrote them, such as ``persons.updated``; empty where it has none."""
    record_type: str | None = None
    """Record type of the store, None where unknown."""
    key: str | None = None
    """The event's own ID, None where it has none."""
    records: tuple[Mapping[str, Any], ...] = attrs.field(default=(), repr=False)
    """The records named, as they came; of one that was named only by its ID, that."""
    dated: bool = False
    """Whether it tells this event from a later one about the same records: by a time, or by the records' own."""

    @property
    def ids(self) -> tuple[str, ...]:
        """IDs of the records, compact lower case, each once."""
        identities = (identity_of(record) for record in self.records)
        return tuple(dict.fromkeys(identity for identity in identities if identity is not None))


class PayloadReader(Protocol):
    """Reads the decoded JSON of a body; give another one where the sender's form is known."""

    def __call__(self, payload: Any, /) -> Payload:
        """Return what *payload* says."""
        ...


def _known(_reader: Any, _attribute: Any, record_type: str | None) -> None:
    if record_type is not None and record_type not in TYPES:
        raise ConfigError(f"no such record type: {record_type}; there are {', '.join(TYPES)}")


@attrs.frozen
class TolerantReader:
    """Reads objects and arrays in the forms that are usual.

    An object may carry its records under ``data``, ``records``, ``record``, ``payload`` or ``object``, may name them by
    ID, or may be the record itself. An array holds records, IDs, or such objects. The record type is taken from the
    object or from the words of the event type, singular or plural, in any spelling of this package's type names.

    Args:
        record_type: Record type of a body that names none; for a path of its own per type.
    """

    record_type: str | None = attrs.field(default=None, validator=_known)

    def __call__(self, payload: Any, /) -> Payload:
        """Return what *payload* says."""
        if isinstance(payload, list):
            return self._batch(payload)
        if isinstance(payload, Mapping):
            return self._payload_of(payload)
        return Payload(record_type=self.record_type)

    def _payload_of(self, payload: Mapping[str, Any]) -> Payload:
        records, inside = _records(payload)
        event, name, action = (_text(payload, fields) for fields in (_TYPE, _OBJECT, _ACTION))
        record_type = record_type_of(name) or record_type_of(event)
        if not inside and not name and not _SEPARATOR.search(event):
            # A record may have a "type" of its own: a bare word beside its fields names no record type.
            record_type = None
        if event and name and record_type_of(event) is None:
            event = f"{name}.{event}"
        own = payload.get("id")
        key = str(own) if inside and isinstance(own, str | int) and not isinstance(own, bool) else None
        dated = any(payload.get(field) is not None for field in _MOMENT) or _stamped(records)
        event_type = event or ".".join(filter(None, (name, action)))
        return Payload(event_type, record_type or self.record_type, key or None, tuple(records), dated)

    def _batch(self, payload: list[Any]) -> Payload:
        parts = [
            self._payload_of(item) if isinstance(item, Mapping) else Payload(records=_named(item)) for item in payload
        ]
        records = tuple(record for part in parts for record in part.records)
        types, record_types = (
            {part.type for part in parts},
            {part.record_type for part in parts if part.record_type is not None},
        )
        return Payload(
            types.pop() if len(types) == 1 else "",
            # IDs of several types can't be distinguished in one event: nothing is known then.
            (record_types.pop() if len(record_types) == 1 else None)
            or (self.record_type if not record_types else None),
            None,
            records,
            bool(parts) and all(part.dated for part in parts),
        )


def identity_of(record: Mapping[str, Any]) -> str | None:
    """Return the ID of *record*, compact lower case; None where it has none."""
    value = record.get("id")
    if not isinstance(value, str):
        return None
    compact = normalise_id(value)
    return compact if _ID.fullmatch(compact) else None


def record_type_of(words: str) -> str | None:
    """Return the record type that *words* begin with or name: ``person.updated``, ``RFIUpdated``, ``core/offices``."""
    for word in _SEPARATOR.split(words):
        parts = [part.lower() for part in _HUMP.split(word) if part]
        # The last part may be the action.
        for end in (len(parts), len(parts) - 1):
            if end > 0 and (name := _SPELLINGS.get("".join(parts[:end]))):
                return name
    return None


def _spellings() -> dict[str, str]:
    spellings: dict[str, str] = {}
    for name in TYPES:
        singular = name.removesuffix("es") if name.endswith("sses") else name.removesuffix("s")
        spellings |= {name.replace("_", ""): name, singular.replace("_", ""): name}
    return spellings


_SPELLINGS: Final = _spellings()


def _text(payload: Mapping[str, Any], fields: Iterable[str]) -> str:
    return next((payload[field] for field in fields if isinstance(payload.get(field), str)), "")


def _records(payload: Mapping[str, Any], depth: int = 0) -> tuple[list[Mapping[str, Any]], bool]:
    """Return the records in *payload*, and whether they lay inside it; else it is one itself, or has none."""
    for field in _CONTENT:
        content = payload.get(field)
        if isinstance(content, list):
            return [record for item in content for record in _named(item)], True
        if isinstance(content, Mapping):
            deeper = _records(content, depth + 1)[0] if identity_of(content) is None and depth < MAX_DEPTH else []
            return deeper or [content], True
    for field in _NAMES:
        content = payload.get(field)
        if isinstance(content, str | list):
            return [
                record for item in ([content] if isinstance(content, str) else content) for record in _named(item)
            ], True
    return ([payload], False) if identity_of(payload) is not None else ([], depth == 0)


def _named(item: Any) -> tuple[Mapping[str, Any], ...]:
    if isinstance(item, Mapping):
        return (item,)
    return ({"id": item},) if isinstance(item, str) and identity_of({"id": item}) is not None else ()


def _stamped(records: list[Mapping[str, Any]]) -> bool:
    return bool(records) and all(updated_of(record) is not None for record in records)
