"""Applications for memberships, and the processes they go through."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import OpenEnum, Record, snake_case, wire
from tonicdm.rhythm.models.memberships import OwnerType
from tonicdm.rhythm.models.parts import SysRecord


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class MembershipApplication(SysRecord):
    """A join, renewal or the like of a member (reference: MembershipApplication)."""

    id: str | None = None
    """The application."""
    name: str | None = None
    """The applicant's name."""
    type: str | None = None
    """Such as join; see `ApplicationType` for the words that processes have."""
    process_id: str | None = None
    """The process it goes through."""
    owner_type: OwnerType | None = None
    """Whether a contact or an organization applies."""
    contact_id: str | None = None
    """The contact."""
    organization_id: str | None = None
    """The organization."""
    date: datetime.datetime | None = None
    """When it was made."""
    order_id: str | None = None
    """The order that pays for it."""
    order_line_item_id: str | None = None
    """That order's line."""
    status: str | None = None
    """Where it stands."""
    status_reason_id: str | None = None
    """Why it stands there."""
    renew_automatically: bool | None = None
    """Whether the membership is to renew itself."""
    application_group_id: str | None = None
    """The group it belongs to."""
    group_order: float | None = None
    """Where it stands in the group."""
    group_application_process_id: str | None = None
    """The group's process."""
    pending_console_review: bool | None = None
    """Whether somebody has to look at it."""
    review_status: str | None = None
    """How far that is."""
    reviewer_recommendation: str | None = None
    """What they advise."""
    last_review_status_change: datetime.datetime | None = None
    """When that last changed."""
    total_score: float | None = None
    """The reviewers' sum."""
    average_score: float | None = None
    """The reviewers' mean."""
    submission_space_id: str | None = None
    """Where it was submitted."""
    round_id: str | None = None
    """The round of reviews."""
    bucket_id: str | None = None
    """The reviewers' share it fell into."""
    override_bucket_assignment: bool | None = None
    """Whether somebody chose that share."""
    assigned_contacts: Any = wire(hashed=False)
    """Who reviews it, as plain JSON."""


class ApplicationType(OpenEnum):
    """What an application asks for (reference: ApplicationProcess.type)."""

    JOIN = "join"
    RENEWAL = "renewal"
    REINSTATEMENT = "reinstatement"
    CHANGE_AFFILIATIONS = "change affiliations"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class ApplicationProcess(SysRecord):
    """A way to apply for a membership (reference: ApplicationProcess)."""

    id: str | None = None
    """The process."""
    name: str | None = None
    """Its name."""
    description: str | None = None
    """What it is for."""
    type: ApplicationType | None = None
    """What it asks for."""
    customer_type: OwnerType | None = None
    """Whether contacts or organizations apply."""
    applicable_origins: tuple[str, ...] | None = None
    """Where it is offered."""
    display_order: float | None = None
    """Where it stands among the others."""
    restrict_membership_types: bool | None = None
    """Whether only the next types count."""
    membership_type_ids: tuple[str, ...] | None = None
    """Types of memberships."""
    restrict_membership_packages: bool | None = None
    """Whether only the next packages count."""
    membership_package_ids: tuple[str, ...] | None = None
    """Packages."""
    do_not_set_default_renewal_package: bool | None = None
    """Whether the package of the renewal stays open."""
    enable_order_generation_rules: bool | None = None
    """Whether rules make its order."""
    do_not_send_activation_email_until_membership_is_paid: bool | None = None
    """Whether the welcome waits for the payment."""


@attrs.frozen(kw_only=True, repr=False)
class ChapterMemberContact(Record):
    """Contact data of a chapter's member; the reference shows the page but none of its fields."""
