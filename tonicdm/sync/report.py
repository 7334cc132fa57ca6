"""Reports of a sync, while it runs and when it is done."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from tonicdm import display
from tonicdm.errors import APIError, TonicDMError
from tonicdm.http.messages import Response
from tonicdm.plan.owner import Ownership
from tonicdm.plan.steps import Stage
from tonicdm.store.writing import Written


class SyncStoppedError(TonicDMError):
    """A sync stopped of its own accord, because going on could have lost data; nothing was deleted.

    Attributes:
        type: The record type at fault.
    """

    def __init__(self, record_type: str, reason: str) -> None:
        super().__init__(f"{record_type}: {reason}. Nothing was marked as deleted; what was fetched is kept.")
        self.type = record_type


@attrs.define
class Meter:
    """Adds up what the calls of one type cost."""

    units: int = 0
    calls: int = 0
    waited: float = 0.0
    retried: int = 0
    """Attempts that failed or were lost, and were made again; what they cost is not among the units."""
    charged: int | None = None
    """What the last call was charged, where that can be told."""

    def __call__(self, answer: Response, units: int) -> None:
        """Take in one answer."""
        self.units += units
        self.calls += 1
        self.waited += answer.waited
        self.retried += answer.attempts - 1
        self.charged = answer.observed_cost


@attrs.define(kw_only=True)
class TypeReport:
    """What a sync did with one type."""

    type: str
    stage: Stage = Stage.LOAD
    records: int = 0
    """Records and stubs read."""
    changed: int = 0
    """Records that were new or different."""
    deleted: int = 0
    """Tombstones made."""
    pages: int = 0
    meter: Meter = attrs.field(factory=Meter)
    expected: int = 0
    """Units that the run was planned to cost at least (`tonicdm.plan.estimate`)."""
    max_units: int | None = None
    """Units that it was planned to cost at most; None where nobody knows how many records there are."""
    ahead: int = 0
    """Records that are stamped in the future, further than clocks explain."""
    settled: float = 0.0
    """Seconds that were waited until records that had just changed could no more change within their second."""
    why: list[str] = attrs.field(factory=list)
    """What is worth knowing of how it was done."""
    went_back: int = 0
    """Records whose timestamp is older than that of the version before: a server that was restored, say."""
    quarantined: int = 0
    """Elements that came and are no records; `tonicdm quarantine` shows them."""
    cleaned: int = 0
    """Rows removed that an earlier version had made of answers that were no records."""
    done: bool = False
    refused: APIError | None = None
    """Why the server does not give this type: no right, no licence, no such endpoint."""

    def add(self, written: Written) -> None:
        """Take in what a write did."""
        self.changed += written.changed
        self.went_back += written.went_back
        self.quarantined += written.quarantined


OnProgress = Callable[[TypeReport], None]


@attrs.define(kw_only=True)
class OwnerReport:
    """What the look at whose records a token gives has shown."""

    ownership: Ownership
    meter: Meter = attrs.field(factory=Meter)
    why: str = ""
    """What is worth knowing of it."""


@attrs.frozen(kw_only=True)
class RunReport:
    """What a whole run did."""

    types: Sequence[TypeReport]
    seconds: float
    owner: OwnerReport
    """What the look at whose records they are has shown."""

    @property
    def units(self) -> int:
        """Units of all calls."""
        return self.owner.meter.units + sum(report.meter.units for report in self.types)

    @property
    def retried(self) -> int:
        """Attempts that failed or were lost, and were made again; what they cost is not among the units."""
        return self.owner.meter.retried + sum(report.meter.retried for report in self.types)

    @property
    def changed(self) -> int:
        """Records that were new or different."""
        return sum(report.changed for report in self.types)

    def _repr_html_(self) -> str:
        head = ("type", "changed", "deleted", "quarantined", "units", "units expected")
        rows = [
            (report.type, report.changed, report.deleted, report.quarantined, report.meter.units, report.expected)
            for report in self.types
        ]
        caption = f"Run of {self.seconds:,.1f} s: {self.changed:,} records changed, {self.units:,} units used"
        return display.table(caption, head, rows)

    def as_json(self) -> str:
        """Return the run as one line of JSON, for machines."""
        types: dict[str, Any] = {
            report.type: {
                "changed": report.changed,
                "deleted": report.deleted,
                "units": report.meter.units,
                "calls": report.meter.calls,
                "went_back": report.went_back,
                "quarantined": report.quarantined,
                "expected": report.expected,
                "max_units": report.max_units,
                "most": report.max_units,  # the earlier name, kept for one version more
                "retried": report.meter.retried,
                "waited": round(report.meter.waited, 1),
                "refused": None if report.refused is None else report.refused.status,
            }
            for report in self.types
        }
        total = {
            "changed": self.changed,
            "deleted": sum(report.deleted for report in self.types),
            "units": self.units,
            "retried": self.retried,
            "seconds": round(self.seconds, 1),
        }
        return json.dumps({**total, "types": types}, separators=(",", ":"))
