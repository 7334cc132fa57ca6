"""Registrations for events, of groups and of single persons."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import snake_case, wire
from tonicdm.rhythm.models.parts import CustomFieldValue, SysRecord


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RegistrationGroup(SysRecord):
    """People of one organization who register together (reference: RegistrationGroup)."""

    id: str | None = None
    """The group."""
    name: str | None = None
    """Its name."""
    event_id: str | None = None
    """The event."""
    organization_id: str | None = None
    """The organization."""
    administrator_id: str | None = None
    """The contact who administers it."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RegistrationProcess(SysRecord):
    """A way to register for an event (reference: RegistrationProcess)."""

    id: str | None = None
    """The process."""
    name: str | None = None
    """Its name."""
    description: str | None = None
    """What it is for."""
    event_id: str | None = None
    """The event."""
    form_id: str | None = None
    """The form of one registrant."""
    group_registration_form_id: str | None = None
    """The form of a group."""
    display_order: float | None = None
    """Where it stands among the others."""
    enable_online_registration: bool | None = None
    """Whether it is open online."""
    enable_confirmation_email: bool | None = None
    """Whether registrants are told by e-mail."""
    allow_registrants_to_edit_registrations: bool | None = None
    """Whether registrants may change theirs."""
    allow_registrants_to_cancel_registrations: bool | None = None
    """Whether registrants may cancel theirs."""
    deadline_for_cancelling_registrations: datetime.datetime | None = None
    """Until when they may."""
    show_contact_form: bool | None = None
    """Whether contact data is asked for."""
    show_organization_form: bool | None = None
    """Whether the organization's data is asked for."""
    override_checkout_settings: bool | None = None
    """Whether the next field counts."""
    checkout_settings: Any = wire(hashed=False)
    """How payment is asked for, as plain JSON."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RegistrantDirectory(SysRecord):
    """A directory of those who registered (reference: RegistrantDirectory)."""

    id: str | None = None
    """The directory."""
    name: str | None = None
    """Its name."""
    event_id: str | None = None
    """The event."""
    display_mode: str | None = None
    """How it is shown."""
    is_public: bool | None = None
    """Whether anybody may read it."""
    restrict_to_registrants: bool | None = None
    """Whether registrants alone may."""
    enable_eligibility_criteria: bool | None = None
    """Whether only some registrants are in it."""
    enable_radius_search: bool | None = None
    """Whether it can be searched by distance."""
    searchable_fields: Any = wire(hashed=False)
    """What can be searched for, as plain JSON."""
    additional_fields: tuple[str, ...] | None = None
    """What else is shown."""
    comment_options: Any = wire(hashed=False)
    """How comments are taken, as plain JSON."""
