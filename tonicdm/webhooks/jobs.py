"""Statements of the inbox, to be run inside its transactions. Each function takes the open database."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.codec import wire_names
from tonicdm.errors import MalformedEventError
from tonicdm.store import writing
from tonicdm.store.database import Database
from tonicdm.store.rows import SOFT_DELETED, draw, updated_of
from tonicdm.store.types import TYPES
from tonicdm.store.versions import Origin, ReadStamp
from tonicdm.types import DataQuantity
from tonicdm.webhooks.event import Event, decode, read_payload, storable
from tonicdm.webhooks.payload import PayloadReader, identity_of
from tonicdm.webhooks.rules import OPEN, InboxRules, State, Verdict, Waiting, after_failure, judge

CRASHED: Final = "the worker ended while it was at work on this"

MAX_SAMPLE: Final = 20
"""Records of a type whose common fields tell what a whole one has, where the store does not hold the record itself."""

ABSENT: Final = "absent"
"""The outcome of a job whose record the server does not return."""

NAMELESS: Final = "nameless"
"""The outcome of a job whose event names no record of a known type."""


KEY_DIGITS: Final = 16
"""Of an event's digest, behind the ID that it shares with another event."""

UNKEEPABLE: Final = "it can't be kept"
"""Why a job is a dead letter whose record, or whose event, no attempt would bring into the store."""


@attrs.frozen
class Job:
    """One event for one record, as a worker has it."""

    number: int
    event: int
    key: str
    """The event's."""
    type: str
    """The event's, as the sender wrote it."""
    record_type: str
    """Record type; empty where the event names none that is known."""
    id: str
    """The record's; empty where the event names none."""
    received: float
    attempts: int
    outcome: str | None
    """How the record in the store came to be as new as the event; None while it is not known to be."""


_JOB: Final = (
    "job.number, event, event.key, event.type, record_type, id, event.received, attempts, outcome "
    "FROM job JOIN event ON event.number = job.event"
)


# --- receiving ------------------------------------------------------------------------------------------------------


def receive(db: Database, event: Event, records: Iterable[Mapping[str, Any]]) -> bool:
    """Store *event* with a job for each record that it names; False for a duplicate, which is only counted.

    Args:
        db: The store.
        event: As it arrived.
        records: The records in its body.
    """
    key, stamp = event_key(db, event), draw(db, event.received)
    made = db.execute(
        "INSERT INTO event (key, type, signed, received, body, read_number, content) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (key) DO NOTHING RETURNING number",
        (key, event.type, event.signed, event.received, event.body, stamp.number, event.content or None),
    ).fetchone()
    if made is None:
        db.execute("UPDATE event SET copies = copies + 1 WHERE key = ?", (key,))
        return False
    stamps = {identity_of(record): updated_of(record) for record in records}
    record_type = event.record_type if event.record_type in TYPES else ""
    ids = [record_id for record_id in event.ids if storable(record_id) == record_id]
    db.executemany(
        "INSERT INTO job (event, record_type, id, updated, due, examined, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                made[0],
                record_type,
                record_id,
                stamps.get(record_id),
                event.received,
                *((0, None) if record_type and record_id else (1, NAMELESS)),
            )
            for record_id in ids or ("",)
        ],
    )
    # Whoever reads the record from the store has to know that it may be old now.
    db.executemany(
        "UPDATE record SET doubted = CASE WHEN doubted > ? THEN doubted ELSE ? END, doubted_number = ? "
        "WHERE type = ? AND id = ?",
        [(event.received, event.received, stamp.number, record_type, record_id) for record_id in ids if record_type],
    )
    return True


def event_key(db: Database, event: Event) -> str:
    """Return the key under which an event is kept.

    It is its own, unless another event came under it that tells something else of records. A sender that gives two
    events one ID would lose the second one otherwise.
    """
    row = db.execute("SELECT content, body FROM event WHERE key = ?", (event.key,)).fetchone()
    if row is None or not event.content:
        return event.key
    content, body = row
    # An earlier version kept no digest: it is known by its body, as long as that is kept.
    same = content == event.content if content is not None else body is None or body == event.body
    return event.key if same else f"{event.key}~{event.content[:KEY_DIGITS]}"


