"""Thumbnails of files."""

from __future__ import annotations

from typing import Any

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class ThumbnailSet(Record):
    """The thumbnails of one file (reference: ThumbnailSet)."""

    file_id: RecordID | None = None
    """The file."""
    thumbnail_array: tuple[Any, ...] | None = wire(shown=False, hashed=False)
    """The thumbnails as plain JSON, whose form is not documented; not in a repr, as they may hold signed URLs."""
