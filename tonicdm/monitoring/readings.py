"""Values of metrics at one moment, read from a budget, a store's file and a receiver."""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
from collections.abc import Iterator, Mapping
from typing import Final

import attrs

from tonicdm.budget import Snapshot
from tonicdm.errors import StoreError
from tonicdm.monitoring import instruments
from tonicdm.monitoring.instruments import Instrument
from tonicdm.store.database import Database, Location
from tonicdm.store.opening import locate
from tonicdm.webhooks.listing import stats
from tonicdm.webhooks.receiver import Receiver

logger: Final = logging.getLogger("tonicdm")


@attrs.frozen
class Reading:
    """One value of a metric."""

    instrument: Instrument
    value: float
    attributes: Mapping[str, str | int] = attrs.field(factory=dict)


def read_budget(snapshot: Snapshot, now: datetime.datetime, name: str = "default") -> list[Reading]:
    """Return what a budget has left and what waits for it.

    Args:
        snapshot: The budget at this moment.
        now: The time, with its zone.
        name: The budget's name, for those who watch several.
    """
    which = {instruments.BUDGET: name}
    blocked = 0.0 if snapshot.blocked_until is None else max(0.0, (snapshot.blocked_until - now).total_seconds())
    values = {
        instruments.BUDGET_LIMIT: snapshot.limit,
        instruments.BUDGET_LEFT: snapshot.remaining,
        instruments.BUDGET_RESERVED: snapshot.reserved,
        instruments.BUDGET_FOREIGN: snapshot.foreign,
        instruments.BUDGET_BLOCKED: blocked,
        instruments.BUDGET_PAUSED: int(snapshot.paused_until is not None),
    }
    readings = [Reading(instrument, value, which) for instrument, value in values.items()]
    for lane, (calls, units) in snapshot.waiting.items():
        by_lane = {**which, instruments.LANE: lane}
        readings.append(Reading(instruments.BUDGET_WAITING, calls, by_lane))
        readings.append(Reading(instruments.BUDGET_WAITING_UNITS, units, by_lane))
    return readings


def read_store(path: str | os.PathLike[str] | Location, now: float, name: str = "default") -> list[Reading]:
    """Return how far a copy is behind, what is in quarantine, and how much waits in its inbox.

    The file is only read. What can't be read now, or what an earlier version has no table for, is left out.

    Args:
        path: The store: its file, or ``postgresql://…``.
        now: Unix time; a database has its own.
        name: The store's name, for those who watch several.
    """
    location = locate(path)
    readings: list[Reading] = []
    which = {instruments.STORE: name}
    if location.exists():
        try:
            with contextlib.closing(location.open_to_watch()) as db:
                with location.errors():
                    db.execute("SELECT 1 FROM watermark")  # stores of all versions have it
                shared = db.now()
                now = now if shared is None else shared
                for part in (_lags, _quarantine, _inbox):
                    with contextlib.suppress(StoreError), location.errors():
                        several = part(db, now)
                        readings += [attrs.evolve(each, attributes={**which, **each.attributes}) for each in several]
        except StoreError as error:
            logger.warning("%s; it can't be read for monitoring", error)
    return readings


def _lags(db: Database, now: float) -> list[Reading]:
    rows = db.execute("SELECT type, until FROM watermark WHERE until IS NOT NULL ORDER BY type").fetchall()
    return [
        Reading(
            instruments.SYNC_LAG,
            round(max(0.0, now - datetime.datetime.fromisoformat(until).timestamp()), 1),
            {instruments.RECORD_TYPE: record_type},
        )
        for record_type, until in rows
    ]


def _quarantine(db: Database, _now: float) -> list[Reading]:
    # Types without any are told as well, so that an alert can see that there are none.
    rows = db.execute(
        "SELECT type, count(key) FROM (SELECT type FROM watermark UNION SELECT type FROM quarantine) "
        "LEFT JOIN quarantine USING (type) GROUP BY type ORDER BY type"
    ).fetchall()
    return [Reading(instruments.QUARANTINE, count, {instruments.RECORD_TYPE: name}) for name, count in rows]


def _inbox(db: Database, now: float) -> list[Reading]:
    sums = stats(db, now)
    jobs = [Reading(instruments.INBOX_JOBS, count, {instruments.STATE: state}) for state, count in sums.states.items()]
    return [*jobs, Reading(instruments.INBOX_AGE, round(sums.oldest or 0.0, 1))]


def read_receiver(receiver: Receiver) -> Iterator[Reading]:
    """Yield what a receiver of webhooks has acknowledged and refused since it began."""
    for outcome in ("new", "duplicate"):
        yield Reading(instruments.WEBHOOK_EVENTS, receiver.stored.get(outcome, 0), {instruments.EVENT: outcome})
    for status, count in sorted(receiver.refused.items()):
        yield Reading(instruments.WEBHOOK_REFUSED, count, {instruments.STATUS: status})
