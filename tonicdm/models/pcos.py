"""Proposed change orders (PCOs)."""

from __future__ import annotations

import attrs

from tonicdm.codec import snake_case
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class PcoPart(Record):
    """One step of a proposed change order (reference: PcoPart).

    The reference shows none of its fields; what comes stands in `extra`.
    """


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Pco(Record):
    """A proposed change order (reference: Pco)."""

    id: RecordID | None = None
    """The proposed change order."""
