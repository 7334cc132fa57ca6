"""Organizations: containers of persons, offices and brands."""

from __future__ import annotations

import attrs

from tonicdm.codec import Record, camel_case
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Organization(Record):
    """A container of persons, offices and brands (reference: Organization).

    The reference shows only its ID; everything else that comes stands in `extra`.
    """

    id: RecordID | None = None
    """The organization."""
