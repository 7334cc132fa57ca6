"""Memberships of contacts and organizations."""

from __future__ import annotations

import attrs

from tonicdm.codec import OpenEnum, snake_case
from tonicdm.rhythm.models.parts import SysRecord


class OwnerType(OpenEnum):
    """Who is a member (reference: Membership.owner_type)."""

    CONTACT = "contact"
    ORGANIZATION = "organization"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Membership(SysRecord):
    """A membership; its dates are texts, because their form is not documented (reference: Membership)."""

    id: str | None = None
    """The membership."""
    number: float | None = None
    """Its number."""
    owner_type: OwnerType | None = None
    """Whether a contact or an organization is the member."""
    contact_id: str | None = None
    """The contact."""
    organization_id: str | None = None
    """The organization."""
    name: str | None = None
    """The member's name."""
    email_address: str | None = None
    """The member's address."""
    status: str | None = None
    """Such as ``active``; its words are not listed."""
    status_reason_id: str | None = None
    """Why it has that status."""
    type_id: str | None = None
    """Its kind."""
    package_id: str | None = None
    """The package it came with."""
    parent_membership_id: str | None = None
    """The one above it."""
    is_new: bool | None = None
    """Whether it is a new one."""
    membership_join_date: str | None = None
    """When the membership began."""
    join_date: str | None = None
    """When the member joined."""
    join_or_last_renewal_date: str | None = None
    """When the member joined or last renewed."""
    term_start_date: str | None = None
    """When the term began."""
    expiration_date: str | None = None
    """When it expires."""
    renewal_date: str | None = None
    """When it is renewed."""
    reinstatement_date: str | None = None
    """When it was reinstated."""
    termination_date: str | None = None
    """When it was ended."""
    lapse_date: str | None = None
    """When it lapsed."""
