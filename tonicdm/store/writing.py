"""Write what a call brought: the later version of each record stays, and what is no record is put aside."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.codec.elements import MAX_DEPTH, invalid_value, is_deeper, unstorable
from tonicdm.codec.parsing import is_plain, parse_strictly
from tonicdm.store import quarantine, rows, views
from tonicdm.store.database import Database
from tonicdm.store.rows import DELETED, SOFT_DELETED
from tonicdm.store.types import TYPES
from tonicdm.store.versions import UNORDERED, Origin, ReadStamp, Verdict, Version, as_stored, judge
from tonicdm.types import DataQuantity, InvalidRecord

NO_RECORD: Final = "no record"
"""Why a row is a tombstone that an earlier version had made of an answer that was none."""


@attrs.frozen
class Written:
    """What a write did."""

    changed: int = 0
    """Records that are new or other than before."""
    went_back: int = 0
    """Of these, records with an older timestamp than before: once stamped in the future, or a server restored."""
    quarantined: int = 0
    """Elements that were put aside."""
    unidentified: int = 0
    """Of these, elements whose ID can't be read: a pass that meets one proves nothing gone."""


_PUT: Final = """
INSERT INTO record (type, id, raw, updated, quality, status, deleted_at, reason, read_number, read_at, change_seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (type, id) DO UPDATE SET
    raw = excluded.raw, updated = excluded.updated, quality = excluded.quality, status = excluded.status,
    deleted_at = excluded.deleted_at, reason = excluded.reason, read_number = excluded.read_number,
    read_at = excluded.read_at, change_seq = excluded.change_seq, dissent = NULL, quarantined = NULL
"""


@attrs.frozen
class SortedOut:
    """What a call brought: records, and what is none."""

    sound: Mapping[str, tuple[Mapping[str, Any], str]]
    """Each record with its text, by what names it in the store."""
    invalid: Sequence[InvalidRecord]

    @functools.cached_property
    def times(self) -> Mapping[str, str | None]:
        """The timestamps of all that the answer surely named, by what names it in the store."""
        times = {key: rows.updated_of(item) for key, (item, _) in self.sound.items()}
        aside = {
            str(element.id): rows.updated_of(element.readable) for element in self.invalid if element.id is not None
        }
        return {**aside, **times}

    @property
    def unidentified(self) -> int:
        """Elements whose ID can't be read."""
        return sum(element.id is None for element in self.invalid)


def sorted_out(
    db: Database,
    record_type: str,
    items: Sequence[Any],
    invalid: Sequence[InvalidRecord] = (),
    *,
    plain: bool | None = None,
) -> SortedOut:
    """Tell records from what can't be stored as one; of two with one ID the later counts.

    Args:
        db: The store that is to hold them.
        record_type: The record type; one of another API has IDs of any form.
        items: As they came.
        invalid: What was found to be no record before.
        plain: Whether `is_plain` has said so of *items*; None where nobody has looked.
    """
    listing = TYPES[record_type].listing if record_type in TYPES else None
    if plain is None:
        plain = is_plain(list(items), MAX_DEPTH)
    if plain and (listing is None or listing.all_named(items)) and (texts := rows.raws_of(items)) is not None:
        keys = rows.keys_of(items)
        if not db.refuses_any(keys, items, texts):
            return SortedOut(dict(zip(keys, zip(items, texts, strict=True), strict=True)), invalid)
    sound: dict[str, tuple[Mapping[str, Any], str]] = {}
    others: list[InvalidRecord] = []
    for index, item in enumerate(items):
        reason = None if listing is None else listing.nameless(item)
        raw, reason = ("", reason) if reason is not None else _encoded(item, plain=plain)
        key = "" if reason is not None else rows.key_of(item)
        reason = reason or db.refusal(key, item, raw)
        if reason is None:
            sound[key] = (item, raw)
        else:
            others.append(invalid_value(index, reason, item))
    return SortedOut(sound, (*invalid, *others))


