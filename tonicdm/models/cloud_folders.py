"""Folders of third-party cloud platforms."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.enums import FileCategory
from tonicdm.models.records import Record


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class CloudFolderChild(Record):
    """A file or folder in a folder of a cloud platform (reference: CloudFolderChild)."""

    id: str | None = None
    """The ID that the platform gave it; not one of TonicDM's."""
    datetime_created: datetime.datetime | None = None
    """When the record was created."""
    datetime_updated: datetime.datetime | None = None
    """When the record was last changed."""
    file_category: FileCategory | None = None
    """Functional group of the file."""