# --- triage: what an event settles by itself, before a unit is spent on it ---


@attrs.define
class Triage:
    """What a look has settled, without a unit."""

    applied: int = 0
    """Records written as they came."""
    current: int = 0
    """Jobs whose record the store had already."""
    examined: int = 0
    """Jobs looked at."""
    dead: int = 0
    """Jobs given up, because what they carry can't be kept."""


def triage(db: Database, reader: PayloadReader, *, trusted: bool, limit: int, now: float) -> Triage:
    """Judge jobs that nobody has looked at yet, the oldest first.

    One that can't be judged becomes a dead letter: it must neither end the worker nor hold up the others.

    Args:
        db: The store.
        reader: Reads bodies, as the receiver does.
        trusted: Whether signed records are believed.
        limit: At most so many.
        now: Unix time.
    """
    sql = (
        "SELECT job.number, event.number, record_type, id, signed, body, event.read_number, received FROM job "
        "JOIN event ON event.number = event "
        "WHERE examined = 0 AND state = 'received' AND outcome IS NULL ORDER BY job.number LIMIT ?"
    )
    triaged, carried, last = Triage(), dict[str, Mapping[str, Any]](), None
    for number, event, record_type, record_id, signed, body, read_number, received in db.execute(
        sql, (limit,)
    ).fetchall():
        if event != last:
            carried, last = records_in(body, reader), event
        record, stamp = carried.get(record_id), ReadStamp(read_number, received)
        triaged.examined += 1
        db.execute("SAVEPOINT triage")
        try:
            verdict, applied = _settle(db, record_type, record_id, record, stamp, trusted=trusted and bool(signed))
        except Exception as error:
            if db.is_unusable_after(error):
                raise
            # Whatever else it is, it is about this job alone.
            db.execute("ROLLBACK TO SAVEPOINT triage")
            db.execute(
                "UPDATE job SET examined = 1, state = 'dead', error = ?, ended = ? WHERE number = ?",
                (f"{UNKEEPABLE} ({type(error).__name__})", now, number),
            )
            triaged.dead += 1
        else:
            triaged.applied += applied
            triaged.current += verdict is Verdict.CURRENT
            outcome = {Verdict.APPLY: "applied", Verdict.CURRENT: "current", Verdict.FETCH: None}[verdict]
            db.execute("UPDATE job SET examined = 1, outcome = ? WHERE number = ?", (outcome, number))
        db.execute("RELEASE SAVEPOINT triage")
    return triaged


def _settle(
    db: Database,
    record_type: str,
    record_id: str,
    record: Mapping[str, Any] | None,
    stamp: ReadStamp,
    *,
    trusted: bool,
) -> tuple[Verdict, int]:
    """Judge what an event carries of a record, and write it if it is believed; return also how many were written."""
    verdict = _judge(db, record_type, record_id, record, trusted=trusted)
    if verdict is not Verdict.APPLY:
        return verdict, 0
    sound = writing.sorted_out(db, record_type, [record])
    if sound.invalid:
        return Verdict.FETCH, 0  # the copy in the event can't be stored; the server's own may
    written = writing.write_sorted(db, record_type, sound, DataQuantity.BASIC, stamp, origin=Origin.EVENT)
    return verdict, written.changed


def records_in(body: bytes | None, reader: PayloadReader) -> dict[str, Mapping[str, Any]]:
    """Return the records in a body, by ID; none where it is gone or can't be read any more."""
    if body is None:
        return {}
    try:
        records = read_payload(decode(body), reader).records
    except MalformedEventError:
        return {}
    return {identity: record for record in records if (identity := identity_of(record)) is not None}