def write_records(
    db: Database,
    record_type: str,
    records: Sequence[Any],
    data_quantity: DataQuantity,
    stamp: ReadStamp,
    *,
    origin: Origin = Origin.LIST,
    invalid: Sequence[InvalidRecord] = (),
    page: int | None = None,
) -> Written:
    """Store *records* where `versions.judge` finds them the later ones; what can't be stored is put aside.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        records: As they came.
        data_quantity: The data_quantity they came in.
        stamp: Drawn before the call that brought them.
        origin: How they came.
        invalid: What else came, and was found to be no record.
        page: The page that they came on.
    """
    return write_sorted(
        db, record_type, sorted_out(db, record_type, records, invalid), data_quantity, stamp, origin=origin, page=page
    )


def write_sorted(
    db: Database,
    record_type: str,
    elements: SortedOut,
    data_quantity: DataQuantity,
    stamp: ReadStamp,
    *,
    origin: Origin = Origin.LIST,
    page: int | None = None,
) -> Written:
    """Do what `write_records` does with what is sorted out already."""
    held, times = rows.stored_records(db, record_type, list(elements.sound)), elements.times
    as_it_came = Version(None, stamp, origin)
    # Where the store holds none of them, there is nothing to judge them by.
    puts: dict[str, Version] = {} if held else dict.fromkeys(elements.sound, as_it_came)
    shown: dict[str, str | None] = {}
    dissents: dict[str, str | None] = {}
    went_back = 0
    for key, (item, raw) in elements.sound.items() if held else ():
        before = held.get(key)
        if before is None:
            puts[key] = as_it_came
            continue
        version = Version(times[key], stamp, origin)
        verdict = judge(before.version, version)
        if verdict is Verdict.DISSENT:
            dissents[key] = version.updated
        if verdict not in {Verdict.TAKE, Verdict.WENT_BACK}:
            continue
        if _is_same(db, before, raw, data_quantity.value, _deleted_at(_status_of(item), version.updated)):
            shown[key] = version.updated
        else:
            puts[key] = as_stored(before.version, version)
            went_back += verdict is Verdict.WENT_BACK
    db.insert(_PUT, _rows(record_type, data_quantity.value, elements, puts, rows.newest_change(db) + 1))
    if origin is not Origin.EVENT:
        rows.confirm(db, record_type, shown, stamp)
    rows.dissent(db, record_type, dissents, stamp)
    quarantine.release(db, record_type, itertools.chain(shown, puts), stamp)
    views.note_fields(db, record_type, (item for item, _ in elements.sound.values()))
    quarantine.keep(db, record_type, elements.invalid, data_quantity, stamp, origin, page=page)
    return Written(len(puts), went_back, len(elements.invalid), elements.unidentified)


def _encoded(item: Mapping[str, Any], *, plain: bool) -> tuple[str, str | None]:
    """Return a record as text, or why it has none."""
    try:
        raw = rows.raw_of(item, plain=plain)
        raw.encode()
    except (ValueError, RecursionError):
        return "", unstorable(item)
    return ("", unstorable(item)) if not plain and is_deeper(item, MAX_DEPTH) else (raw, None)


def _rows(
    record_type: str, quality: str, elements: SortedOut, puts: Mapping[str, Version], first: int
) -> Iterator[tuple[Any, ...]]:
    """Return the values of `_PUT`, record by record: all at once would be walked through by the collector of garbage.

    Args:
        record_type: The record type.
        quality: The data_quantity that they came in.
        elements: The records, their texts and timestamps.
        puts: What says of the store's version when it was read, by what names the record.
        first: The position of the first one in the change feed.
    """
    sound, times = elements.sound, elements.times
    for change, (key, read) in enumerate(puts.items(), first):
        item, raw = sound[key]
        updated, status = times[key], _status_of(item)
        deleted_at = _deleted_at(status, updated)
        reason = None if deleted_at is None else SOFT_DELETED
        number, at = read.stamp.number, rows.read_at(read)
        yield record_type, key, raw, updated, quality, status, deleted_at, reason, number, at, change


