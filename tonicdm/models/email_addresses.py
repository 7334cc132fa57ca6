"""Email addresses: contact data of a single address."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import Record, camel_case
from tonicdm.models.enums import DeliveryStatus, EmailAddressType, Status
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class EmailAddress(Record):
    """Contact data for a single email address (reference: EmailAddress)."""

    id: RecordID | None = None
    """The email address."""
    status: Status | None = None
    """Whether it is in use."""
    email_address: str | None = None
    """The address itself."""
    person_id: RecordID | None = None
    """Links the addresses of one person; AdvancedContacts licence outside your own organization."""
    date_active: datetime.date | None = None
    """When the address became active."""
    is_prime: bool | None = None
    """Whether its data stand for the person; AdvancedContacts licence."""
    type: EmailAddressType | None = None
    """What kind of address it is; assigned automatically."""
    delivery_status: DeliveryStatus | None = None
    """Whether mail to it arrives; assigned automatically."""
