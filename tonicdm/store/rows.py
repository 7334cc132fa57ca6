"""What a store does inside its transactions; each function takes the open database."""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.codec.scalars import Refused, read_datetime
from tonicdm.store import views
from tonicdm.types import DataQuantity, normalise_id

UPDATED_FIELDS: Final = ("datetimeUpdated", "datetime_updated", "updated", "sys_last_modified_at")
"""Names of a record's timestamp: TonicDM's, and Rhythm's (reference: SysFields)."""
DELETED: Final = frozenset({"deleted", "4"})
"""Words and numbers of a soft delete (concepts page, "Naming Conventions"; reference: Status)."""

SOFT_DELETED: Final = "soft deleted"


@attrs.frozen
class Checkpoint:
    """How far the pass over one type has come; written with the rows that it paid for."""

    type: str
    stage: str
    """What the pass reads."""
    next_page: int
    since: str | None = None
    """The ``updated_after`` of the pass."""
    started: str | None = None
    """Server time at which the pass began, ISO 8601 in UTC."""


@attrs.frozen
class TypeState:
    """What the store knows of one type."""

    count: int
    """Records that the server lists, soft deleted ones included."""
    until: str | None
    """The watermark: all changes before it are in the store. ISO 8601 in UTC; None before the first full load."""
    audited: str | None
    """When deletions were last looked for."""
    checkpoint: Checkpoint | None
    """Where an interrupted pass goes on."""
    runs: tuple[int, ...]
    """Changed records of the last runs, the newest first."""

    @property
    def p_quiet(self) -> float | None:
        """The share of runs that found nothing, with one of each kind added; None without a history."""
        if not self.runs:
            return None
        return (sum(changed == 0 for changed in self.runs) + 1) / (len(self.runs) + 2)


def key_of(item: Mapping[str, Any]) -> str:
    """Return what names a record in the store: its ID, or its whole content where it has none."""
    identity = item.get("id")
    if isinstance(identity, str):
        return normalise_id(identity)
    member = item.get("emailAddressId")
    if isinstance(member, str):
        return f"{item.get('projectId', '')}:{normalise_id(member)}"
    return json.dumps(item, sort_keys=True)


def updated_of(item: Mapping[str, Any]) -> str | None:
    """Return a record's timestamp in UTC, so that texts compare as times do."""
    for name in UPDATED_FIELDS:
        value = item.get(name)
        if type(value) is str:
            # Most are written in one of two ways; parsing them all would cost a third of a load.
            if len(value) == 20 and value[-1] == "Z" and value.isascii():
                return value[:-1] + "+00:00"
            if len(value) == 25 and value.endswith("+00:00") and value.isascii():
                return value
            # At the edge of the calendar a time may have no UTC.
            with contextlib.suppress(Refused, OverflowError):
                return read_datetime(value).astimezone(datetime.UTC).isoformat()
    return None


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def raw_of(item: Mapping[str, Any]) -> str:
    """Return a record as the store keeps it."""
    return _encode(item)


def shape_of(item: Any) -> Any:
    """Return which fields a record has, nested ones included, without their values."""
    if isinstance(item, Mapping):
        return {name: shape_of(value) for name, value in item.items()}
    if isinstance(item, list):
        return [shape_of(value) for value in item]
    return None


_UPSERT: Final = """
INSERT INTO record (type, id, raw, updated, quality, status, deleted_at, reason, change_seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (type, id) DO UPDATE SET
    raw = excluded.raw, updated = excluded.updated, quality = excluded.quality, status = excluded.status,
    deleted_at = excluded.deleted_at, reason = excluded.reason, change_seq = excluded.change_seq
WHERE (raw <> excluded.raw OR quality <> excluded.quality OR deleted_at IS NOT excluded.deleted_at)
    AND (excluded.updated IS NULL OR updated IS NULL OR excluded.updated >= updated)
"""


def write_records(
    db: sqlite3.Connection, kind: str, records: Sequence[Mapping[str, Any]], quality: DataQuantity
) -> int:
    """Store *records*, an older one never over a newer; return how many were new or changed."""
    (sequence,) = db.execute("SELECT coalesce(max(change_seq), 0) FROM record").fetchone()
    before = db.total_changes
    db.executemany(_UPSERT, (_row(kind, item, quality, sequence + n) for n, item in enumerate(records, 1)))
    changed = db.total_changes - before
    views.note_fields(db, kind, records)
    return changed


def _row(kind: str, item: Mapping[str, Any], quality: DataQuantity, sequence: int) -> tuple[Any, ...]:
    status = None if item.get("status") is None else str(item["status"])
    updated = updated_of(item)
    gone = status in DELETED
    return (
        kind,
        key_of(item),
        raw_of(item),
        updated,
        quality.value,
        status,
        (updated or "") if gone else None,
        SOFT_DELETED if gone else None,
        sequence,
    )


def bury(db: sqlite3.Connection, kind: str, ids: Iterable[str], reason: str, at: str) -> int:
    """Make tombstones of records that the server no longer has; return how many."""
    (sequence,) = db.execute("SELECT coalesce(max(change_seq), 0) FROM record").fetchone()
    before = db.total_changes
    db.executemany(
        "UPDATE record SET deleted_at = ?, reason = ?, change_seq = ? WHERE type = ? AND id = ? "
        "AND (deleted_at IS NULL OR reason = ?)",
        [(at, reason, sequence + n, kind, one, SOFT_DELETED) for n, one in enumerate(ids, 1)],
    )
    return db.total_changes - before


