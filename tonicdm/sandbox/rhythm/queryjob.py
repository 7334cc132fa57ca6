"""A query from its start to its file."""

from __future__ import annotations

import pathlib
from array import array
from collections.abc import Iterator
from typing import Any, Literal

import attrs

from tonicdm.sandbox.rhythm.results import write
from tonicdm.sandbox.rhythm.world import World

State = Literal["waiting", "running", "done", "failed"]
STATES: tuple[State, ...] = ("waiting", "running", "done", "failed")
"""In the order of the setting query_statuses."""


@attrs.define(kw_only=True)
class QueryJob:
    """A query that was started, over the records as they were then."""

    id: str
    type: str
    """Service and record kind, as "rolodex:contacts"."""
    record_type: str
    """Type of the world's records."""
    format: str
    """Output format."""
    fields: tuple[str, ...]
    """Output fields."""
    world: World
    """The records at the start; later changes do not show."""
    ranks: array[int]
    """The records that match, in order."""
    started: float
    """Server time."""
    started_by: str
    queued_seconds: float
    seconds: float
    fails: bool = False
    """Whether it will fail."""
    file: pathlib.Path | None = None
    """The result, once somebody has looked at the finished query."""

    @property
    def ended(self) -> float:
        """Server time at which it is done."""
        return self.started + self.queued_seconds + self.seconds

    @property
    def extension(self) -> str:
        """What the name of its file ends with."""
        return {"excel": "xlsx", "excelUnformatted": "xlsx"}.get(self.format, self.format)

    def state(self, now: float) -> State:
        """Return its state at a moment."""
        if now < self.started + self.queued_seconds:
            return "waiting"
        if now < self.ended:
            return "running"
        return "failed" if self.fails else "done"

    def changed(self, now: float) -> float:
        """Return the server time at which it came into its present state."""
        state = self.state(now)
        if state == "waiting":
            return self.started
        return self.started + self.queued_seconds if state == "running" else self.ended

    def rows(self) -> Iterator[list[Any]]:
        """Return the values of the output fields, row by row."""
        reach, record_type, fields = self.world.reach, self.record_type, self.fields
        return ([reach(record_type, rank, field) for field in fields] for rank in self.ranks)

    def result(self, folder: pathlib.Path) -> pathlib.Path:
        """Return the file with the result, written at the first call."""
        if self.file is None:
            self.file = folder / f"{self.id}.{self.extension}"
            write(self.file, self.format, self.fields, self.rows())
        return self.file
