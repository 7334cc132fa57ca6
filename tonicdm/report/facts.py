"""Facts of a report, read from a store, a ledger of units and a ledger of machine tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from tonicdm.budget.history import WindowRecord
from tonicdm.plan.arithmetic import IDS_PER_CALL, batches
from tonicdm.plan.refresh import RECORD_UNITS
from tonicdm.rhythm.tokens import minting
from tonicdm.rhythm.tokens.ledger import MintState, TokenLedger
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.store.database import Database
from tonicdm.store.rows import newest_change

MAX_RUNS: Final = 5_000
"""Runs that are read, the latest ones."""

MAX_LISTED: Final = 50
"""Elements in quarantine and dead letters that are listed."""


@attrs.frozen
class Run:
    """What one run found of one type."""

    record_type: str
    finished: str
    """ISO 8601 in UTC."""
    changed: int
    deleted: int
    units: int
    records: int | None
    """Records of the type when it ended; None for a run of an earlier version."""

    @property
    def day(self) -> str:
        """The date on which it ended, in UTC."""
        return self.finished[:10]

    @property
    def bound(self) -> int:
        """Units below which its changes can't be read: 5 for each headerful of IDs."""
        return batches(self.changed, IDS_PER_CALL) * RECORD_UNITS


@attrs.frozen
class TypeFacts:
    """One record type of a copy."""

    name: str
    records: int
    tombstones: int
    quarantined: int
    until: str | None
    """Up to when all changes are in the copy, ISO 8601 in UTC; None before the first full load."""
    audited: str | None
    """When deletions were last looked for."""
    runs: tuple[Run, ...] = ()
    """The earliest first."""


@attrs.frozen
class QuarantineFacts:
    """One element in quarantine, without its text."""

    record_type: str
    record_id: str
    reason: str
    updated: str


@attrs.frozen
class GapFacts:
    """What webhooks missed of one type, in one look."""

    record_type: str
    finished: float
    """Unix time."""
    changed: int
    missed: int


@attrs.frozen
class DeadLetterFacts:
    """One dead letter."""

    event_type: str
    record_type: str
    record_id: str
    received: float
    """Unix time."""
    attempts: int
    error: str


@attrs.frozen(kw_only=True)
class CopyFacts:
    """What a store says of itself."""

    name: str
    size: int
    position: int
    types: tuple[TypeFacts, ...]
    quarantine: tuple[QuarantineFacts, ...]
    quarantined: int
    """Elements in quarantine in all."""
    gaps: tuple[GapFacts, ...]
    jobs: Mapping[str, int]
    """Jobs of webhook events, by state."""
    dead_letters: tuple[DeadLetterFacts, ...]

    @property
    def runs(self) -> list[Run]:
        """The runs of all types, the earliest first."""
        return sorted((run for facts in self.types for run in facts.runs), key=lambda run: run.finished)


@attrs.frozen
class BudgetFacts:
    """The windows of a budget."""

    windows: tuple[WindowRecord, ...]
    """Those that are over, the latest one last."""
    limit: int
    used: int
    """Of the window under way."""


@attrs.frozen
class MintFacts:
    """The machine tokens that a tenant's issuer has issued in a month."""

    issuer: str
    month: str
    """Such as 2026-01."""
    by_day: Mapping[int, int]
    """Mints that count, by the day of the month."""
    used: int
    stop: int
    """The hard stop that programs use."""
    limit: int
    """What the issuer allows in a month."""


def read_copy(db: Database, *, name: str, size: int) -> CopyFacts:
    """Read the facts of a store.

    Args:
        db: The store.
        name: The file's name, for people.
        size: Bytes of the file.
    """
    aside = db.execute("SELECT type, id, reason, updated FROM quarantine ORDER BY read_number DESC").fetchall()
    return CopyFacts(
        name=name,
        size=size,
        position=newest_change(db),
        types=tuple(_types(db, Counter(row[0] for row in aside))),
        quarantine=tuple(
            QuarantineFacts(type_, id_ or "", why, at or "") for type_, id_, why, at in aside[:MAX_LISTED]
        ),
        quarantined=len(aside),
        gaps=tuple(
            GapFacts(*row)
            for row in db.execute("SELECT type, finished, changed, missed FROM gap ORDER BY number").fetchall()
        ),
        jobs=dict(db.execute("SELECT state, count(*) FROM job GROUP BY state").fetchall()),
        dead_letters=tuple(_dead_letters(db)),
    )


def _types(db: Database, aside: Mapping[str, int]) -> list[TypeFacts]:
    live = dict(db.execute("SELECT type, count(*) FROM record WHERE deleted_at IS NULL GROUP BY type").fetchall())
    gone = dict(db.execute("SELECT type, count(*) FROM record WHERE deleted_at IS NOT NULL GROUP BY type").fetchall())
    marks = {row[0]: row[1:] for row in db.execute("SELECT type, until, audited FROM watermark").fetchall()}
    sql = "SELECT type, finished, changed, deleted, units, records FROM history ORDER BY number DESC LIMIT ?"
    runs: dict[str, list[Run]] = {}
    for row in db.execute(sql, (MAX_RUNS,)).fetchall():
        runs.setdefault(row[0], []).append(Run(*row))
    names = sorted({*live, *gone, *marks, *runs, *aside})
    return [
        TypeFacts(
            name=name,
            records=live.get(name, 0),
            tombstones=gone.get(name, 0),
            quarantined=aside.get(name, 0),
            until=marks.get(name, (None, None))[0],
            audited=marks.get(name, (None, None))[1],
            runs=tuple(reversed(runs.get(name, []))),
        )
        for name in names
    ]


def _dead_letters(db: Database) -> list[DeadLetterFacts]:
    sql = (
        "SELECT event.type, record_type, id, received, attempts, coalesce(error, '') "
        "FROM job JOIN event ON event.number = job.event "
        "WHERE state = 'dead' ORDER BY job.number DESC LIMIT ?"
    )
    return [DeadLetterFacts(*row) for row in db.execute(sql, (MAX_LISTED,)).fetchall()]


def read_mints(ledgers: Sequence[TokenLedger], now: float, rules: MintRules) -> list[MintFacts]:
    """Return what the ledgers of machine tokens tell of the month of *now*.

    Args:
        ledgers: One for each tenant.
        now: Unix time.
        rules: The limits that programs use.
    """
    month = minting.month_of(now)
    facts: list[MintFacts] = []
    for ledger in ledgers:
        if not ledger.issuer:
            continue
        days = Counter(
            minting.moment(mint.at).day
            for mint in ledger.mints
            if minting.month_of(mint.at) == month and mint.state is not MintState.REFUSED
        )
        used = minting.counted(ledger, now, rules)
        facts.append(MintFacts(ledger.issuer, month, days, used, rules.stop, rules.allowance))
    return facts
