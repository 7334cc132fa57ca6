"""Files of filesets."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.enums import FileCategory
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class File(Record):
    """A file of a fileset (reference: File)."""

    id: RecordID | None = None
    """The file."""
    status: str | None = None
    """Inactive means superseded by a later upload of the same name, or removed."""
    file_category: FileCategory | None = None
    """Functional group of the file."""
