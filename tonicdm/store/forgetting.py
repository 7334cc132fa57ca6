"""Erase what a store holds of one person: records, references, quarantine, events; readers of the feed hear of it.

The person is known by ID, and by the IDs and the texts of their email addresses. What stands in a free text, such as a
name in a note, can't be told from other words: it is counted, and left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import attrs

from tonicdm.store import rows
from tonicdm.store.database import Database
from tonicdm.types import normalise_id

PERSONS: Final = "persons"
EMAIL_ADDRESSES: Final = "email_addresses"
TEAM: Final = "team"

ERASED: Final = "erased"
"""Why a row is the tombstone of a record that was erased: its text is its ID alone."""

MIN_NAME: Final = 4
"""Characters of a name that is looked for in texts; a shorter one stands in too many words."""

_GONE: Final = object()
"""Stands for a value that is to be taken out."""


@attrs.frozen
class Identity:
    """What a person is known by in records."""

    ids: frozenset[str]
    """Of the person and of their email addresses, compact lower case."""
    addresses: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    """The email addresses as texts, lower case."""
    names: frozenset[str] = attrs.field(default=frozenset(), repr=False)
    """Names, lower case; only looked for in texts."""

    def names_text(self, value: str) -> bool:
        """Tell whether a text is one of the IDs or addresses, in any spelling."""
        return normalise_id(value) in self.ids or value.strip().lower() in self.addresses


@attrs.define
class Forgotten:
    """What was erased, or would be."""

    records: int = 0
    """Records of the person's own: the person, their email addresses, their places in teams; tombstones included."""
    references: int = 0
    """Other records that named the person, and do no longer."""
    quarantined: int = 0
    """Elements in quarantine."""
    bodies: int = 0
    """Bodies of webhook events."""
    jobs: int = 0
    """Jobs of webhook events."""
    mentions: dict[str, int] = attrs.field(factory=dict)
    """Records whose free texts still have the name or an address of the person, by type. They were left as they are."""
    in_pages: bool = False
    """Whether old pages of the file may still hold texts, because another program reads it."""

    @property
    def anything(self) -> bool:
        """Whether there was anything to erase."""
        return any((self.records, self.references, self.quarantined, self.bodies, self.jobs))


def forget_person(db: Database, person: str, at: str) -> Forgotten:
    """Erase all that belongs to a person, and all references to them.

    Args:
        db: The store, in a transaction.
        person: The person's ID, compact lower case.
        at: The time, ISO 8601 in UTC.
    """
    identity = identify(db, person)
    forgotten = Forgotten()
    own = list(_own_records(db, identity))
    forgotten.records = len(own)
    number = rows.newest_change(db)
    for record_type, record_id in own:
        number += 1
        db.execute(
            "UPDATE record SET raw = ?, updated = NULL, status = NULL, deleted_at = ?, reason = ?, dissent = NULL, "
            "quarantined = NULL, change_seq = ? WHERE type = ? AND id = ?",
            (json.dumps({"id": record_id}), at, ERASED, number, record_type, record_id),
        )
    for record_type, record_id, item in _referring(db, identity):
        number += 1
        raw = rows.raw_of(_scrubbed(item, identity))
        sql = "UPDATE record SET raw = ?, change_seq = ? WHERE type = ? AND id = ?"
        db.execute(sql, (raw, number, record_type, record_id))
        forgotten.references += 1
    forgotten.quarantined = _drop_quarantined(db, identity)
    forgotten.bodies, forgotten.jobs = _forget_events(db, identity)
    for record_type, record_id in own:
        db.execute("DELETE FROM scan WHERE type = ? AND id = ?", (record_type, record_id))
    forgotten.mentions = _mentions(db, identity)
    return forgotten


def identify(db: Database, person: str) -> Identity:
    """Return what a person is known by: the ID, and the email addresses that name it, with the names beside them.

    Args:
        db: The store.
        person: The person's ID, compact lower case.
    """
    ids, addresses, names = {person}, set[str](), set[str]()
    for record_type, record_id, item in _holding(db, {person}, (PERSONS, EMAIL_ADDRESSES)):
        if record_type == EMAIL_ADDRESSES and normalise_id(str(item.get("personId"))) == person:
            ids.add(record_id)
            _note(item, addresses, names)
        elif record_id == person:
            _note(item, addresses, names)
            for address in _objects(item.get("emailAddresses")):
                if isinstance(address.get("id"), str):
                    ids.add(normalise_id(address["id"]))
                _note(address, addresses, names)
    return Identity(frozenset(ids), frozenset(addresses), frozenset(names))


def _note(item: Mapping[str, Any], addresses: set[str], names: set[str]) -> None:
    """Add the address and the names in a person, or in an email address."""
    if isinstance(address := item.get("emailAddress"), str) and "@" in address:
        addresses.add(address.strip().lower())
    texts = [item.get("name"), f"{item.get('nameFirst') or ''} {item.get('nameLast') or ''}"]
    names |= {text.strip().lower() for text in texts if isinstance(text, str) and len(text.strip()) >= MIN_NAME}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    yield from (item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Mapping))


