"""What a sync says of itself while it runs and when it is done."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from tonicdm.errors import APIError, TonicDMError
from tonicdm.http.call import Answer
from tonicdm.store.writing import Written


class Stage(enum.StrEnum):
    """What a pass over a type reads; checkpoints name it."""

    LOAD = "load"
    """All records."""
    CHANGES = "changes"
    """The records that changed since the watermark."""
    COMPARE = "compare"
    """All stubs, to find what changed."""
    AUDIT = "audit"
    """All stubs, to find what is gone."""


class SyncStoppedError(TonicDMError):
    """A sync stopped of its own accord, because going on could have lost data; nothing was deleted.

    Attributes:
        type: The record type at fault.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"{kind}: {reason}. Nothing was marked as deleted; what was fetched is kept.")
        self.type = kind


@attrs.define
class Meter:
    """Adds up what the calls of one type cost."""

    units: int = 0
    calls: int = 0
    waited: float = 0.0

    def __call__(self, answer: Answer, units: int) -> None:
        """Take in one answer."""
        self.units += units
        self.calls += 1
        self.waited += answer.waited


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
    lower_bound: int = 0
    """Units below which no sequence of calls could have done it (design: the plan's arithmetic)."""
    why: list[str] = attrs.field(factory=list)
    """Why more was spent than the lower bound, and what else is worth knowing."""
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


Tell = Callable[[TypeReport], None]


@attrs.frozen(kw_only=True)
class RunReport:
    """What a whole run did."""

    types: Sequence[TypeReport]
    seconds: float

    @property
    def units(self) -> int:
        """Units of all calls."""
        return sum(one.meter.units for one in self.types)

    @property
    def changed(self) -> int:
        """Records that were new or different."""
        return sum(one.changed for one in self.types)

    def as_json(self) -> str:
        """Return the run as one line of JSON, for machines."""
        types: dict[str, Any] = {
            one.type: {
                "changed": one.changed,
                "deleted": one.deleted,
                "units": one.meter.units,
                "calls": one.meter.calls,
                "went_back": one.went_back,
                "quarantined": one.quarantined,
                "lower_bound": one.lower_bound,
                "waited": round(one.meter.waited, 1),
                "refused": None if one.refused is None else one.refused.status,
            }
            for one in self.types
        }
        total = {
            "changed": self.changed,
            "deleted": sum(one.deleted for one in self.types),
            "units": self.units,
            "lower_bound": sum(one.lower_bound for one in self.types),
            "seconds": round(self.seconds, 1),
        }
        return json.dumps({**total, "types": types}, separators=(",", ":"))
