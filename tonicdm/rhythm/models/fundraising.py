"""Gifts, recurring gifts and pledges."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import OpenEnum, Record, snake_case, wire
from tonicdm.rhythm.models.memberships import OwnerType
from tonicdm.rhythm.models.parts import Address, CustomFieldValue, SysRecord


class PremiumAssignment(OpenEnum):
    """Whether a donor gets a present (reference: Gift.premium_assignment)."""

    NOT_APPLICABLE = "not applicable"
    ASSIGNED = "assigned"
    DECLINED_BY_DONOR = "declined by donor"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class GiftSplit(Record):
    """A part of a gift that goes to a fund of its own (reference: Gift.splits)."""

    fund_id: str | None = None
    """The fund."""
    amount: float | None = None
    """How much."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Gift(SysRecord):
    """A gift (reference: Gift)."""

    id: str | None = None
    """The gift."""
    amount: float | None = None
    """How much."""
    currency_code: str | None = None
    """Its currency."""
    currency_symbol: str | None = None
    """That currency's sign."""
    contact_id: str | None = None
    """The contact who gives."""
    organization_id: str | None = None
    """The organization that gives."""
    giving_process_id: str | None = None
    """The way it was given."""
    fund_id: str | None = None
    """The fund."""
    tribute_gift: bool | None = None
    """Whether it honours somebody."""
    tribute_gift_info: Any = wire(hashed=False)
    """Whom, as plain JSON."""
    anonymous: bool | None = None
    """Whether the donor stays unnamed."""
    campaign_id: str | None = None
    """The campaign."""
    appeal_id: str | None = None
    """The appeal."""
    notes: str | None = None
    """A note."""
    premium_id: str | None = None
    """The donor's present."""
    premium_fair_market_value: float | None = None
    """What that is worth."""
    has_splits: bool | None = None
    """Whether it is split among funds."""
    cover_transaction_costs: bool | None = None
    """Whether the donor bears the costs."""
    shipping_address: Address | None = None
    """Where the present goes."""
    make_recurring: bool | None = None
    """Whether it repeats."""
    recurring_frequency: str | None = None
    """How often."""
    recurring_gift_end_date: str | None = None
    """Until when."""
    date: datetime.datetime | None = None
    """When it was given."""
    number: float | None = None
    """Its number."""
    donor_id: str | None = None
    """The donor."""
    order_id: str | None = None
    """The order that pays for it."""
    order_line_item_id: str | None = None
    """That order's line."""
    amount_allocated_to_primary_fund: float | None = None
    """What goes to the main fund."""
    amount_allocated_to_splits: float | None = None
    """What goes to the others."""
    donor_type: OwnerType | None = None
    """Whether a contact or an organization gives."""
    premium_assignment: PremiumAssignment | None = None
    """Whether the donor gets a present."""
    splits: tuple[GiftSplit, ...] | None = None
    """The parts for other funds."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields."""


class GiftFrequency(OpenEnum):
    """How often a gift repeats (reference: RecurringGift.frequency)."""

    ANNUALLY = "annually"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RecurringGift(SysRecord):
    """A gift that repeats; its dates are texts, because their form is not documented (reference: RecurringGift)."""

    id: str | None = None
    """The recurring gift."""
    amount: float | None = None
    """How much each time."""
    appeal_id: str | None = None
    """The appeal."""
    campaign_id: str | None = None
    """The campaign."""
    contact_id: str | None = None
    """The contact who gives."""
    currency_code: str | None = None
    """Its currency."""
    currency_symbol: str | None = None
    """That currency's sign."""
    date: str | None = None
    """When it began."""
    donor_id: str | None = None
    """The donor."""
    end_at: str | None = None
    """When it ends."""
    fund_id: str | None = None
    """The fund."""
    last_gift_id: str | None = None
    """The last gift made by it."""
    last_processing_date: str | None = None
    """When that was."""
    next_gift_date: str | None = None
    """When the next one is due."""
    notes: str | None = None
    """A note."""
    number: float | None = None
    """Its number."""
    order_id: str | None = None
    """The order it began with."""
    organization_id: str | None = None
    """The organization that gives."""
    donor_type: OwnerType | None = None
    """Whether a contact or an organization gives."""
    frequency: GiftFrequency | None = None
    """How often."""


@attrs.frozen(kw_only=True, repr=False)
class Pledge(Record):
    """A promise to give; the reference shows the search but no field of what it finds."""
