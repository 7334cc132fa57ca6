"""Notes attached to items."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.enums import Status
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Note(Record):
    """A note attached to an item (reference: Note)."""

    id: RecordID | None = None
    """The note."""
    datetime_created: datetime.datetime | None = None
    """When the record was created."""
    datetime_updated: datetime.datetime | None = None
    """When the record was last changed."""
    status: Status | None = None
    """Whether it is in use."""
    content: str | None = None
    """HTML."""
    attached_to_id: RecordID | None = wire(hyphenated=True)
    """The item it belongs to."""
    person_id: RecordID | None = wire(hyphenated=True)
    """The person who wrote it."""
    is_printed: bool | None = None
    """Whether it is printed with the item."""