def _status_of(item: Mapping[str, Any]) -> str | None:
    status = item.get("status")
    return status if status is None or type(status) is str else str(status)


def _deleted_at(status: str | None, updated: str | None) -> str | None:
    """Return when a record was deleted, if its status says so; an empty text where nothing tells the time."""
    return updated or "" if status in DELETED else None


def _is_same(db: Database, before: rows.StoredRecord, raw: str, quality: str, deleted_at: str | None) -> bool:
    if (before.data_quantity, before.deleted_at, before.quarantined) != (quality, deleted_at, None):
        return False
    return db.is_same(before.raw, raw)


def write_tombstones(
    db: Database, record_type: str, ids: Iterable[str], reason: str, at: str, stamp: ReadStamp = UNORDERED
) -> int:
    """Make tombstones of records that the server no longer has; return how many.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        ids: What names the records.
        reason: ``deleted`` or ``out of sight``.
        at: When, ISO 8601 in UTC.
        stamp: Drawn before the call that did not return them: what was read before does not bring them back.
    """
    first, number = rows.newest_change(db) + 1, stamp.number
    return db.executemany(
        "UPDATE record SET deleted_at = ?, reason = ?, change_seq = ?, read_at = CASE WHEN read_number < ? THEN ? "
        "ELSE read_at END, read_number = CASE WHEN read_number < ? THEN ? ELSE read_number END "
        "WHERE type = ? AND id = ? "
        "AND (deleted_at IS NULL OR reason = ?)",
        [
            (
                at,
                reason,
                first + n,
                number,
                stamp.at,
                number,
                number,
                record_type,
                record_id,
                SOFT_DELETED,
            )
            for n, record_id in enumerate(ids)
        ],
    )


def clean(db: Database, record_type: str, at: str) -> int:
    """Make tombstones of rows that an earlier version had made of answers that were no records; return how many.

    Their key is their own content, or no ID that could be asked for. Readers of the change feed hear that they are
    gone.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        at: When, ISO 8601 in UTC.
    """
    listing = TYPES[record_type].listing
    if not listing.identified:
        return 0
    form = "length(id) = 32 AND trim(id, '0123456789abcdef') = ''" if listing.askable else "id NOT LIKE '{%'"
    poisoned = f"type = ? AND NOT ({form})"
    keys = db.execute(
        f"SELECT id FROM record WHERE {poisoned} AND (deleted_at IS NULL OR reason = ?)",  # noqa: S608 - no values
        (record_type, SOFT_DELETED),
    ).fetchall()
    db.execute(f"DELETE FROM scan WHERE {poisoned}", (record_type,))  # noqa: S608 - no values
    return write_tombstones(db, record_type, [key for (key,) in keys], NO_RECORD, at)


def retry(db: Database) -> tuple[int, int]:
    """Decode anew what is in quarantine: another version may be able to; return how many are records now, of how many.

    A record is written as of the call that had brought it, so that what was read since is not overwritten.
    """
    aside = quarantine.in_quarantine(db)
    taken = 0
    for element in aside:
        try:
            item = parse_strictly(element.raw)
        except (ValueError, RecursionError):
            continue
        elements = sorted_out(db, element.type, [item])
        if not elements.invalid:
            quarantine.drop(db, element)
            write_sorted(db, element.type, elements, element.data_quantity, element.stamp, origin=element.origin)
            db.execute(
                "UPDATE record SET quarantined = NULL, change_seq = ? WHERE type = ? AND id = ? "
                "AND quarantined IS NOT NULL",
                (rows.newest_change(db) + 1, element.type, element.key),
            )
            taken += 1
    return taken, len(aside)
