"""Certifications of contacts."""

from __future__ import annotations

import attrs

from tonicdm.codec import OpenEnum, snake_case
from tonicdm.rhythm.models.memberships import OwnerType
from tonicdm.rhythm.models.parts import SysRecord


class CertificationStatus(OpenEnum):
    """Where a certification stands (reference: Certification.status)."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    SUSPENDED = "suspended"
    RETIRED = "retired"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Certification(SysRecord):
    """A certification (reference: Certification)."""

    id: str | None = None
    """The certification."""
    contact_id: str | None = None
    """The contact who has it."""
    organization_id: str | None = None
    """The organization."""
    program_id: str | None = None
    """The program it is of."""
    certification_date: str | None = None
    """When it was earned; its form is not documented."""
    number: float | None = None
    """Its number."""
    customer_id: str | None = None
    """The customer."""
    forecasted_renewal_amount: float | None = None
    """What the renewal will cost."""
    grandfathered: bool | None = None
    """Whether older rules hold for it."""
    first_name: str | None = None
    """The holder's first name."""
    last_name: str | None = None
    """The holder's last name."""
    name: str | None = None
    """The holder's whole name."""
    email_address: str | None = None
    """The holder's address."""
    city: str | None = None
    """The holder's city."""
    state: str | None = None
    """The holder's state."""
    country: str | None = None
    """The holder's country."""
    job_title: str | None = None
    """The holder's job."""
    issuing_training_provider_id: str | None = None
    """Who trained for it."""
    owner_type: OwnerType | None = None
    """Whether a contact or an organization has it."""
    status: CertificationStatus | None = None
    """Where it stands."""