def reread(db: Database, numbers: Iterable[int], reader: PayloadReader) -> None:
    """Read events anew that named no record of a known type: a newer reader may know better.

    Args:
        db: The store.
        numbers: Dead or done jobs.
        reader: The reader of now.
    """
    sql = (
        "SELECT job.event, body, due FROM job JOIN event ON event.number = job.event "
        "WHERE job.number = ? AND outcome = ? AND state IN ('done', 'dead') AND body IS NOT NULL"
    )
    for number in numbers:
        row = db.execute(sql, (number, NAMELESS)).fetchone()
        try:
            payload = None if row is None else read_payload(decode(row[1]), reader)
        except MalformedEventError:
            continue  # an earlier version took bodies that are refused now
        if row is None or payload is None or payload.record_type is None or not payload.ids:
            continue
        first, *others = payload.ids
        stamps = {identity_of(record): updated_of(record) for record in payload.records}
        db.execute(
            "UPDATE job SET record_type = ?, id = ?, updated = ?, outcome = NULL, examined = 0 WHERE number = ?",
            (payload.record_type, first, stamps[first], number),
        )
        db.executemany(
            "INSERT INTO job (event, record_type, id, updated, due) VALUES (?, ?, ?, ?, ?)",
            [(row[0], payload.record_type, record_id, stamps[record_id], row[2]) for record_id in others],
        )


def _judge(
    db: Database, record_type: str, record_id: str, carried: Mapping[str, Any] | None, *, trusted: bool
) -> Verdict:
    sql = "SELECT raw, updated, deleted_at IS NOT NULL AND reason <> ? FROM record WHERE type = ? AND id = ?"
    row = db.execute(sql, (SOFT_DELETED, record_type, record_id)).fetchone()
    held = None if row is None else json.loads(row[0])
    absent = "SELECT 1 FROM job WHERE record_type = ? AND id = ? AND outcome = ? LIMIT 1"
    gone = bool(row and row[2]) or db.execute(absent, (record_type, record_id, ABSENT)).fetchone() is not None
    return judge(
        carried,
        held,
        None if row is None else row[1],
        gone=gone,
        stamped=TYPES[record_type].stamped,
        trusted=trusted,
        fields=frozenset(held) if held is not None else _common_fields(db, record_type) if trusted else frozenset(),
    )


def _common_fields(db: Database, record_type: str) -> frozenset[str]:
    """Return the fields that all of some records of a type have; those of the model where the store has none."""
    sql = "SELECT raw FROM record WHERE type = ? AND deleted_at IS NULL ORDER BY change_seq DESC LIMIT ?"
    seen = [frozenset(json.loads(raw)) for (raw,) in db.execute(sql, (record_type, MAX_SAMPLE))]
    return frozenset.intersection(*seen) if seen else frozenset(wire_names(TYPES[record_type].listing.model).values())


# --- leasing --------------------------------------------------------------------------------------------------------

_FIRST_OF_ITS_RECORD: Final = """
(job.id = '' OR NOT EXISTS (
    SELECT 1 FROM job AS other WHERE other.record_type = job.record_type AND other.id = job.id
    AND other.state IN ('received', 'leased') AND (other.number < job.number OR other.state = 'leased')
))
"""
"""Order per record: only the earliest open job of a record may be leased, and only while none of them is."""


def expire(db: Database, now: float, rules: InboxRules) -> int:
    """Take jobs back whose lease has ended: their worker is gone; return how many."""
    # One that has had all its attempts ends here: else a job that kills its worker would do so for ever.
    overdue = "SELECT number FROM job WHERE state = 'leased' AND lease_until <= ?"
    skip = db.dialect.skip_locked("job")
    ended = db.execute(
        "UPDATE job SET state = 'dead', owner = NULL, lease_until = NULL, error = ?, ended = ? "  # noqa: S608
        f"WHERE number IN ({overdue} AND attempts >= ? {skip})",
        (CRASHED, now, now, rules.attempts),
    ).rowcount
    freed = db.execute(
        "UPDATE job SET state = 'received', owner = NULL, lease_until = NULL, "  # noqa: S608
        # It was due when it was taken, whatever the clock showed then.
        f"due = CASE WHEN due > ? THEN ? ELSE due END WHERE number IN ({overdue} {skip})",
        (now, now, now),
    ).rowcount
    return ended + freed


