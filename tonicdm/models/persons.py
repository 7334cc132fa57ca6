"""Persons: one physical person each, whatever the number of email addresses."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.divisions import Division
from tonicdm.models.enums import Status
from tonicdm.models.offices import Office
from tonicdm.models.records import Record
from tonicdm.models.references import Reference
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class PersonEmailAddress(Record):
    """An email address inside a person (reference: PersonEmailAddress)."""

    id: RecordID | None = None
    """The email address."""
    person_id: RecordID | None = None
    """Links the addresses of one person; AdvancedContacts licence outside your own organization."""
    status: Status | None = None
    """Whether the address is in use."""
    email_address: str | None = None
    """The address itself."""
    name: str | None = None
    """Name of the person under this address."""
    title: str | None = None
    """Title of the person under this address."""
    deskphone_country_code: float | str | None = None
    """Country code; the reference infers from a sample that phone fields are numbers, so texts are read too."""
    deskphone_number: float | str | None = None
    """Digits of the desk phone."""
    deskphone_extension: float | str | None = None
    """Extension of the desk phone."""
    mobilephone_country_code: float | str | None = None
    """Country code of the mobile phone."""
    mobilephone_number: float | str | None = None
    """Digits of the mobile phone."""
    date_active: datetime.date | None = None
    """When the address became active."""
    date_inactive: datetime.date | None = None
    """When the address stopped being active."""
    is_prime: bool | None = None
    """Whether its data stand for the person; AdvancedContacts licence."""
    customer_data_warehouse_id: str | None = None
    """ID in the customer's data warehouse."""
    customer_erp_id: str | None = None
    """ID in the customer's ERP."""
    customer_crm_id: str | None = None
    """ID in the customer's CRM."""


attrs.resolve_types(PersonEmailAddress)  # of the fields that other models have of it


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Person(Record):
    """A physical person with all its email addresses (reference: Person)."""

    id: RecordID | None = None
    """The person."""
    datetime_created: datetime.datetime | None = None
    """When the record was created."""
    datetime_updated: datetime.datetime | None = None
    """When the record was last changed."""
    status: Status | None = None
    """Whether the person is in use."""
    email_addresses: tuple[PersonEmailAddress, ...] | None = None
    """Addresses that the person uses or used."""
    name: str | None = None
    """Name, from the prime address."""
    title: str | None = None
    """Title, from the prime address."""
    desk_phone: Any = wire(hashed=False)
    """Desk phone as plain JSON: the reference shows it only as null."""
    mobile_phone: Any = wire(hashed=False)
    """Mobile phone as plain JSON: the reference shows it only as null."""
    office: Reference[Office] | None = None
    """The office of the person."""
    division1: Reference[Division] | None = wire(assumed=True)
    """The first division of a member of the staff (concepts page, "Division1 and Division2"). Assumed; AdvancedMetrics
    licence."""
    division2: Reference[Division] | None = wire(assumed=True)
    """The second division. Assumed; AdvancedMetrics licence."""
