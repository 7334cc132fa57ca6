"""Engagement scores of contacts and organizations."""

from __future__ import annotations

import attrs

from tonicdm.codec import Record, snake_case
from tonicdm.rhythm.models.memberships import OwnerType
from tonicdm.rhythm.models.parts import SysRecord


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class EngagementScoreComponent(Record):
    """One part of a score (reference: EngagementScoreComponent)."""

    name: str | None = None
    """What it measures."""
    percentile_rank: float | None = None
    """How it compares with the others'."""
    raw_score: float | None = None
    """Before it is weighted."""
    weight: float | None = None
    """How much it counts."""
    weighted_score: float | None = None
    """After it is weighted."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class EngagementScore(SysRecord):
    """A score of a contact or an organization (reference: EngagementScore)."""

    id: str | None = None
    """The score."""
    category_id: str | None = None
    """Its category."""
    contact_id: str | None = None
    """The contact."""
    date: str | None = None
    """When it was worked out."""
    date_of_first_engagement: str | None = None
    """When the customer first took part."""
    engagement_model_id: str | None = None
    """How it is worked out."""
    md5_hash: str | None = None
    """A digest of what went into it."""
    notes: str | None = None
    """A note."""
    number_of_months_since_first_engagement: float | None = None
    """Months since the customer first took part."""
    organization_id: str | None = None
    """The organization."""
    total_score: float | None = None
    """The score."""
    percentile_rank: float | None = None
    """How it compares with the others'."""
    previous_year_percentile_rank: float | None = None
    """The same a year before."""
    previous_year_percentile_rank_change: float | None = None
    """By how much that changed."""
    previous_year_score: float | None = None
    """The score a year before."""
    previous_year_score_value_change: float | None = None
    """By how much it changed."""
    previous_year_score_percentage_change: float | None = None
    """By which part it changed."""
    customer_type: OwnerType | None = None
    """Whether it is a contact's or an organization's."""
    components: tuple[EngagementScoreComponent, ...] | None = None
    """Its parts."""