def lease(
    db: Database, owner: str, now: float, until: float, *, fetchable: Collection[str] | None, limit: int
) -> list[Job]:
    """Lease what is due, the earliest open job of each record.

    Args:
        db: The store.
        owner: Names this lease: what is done under it counts only as long as it holds.
        now: Unix time.
        until: When it ends.
        fetchable: Types whose records are to be fetched; None leases what needs no fetch.
        limit: At most so many.
    """
    if fetchable is None:
        chosen, values = "outcome IS NOT NULL", []
    else:
        marks = ",".join("?" * len(fetchable))
        chosen, values = f"outcome IS NULL AND record_type IN ({marks})", list(fetchable)
    sql = f"SELECT {_JOB} WHERE state = 'received' AND due <= ? AND {chosen} AND {_FIRST_OF_ITS_RECORD} "
    sql += f"ORDER BY job.number LIMIT ? {db.dialect.skip_locked('job')}"
    leased = [Job(*row) for row in db.execute(sql, (now, *values, limit))]
    db.executemany(
        "UPDATE job SET state = 'leased', owner = ?, lease_until = ? WHERE number = ?",
        [(owner, until, job.number) for job in leased],
    )
    return leased


def renew(db: Database, owners: Iterable[str], until: float) -> None:
    """Let leases hold until *until*; those that have ended are not brought back."""
    db.executemany(
        "UPDATE job SET lease_until = ? WHERE owner = ? AND state = 'leased'", [(until, owner) for owner in owners]
    )


def begin(db: Database, number: int, owner: str) -> int | None:
    """Count an attempt and return its number; None where the lease is lost."""
    held = "number = ? AND owner = ? AND state = 'leased'"
    db.execute(f"UPDATE job SET attempts = attempts + 1 WHERE {held}", (number, owner))  # noqa: S608 - placeholders only
    row = db.execute(f"SELECT attempts FROM job WHERE {held}", (number, owner)).fetchone()  # noqa: S608 - placeholders only
    return None if row is None else row[0]


def finish(db: Database, numbers: Iterable[int], owner: str, now: float) -> int:
    """Note that jobs are done; return for how many of them the lease still held."""
    return db.executemany(
        "UPDATE job SET state = 'done', owner = NULL, lease_until = NULL, error = NULL, ended = ? "
        "WHERE number = ? AND owner = ? AND state = 'leased'",
        [(now, number, owner) for number in numbers],
    )


def fail(
    db: Database, number: int, owner: str, error: str, now: float, rules: InboxRules, chance: float
) -> State | None:
    """Put a job off after a failed attempt, or give it up; return which, None where the lease is lost."""
    row = db.execute(
        "SELECT attempts FROM job WHERE number = ? AND owner = ? AND state = 'leased'", (number, owner)
    ).fetchone()
    if row is None:
        return None
    state, due = after_failure(row[0], now, rules, chance)
    db.execute(
        "UPDATE job SET state = ?, due = ?, owner = NULL, lease_until = NULL, error = ?, ended = ? WHERE number = ?",
        (state.value, due, error, now if state is State.DEAD else None, number),
    )
    return state


def give_up(db: Database, numbers: Iterable[int], owner: str, error: str, now: float) -> int:
    """Make dead letters at once; return of how many."""
    return db.executemany(
        "UPDATE job SET state = 'dead', owner = NULL, lease_until = NULL, error = ?, ended = ? "
        "WHERE number = ? AND owner = ? AND state = 'leased'",
        [(error, now, number, owner) for number in numbers],
    )