# --- records ----------------------------------------------------------------------------------------------------------


def _own_records(db: Database, identity: Identity) -> Iterator[tuple[str, str]]:
    """Yield the keys of the records that are about the person and nobody else."""
    found = db.execute("SELECT type, id FROM record WHERE type IN (?, ?, ?)", (PERSONS, EMAIL_ADDRESSES, TEAM))
    for record_type, record_id in found.fetchall():
        # A place in a team is named by the project and the address.
        if record_id in identity.ids or (record_type == TEAM and record_id.rpartition(":")[2] in identity.ids):
            yield record_type, record_id


def _referring(db: Database, identity: Identity) -> Iterator[tuple[str, str, Any]]:
    """Yield the other records that hold one of the IDs or addresses as a value."""
    for record_type, record_id, item in list(_holding(db, identity.ids | identity.addresses)):
        if _scrubbed(item, identity) != item:
            yield record_type, record_id, item


def _holding(db: Database, texts: Iterable[str], record_types: Iterable[str] = ()) -> Iterator[tuple[str, str, Any]]:
    """Yield the records in whose text one of *texts* stands, erased ones left out."""
    conditions = ["reason IS NULL OR reason <> ?"]
    values: list[Any] = [ERASED]
    needles = list(texts)
    # The IDs may be written with hyphens and in capitals.
    text = "replace(lower(CAST(raw AS TEXT)), '-', '')"
    conditions.append(" OR ".join([f"{text} LIKE ? ESCAPE '!'"] * len(needles)))
    values += [_pattern(needle) for needle in needles]
    if types := list(record_types):
        conditions.append(f"type IN ({', '.join('?' * len(types))})")
        values += types
    where = " AND ".join(f"({condition})" for condition in conditions)
    for record_type, record_id, raw in db.execute(f"SELECT type, id, raw FROM record WHERE {where}", values).fetchall():  # noqa: S608 - placeholders only
        yield record_type, record_id, json.loads(raw) if isinstance(raw, str) else raw


def _pattern(text: str) -> str:
    """Return the LIKE pattern of a text as JSON writes it, small and without hyphens."""
    written = json.dumps(text, ensure_ascii=False)[1:-1].lower().replace("-", "")
    escaped = written.replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{escaped}%"


def _scrubbed(value: Any, identity: Identity) -> Any:
    """Return a JSON value without what names the person: an entry of a list leaves, a member becomes null."""
    kept = _without(value, identity)
    return None if kept is _GONE else kept


def _without(value: Any, identity: Identity) -> Any:
    if isinstance(value, str):
        return _GONE if identity.names_text(value) else value
    if isinstance(value, list):
        entries = (_without(entry, identity) for entry in value)
        return [entry for entry in entries if entry is not _GONE]
    if isinstance(value, dict):
        own = value.get("id")
        if isinstance(own, str) and normalise_id(own) in identity.ids:
            return _GONE  # the person or an address of theirs, whole or as a stub
        members = {name: _without(member, identity) for name, member in value.items() if not identity.names_text(name)}
        return {name: None if member is _GONE else member for name, member in members.items()}
    return value


def _mentions(db: Database, identity: Identity) -> dict[str, int]:
    """Count the records whose texts still have a name or an address of the person, by type."""
    counts: dict[str, int] = {}
    texts = identity.names | identity.addresses
    if texts:
        for record_type, _, _ in _holding(db, texts):
            counts[record_type] = counts.get(record_type, 0) + 1
    return counts


# --- what is no record ------------------------------------------------------------------------------------------------


def _drop_quarantined(db: Database, identity: Identity) -> int:
    """Remove elements in quarantine whose text names the person; what is sound of them is fetched again."""
    dropped = 0
    for record_type, key, element, raw in db.execute("SELECT type, key, id, raw FROM quarantine").fetchall():
        if element in identity.ids or _names(raw, identity):
            db.execute("DELETE FROM quarantine WHERE type = ? AND key = ?", (record_type, key))
            dropped += 1
    return dropped


def _forget_events(db: Database, identity: Identity) -> tuple[int, int]:
    """Remove bodies of events that name the person, and jobs about them; the events stay known as such."""
    bodies = jobs = 0
    for record_id in identity.ids:
        jobs += db.execute("DELETE FROM job WHERE id = ?", (record_id,)).rowcount
    for number, body in db.execute("SELECT number, body FROM event WHERE body IS NOT NULL").fetchall():
        if _names(body, identity):
            db.execute("UPDATE event SET body = NULL WHERE number = ?", (number,))
            bodies += 1
    return bodies, jobs


def _names(raw: bytes | str, identity: Identity) -> bool:
    """Tell whether a text that may be no JSON has one of the IDs, addresses or names in it, in any spelling."""
    text = (raw if isinstance(raw, str) else bytes(raw).decode("utf-8", "replace")).lower()
    compact = text.replace("-", "")
    if any(record_id in compact for record_id in identity.ids):
        return True
    return any(needle in text for needle in identity.addresses | identity.names)
