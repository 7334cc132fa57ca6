"""Statements on the tables of a store. Each function takes the open database."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import attrs

from tonicdm.codec.parsing import write_all, write_compact
from tonicdm.codec.scalars import Refused, read_datetime
from tonicdm.models.records import UPDATED_NAMES
from tonicdm.store.database import Database
from tonicdm.store.versions import Origin, ReadStamp, Version
from tonicdm.types import are_lower_ids, normalise_id

UPDATED_FIELDS: Final = (*UPDATED_NAMES, "sys_last_modified_at")
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
    progress: str | None = None
    """All that the run knows of itself, as `tonicdm.plan.progress` writes it; None from an earlier version."""


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


def key_of(item: Mapping[str, Any]) -> str:
    """Return what names a record in the store: its ID, or its whole content where it has none."""
    identity = item.get("id")
    if isinstance(identity, str):
        return normalise_id(identity)
    member = item.get("emailAddressId")
    if isinstance(member, str):
        return f"{item.get('projectId', '')}:{normalise_id(member)}"
    return json.dumps(item, sort_keys=True)


def keys_of(items: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what `key_of` does of each."""
    ids: list[Any] = [item.get("id") for item in items]
    return ids if are_lower_ids(ids) else [key_of(item) for item in items]


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


def raw_of(item: Mapping[str, Any], *, plain: bool = False) -> str:
    """Return a record as the store keeps it.

    Args:
        item: The record.
        plain: As for `write_compact`.

    Raises:
        ValueError: It holds a number that JSON has not.
        RecursionError: It is nested too deep to be written.
    """
    return write_compact(item, plain=plain)