def put_checkpoint(db: sqlite3.Connection, mark: Checkpoint) -> None:
    """Remember how far a pass has come."""
    db.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?, ?)", attrs.astuple(mark))


def state(db: sqlite3.Connection, kind: str) -> TypeState:
    """Return what is known of *kind*."""
    sql = "SELECT count(*) FROM record WHERE type = ? AND (deleted_at IS NULL OR reason = ?)"
    (count,) = db.execute(sql, (kind, SOFT_DELETED)).fetchone()
    until, audited = db.execute("SELECT until, audited FROM watermark WHERE type = ?", (kind,)).fetchone() or (
        None,
        None,
    )
    mark = db.execute("SELECT * FROM checkpoint WHERE type = ?", (kind,)).fetchone()
    runs = db.execute("SELECT changed FROM history WHERE type = ? ORDER BY number DESC LIMIT 20", (kind,)).fetchall()
    return TypeState(count, until, audited, None if mark is None else Checkpoint(*mark), tuple(row[0] for row in runs))


def stale_flags(
    db: sqlite3.Connection,
    kind: str,
    stubs: Sequence[Mapping[str, Any]],
    *,
    ties: str | None = None,
    trust: bool = False,
) -> list[bool]:
    """Tell for each stub whether the store lacks the record, or has another version of it.

    Args:
        db: The store.
        kind: The record type.
        stubs: As they came.
        ties: Stubs from this time on count as stale: what was read in the second of a change may have changed again
            within it.
        trust: Whether a record without a timestamp of its own is taken to be current, because changes came by
            another way.
    """
    keys = [key_of(stub) for stub in stubs]
    held: dict[str, str | None] = {}
    for start in range(0, len(keys), 500):
        part = keys[start : start + 500]
        marks = ",".join("?" * len(part))
        rows = db.execute(
            f"SELECT id, updated FROM record WHERE type = ? AND id IN ({marks}) "  # noqa: S608 - placeholders only
            "AND (deleted_at IS NULL OR reason = ?)",
            [kind, *part, SOFT_DELETED],
        )
        held.update(rows.fetchall())
    flags = []
    for key, stub in zip(keys, stubs, strict=True):
        updated = updated_of(stub)
        differs = key not in held or (held[key] != updated and not (trust and held[key] is None))
        flags.append(differs or (ties is not None and updated is not None and updated >= ties))
    return flags


def note_scanned(
    db: sqlite3.Connection, kind: str, items: Sequence[Mapping[str, Any]], page: int, stale: Sequence[bool]
) -> None:
    """Remember which records a whole pass has seen, and which of them have to be fetched."""
    db.executemany(
        "INSERT OR REPLACE INTO scan VALUES (?, ?, ?, ?, ?)",
        [(kind, key_of(item), page, flag, updated_of(item)) for item, flag in zip(items, stale, strict=True)],
    )


def stamp(db: sqlite3.Connection, kind: str, times: Mapping[str, str | None]) -> None:
    """Give current records without a timestamp of their own that of their stub.

    Args:
        db: The store.
        kind: The record type.
        times: The stubs' timestamps by what names the records.
    """
    (sequence,) = db.execute("SELECT coalesce(max(change_seq), 0) FROM record").fetchone()
    known = [(at, key) for key, at in times.items() if at is not None]
    db.executemany(
        # Who follows the changes has the old row.
        "UPDATE record SET updated = ?, change_seq = ? WHERE type = ? AND id = ? AND updated IS NULL",
        [(at, sequence + n, kind, key) for n, (at, key) in enumerate(known, 1)],
    )


def fetched(db: sqlite3.Connection, kind: str, items: Iterable[Mapping[str, Any]]) -> None:
    """Note that scanned records have been fetched; one without a timestamp gets that of its stub."""
    keys = [key_of(item) for item in items]
    db.executemany("UPDATE scan SET stale = 0 WHERE type = ? AND id = ?", [(kind, key) for key in keys])
    sql = "SELECT id, updated FROM scan WHERE type = ? AND id IN (SELECT value FROM json_each(?))"
    stamp(db, kind, dict(db.execute(sql, (kind, json.dumps(keys))).fetchall()))


def begin_scan(db: sqlite3.Connection, kind: str) -> None:
    """Forget what an earlier pass over all of *kind* has seen, and note where the change feed stands."""
    db.execute("DELETE FROM scan WHERE type = ?", (kind,))
    db.execute(
        "INSERT OR REPLACE INTO meta SELECT ?, coalesce(max(change_seq), 0) FROM record", (f"scan of {kind} from",)
    )


def has_earlier(db: sqlite3.Connection, kind: str) -> bool:
    """Tell whether the store had records of *kind* when the pass over it began."""
    (found,) = db.execute(
        "SELECT EXISTS (SELECT 1 FROM record WHERE type = ? "
        "AND change_seq <= (SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?))",
        (kind, f"scan of {kind} from"),
    ).fetchone()
    return bool(found)


def vanished(db: sqlite3.Connection, kind: str) -> list[str]:
    """Return the records of the store that the last full pass has not seen, soft deleted ones included.

    What others have written since the pass began (a cached read, a webhook) the server had by then: that this pass has
    not seen it says nothing, as its page may have been read before.
    """
    rows = db.execute(
        "SELECT id FROM record WHERE type = ? AND (deleted_at IS NULL OR reason = ?) "
        "AND id NOT IN (SELECT id FROM scan WHERE type = ?) "
        "AND change_seq <= coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE name = ?), change_seq)",
        (kind, SOFT_DELETED, kind, f"scan of {kind} from"),
    )
    return [row[0] for row in rows]
