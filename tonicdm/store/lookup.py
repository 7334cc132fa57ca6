"""Stored records by ID, with what proves their age. Each function takes the open database."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from tonicdm.store import rows, writing
from tonicdm.store.database import Database
from tonicdm.store.freshness import CHANGE_INTERVAL, TIE, Proofs
from tonicdm.store.references import stubs_within
from tonicdm.store.versions import Origin, ReadStamp
from tonicdm.store.writing import Written
from tonicdm.types import DataQuantity, InvalidRecord


@attrs.frozen
class CachedRecord:
    """A record as the store holds it."""

    raw: str
    updated: str | None
    gone: bool
    """Whether it is a tombstone; a soft deleted record is not, it can still be read."""
    proofs: Proofs

    @property
    def can_be_current(self) -> bool:
        """Whether a look at its timestamp may show that it is still as the server has it."""
        return not self.gone and not self.proofs.is_invalidated


def look_up(db: Database, record_type: str, ids: Sequence[str], *, deletable: bool) -> dict[str, CachedRecord]:
    """Return what the store holds of the records named by *ids*.

    Args:
        db: The store.
        record_type: The record type.
        ids: Compact lower case.
        deletable: As in `Proofs`.
    """
    row = db.execute("SELECT changes, listed FROM watermark WHERE type = ?", (record_type,)).fetchone()
    changes, listed = row or (None, None)
    held: dict[str, CachedRecord] = {}
    sql = (
        "SELECT id, raw, updated, deleted_at IS NOT NULL AND reason <> ?, checked, doubted FROM record "
        "WHERE type = ? AND id IN (?)"
    )
    for record_id, raw, updated, gone, checked, invalidated in db.look_up(sql, [rows.SOFT_DELETED, record_type], ids):
        proofs = Proofs(checked, invalidated, changes, listed, deletable)
        held[record_id] = CachedRecord(raw, updated, bool(gone), proofs)
    return held


def take_over(
    db: Database,
    record_type: str,
    records: Sequence[Mapping[str, Any]],
    stamp: ReadStamp,
    *,
    ahead: float,
    origin: Origin = Origin.BY_ID,
    invalid: Sequence[InvalidRecord] = (),
) -> Written:
    """Store records that a call has brought, and note which others they confirm.

    A reference tells the timestamp of what it points to: a stored record that bears the same one was current then,
    unless it was read in the very second of its change.

    Args:
        db: The store.
        record_type: The record type.
        records: As they came, in ``basic``.
        stamp: Drawn before the call that brought them left.
        ahead: Seconds by which the server's clock is ahead of the store's.
        origin: How they came.
        invalid: What else came, and is no record.
    """
    written = writing.write_records(db, record_type, records, DataQuantity.BASIC, stamp, origin=origin, invalid=invalid)
    at = stamp.at
    rows.confirm(db, record_type, {rows.key_of(item): rows.updated_of(item) for item in records}, stamp, checked=at)
    seconds = db.dialect.seconds("updated")
    db.update(
        "UPDATE record SET checked = ? WHERE deleted_at IS NULL "  # noqa: S608 - an expression of the engine's
        f"AND doubted_number <= ? AND coalesce(checked, 0) < ? AND ({seconds} < coalesce(checked, 0) + ? "
        f"OR {seconds} < (SELECT changes FROM watermark AS w WHERE w.type = record.type) + ?) "
        # Written so that no index serves the time: many records may bear the same one.
        "AND type = ? AND id = ? AND coalesce(updated, '') = ?",
        (at, stamp.number, at, ahead - TIE, ahead - TIE),
        [(target, stub.id, stub.updated) for item in records for target, stub in stubs_within(item)],
    )
    return written


def invalidate(db: Database, record_type: str, ids: Iterable[str], stamp: ReadStamp) -> None:
    """Note that what was proven of the records named by *ids* by calls that left before *stamp* counts no more."""
    db.executemany(
        "UPDATE record SET doubted = ?, doubted_number = ? WHERE type = ? AND id = ?",
        [(stamp.at, stamp.number, record_type, record_id) for record_id in ids],
    )


def change_interval(db: Database, record_type: str) -> float:
    """Return the mean seconds between two changes of a record of a type, by the runs that the store remembers."""
    changed, first, last = db.execute(
        "SELECT sum(changed), min(finished), max(finished) FROM history WHERE type = ?", (record_type,)
    ).fetchone()
    if not changed or first == last:
        return CHANGE_INTERVAL
    (count,) = db.execute("SELECT count(*) FROM record WHERE type = ?", (record_type,)).fetchone()
    span = datetime.datetime.fromisoformat(last) - datetime.datetime.fromisoformat(first)
    return max(60.0, span.total_seconds() * float(count) / float(changed))
