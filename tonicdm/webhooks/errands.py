"""What the inbox does inside its transactions; each function takes the open database."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.store.rows import draw, updated_of
from tonicdm.webhooks.event import Event
from tonicdm.webhooks.payload import identity_of
from tonicdm.webhooks.rules import InboxRules, State, Waiting, after_failure

CRASHED: Final = "the worker ended while it was at work on this"


NAMELESS: Final = "nameless"
"""The outcome of an errand whose event names no record of a known type."""


@attrs.frozen
class Errand:
    """One event for one record, as a worker has it."""

    number: int
    event: int
    key: str
    """The event's."""
    type: str
    """The event's, as the sender wrote it."""
    kind: str
    """Record type; empty where the event names none that is known."""
    id: str
    """The record's; empty where the event names none."""
    received: float
    attempts: int
    outcome: str | None
    """How the record in the store came to be as new as the event; None while it is not known to be."""


_ERRAND: Final = (
    "errand.number, event, event.key, event.type, kind, id, event.received, attempts, outcome "
    "FROM errand JOIN event ON event.number = errand.event"
)


# --- receiving ------------------------------------------------------------------------------------------------------


def receive(db: sqlite3.Connection, event: Event, records: Iterable[Mapping[str, Any]]) -> bool:
    """Store *event* with an errand for each record that it names; False for a duplicate, which is only counted.

    Args:
        db: The store.
        event: As it arrived.
        records: The records in its body.
    """
    stamp = draw(db, event.received)
    made = db.execute(
        "INSERT INTO event (key, type, signed, received, body, read_number) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (key) DO NOTHING",
        (event.key, event.type, event.signed, event.received, event.body, stamp.number),
    )
    if not made.rowcount:
        db.execute("UPDATE event SET copies = copies + 1 WHERE key = ?", (event.key,))
        return False
    stamps = {identity_of(record): updated_of(record) for record in records}
    kind = event.kind or ""
    db.executemany(
        "INSERT INTO errand (event, kind, id, updated, due, looked, outcome) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (
                made.lastrowid,
                kind,
                one,
                stamps.get(one),
                event.received,
                *((0, None) if kind and one else (1, NAMELESS)),
            )
            for one in event.ids or ("",)
        ],
    )
    # Whoever reads the record from the store has to know that it may be old now.
    db.executemany(
        "UPDATE record SET doubted = max(coalesce(doubted, 0), ?), doubted_number = ? WHERE type = ? AND id = ?",
        [(event.received, stamp.number, kind, one) for one in event.ids if kind],
    )
    return True


# --- leasing --------------------------------------------------------------------------------------------------------

_FIRST_OF_ITS_RECORD: Final = """
(errand.id = '' OR NOT EXISTS (
    SELECT 1 FROM errand AS other WHERE other.kind = errand.kind AND other.id = errand.id
    AND other.state IN ('received', 'leased') AND (other.number < errand.number OR other.state = 'leased')
))
"""
"""Order per record: only the earliest open errand of a record may be leased, and only while none of them is."""


def expire(db: sqlite3.Connection, now: float, rules: InboxRules) -> int:
    """Take errands back whose lease has ended: their worker is gone; return how many."""
    # One that has had all its attempts ends here: else an errand that kills its worker would do so for ever.
    ended = db.execute(
        "UPDATE errand SET state = 'dead', owner = NULL, lease_until = NULL, error = ?, ended = ? "
        "WHERE state = 'leased' AND lease_until <= ? AND attempts >= ?",
        (CRASHED, now, now, rules.attempts),
    ).rowcount
    freed = db.execute(
        "UPDATE errand SET state = 'received', owner = NULL, lease_until = NULL WHERE state = 'leased' "
        "AND lease_until <= ?",
        (now,),
    ).rowcount
    return ended + freed


