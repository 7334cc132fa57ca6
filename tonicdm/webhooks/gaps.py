"""Gap repair: find with a sync the changes that no event named, and count them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import Sequence
from typing import Any, Final

import attrs

from tonicdm.client import TonicDM
from tonicdm.errors import TonicDMError
from tonicdm.store import rows
from tonicdm.store.database import Database
from tonicdm.store.types import RecordType
from tonicdm.sync.engine import Audit, synchronize
from tonicdm.sync.report import RunReport
from tonicdm.webhooks.inbox import Inbox

logger: Final = logging.getLogger("tonicdm.webhooks")

GRACE_SECONDS: Final = 300.0
"""Seconds after a change within which its event may still be on its way."""
SKEW_SECONDS: Final = 60.0
"""Seconds by which an event may seem to have arrived before its change: two machines have two clocks."""
NEXT_REPAIR: Final = "next_repair"
_POSITION: Final = "gap position "
_TURN_SECONDS: Final = 1.0
"""Seconds after which a loop looks again whether it is to stop or to begin."""


@attrs.frozen(kw_only=True)
class Gap:
    """The changes of one type, and those that no event named."""

    type: str
    changed: int
    """Records that changed since the last look, whoever found it first."""
    missed: int
    """Those that no event had named."""
    recent: int
    """Those that no event has named yet, but that changed so lately that it may still come; looked at next time."""
    units: int
    """What the sync of the type has cost."""


@attrs.frozen
class GapReport:
    """One gap repair."""

    types: Sequence[Gap]
    run: RunReport
    """The sync."""

    @property
    def changed(self) -> int:
        """Records that changed."""
        return sum(gap.changed for gap in self.types)

    @property
    def missed(self) -> int:
        """Records that changed without an event."""
        return sum(gap.missed for gap in self.types)


async def repair(
    tonic: TonicDM,
    inbox: Inbox,
    types: Sequence[RecordType],
    *,
    audit: Audit = "never",
    grace: float = GRACE_SECONDS,
    announce: bool = True,
    **more: Any,
) -> GapReport:
    """Sync *types*, and compare what changed with what events named.

    The first look at a type sets the mark from which the next one counts: what a first load reads was not missed.

    Args:
        tonic: Where to read.
        inbox: The events; the sync writes to its store.
        types: What to look at.
        audit: As for `synchronize`: how often to look for records that are gone.
        grace: Seconds after a change within which its event may still be on its way.
        announce: Whether to put an event of our own into the inbox for each record missed, so that its handlers hear
            of the change after all.
        more: What else `synchronize` takes.

    Raises:
        StoreError: The file can't be used, or another sync is at work on it.
        TonicDMError: A call failed for good.
    """
    store = inbox.store
    marks = {record_type.name: await store.meta(_POSITION + record_type.name) for record_type in types}
    run = await synchronize(tonic, store, types, audit=audit, **more)
    gaps, now = list[Gap](), inbox.clock.now()
    for report in run.types:
        mark, name = marks[report.type], report.type

        def work(db: Database, mark: str | None = mark, name: str = name, units: int = report.meter.units) -> Gap:
            return _compare(db, name, mark, units, now=now, grace=grace, announce=announce)

        gaps.append(await store.write(work))
    result = GapReport(gaps, run)
    if result.missed:
        named = ", ".join(f"{gap.missed:,} of {gap.changed:,} {gap.type}" for gap in gaps if gap.missed)
        logger.warning("changes that no event had named: %s", named)
    return result


async def keep_repairing(
    tonic: TonicDM, inbox: Inbox, types: Sequence[RecordType], every: float, stop: asyncio.Event
) -> None:
    """Repair gaps every *every* seconds until *stop* is set; when the next one is due survives a restart.

    A repair that fails, for example because another sync is at work, is logged and tried again when the next is due.
    """
    while not stop.is_set():
        due = float(await inbox.store.meta(NEXT_REPAIR) or 0.0)
        if 0 < due - inbox.clock.now() <= every:
            await inbox.clock.sleep_until(inbox.clock.monotonic() + min(_TURN_SECONDS, due - inbox.clock.now()))
            continue
        try:
            report = await repair(tonic, inbox, types)
        except TonicDMError as error:
            logger.warning("no gap repair this time: %s", str(error).splitlines()[0])
        else:
            logger.info("gap repair: %d changed, %d missed, %d units", report.changed, report.missed, report.run.units)
        await inbox.store.set_meta(NEXT_REPAIR, str(inbox.clock.now() + every))


_NAMED: Final = """
EXISTS (
    SELECT 1 FROM job JOIN event ON event.number = job.event WHERE job.record_type = record.type
    AND job.id = record.id AND CASE WHEN job.updated IS NOT NULL AND record.updated IS NOT NULL
    THEN job.updated >= record.updated ELSE received >= ? END
)
"""
"""Whether an event names this version of a record: by its timestamp, or, where it has none, by its arrival since."""


def _compare(
    db: Database, record_type: str, mark: str | None, units: int, *, now: float, grace: float, announce: bool
) -> Gap:
    """Compare what changed behind *mark* with the events, move the mark, and note the result."""
    (last,) = db.execute("SELECT coalesce(max(change_seq), 0) FROM record WHERE type = ?", (record_type,)).fetchone()
    changed, missed, recent = 0, list[tuple[str, str | None, bool]](), list[int]()
    if mark is not None:
        changes = db.execute(
            "SELECT change_seq, id, updated, deleted_at FROM record WHERE type = ? AND change_seq > ?",
            (record_type, int(mark)),
        )
        for sequence, record_id, updated, deleted_at in changes.fetchall():
            changed += 1
            made = _time(deleted_at) or _time(updated) or now - grace
            named = f"SELECT {_NAMED} FROM record WHERE type = ? AND id = ?"  # noqa: S608 - no values
            if db.execute(named, (made - SKEW_SECONDS, record_type, record_id)).fetchone()[0]:
                continue
            if made > now - grace:
                recent.append(sequence)
            else:
                missed.append((record_id, updated, deleted_at is not None))
    position = min(recent) - 1 if recent else last
    rows.put_note(db, _POSITION + record_type, str(position))
    db.execute(
        "INSERT INTO gap (type, finished, changed, missed, recent, units) VALUES (?, ?, ?, ?, ?, ?)",
        (record_type, now, changed, len(missed), len(recent), units),
    )
    if announce:
        for record_id, updated, gone in missed:
            _announce(db, record_type, record_id, updated, now, gone=gone)
    return Gap(type=record_type, changed=changed, missed=len(missed), recent=len(recent), units=units)


def _announce(db: Database, record_type: str, record_id: str, updated: str | None, now: float, *, gone: bool) -> None:
    """Make up the event that did not come; its record is in the store already."""
    action = "deleted" if gone else "updated"
    made = db.execute(
        "INSERT INTO event (key, type, signed, received) VALUES (?, ?, 0, ?) "
        "ON CONFLICT (key) DO NOTHING RETURNING number",
        (f"missed:{record_type}:{record_id}:{action}:{updated}", f"{record_type}.{action}", now),
    ).fetchone()
    if made is not None:
        db.execute(
            "INSERT INTO job (event, record_type, id, updated, due, examined, outcome) VALUES (?, ?, ?, ?, ?, 1, ?)",
            (made[0], record_type, record_id, updated, now, "absent" if gone else "current"),
        )


def _time(text: str | None) -> float | None:
    if not text:
        return None
    with contextlib.suppress(ValueError):
        return datetime.datetime.fromisoformat(text).timestamp()
    return None