def raws_of(items: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """Return records of which `is_plain` says so as the store keeps them; None where one of them can't be kept."""
    try:
        texts = write_all(items)
        if not all(map(str.isascii, texts)):
            "".join(texts).encode()
    except (ValueError, RecursionError):
        return None
    return texts


def shape_of(item: Any) -> Any:
    """Return which fields a record has, nested ones included, without their values."""
    if isinstance(item, Mapping):
        return {name: shape_of(value) for name, value in item.items()}
    if isinstance(item, list):
        return [shape_of(value) for value in item]
    return None


def note(db: Database, name: str) -> str | None:
    """Return a note of the store; None where there is none."""
    row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


PUT_NOTE: Final = "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"


def put_note(db: Database, name: str, value: str) -> None:
    """Keep a note."""
    db.execute(PUT_NOTE, (name, value))


def forget_note(db: Database, name: str) -> None:
    """Forget a note."""
    db.execute("DELETE FROM meta WHERE name = ?", (name,))


PUT_CAPABILITY: Final = (
    "INSERT INTO capability (type, name, value) VALUES (?, ?, ?) "
    "ON CONFLICT (type, name) DO UPDATE SET value = excluded.value"
)
"""Remembers what a server was found to be able to do: the type (``""``: for all), its name, and the value."""


def draw(db: Database, at: float) -> ReadStamp:
    """Return the stamp of a call that is about to leave; its number is greater than all that were drawn before.

    Args:
        db: The store, in a transaction.
        at: Unix time by the store's clock.
    """
    (number,) = db.execute(
        "INSERT INTO counter (name, value) VALUES ('reads', 1) "
        "ON CONFLICT (name) DO UPDATE SET value = counter.value + 1 RETURNING value"
    ).fetchone()
    return ReadStamp(int(number), at)


@attrs.frozen
class StoredRecord:
    """A stored record, as far as a write has to know it."""

    raw: str
    data_quantity: str
    deleted_at: str | None
    quarantined: str | None
    version: Version


def stored_records(db: Database, record_type: str, keys: Sequence[str]) -> dict[str, StoredRecord]:
    """Return the stored records of *keys*, tombstones included, by key."""
    records: dict[str, StoredRecord] = {}
    sql = (
        "SELECT id, raw, quality, deleted_at, quarantined, updated, read_number, read_at, dissent FROM record "
        "WHERE type = ? AND id IN (?)"
    )
    for key, raw, data_quantity, deleted_at, quarantined, updated, number, at, dissent in db.look_up(
        sql, [record_type], keys
    ):
        origin = Origin.EVENT if at < 0 else Origin.LIST
        version = Version(updated, ReadStamp(number, abs(at)), origin, dissent)
        records[key] = StoredRecord(raw, data_quantity, deleted_at, quarantined, version)
    return records


GIVEN: Final = "changes"
"""The counter with the position of the change feed that was given last before rows were removed (`feed`)."""


def read_at(version: Version) -> float:
    """Return the time that the store keeps with a version: below zero where an event told of it.

    Of a version of an event it is known only that it is no older, so that a read that left long before may still show
    a newer one. A column for that would make the store unreadable for the version before.
    """
    return -version.stamp.at if version.origin is Origin.EVENT else version.stamp.at


def newest_change(db: Database) -> int:
    """Return the position of the last change; 0 for none."""
    sql = (
        "SELECT max(position) FROM (SELECT max(change_seq) AS position FROM record "
        "UNION ALL SELECT value FROM counter WHERE name = ?) AS given"
    )
    (newest,) = db.execute(sql, (GIVEN,)).fetchone()
    return int(newest or 0)


def confirm(
    db: Database,
    record_type: str,
    times: Mapping[str, str | None],
    stamp: ReadStamp,
    *,
    checked: float | None = None,
) -> None:
    """Note that a read has shown stored records as they are stored.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        times: Their timestamps by what names the records; one that has none of its own is given that of its stub.
        stamp: Drawn before the call that showed them.
        checked: As of when that proves them, Unix time by the store's clock; None where the type's watermark will.
    """
    number = stamp.number
    same = "(updated IS NULL OR updated = coalesce(?, updated)) AND id = ?"
    shown = [(at, key) for key, at in times.items()]
    if checked is not None:
        db.update(
            # A read that left before a record was written to proves nothing of it. One that left after it settles the
            # doubt, be it in the same moment.
            "UPDATE record SET checked = CASE WHEN checked > ? THEN checked ELSE ? END, doubted = NULL "  # noqa: S608
            f"WHERE type = ? AND doubted_number <= ? AND {same}",
            (checked, checked, record_type, number),
            shown,
        )
    db.update(
        "UPDATE record SET read_at = ?, dissent = NULL, read_number = ? "  # noqa: S608
        f"WHERE type = ? AND read_number < ? AND {same}",
        (stamp.at, number, record_type, number),
        shown,
    )
    _stamp(db, record_type, times)


def dissent(db: Database, record_type: str, times: Mapping[str, str | None], stamp: ReadStamp) -> None:
    """Remember that stubs show older timestamps than the store: once a read by ID agrees, the server has gone back.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        times: The stubs' timestamps by what names the records.
        stamp: Drawn before the call that showed them.
    """
    db.executemany(
        "UPDATE record SET dissent = ? WHERE type = ? AND id = ? AND read_number < ? AND updated > ?",
        [(at, record_type, key, stamp.number, at) for key, at in times.items() if at is not None],
    )


def put_checkpoint(db: Database, mark: Checkpoint) -> None:
    """Remember how far a pass has come."""
    db.execute(
        "INSERT INTO checkpoint (type, stage, next_page, since, started, progress) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (type) DO UPDATE SET stage = excluded.stage, next_page = excluded.next_page, "
        "since = excluded.since, started = excluded.started, progress = excluded.progress",
        attrs.astuple(mark),
    )


def state(db: Database, record_type: str) -> TypeState:
    """Return what is known of *record_type*."""
    sql = "SELECT count(*) FROM record WHERE type = ? AND (deleted_at IS NULL OR reason = ?)"
    (count,) = db.execute(sql, (record_type, SOFT_DELETED)).fetchone()
    until, audited = db.execute("SELECT until, audited FROM watermark WHERE type = ?", (record_type,)).fetchone() or (
        None,
        None,
    )
    sql = "SELECT type, stage, next_page, since, started, progress FROM checkpoint WHERE type = ?"
    mark = db.execute(sql, (record_type,)).fetchone()
    runs = db.execute(
        "SELECT changed FROM history WHERE type = ? ORDER BY number DESC LIMIT 20", (record_type,)
    ).fetchall()
    return TypeState(count, until, audited, None if mark is None else Checkpoint(*mark), tuple(row[0] for row in runs))


def stale_keys(
    db: Database,
    record_type: str,
    times: Mapping[str, str | None],
    *,
    ties: str | None = None,
    trust: bool = False,
) -> set[str]:
    """Return which of the records that stubs name the store lacks, or has another version of.

    What is in quarantine is known as well: to fetch it again would bring the same text.

    Args:
        db: The store.
        record_type: The record type.
        times: The stubs' timestamps by what names the records.
        ties: Stubs from this time on count as stale: what was read in the second of a change may have changed again
            within it.
        trust: Whether a record without a timestamp of its own is taken to be current, because changes came by
            another way.
    """
    keys = list(times)
    held: dict[str, str | None] = dict(
        db.look_up(
            "SELECT id, updated FROM record WHERE type = ? AND (deleted_at IS NULL OR reason = ?) AND id IN (?)",
            [record_type, SOFT_DELETED],
            keys,
        )
    )
    # An element that has an ID is kept by it.
    sql = "SELECT id, updated FROM quarantine WHERE type = ? AND id IS NOT NULL AND key IN (?)"
    aside: dict[str, str | None] = dict(db.look_up(sql, [record_type], keys))
    stale = set[str]()
    for key, updated in times.items():
        if updated is not None and aside.get(key) == updated:
            continue
        differs = key not in held or (held[key] != updated and not (trust and held[key] is None))
        if differs or (ties is not None and updated is not None and updated >= ties):
            stale.add(key)
    return stale


def note_scanned(
    db: Database,
    record_type: str,
    times: Mapping[str, str | None],
    page: int,
    stale: AbstractSet[str] = frozenset(),
) -> None:
    """Remember which records a whole pass has seen.

    Args:
        db: The store, in a transaction.
        record_type: The record type.
        times: Their timestamps by what names the records.
        page: The number of the page that showed them.
        stale: Those that have to be fetched.
    """
    db.insert(
        "INSERT INTO scan (type, id, page, stale, updated) VALUES (?, ?, ?, ?, ?) ON CONFLICT (type, id) "
        "DO UPDATE SET page = excluded.page, stale = excluded.stale, updated = excluded.updated",
        ((record_type, key, page, key in stale, at) for key, at in times.items()),
    )


def _stamp(db: Database, record_type: str, times: Mapping[str, str | None]) -> None:
    """Give current records without a timestamp of their own that of their stub."""
    known = [key for key, at in times.items() if at is not None]
    held = db.look_up("SELECT id, updated FROM record WHERE type = ? AND id IN (?)", [record_type], known)
    unstamped = [key for key, updated in held if updated is None]
    if not unstamped:
        return
    first = newest_change(db) + 1
    db.executemany(
        # Who follows the changes has the old row.
        "UPDATE record SET updated = ?, change_seq = ? WHERE type = ? AND id = ?",
        [(times[key], first + n, record_type, key) for n, key in enumerate(unstamped)],
    )


def fetched(db: Database, record_type: str, keys: Sequence[str]) -> None:
    """Note that scanned records have been fetched; what has no timestamp of its own gets that of its stub."""
    sql = "SELECT id, updated FROM scan WHERE type = ? AND id IN (?)"
    stubs: dict[str, str | None] = dict(db.look_up(sql, [record_type], keys))
    if not stubs:
        return
    db.update("UPDATE scan SET stale = 0 WHERE type = ? AND id = ?", (record_type,), [(key,) for key in stubs])
    _stamp(db, record_type, stubs)
    sql = "SELECT key FROM quarantine WHERE type = ? AND updated IS NULL AND id IS NOT NULL AND key IN (?)"
    known = [key for key, at in stubs.items() if at is not None]
    db.executemany(
        "UPDATE quarantine SET updated = ? WHERE type = ? AND key = ?",
        [(stubs[key], record_type, key) for (key,) in db.look_up(sql, [record_type], known)],
    )


def begin_scan(db: Database, record_type: str) -> None:
    """Forget what an earlier pass over all of *record_type* has seen, and note where the change feed stands."""
    db.execute("DELETE FROM scan WHERE type = ?", (record_type,))
    forget_note(db, f"blind scan of {record_type}")
    put_note(db, f"scan of {record_type} from", str(newest_change(db)))


def note_blind(db: Database, record_type: str) -> None:
    """Note that the pass over all of *record_type* has met an element whose ID can't be read."""
    put_note(db, f"blind scan of {record_type}", "1")


def is_blind(db: Database, record_type: str) -> bool:
    """Tell whether the pass over a type has met an element whose ID can't be read: it proves nothing gone."""
    return note(db, f"blind scan of {record_type}") is not None


def has_earlier(db: Database, record_type: str) -> bool:
    """Tell whether the store had records of *record_type* when the pass over it began."""
    begun = f"scan of {record_type} from"
    since = "change_seq <= (SELECT CAST(value AS BIGINT) FROM meta WHERE name = ?)"
    # Where it had none of any type, the index of the changes tells; the second reads the whole type.
    if not db.execute(f"SELECT 1 FROM record WHERE {since} LIMIT 1", (begun,)).fetchone():  # noqa: S608 - no values
        return False
    sql = f"SELECT 1 FROM record WHERE type = ? AND {since} LIMIT 1"  # noqa: S608 - no values
    return db.execute(sql, (record_type, begun)).fetchone() is not None


def vanished(db: Database, record_type: str) -> list[str]:
    """Return the records of the store that the last full pass has not seen, soft deleted ones included.

    What others have written since the pass began (a cached read, a webhook) the server had by then: that this pass has
    not seen it says nothing, as its page may have been read before. A pass that met an element whose ID can't be read
    proves nothing at all: any of them may be that one.
    """
    if is_blind(db, record_type):
        return []
    rows = db.execute(
        "SELECT id FROM record WHERE type = ? AND (deleted_at IS NULL OR reason = ?) "
        "AND NOT EXISTS (SELECT 1 FROM scan WHERE scan.type = record.type AND scan.id = record.id) "
        "AND change_seq <= coalesce((SELECT CAST(value AS BIGINT) FROM meta WHERE name = ?), change_seq)",
        (record_type, SOFT_DELETED, f"scan of {record_type} from"),
    )
    return [row[0] for row in rows]