def release(db: Database, numbers: Iterable[int], owner: str, due: float, *, counted: bool = False) -> None:
    """Give jobs back that did not fail by their own fault.

    Args:
        db: The store.
        numbers: Which.
        owner: The lease they are held by.
        due: When they may be leased again.
        counted: Whether the attempt had been counted already; then that is undone.
    """
    db.executemany(
        "UPDATE job SET state = 'received', owner = NULL, lease_until = NULL, due = ?, attempts = attempts - ? "
        "WHERE number = ? AND owner = ? AND state = 'leased'",
        [(due, int(counted), number, owner) for number in numbers],
    )


# --- what a fetch settles -------------------------------------------------------------------------------------------


def waits(db: Database) -> bool:
    """Tell whether any job is not at its end."""
    marks = ",".join("?" * len(OPEN))
    sql = f"SELECT 1 FROM job WHERE state IN ({marks}) LIMIT 1"  # noqa: S608 - a mark for each state
    return db.execute(sql, tuple(state.value for state in OPEN)).fetchone() is not None


def waiting(db: Database, now: float) -> list[Waiting]:
    """Return what waits to be fetched, by type."""
    sql = f"""
    SELECT record_type, count(*), min(received), max(received), min(CASE WHEN signed = 1 THEN updated END)
    FROM job JOIN event ON event.number = event
    WHERE state = 'received' AND due <= ? AND outcome IS NULL AND {_FIRST_OF_ITS_RECORD}
    GROUP BY record_type ORDER BY min(received)
    """  # noqa: S608 - no values
    newest = dict(
        db.execute(
            "SELECT record_type, max(received) FROM job JOIN event ON event.number = event "
            "WHERE state = 'received' AND outcome IS NULL GROUP BY record_type"
        ).fetchall()
    )
    return [
        Waiting(
            record_type=record_type,
            ids=ids,
            oldest=oldest,
            newest=max(last, newest.get(record_type, last)),
            stamp=stamp,
        )
        for record_type, ids, oldest, last, stamp in db.execute(sql, (now,))
    ]


def horizon(db: Database) -> int:
    """Return the last job there is: what a call that is sent later finds is as new as all up to it."""
    return int(db.execute("SELECT coalesce(max(number), 0) FROM job").fetchone()[0])


def settle(db: Database, record_type: str, updates: Mapping[str, str | None], upto: int) -> None:
    """Note that the store has records as new as all their jobs up to *upto*.

    One fetch that was sent after several events of a record had arrived satisfies all of them. It does not satisfy a
    signed event that names a later update than came: servers may show a change some time after they sent its event.

    Args:
        db: The store.
        record_type: The record type.
        updates: The update of each record that came, by ID.
        upto: The last job that was there before the call was sent.
    """
    db.executemany(
        "UPDATE job SET outcome = 'fetched', examined = 1 WHERE record_type = ? AND id = ? AND number <= ? "
        "AND outcome IS NULL AND state IN ('received', 'leased') "
        "AND (updated IS NULL OR updated <= coalesce(?, updated) "
        "OR (SELECT signed FROM event WHERE event.number = job.event) = 0)",
        [(record_type, record_id, upto, updated) for record_id, updated in updates.items()],
    )


def settle_absent(db: Database, record_type: str, ids: Iterable[str], upto: int) -> None:
    """Note that the server does not return records, so that there is nothing more to fetch for their jobs."""
    db.executemany(
        "UPDATE job SET outcome = 'absent', examined = 1 WHERE record_type = ? AND id = ? AND number <= ? "
        "AND outcome IS NULL AND state IN ('received', 'leased')",
        [(record_type, record_id, upto) for record_id in ids],
    )


