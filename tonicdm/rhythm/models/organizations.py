"""Organizations: companies and bodies that contacts belong to."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import Record, snake_case
from tonicdm.rhythm.models.parts import Address, CustomFieldValue, SysRecord, TypedPhoneNumber


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class TypedAddress(Record):
    """An address of a kind that the tenant defined (reference: Organization.other_addresses)."""

    type_id: str | None = None
    """The address type."""
    address: Address | None = None
    """The address."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RoleViolation(Record):
    """A contact role that an organization lacks (reference: Organization.contact_role_compliance_violations)."""

    contact_role_id: str | None = None
    """The role."""
    contact_role_name: str | None = None
    """Its name."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Organization(SysRecord):
    """An organization; ``name`` and ``number`` are needed to create one (reference: Organization)."""

    id: str | None = None
    """The organization; made by the service."""
    type_id: str | None = None
    """Its kind."""
    number: float | None = None
    """Its number."""
    name: str | None = None
    """Its name."""
    acronym: str | None = None
    """A short form of the name."""
    date_profile_last_updated: datetime.datetime | None = None
    """When the profile was last brought up to date."""
    website: str | None = None
    """Website."""
    domain_name: str | None = None
    """Domain of its website and addresses."""
    alternate_domain_names: tuple[str, ...] | None = None
    """Further domains."""
    description: str | None = None
    """What it is."""
    address: Address | None = None
    """Main address."""
    billing_address: Address | None = None
    """Where invoices go."""
    other_addresses: tuple[TypedAddress, ...] | None = None
    """Addresses of kinds that the tenant defined."""
    main_phone_number: str | None = None
    """Main phone."""
    fax_phone_number: str | None = None
    """Fax."""
    alt_phone_number: str | None = None
    """Another phone."""
    other_phone_numbers: tuple[TypedPhoneNumber, ...] | None = None
    """Numbers of kinds that the tenant defined."""
    ancestor_organization_ids: tuple[str, ...] | None = None
    """All organizations above it."""
    number_of_ancestors: float | None = None
    """How many those are."""
    top_level_organization_id: str | None = None
    """The topmost of them."""
    parent_organization_id: str | None = None
    """The one right above it."""
    notes: str | None = None
    """Notes."""
    logo_url: str | None = None
    """Its logo."""
    flags: tuple[str, ...] | None = None
    """Flags."""
    status: str | None = None
    """Such as ``active``; its words are not listed."""
    tax_exempt: bool | None = None
    """Whether it pays no tax."""
    contact_role_compliance_status: str | None = None
    """Whether all needed roles are filled, such as ``in compliance``; its words are not listed."""
    contact_role_compliance_violations: tuple[RoleViolation, ...] | None = None
    """The roles that are not."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields; replaced as a whole list."""
