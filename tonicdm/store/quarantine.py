"""The quarantine: elements that could not be stored as records, kept as text and decoded anew on request."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

import attrs

from tonicdm.store import rows
from tonicdm.store.database import Database
from tonicdm.store.versions import Origin, ReadStamp, Verdict, Version, judge
from tonicdm.types import DataQuantity, InvalidRecord

MAX_UNIDENTIFIED: Final = 1_000
"""Elements of a type without an ID that are kept, the latest: nothing tells whether one is another that was seen."""

_FORGET_OLDEST: Final = (
    "DELETE FROM quarantine WHERE type = ? AND id IS NULL AND key NOT IN "
    "(SELECT key FROM quarantine WHERE type = ? AND id IS NULL ORDER BY read_number DESC, key LIMIT ?)"
)


@attrs.frozen
class Quarantined:
    """One element in quarantine."""

    type: str
    id: str | None
    """The record's, None where it can't be read."""
    updated: str | None
    """The record's timestamp, ISO 8601 in UTC; None where it can't be read."""
    page: int | None
    """The page that it came on; None for a read by ID."""
    reason: str
    """What is wrong with it, without values."""
    raw: bytes = attrs.field(repr=False)
    """Its text as it came; may hold personal data."""
    data_quantity: DataQuantity = attrs.field(converter=DataQuantity)
    origin: Origin = attrs.field(converter=Origin)
    stamp: ReadStamp
    """Of the call that brought it."""
    key: str


def keep(
    db: Database,
    record_type: str,
    elements: Sequence[InvalidRecord],
    data_quantity: DataQuantity,
    stamp: ReadStamp,
    origin: Origin,
    *,
    page: int | None = None,
) -> None:
    """Put elements aside, and mark the records that are held as earlier versions of them.

    One element a record is kept, the latest; so an element that comes again in each run takes no more room.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        elements: What can't be stored.
        data_quantity: The data_quantity it came in.
        stamp: Drawn before the call that brought it.
        origin: How it came.
        page: The page that it came on.
    """
    held = rows.stored_records(db, record_type, [element.id for element in elements if element.id is not None])
    for element in elements:
        updated = rows.updated_of(element.readable)
        before = None if element.id is None else held.get(element.id)
        verdict = judge(None if before is None else before.version, Version(updated, stamp, origin))
        if verdict not in {Verdict.TAKE, Verdict.WENT_BACK}:
            continue
        key = element.id or f"sha256:{hashlib.sha256(element.raw).hexdigest()}"
        db.execute(
            "INSERT INTO quarantine (type, key, id, updated, page, reason, raw, quality, origin, read_number, read_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (type, key) DO UPDATE SET "
            "updated = excluded.updated, page = excluded.page, reason = excluded.reason, raw = excluded.raw, "
            "quality = excluded.quality, origin = excluded.origin, read_number = excluded.read_number, "
            "read_at = excluded.read_at "
            "WHERE excluded.read_number >= quarantine.read_number",
            (
                record_type, key, element.id, updated, page, element.reason, element.raw, data_quantity.value,
                origin.value, stamp.number, stamp.at,
            ),
        )  # fmt: skip
        if element.id is None:
            db.execute(_FORGET_OLDEST, (record_type, record_type, MAX_UNIDENTIFIED))
        db.execute(
            "UPDATE record SET quarantined = ?, change_seq = ? WHERE type = ? AND id = ? "
            "AND (quarantined IS NULL OR quarantined <> ?)",
            (element.reason, rows.newest_change(db) + 1, record_type, key, element.reason),
        )


def release(db: Database, record_type: str, keys: Iterable[str], stamp: ReadStamp) -> None:
    """Forget what was put aside of records of which a later read has shown a sound version.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        keys: What names the records.
        stamp: Of that read.
    """
    if not count(db, record_type):
        return
    db.executemany(
        "DELETE FROM quarantine WHERE type = ? AND key = ? AND read_number <= ?",
        [(record_type, key, stamp.number) for key in keys],
    )


def forget_unlisted(db: Database, record_type: str) -> None:
    """Forget what a whole pass, all of whose elements could be told apart, has not shown any more.

    Args:
        db: The store, in a transaction, before the scan is forgotten.
        record_type: The record type.
    """
    db.execute(
        "DELETE FROM quarantine WHERE type = ? AND NOT EXISTS "
        "(SELECT 1 FROM scan WHERE scan.type = quarantine.type AND scan.id = quarantine.id)",
        (record_type,),
    )


def count(db: Database, record_type: str) -> int:
    """Return how many elements of *record_type* are put aside."""
    return int(db.execute("SELECT count(*) FROM quarantine WHERE type = ?", (record_type,)).fetchone()[0])


def drop(db: Database, element: Quarantined) -> None:
    """Forget one element, unless another one has taken its place since it was read."""
    db.execute(
        "DELETE FROM quarantine WHERE type = ? AND key = ? AND read_number = ?",
        (element.type, element.key, element.stamp.number),
    )


def in_quarantine(db: Database, record_type: str | None = None) -> list[Quarantined]:
    """Return what is put aside, of one type or of all, the latest first."""
    where = "" if record_type is None else "WHERE type = ?"
    sql = (
        "SELECT type, id, updated, page, reason, raw, quality, origin, read_number, read_at, key FROM quarantine "  # noqa: S608
        f"{where} ORDER BY read_number DESC, type, key"
    )
    elements = db.execute(sql, () if record_type is None else (record_type,))
    return [
        Quarantined(
            type=type_, id=element, updated=updated, page=page, reason=reason, raw=raw, data_quantity=quantity,
            origin=origin, stamp=ReadStamp(number, at), key=key,
        )
        for type_, element, updated, page, reason, raw, quantity, origin, number, at, key in elements
    ]  # fmt: skip