def settle_unkeepable(db: Database, record_type: str, reasons: Mapping[str, str], upto: int, now: float) -> int:
    """Make dead letters of jobs whose record the server returns in a form that can't be kept; return of how many.

    What came is in quarantine. Once it can be read, or has changed, the dead letters can be replayed.

    Args:
        db: The store.
        record_type: The record type.
        reasons: What is wrong with each record, by ID.
        upto: The last job that was there before the call was sent.
        now: Unix time.
    """
    return db.executemany(
        "UPDATE job SET state = 'dead', owner = NULL, lease_until = NULL, examined = 1, error = ?, ended = ? "
        "WHERE record_type = ? AND id = ? AND number <= ? AND outcome IS NULL AND state IN ('received', 'leased')",
        [
            (f"{UNKEEPABLE}: {reason}; tonicdm quarantine shows it", now, record_type, record_id, upto)
            for record_id, reason in reasons.items()
        ],
    )


def outcomes(db: Database, owner: str) -> dict[int, str | None]:
    """Return how the store got the records of the jobs of a lease, by number."""
    sql = "SELECT number, outcome FROM job WHERE owner = ? AND state = 'leased'"
    return dict(db.execute(sql, (owner,)).fetchall())


def settle_older(db: Database, record_types: Iterable[str]) -> None:
    """Note the jobs whose event tells of an update that the store has overtaken, by a sync or by another event."""
    db.executemany(
        "UPDATE job SET outcome = 'current', examined = 1 WHERE number IN (SELECT number FROM job "  # noqa: S608
        "WHERE state = 'received' AND outcome IS NULL AND record_type = ? AND EXISTS (SELECT 1 FROM record "
        "WHERE record.type = record_type AND record.id = job.id AND record.updated > job.updated) "
        f"{db.dialect.skip_locked('job')})",
        [(record_type,) for record_type in record_types],
    )


# --- by hand --------------------------------------------------------------------------------------------------------


def replay(db: Database, numbers: Sequence[int], now: float) -> int:
    """Make jobs that ended open again, with all attempts before them; return how many.

    What was settled stays settled: the store has the record as it was after the event, or newer.
    """
    return db.executemany(
        "UPDATE job SET state = 'received', attempts = 0, due = ?, error = NULL, ended = NULL "
        "WHERE number = ? AND state IN ('done', 'dead')",
        [(now, number) for number in numbers],
    )


def purge(db: Database, numbers: Sequence[int]) -> int:
    """Forget jobs that ended, and events of which none is left; return how many jobs."""
    ended = "DELETE FROM job WHERE number = ? AND state IN ('done', 'dead')"
    gone = db.executemany(ended, [(number,) for number in numbers])
    db.execute("DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM job WHERE job.event = event.number)")
    return gone


_ALL_DONE: Final = "NOT EXISTS (SELECT 1 FROM job WHERE job.event = event.number AND job.state <> 'done')"


def cleanup(db: Database, now: float, rules: InboxRules) -> tuple[int, int]:
    """Delete the bodies of events that are done for long, and forget those that are done for very long.

    Returns:
        How many bodies and how many events.
    """
    bodies = db.execute(
        f"UPDATE event SET body = NULL WHERE body IS NOT NULL AND received <= ? AND {_ALL_DONE}",  # noqa: S608 - no values
        (now - rules.keep_bodies,),
    ).rowcount
    old = f"SELECT number FROM event WHERE received <= ? AND {_ALL_DONE}"  # noqa: S608 - no values
    db.execute(f"DELETE FROM job WHERE event IN ({old})", (now - rules.keep_keys,))  # noqa: S608 - no values
    events = db.execute(
        "DELETE FROM event WHERE received <= ? AND NOT EXISTS (SELECT 1 FROM job WHERE job.event = event.number)",
        (now - rules.keep_keys,),
    ).rowcount
    return bodies, events


def tally(db: Database, **amounts: int) -> None:
    """Add to the sums that `stats` shows."""
    db.executemany(
        "INSERT INTO tally (name, value) VALUES (?, ?) "
        "ON CONFLICT (name) DO UPDATE SET value = tally.value + excluded.value",
        [(name, amount) for name, amount in amounts.items() if amount],
    )
