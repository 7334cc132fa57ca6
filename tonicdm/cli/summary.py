"""The table that ends a sync: what the file holds, what of it is new, and what that cost beside what was planned."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import attrs
from rich.table import Table

from tonicdm.plan.owner import MAX_UNITS, MIN_UNITS
from tonicdm.store import Store
from tonicdm.store.rows import SOFT_DELETED
from tonicdm.sync import RunReport, TypeReport


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

    def count(db: sqlite3.Connection) -> dict[str, InTheFile]:
        sql = (
            "SELECT type, sum(deleted_at IS NULL), "
            "sum(change_seq > ?1 AND (deleted_at IS NULL OR reason = ?2)), "
            "sum(change_seq > ?1 AND deleted_at IS NOT NULL AND reason = ?2) FROM record GROUP BY type"
        )
        return {kind: InTheFile(*map(int, found)) for kind, *found in db.execute(sql, (before, SOFT_DELETED))}

    return await store.read(count)


def summary(report: RunReport, held: Mapping[str, InTheFile]) -> Table:
    """Return the table; in each line "in the file" is "as before" and "new or changed" less what its note names.

    Args:
        report: What was done.
        held: What the file holds, by type.
    """
    table = Table(title="Synced", caption=f"{report.units:,} units in {report.seconds:,.0f} s")
    table.add_column("type")
    for name in ("in the file", "as before", "new or changed", "gone", "calls", "units", "planned"):
        table.add_column(name, justify="right")
    table.add_column("note")
    if report.owner.meter.calls:
        table.add_row(
            "owner", *[""] * 4, "1", f"{report.owner.meter.units:,}", f"{MIN_UNITS}-{MAX_UNITS}", report.owner.why
        )
    for one in report.types:
        found = held.get(one.type, InTheFile())
        figures = (found.live, found.as_before, found.changed, one.deleted, one.meter.calls, one.meter.units)
        table.add_row(one.type, *(f"{number:,}" for number in figures), _planned(one), "; ".join(_notes(one, found)))
    return table


def remarks(report: RunReport) -> list[str]:
    """Return what is to be said below the table."""
    found = []
    if report.retried:
        found.append(
            f"{report.retried:,} attempts failed or were lost and were made again; what they cost is not in the units."
        )
    if report.owner.why and not report.owner.meter.calls:
        found.append(report.owner.why)
    return found


def _planned(one: TypeReport) -> str:
    if one.max_units is None:
        return f"{one.expected:,} or more"
    return f"{one.expected:,}" if one.max_units == one.expected else f"{one.expected:,}-{one.max_units:,}"


def _notes(one: TypeReport, found: InTheFile) -> list[str]:
    if one.refused is not None:
        return [f"refused by the server ({one.refused.status})"]
    notes = list(one.why)
    if found.marked:
        notes.append(f"{found.marked:,} of the new or changed have the status of a deleted record")
    if one.went_back:
        notes.append(f"{one.went_back:,} went back to an older version")
    if one.quarantined:
        notes.append(f"{one.quarantined:,} in quarantine (tonicdm quarantine FILE)")
    if one.ahead:
        notes.append(f"{one.ahead:,} are stamped in the future")
    if one.settled:
        notes.append(f"waited {one.settled:.0f} s for changes of the same second")
    return notes
