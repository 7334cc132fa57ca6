"""Offices: physical locations of an organization."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.enums import Status
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Office(Record):
    """A physical location (reference: Office)."""

    id: RecordID | None = None
    """The office."""
    organization_id: RecordID | None = None
    """The organization it belongs to; outside your own only with the AdvancedContacts licence."""
    datetime_created: datetime.datetime | None = None
    """When the record was created."""
    datetime_updated: datetime.datetime | None = None
    """When the record was last changed."""
    status: Status | None = None
    """Whether the office is in use."""
    name: str | None = None
    """Name used in the app only."""
    address: str | None = None
    """Postal address; line breaks come as ``<br>``."""
    phone_country_code: float | None = None
    """Digits of the country code."""
    phone_number: float | None = None
    """Digits of the number."""
