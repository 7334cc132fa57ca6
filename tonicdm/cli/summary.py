"""The table that ends a sync: what the file holds, what of it is new, and what that cost beside what was planned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.cli.output import Part, Table
from tonicdm.cli.text import MIN_WIDTH, Column, number
from tonicdm.plan.owner import MAX_UNITS, MIN_UNITS
from tonicdm.store import Store
from tonicdm.store.database import Database
from tonicdm.store.rows import SOFT_DELETED
from tonicdm.sync import RunReport, TypeReport

NOTE: Final = 6
"""Position of the note in a row of the summary."""


@attrs.frozen
class InTheFile:
    """What a file holds of one type after a run."""

    live: int = 0
    """Records that are not deleted."""
    changed: int = 0
    """Records that are new or changed since the run began, tombstones of the run apart."""
    marked: int = 0
    """Of these, records that bear the status of a deleted one: kept, and not among the live."""

    @property
    def as_before(self) -> int:
        """Live records that the run has not changed."""
        return self.live - (self.changed - self.marked)


async def in_the_file(store: Store, before: int) -> dict[str, InTheFile]:
    """Return what a store holds, by type.

    Args:
        store: After the run.
        before: Position of its change feed when the run began.
    """

    def count(db: Database) -> dict[str, InTheFile]:
        sql = (
            "SELECT type, count(*) FILTER (WHERE deleted_at IS NULL), "
            "count(*) FILTER (WHERE change_seq > ? AND (deleted_at IS NULL OR reason = ?)), "
            "count(*) FILTER (WHERE change_seq > ? AND deleted_at IS NOT NULL AND reason = ?) FROM record GROUP BY type"
        )
        return {name: InTheFile(*map(int, counts)) for name, *counts in db.execute(sql, (before, SOFT_DELETED) * 2)}

    return await store.read(count)


def summary(report: RunReport, held: Mapping[str, InTheFile]) -> list[Part]:
    """Return the table, with the notes that it has no room for below it, and what is to be said beside it.

    In each line "in file" is "as before" and "changed" less what its note names.

    Args:
        report: What was done.
        held: What the file holds, by type.
    """
    rows: list[Sequence[Any]] = []
    if report.owner.meter.calls:
        planned = f"{MIN_UNITS}-{MAX_UNITS}"
        rows.append(("owner", "", "", "", report.owner.meter.units, planned, report.owner.why, "", 1))
    for part in report.types:
        counts = held.get(part.type, InTheFile())
        note = "; ".join(_notes(part, counts))
        rows.append((
            part.type, counts.live, counts.changed, part.deleted, part.meter.units, _planned(part), note,
            counts.as_before, part.meter.calls,
        ))  # fmt: skip
    table = Table(
        [
            Column("type", whole=True),
            number("in file"),
            number("changed"),
            number("gone"),
            number("units"),
            number("planned"),
            "note",
            number("as before"),
            number("calls"),
        ],
        rows,
        title="Synced",
        caption=f"{report.units:,} units in {report.seconds:,.0f} s",
    )
    return [table, *remarks(report)]


def long_notes(parts: Sequence[Part]) -> list[str]:
    """Return the notes of a summary that may have been cut, each with its type."""
    return [
        f"{row[0]}: {row[NOTE]}"
        for part in parts
        if isinstance(part, Table)
        for row in part.rows
        if len(str(row[NOTE])) > MIN_WIDTH
    ]


def remarks(report: RunReport) -> list[str]:
    """Return what is to be said below the table."""
    lines = []
    if report.retried:
        lines.append(
            f"{report.retried:,} attempts failed or were lost and were made again; what they cost is not in the units."
        )
    if report.owner.why and not report.owner.meter.calls:
        lines.append(report.owner.why)
    return lines


def _planned(part: TypeReport) -> str:
    if part.max_units is None:
        return f"{part.expected:,} or more"
    return f"{part.expected:,}" if part.max_units == part.expected else f"{part.expected:,}-{part.max_units:,}"


def _notes(part: TypeReport, counts: InTheFile) -> list[str]:
    if part.refused is not None:
        return [f"refused by the server ({part.refused.status})"]
    notes = list(part.why)
    if counts.marked:
        notes.append(f"{counts.marked:,} of the new or changed have the status of a deleted record")
    if part.went_back:
        notes.append(f"{part.went_back:,} went back to an older version")
    if part.quarantined:
        notes.append(f"{part.quarantined:,} in quarantine (tonicdm quarantine FILE)")
    if part.ahead:
        notes.append(f"{part.ahead:,} are stamped in the future")
    if part.settled:
        notes.append(f"waited {part.settled:.0f} s for changes of the same second")
    return notes
