"""Conversations: correspondence by email."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Conversation(Record):
    """A conversation (reference: Conversation)."""

    id: RecordID | None = wire(hyphenated=True)
    """The conversation."""
    datetime_created: datetime.datetime | None = None
    """When the record was created."""
    datetime_updated: datetime.datetime | None = None
    """When the record was last changed."""
