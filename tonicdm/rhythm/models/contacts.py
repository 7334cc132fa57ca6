"""Contacts: the persons of an association, to whom everything else is tied."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import snake_case, wire
from tonicdm.rhythm.models.parts import Address, CustomFieldValue, SysRecord, TypedPhoneNumber


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Contact(SysRecord):
    """A person; may have several users, as which the person logs in (reference: Contact)."""

    id: str | None = None
    """The contact; made by the service."""
    number: float | None = None
    """Its number."""
    name: str | None = None
    """The whole name."""
    full_name: str | None = None
    """The whole name."""
    name_last_first: str | None = None
    """The whole name, the last one in front."""
    prefix: str | None = None
    """Before the name."""
    salutation: str | None = None
    """How the person is addressed."""
    first_name: str | None = None
    """First name."""
    middle_name: str | None = None
    """Middle name."""
    last_name: str | None = None
    """Last name."""
    maiden_name: str | None = None
    """Earlier last name."""
    nickname: str | None = None
    """Nickname."""
    suffix: str | None = None
    """Behind the name."""
    credentials: str | None = None
    """Titles and degrees behind the name."""
    email_address: str | None = None
    """The main address."""
    email_address2: str | None = None
    """A second address."""
    email_address3: str | None = None
    """A third address."""
    organization_id: str | None = None
    """The organization that the person belongs to."""
    organization_name: str | None = None
    """Its name; the service fills it in."""
    new_organization_info: Any = wire(hashed=False)
    """An organization that is not there yet, as plain JSON."""
    contact_role_ids: tuple[str, ...] | None = None
    """Roles in the organization."""
    contact_roles: str | None = None
    """Their names; read only."""
    job_title: str | None = None
    """Job title."""
    link_work_address_to_organization: bool | None = None
    """Whether the work address is the organization's."""
    link_work_phone_number_to_organization: bool | None = None
    """Whether the work phone is the organization's."""
    mobile_phone_number: str | None = None
    """Mobile phone."""
    work_mobile_phone_number: str | None = None
    """Mobile phone at work."""
    home_phone_number: str | None = None
    """Phone at home."""
    work_phone_number: str | None = None
    """Phone at work."""
    fax_phone_number: str | None = None
    """Fax."""
    school_phone_number: str | None = None
    """Phone at school."""
    preferred_phone_number: str | None = None
    """The one to call, found by the preferred kind."""
    preferred_phone_number_type: str | None = None
    """The preferred kind, such as ``mobile``; its words are not listed."""
    preferred_phone_number_type_id: str | None = None
    """The preferred kind where the tenant defined it."""
    other_phone_numbers: tuple[TypedPhoneNumber, ...] | None = None
    """Numbers of kinds that the tenant defined."""
    home_address: Address | None = None
    """Home."""
    work_address: Address | None = None
    """Work."""
    school_address: Address | None = None
    """School."""
    spouse_id: str | None = None
    """The contact's spouse."""
    date_profile_last_updated: datetime.datetime | None = None
    """When the profile was last brought up to date."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields; replaced as a whole list, so read `tonicdm.rhythm.patches` before changing."""
