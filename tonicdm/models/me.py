"""The user behind the token."""

from __future__ import annotations

import attrs

from tonicdm.codec import Record, camel_case, wire
from tonicdm.models.divisions import Division
from tonicdm.models.persons import PersonEmailAddress
from tonicdm.models.references import Reference
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case)
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


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Me(UserSettings):
    """The signed-in user: person and settings in one (reference: Me)."""

    id: RecordID | None = None
    """The user's person."""
    email_addresses: tuple[PersonEmailAddress, ...] | None = None
    """The user's addresses."""
