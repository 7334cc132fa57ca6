"""File transfers, and their parts."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import camel_case, snake_case
from tonicdm.models.enums import FileTransferPartStatus, PartType, Status
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class FileTransferPart(Record):
    """One step of a file transfer (reference: FileTransferPart)."""

    id: RecordID | None = None
    """The part."""
    part_type: PartType | None = None
    """Direction of the step."""
    status: FileTransferPartStatus | None = None
    """Whether it sends files or asks for them."""


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class FileTransfer(Record):
    """A file transfer (reference: FileTransfer)."""

    id: RecordID | None = None
    """The file transfer."""
    datetime_created: datetime.datetime | None = None
    """When the record was created."""
    datetime_updated: datetime.datetime | None = None
    """When the record was last changed; marked as not implemented yet."""
    status: Status | None = None
    """Whether it is in use."""
