"""Email addresses: contact data of a single address."""

from __future__ import annotations

from typing import Final

import attrs

from tonicdm.codec import camel_case_assumed
from tonicdm.models.enums import DeliveryStatus, EmailAddressType
from tonicdm.models.offices import Office
from tonicdm.models.persons import PersonEmailAddress
from tonicdm.models.references import Reference
from tonicdm.types import RecordID

DOCUMENTED: Final = (
    "id",
    "status",
    "email_address",
    "person_id",
    "date_active",
    "is_prime",
    "type",
    "delivery_status",
)
"""Fields that the reference lists (EmailAddress)."""


@attrs.frozen(kw_only=True, field_transformer=camel_case_assumed(*DOCUMENTED), repr=False)
class EmailAddress(PersonEmailAddress):
    """Contact data for a single email address (reference: EmailAddress).

    The concepts page says what it holds ("Email Addresses, Persons and Staff"), the reference shows few of the names:
    all others are assumed to be those of the address inside a person. `office` and `brand_id` are assumed, too.
    """

    type: EmailAddressType | None = None
    """What kind of address it is; assigned automatically."""
    delivery_status: DeliveryStatus | None = None
    """Whether mail to it arrives; assigned automatically."""
    office: Reference[Office] | None = None
    """The office that the contact is assigned to; AdvancedContacts licence outside your own organization."""
    brand_id: RecordID | None = None
    """The brand that has the address's domain; assigned automatically."""
