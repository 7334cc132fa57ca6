"""The user behind the token."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.divisions import Division
from tonicdm.models.enums import Status
from tonicdm.models.offices import Office
from tonicdm.models.persons import PersonEmailAddress
from tonicdm.models.records import Record
from tonicdm.models.references import Reference
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class UserSettings(Record):
    """Settings of the signed-in user (reference: UserSettings)."""

    person_id: RecordID | None = wire(hyphenated=True)
    """Joins the settings to the person."""
    daily_reminder: bool | None = None
    """Whether the user gets a daily reminder by email."""
    is_organization_manager: int | None = None
    """Whether the user is a tenant administrator: 0 or 1 today, bits later; TonicDM's support changes it."""
    timezone: str | None = None
    """Offset from UTC, set by the app."""
    division1: Reference[Division] | None = None
    """The user's first division; AdvancedMetrics licence."""
    division2: Reference[Division] | None = None
    """The user's second division; AdvancedMetrics licence."""


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Me(UserSettings):
    """The signed-in user: person and settings in one (reference: Me).

    "The same structure as any other Person record" (concepts page, "User"): it has all fields of a `Person`.
    """

    id: RecordID | None = None
    """The user's person."""
    datetime_created: datetime.datetime | None = None
    """When the person's record was created."""
    datetime_updated: datetime.datetime | None = None
    """When the person's record was last changed."""
    status: Status | None = None
    """Whether the person is in use."""
    email_addresses: tuple[PersonEmailAddress, ...] | None = None
    """The user's addresses."""
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
    home_zone: str | None = wire(assumed=True)
    """Zone in which the organization's data are stored: "to find your Organization's home zone, use: /core/me"
    (concepts page, "Data Residency"). The field's name is assumed."""