def lease(
    db: sqlite3.Connection, owner: str, now: float, until: float, *, fetchable: Collection[str] | None, limit: int
) -> list[Errand]:
    """Lease what is due, the earliest open errand of each record.

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
        chosen, values = f"outcome IS NULL AND kind IN ({marks})", list(fetchable)
    sql = f"SELECT {_ERRAND} WHERE state = 'received' AND due <= ? AND {chosen} AND {_FIRST_OF_ITS_RECORD} "
    found = [Errand(*row) for row in db.execute(sql + "ORDER BY errand.number LIMIT ?", (now, *values, limit))]
    db.executemany(
        "UPDATE errand SET state = 'leased', owner = ?, lease_until = ? WHERE number = ?",
        [(owner, until, errand.number) for errand in found],
    )
    return found


def renew(db: sqlite3.Connection, owners: Iterable[str], until: float) -> None:
    """Let leases hold until *until*; those that have ended are not brought back."""
    db.executemany(
        "UPDATE errand SET lease_until = ? WHERE owner = ? AND state = 'leased'", [(until, owner) for owner in owners]
    )


def begin(db: sqlite3.Connection, number: int, owner: str) -> int | None:
    """Count an attempt and return its number; None where the lease is lost."""
    held = "number = ? AND owner = ? AND state = 'leased'"
    db.execute(f"UPDATE errand SET attempts = attempts + 1 WHERE {held}", (number, owner))  # noqa: S608 - placeholders only
    found = db.execute(f"SELECT attempts FROM errand WHERE {held}", (number, owner)).fetchone()  # noqa: S608 - placeholders only
    return None if found is None else found[0]


def finish(db: sqlite3.Connection, numbers: Iterable[int], owner: str, now: float) -> int:
    """Note that errands are done; return for how many of them the lease still held."""
    before = db.total_changes
    db.executemany(
        "UPDATE errand SET state = 'done', owner = NULL, lease_until = NULL, error = NULL, ended = ? "
        "WHERE number = ? AND owner = ? AND state = 'leased'",
        [(now, number, owner) for number in numbers],
    )
    return db.total_changes - before


def fail(
    db: sqlite3.Connection, number: int, owner: str, error: str, now: float, rules: InboxRules, chance: float
) -> State | None:
    """Put an errand off after a failed attempt, or give it up; return which, None where the lease is lost."""
    found = db.execute(
        "SELECT attempts FROM errand WHERE number = ? AND owner = ? AND state = 'leased'", (number, owner)
    ).fetchone()
    if found is None:
        return None
    state, due = after_failure(found[0], now, rules, chance)
    db.execute(
        "UPDATE errand SET state = ?, due = ?, owner = NULL, lease_until = NULL, error = ?, ended = ? WHERE number = ?",
        (state.value, due, error, now if state is State.DEAD else None, number),
    )
    return state


def give_up(db: sqlite3.Connection, numbers: Iterable[int], owner: str, error: str, now: float) -> int:
    """Make dead letters at once; return of how many."""
    before = db.total_changes
    db.executemany(
        "UPDATE errand SET state = 'dead', owner = NULL, lease_until = NULL, error = ?, ended = ? "
        "WHERE number = ? AND owner = ? AND state = 'leased'",
        [(error, now, number, owner) for number in numbers],
    )
    return db.total_changes - before


def release(db: sqlite3.Connection, numbers: Iterable[int], owner: str, due: float, *, counted: bool = False) -> None:
    """Give errands back that did not fail by their own fault.

    Args:
        db: The store.
        numbers: Which.
        owner: The lease they are held by.
        due: When they may be leased again.
        counted: Whether the attempt had been counted already; then that is undone.
    """
    db.executemany(
        "UPDATE errand SET state = 'received', owner = NULL, lease_until = NULL, due = ?, attempts = attempts - ? "
        "WHERE number = ? AND owner = ? AND state = 'leased'",
        [(due, int(counted), number, owner) for number in numbers],
    )


# --- what a fetch settles -------------------------------------------------------------------------------------------


def waiting(db: sqlite3.Connection, now: float) -> list[Waiting]:
    """Return what waits to be fetched, by type."""
    sql = f"""
    SELECT kind, count(*), min(received), max(received), min(CASE WHEN signed THEN updated END)
    FROM errand JOIN event ON event.number = event
    WHERE state = 'received' AND due <= ? AND outcome IS NULL AND {_FIRST_OF_ITS_RECORD}
    GROUP BY kind ORDER BY min(received)
    """  # noqa: S608 - no values
    newest = dict(
        db.execute(
            "SELECT kind, max(received) FROM errand JOIN event ON event.number = event "
            "WHERE state = 'received' AND outcome IS NULL GROUP BY kind"
        ).fetchall()
    )
    return [
        Waiting(kind=kind, ids=ids, oldest=oldest, newest=max(last, newest.get(kind, last)), stamp=stamp)
        for kind, ids, oldest, last, stamp in db.execute(sql, (now,))
    ]


def horizon(db: sqlite3.Connection) -> int:
    """Return the last errand there is: what a call that is sent later finds is as new as all up to it."""
    return int(db.execute("SELECT coalesce(max(number), 0) FROM errand").fetchone()[0])


def settle(db: sqlite3.Connection, kind: str, found: Mapping[str, str | None], upto: int) -> None:
    """Note that the store has records as new as all their errands up to *upto*.

    One fetch that was sent after several events of a record had arrived satisfies all of them; but none that vouches
    for a later update than came: servers may show a change some time after they have told of it.

    Args:
        db: The store.
        kind: The record type.
        found: The update of each record that came, by ID.
        upto: The last errand that was there before the call was sent.
    """
    db.executemany(
        "UPDATE errand SET outcome = 'fetched', looked = 1 WHERE kind = ? AND id = ? AND number <= ? "
        "AND outcome IS NULL AND state IN ('received', 'leased') AND (updated IS NULL OR ? IS NULL OR updated <= ? "
        "OR NOT (SELECT signed FROM event WHERE event.number = errand.event))",
        [(kind, one, upto, updated, updated) for one, updated in found.items()],
    )


def settle_absent(db: sqlite3.Connection, kind: str, ids: Iterable[str], upto: int) -> None:
    """Note that the server does not return records, so that there is nothing more to fetch for their errands."""
    db.executemany(
        "UPDATE errand SET outcome = 'absent', looked = 1 WHERE kind = ? AND id = ? AND number <= ? "
        "AND outcome IS NULL AND state IN ('received', 'leased')",
        [(kind, one, upto) for one in ids],
    )


def outcomes(db: sqlite3.Connection, owner: str) -> dict[int, str | None]:
    """Return how the store got the records of the errands of a lease, by number."""
    sql = "SELECT number, outcome FROM errand WHERE owner = ? AND state = 'leased'"
    return dict(db.execute(sql, (owner,)).fetchall())


def settle_older(db: sqlite3.Connection, kinds: Iterable[str]) -> None:
    """Note the errands whose event tells of an update that the store has overtaken, by a sync or by another event."""
    db.executemany(
        "UPDATE errand SET outcome = 'current', looked = 1 WHERE state = 'received' AND outcome IS NULL AND kind = ? "
        "AND EXISTS (SELECT 1 FROM record WHERE record.type = kind AND record.id = errand.id "
        "AND record.updated > errand.updated)",
        [(kind,) for kind in kinds],
    )


# --- by hand --------------------------------------------------------------------------------------------------------


def replay(db: sqlite3.Connection, numbers: Sequence[int], now: float) -> int:
    """Make errands that ended open again, with all attempts before them; return how many.

    What was settled stays settled: the store has the record as it was after the event, or newer.
    """
    before = db.total_changes
    db.executemany(
        "UPDATE errand SET state = 'received', attempts = 0, due = ?, error = NULL, ended = NULL "
        "WHERE number = ? AND state IN ('done', 'dead')",
        [(now, number) for number in numbers],
    )
    return db.total_changes - before


def purge(db: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Forget errands that ended, and events of which none is left; return how many errands."""
    before = db.total_changes
    db.executemany(
        "DELETE FROM errand WHERE number = ? AND state IN ('done', 'dead')", [(number,) for number in numbers]
    )
    gone = db.total_changes - before
    db.execute("DELETE FROM event WHERE NOT EXISTS (SELECT 1 FROM errand WHERE errand.event = event.number)")
    return gone


