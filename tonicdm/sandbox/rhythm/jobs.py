"""Work that takes time: queries with their result files, and executions of step functions."""

from __future__ import annotations

import csv
import itertools
import pathlib
import zipfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal
from xml.sax.saxutils import escape

import attrs

from tonicdm.sandbox.messages import to_json
from tonicdm.sandbox.rhythm.association import World
from tonicdm.sandbox.world.stamps import stamp

FORMATS = ("json", "csv", "excel", "excelUnformatted")
"""Output formats of this server (reference, OutputFormat); the concepts page leaves room for more."""
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "excelUnformatted": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""Content-Type by format."""

_AT_ONCE = 500
_SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = {
    "[Content_Types].xml": (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType='
        f'"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        f'"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{_SPREADSHEET}" xmlns:r="{_RELATIONS}"><sheets>'
        f'<sheet name="Query" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_RELATIONS}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}


def write(path: pathlib.Path, form: str, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a result file without holding it in memory.

    Args:
        path: Where to.
        form: One of `FORMATS`.
        fields: Names of the columns.
        rows: Values in the order of the columns; None where a record has none.
    """
    if form == "json":
        _write_json(path, fields, rows)
    elif form == "csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(fields)
            writer.writerows([_text(value) for value in row] for row in rows)
    else:
        _write_sheet(path, fields, rows)


def _write_json(path: pathlib.Path, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    source = iter(rows)
    with path.open("wb") as file:
        separator = b"["
        while some := [dict(zip(fields, row, strict=True)) for row in itertools.islice(source, _AT_ONCE)]:
            file.write(separator + to_json(some)[1:-1])
            separator = b","
        file.write(b"]" if separator == b"," else b"[]")


def _write_sheet(path: pathlib.Path, fields: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        for name, text in _PARTS.items():
            package.writestr(name, text)
        with package.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{_SPREADSHEET}"><sheetData>'.encode())
            for row in itertools.chain([fields], rows):
                sheet.write(b"<row>" + "".join(_cells(row)).encode() + b"</row>")
            sheet.write(b"</sheetData></worksheet>")


def _cells(row: Sequence[Any]) -> Iterator[str]:
    for value in row:
        if isinstance(value, bool):
            yield f'<c t="b"><v>{int(value)}</v></c>'
        elif isinstance(value, int | float):
            yield f"<c><v>{value}</v></c>"
        elif value is None:
            yield "<c/>"
        else:
            yield f'<c t="inlineStr"><is><t>{escape(_text(value))}</t></is></c>'


def _text(value: Any) -> str:
    """Return a value as text: nothing for None, JSON for lists and objects."""
    if value is None:
        return ""
    return value if isinstance(value, str) else to_json(value).decode()


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


Outcome = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
OUTCOMES: tuple[Outcome, ...] = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
"""Statuses that end an execution (reference, x-terminal-statuses)."""


@attrs.define(kw_only=True)
class Execution:
    """One run of a state machine."""

    machine: str
    """Name of the state machine."""
    id: str
    """Its own part of the ARN."""
    input: Any
    """What it was started with."""
    started: float
    """Server time."""
    submitted_seconds: float
    """How long it is SUBMITTED."""
    seconds: float
    """How long it then is RUNNING."""
    outcome: Outcome
    """How it ends unless it is cancelled."""
    output: dict[str, Any]
    """What it gives when it succeeds."""
    cancelled: float | None = None
    """Server time at which it was cancelled."""

    @property
    def arn(self) -> str:
        """Name by which it is described: machine and ID are its last two parts, as in AWS."""
        return f"arn:aws:states:us-east-1:000000000000:execution:{self.machine}:{self.id}"

    def status(self, now: float) -> str:
        """Return its state at a moment."""
        if self.cancelled is not None:
            return "ABORTED"
        if now < self.started + self.submitted_seconds:
            return "SUBMITTED"
        return "RUNNING" if now < self._end else self.outcome

    def is_running(self, now: float) -> bool:
        """Return whether it has not ended yet."""
        return self.status(now) not in OUTCOMES

    def cancel(self, now: float) -> None:
        """Stop it; one that has ended stays as it ended."""
        if self.is_running(now):
            self.cancelled = now

    def described(self, now: float) -> dict[str, Any]:
        """Return it as describeStateMachineExecution does."""
        status = self.status(now)
        body: dict[str, Any] = {
            "executionArn": self.arn,
            "stateMachineArn": f"arn:aws:states:us-east-1:000000000000:stateMachine:{self.machine}",
            "status": status,
            "input": to_json(self.input).decode(),
            "start_date": stamp(self.started, 0),
        }
        if status in OUTCOMES:
            body["stop_date"] = stamp(self._end if self.cancelled is None else self.cancelled, 0)
        if status == "SUCCEEDED":
            body["output"] = self.output
        return body

    @property
    def _end(self) -> float:
        return self.started + self.submitted_seconds + self.seconds
