"""Columns that a table shows of each record type, by their wire names; the first are the most important ones."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tonicdm.cli.output import Table
from tonicdm.cli.text import Column
from tonicdm.codec import wire_names
from tonicdm.models import Record

_WORKFLOW: Final = ("id", "our_number", "our_title", "stage", "our_response_required_date", "status", "datetimeUpdated")
_PARTS: Final = ("id", "number", "title", "part_type", "action_datetime", "from", "status")

COLUMNS: Final[Mapping[str, Sequence[str]]] = {
    "persons": ("id", "name", "title", "status", "datetimeUpdated"),
    "email_addresses": ("id", "emailAddress", "name", "status", "type", "isPrime", "title"),
    "organizations": ("id", "name", "status", "isTenant", "datetimeUpdated"),
    "brands": ("id", "nameShort", "nameLong", "status", "isPrime", "datetimeUpdated"),
    "offices": ("id", "name", "address", "status", "timezone", "datetimeUpdated"),
    "projects": ("id", "projectNumber", "projectNameKnownAs", "status", "purpose", "zone", "datetimeUpdated"),
    "team": ("id", "personId", "status", "datetimeUpdated"),
    "labels": ("id", "name", "objectType", "status", "objectId", "datetimeUpdated"),
    "notes": ("id", "content", "personName", "actionDateTime", "status"),
    "disciplines": ("id", "nameShort", "nameLong", "nameInitials", "datetimeUpdated"),
    "certification_definitions": ("id", "name", "status", "datetimeUpdated"),
    "files": ("id", "filePathNameExt", "sizeBytes", "fileCategory", "status", "datetimeUpdated"),
    "thumbnails": ("id", "fileId", "datetimeUpdated"),
    "conversations": ("id", "subject", "datetimeUpdated"),
    "rfis": _WORKFLOW,
    "submittals": _WORKFLOW,
    "pcos": _WORKFLOW,
    "cos": _WORKFLOW,
    "rfi_parts": _PARTS,
    "pco_parts": _PARTS,
    "file_transfer_parts": _PARTS,
    "tasks": ("id", "title", "due_date", "is_done", "status", "datetimeUpdated"),
    "file_transfers": ("id", "title", "is_request", "status", "datetimeUpdated"),
    "tenants": ("id", "domain", "zone", "industryRole", "customerType", "status", "datetimeUpdated"),
}
"""Record types that are not here show their first plain fields."""

MAX_PLAIN: Final = 8
"""Fields that a type without columns of its own shows."""

_TIMES: Final = ("datetimeUpdated", "datetimeCreated", "action_datetime", "actionDateTime")
_WHOLE: Final = frozenset({"id", "status", "stage", "number", "our_number", "projectNumber", "due_date", "sizeBytes"})
_NUMBERS: Final = frozenset({"sizeBytes"})


def record_table(record_type: str, model: type[Record], rows: Sequence[Mapping[str, Any]]) -> Table:
    """Return records as a table: a few columns for a terminal, and all fields that the type knows for CSV.

    Args:
        record_type: Whose columns.
        model: The class of the records; its fields make the header where there are no records.
        rows: The records as JSON objects.
    """
    present = list(dict.fromkeys(name for row in rows for name in row))
    known = list(wire_names(model).values())
    everything = [*known, *(name for name in present if name not in known)]
    chosen = [name for name in COLUMNS.get(record_type, _plain(rows, everything)) if not rows or name in present]
    return Table(
        [_column(name) for name in chosen],
        [[row.get(name) for name in chosen] for row in rows],
        caption=f"{len(rows):,} record{'' if len(rows) == 1 else 's'}",
        wide=Table(everything, [[row.get(name) for name in everything] for row in rows]),
    )


def _plain(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[str]:
    plain = [name for name in names if not any(isinstance(row.get(name), (list, dict)) for row in rows)]
    return plain[:MAX_PLAIN]


def _column(name: str) -> Column:
    if name in _TIMES:
        return Column(name, whole=True, short=to_the_minute)
    return Column(name, right=name in _NUMBERS, whole=name in _WHOLE)


def to_the_minute(text: str) -> str:
    """Return a time in UTC to the minute; what is no time as it is."""
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment.astimezone(datetime.UTC) if moment.tzinfo else moment:%Y-%m-%d %H:%M}"
