"""Listings of an inbox: its jobs by state, type and time, and its sums."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from tonicdm.store.database import Database
from tonicdm.webhooks.rules import OPEN, State


@attrs.frozen(kw_only=True)
class Filter:
    """Which jobs are meant; every condition that is given has to hold."""

    states: Sequence[State] = ()
    """Their states; any where empty."""
    type: str | None = None
    """The event's type; ``*`` stands for anything: ``persons.*``."""
    since: float | None = None
    """Received at this Unix time or later."""
    before: float | None = None
    """Received before this Unix time."""
    keys: Sequence[str] = ()
    """Keys of their events; any where empty."""
    ended: bool = False
    """Only done or dead ones."""

    def where(self) -> tuple[str, list[Any]]:
        """Return the condition as SQL, and its values."""
        parts, values = ["1 = 1"], list[Any]()
        if self.states:
            parts.append(f"state IN ({','.join('?' * len(self.states))})")
            values += [state.value for state in self.states]
        if self.type is not None:
            # The record type counts too, since senders name types as they like.
            parts.append("(lower(event.type) LIKE ? ESCAPE '!' OR record_type LIKE ? ESCAPE '!')")
            values += [_pattern(self.type.lower()), _pattern(self.type.lower().removesuffix(".*"))]
        if self.since is not None:
            parts.append("received >= ?")
            values.append(self.since)
        if self.before is not None:
            parts.append("received < ?")
            values.append(self.before)
        if self.keys:
            parts.append(f"event.key IN ({','.join('?' * len(self.keys))})")
            values += self.keys
        if self.ended:
            parts.append("state IN ('done', 'dead')")
        return " AND ".join(parts), values


def _pattern(text: str) -> str:
    """Return a text in which ``*`` stands for anything as a pattern of LIKE."""
    return re.sub("[!%_]", r"!\g<0>", text).replace("*", "%")


@attrs.frozen
class Entry:
    """One job, as it is listed."""

    number: int
    key: str
    """The event's key."""
    type: str
    """The event's type, as the sender wrote it."""
    record_type: str
    """Record type; empty where it is not known."""
    id: str
    """The record's ID; empty where the event names none."""
    state: State = attrs.field(converter=State)
    outcome: str | None
    """How the store got the record: ``applied``, ``current``, ``fetched``, ``absent``; None while it has not."""
    attempts: int
    due: float
    """When it is tried next, Unix time."""
    error: str | None
    """Why it failed last, without anything personal."""
    received: float
    """When the event arrived, Unix time."""
    ended: float | None
    """When it was done or given up."""
    signed: bool = attrs.field(converter=bool)
    copies: int
    """Duplicates of the event that came after it."""
    size: int | None
    """Bytes of the event's body; None once it is deleted."""


def find(db: Database, chosen: Filter, limit: int | None) -> list[Entry]:
    """Return the jobs of a filter, the newest first; all where *limit* is None."""
    where, values = chosen.where()
    sql = (  # the condition has placeholders only
        "SELECT job.number, event.key, event.type, record_type, id, state, outcome, attempts, due, error, received, "  # noqa: S608
        f"ended, signed, copies, length(body) FROM job JOIN event ON event.number = job.event WHERE {where} "
        "ORDER BY job.number DESC"
    )
    rows = db.execute(sql, values) if limit is None else db.execute(f"{sql} LIMIT ?", (*values, limit))
    return [Entry(*row) for row in rows]


@attrs.frozen(kw_only=True)
class InboxStats:
    """The sums of an inbox."""

    events: int
    """Events known, duplicates not counted."""
    duplicates: int
    """Duplicates that were recognised as such, of events still known."""
    states: Mapping[str, int]
    """Jobs by state."""
    types: Mapping[str, Mapping[str, int]]
    """The same by record type."""
    outcomes: Mapping[str, int]
    """Jobs by how the store got their record."""
    oldest: float | None
    """Seconds since the oldest event arrived that has still to take effect."""
    tallies: Mapping[str, int]
    """Sums since the file was made: ``units``, ``calls``, ``fetched``, ``applied``."""
    gaps: Sequence[Mapping[str, Any]]
    """The newest gap repair of each type: how many records had changed, and how many of them no event had named."""


def stats(db: Database, now: float) -> InboxStats:
    """Add up an inbox."""
    events, copies = db.execute("SELECT count(*), coalesce(sum(copies), 0) FROM event").fetchone()
    types: dict[str, dict[str, int]] = {}
    states: dict[str, int] = {state.value: 0 for state in State}
    for record_type, state, count in db.execute(
        "SELECT record_type, state, count(*) FROM job GROUP BY record_type, state ORDER BY record_type"
    ):
        types.setdefault(record_type or "unknown", {})[state] = count
        states[state] += count
    outcomes = dict(db.execute("SELECT outcome, count(*) FROM job WHERE outcome IS NOT NULL GROUP BY outcome"))
    marks = ",".join("?" * len(OPEN))
    (oldest,) = db.execute(
        f"SELECT min(received) FROM job JOIN event ON event.number = event WHERE state IN ({marks})",  # noqa: S608 - placeholders only
        [state.value for state in OPEN],
    ).fetchone()
    gaps = db.execute(
        "SELECT type, finished, changed, missed, recent, units FROM gap WHERE number IN "
        "(SELECT max(number) FROM gap GROUP BY type) ORDER BY type"
    )
    names = ("type", "finished", "changed", "missed", "recent", "units")
    return InboxStats(
        events=events,
        duplicates=copies,
        states=states,
        types=types,
        outcomes=outcomes,
        oldest=None if oldest is None else max(0.0, now - oldest),
        tallies=dict(db.execute("SELECT name, value FROM tally ORDER BY name").fetchall()),
        gaps=[dict(zip(names, row, strict=True)) for row in gaps],
    )