_ALL_DONE: Final = "NOT EXISTS (SELECT 1 FROM errand WHERE errand.event = event.number AND errand.state <> 'done')"


def tidy(db: sqlite3.Connection, now: float, rules: InboxRules) -> tuple[int, int]:
    """Delete the bodies of events that are done for long, and forget those that are done for very long.

    Returns:
        How many bodies and how many events.
    """
    bodies = db.execute(
        f"UPDATE event SET body = NULL WHERE body IS NOT NULL AND received <= ? AND {_ALL_DONE}",  # noqa: S608 - no values
        (now - rules.keep_bodies,),
    ).rowcount
    old = f"SELECT number FROM event WHERE received <= ? AND {_ALL_DONE}"  # noqa: S608 - no values
    db.execute(f"DELETE FROM errand WHERE event IN ({old})", (now - rules.keep_keys,))  # noqa: S608 - no values
    events = db.execute(
        "DELETE FROM event WHERE received <= ? AND NOT EXISTS (SELECT 1 FROM errand WHERE errand.event = event.number)",
        (now - rules.keep_keys,),
    ).rowcount
    return bodies, events


def tally(db: sqlite3.Connection, **amounts: int) -> None:
    """Add to the sums that `stats` shows."""
    db.executemany(
        "INSERT INTO tally VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + excluded.value",
        [(name, amount) for name, amount in amounts.items() if amount],
    )
