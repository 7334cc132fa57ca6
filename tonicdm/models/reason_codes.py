"""Reason codes of RFIs."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class ReasonCode(Record):
    """Why an RFI was asked (reference: ReasonCode)."""

    id: RecordID | None = None
    """The reason code."""
    brand_id: RecordID | None = None
    """The brand it belongs to."""
    name: str | None = None
    """Its name; 1 to 64 characters."""
