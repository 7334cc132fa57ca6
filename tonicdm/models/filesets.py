"""Filesets: sets of files attached to an object."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import camel_case, snake_case, wire
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Fileset(Record):
    """A set of files attached to an object, with earlier versions of replaced or deleted ones (reference: Fileset)."""

    id: RecordID | None = wire(hyphenated=True)
    """The fileset."""
    datetime_created: datetime.datetime | None = None
    """When the record was created."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class ExpiryUrl(Record):
    """A download link that expires (reference: ExpiryUrl). The link opens files: it stands in no repr."""

    expiry_id: RecordID | None = None
    """Given when a workflow item is created, it ties the link to the item's fileset."""
    expiry_url: str | None = wire(shown=False)
    """The link."""
