"""Divisions: the firm's own groupings of staff and projects."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Division(Record):
    """A grouping of the organization, such as a market sector or a studio (reference: Division).

    The reference shows none of its fields, so both are assumed; everything else that comes stands in `extra`.
    AdvancedMetrics licence.
    """

    id: RecordID | None = wire(assumed=True)
    """The division. Assumed: references are IDs (concepts page, "Rate Limiting")."""
    name: str | None = wire(assumed=True)
    """What it is called, such as "Airports". Assumed: the concepts page has examples of names, and not the field's name
    ("Division1 and Division2")."""
