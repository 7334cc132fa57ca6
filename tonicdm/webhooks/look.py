"""A look at what events carry themselves, before a unit is spent on them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, Final

import attrs

from tonicdm.codec import wire_names
from tonicdm.errors import MalformedEventError
from tonicdm.store import rows, writing
from tonicdm.store.types import TYPES
from tonicdm.store.versions import Origin, ReadStamp
from tonicdm.types import DataQuantity
from tonicdm.webhooks.errands import NAMELESS
from tonicdm.webhooks.event import decode
from tonicdm.webhooks.payload import PayloadReader, identity_of
from tonicdm.webhooks.rules import Verdict, judge

SAMPLE: Final = 20
"""Records of a type whose common fields tell what a whole one has, where the store does not hold the record itself."""

ABSENT: Final = "absent"
"""The outcome of an errand whose record the server does not return."""


@attrs.define
class Looked:
    """What a look has settled, without a unit."""

    applied: int = 0
    """Records written as they came."""
    current: int = 0
    """Errands whose record the store had already."""
    seen: int = 0
    """Errands looked at."""


def look(db: sqlite3.Connection, reader: PayloadReader, *, trusted: bool, limit: int) -> Looked:
    """Judge errands that nobody has looked at yet, the oldest first.

    Args:
        db: The store.
        reader: Reads bodies, as the receiver does.
        trusted: Whether signed records are believed.
        limit: At most so many.
    """
    sql = (
        "SELECT errand.number, event.number, kind, id, signed, body, event.read_number, received FROM errand "
        "JOIN event ON event.number = event "
        "WHERE looked = 0 AND state = 'received' AND outcome IS NULL ORDER BY errand.number LIMIT ?"
    )
    found, told, last = Looked(), dict[str, Mapping[str, Any]](), None
    for number, event, kind, one, signed, body, read_number, received in db.execute(sql, (limit,)).fetchall():
        if event != last:
            told, last = records_in(body, reader), event
        record = told.get(one)
        verdict = _judge(db, kind, one, record, trusted=trusted and bool(signed))
        sound = writing.sorted_out(kind, [record]) if verdict is Verdict.APPLY else None
        if sound is not None and sound.invalid:
            verdict = Verdict.FETCH  # the copy in the event can't be stored; the server's own may
        elif sound is not None:
            stamp = ReadStamp(read_number, received)
            written = writing.write_sorted(db, kind, sound, DataQuantity.BASIC, stamp, origin=Origin.EVENT)
            found.applied += written.changed
        found.current += verdict is Verdict.CURRENT
        found.seen += 1
        outcome = {Verdict.APPLY: "applied", Verdict.CURRENT: "current", Verdict.FETCH: None}[verdict]
        db.execute("UPDATE errand SET looked = 1, outcome = ? WHERE number = ?", (outcome, number))
    return found


def records_in(body: bytes | None, reader: PayloadReader) -> dict[str, Mapping[str, Any]]:
    """Return the records in a body, by ID; none where it is gone or can't be read any more."""
    if body is None:
        return {}
    try:
        records = reader(decode(body)).records
    except MalformedEventError:
        return {}
    return {identity: record for record in records if (identity := identity_of(record)) is not None}


def reread(db: sqlite3.Connection, numbers: Iterable[int], reader: PayloadReader) -> None:
    """Read events anew that named no record of a known type: a newer reader may know better.

    Args:
        db: The store.
        numbers: Dead or done errands.
        reader: The reader of now.
    """
    sql = (
        "SELECT errand.event, body, due FROM errand JOIN event ON event.number = errand.event "
        "WHERE errand.number = ? AND outcome = ? AND state IN ('done', 'dead') AND body IS NOT NULL"
    )
    for number in numbers:
        row = db.execute(sql, (number, NAMELESS)).fetchone()
        said = None if row is None else reader(decode(row[1]))
        if row is None or said is None or said.kind is None or not said.ids:
            continue
        first, *others = said.ids
        stamps = {identity_of(record): rows.updated_of(record) for record in said.records}
        db.execute(
            "UPDATE errand SET kind = ?, id = ?, updated = ?, outcome = NULL, looked = 0 WHERE number = ?",
            (said.kind, first, stamps[first], number),
        )
        db.executemany(
            "INSERT INTO errand (event, kind, id, updated, due) VALUES (?, ?, ?, ?, ?)",
            [(row[0], said.kind, one, stamps[one], row[2]) for one in others],
        )


def _judge(db: sqlite3.Connection, kind: str, one: str, told: Mapping[str, Any] | None, *, trusted: bool) -> Verdict:
    sql = "SELECT raw, updated, deleted_at IS NOT NULL AND reason <> ? FROM record WHERE type = ? AND id = ?"
    row = db.execute(sql, (rows.SOFT_DELETED, kind, one)).fetchone()
    held = None if row is None else json.loads(row[0])
    absent = "SELECT 1 FROM errand WHERE kind = ? AND id = ? AND outcome = ? LIMIT 1"
    gone = bool(row and row[2]) or db.execute(absent, (kind, one, ABSENT)).fetchone() is not None
    return judge(
        told,
        held,
        None if row is None else row[1],
        gone=gone,
        stamped=TYPES[kind].stamped,
        trusted=trusted,
        fields=frozenset(held) if held is not None else _common_fields(db, kind) if trusted else frozenset(),
    )


def _common_fields(db: sqlite3.Connection, kind: str) -> frozenset[str]:
    """Return the fields that all of some records of a type have; those of the model where the store has none."""
    sql = "SELECT raw FROM record WHERE type = ? AND deleted_at IS NULL ORDER BY change_seq DESC LIMIT ?"
    seen = [frozenset(json.loads(raw)) for (raw,) in db.execute(sql, (kind, SAMPLE))]
    return frozenset.intersection(*seen) if seen else frozenset(wire_names(TYPES[kind].listing.model).values())
