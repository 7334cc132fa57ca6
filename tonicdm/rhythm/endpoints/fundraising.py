"""Gifts, recurring gifts and pledges."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, Resource, moments, search_body
from tonicdm.rhythm.endpoints.lists import Listed
from tonicdm.rhythm.endpoints.values import Flag, Number, Text
from tonicdm.rhythm.models import (
    Address,
    CustomFieldValue,
    Gift,
    GiftSplit,
    OwnerType,
    Pledge,
    PremiumAssignment,
    RecurringGift,
)
from tonicdm.rhythm.patches import PatchForm, Steps
from tonicdm.types import ListOf, Unset


class GiftChanges(TypedDict, total=False):
    """Fields of a gift that can be changed; described at `Gift` (reference: Gift)."""

    amount: Number
    currency_code: Text
    currency_symbol: Text
    contact_id: Text
    organization_id: Text
    giving_process_id: Text
    fund_id: Text
    tribute_gift: Flag
    tribute_gift_info: Any
    anonymous: Flag
    campaign_id: Text
    appeal_id: Text
    notes: Text
    premium_id: Text
    premium_fair_market_value: Number
    has_splits: Flag
    cover_transaction_costs: Flag
    shipping_address: Address | Mapping[str, Any] | Unset | None
    make_recurring: Flag
    recurring_frequency: Text
    recurring_gift_end_date: Text
    date: datetime.datetime | Unset | None
    number: Number
    donor_id: Text
    order_id: Text
    order_line_item_id: Text
    amount_allocated_to_primary_fund: Number
    amount_allocated_to_splits: Number
    donor_type: OwnerType | str | Unset | None
    premium_assignment: PremiumAssignment | str | Unset | None
    splits: Sequence[GiftSplit | Mapping[str, Any]] | Unset | None
    custom_field_values: Sequence[CustomFieldValue | Mapping[str, Any]] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class PledgeCriteria(TypedDict, total=False):
    """Criteria of a search, which must all match; each takes a list (reference: PledgeSearch)."""

    appeal_id: ListOf[str]
    campaign_id: ListOf[str]
    contact_id: ListOf[str]
    fund_id: ListOf[str]
    ids: ListOf[str]
    order_id: ListOf[str]
    organization_id: ListOf[str]
    status: ListOf[str]
    type: ListOf[str]
    date: tuple[datetime.datetime, datetime.datetime]
    """From the first moment to the second, both with a zone."""
    extra: Mapping[str, Any]
    """Criteria that this package does not know, by wire name."""


class Gifts(Listed[Gift]):
    """Gifts (``/gifts`` of the fundraising service; reference: listGifts)."""

    operation = "listGifts"
    model = Gift

    async def update(self, gift: str, *, form: PatchForm | None = None, **changes: Unpack[GiftChanges]) -> Gift | None:
        """Change a gift by JSON Patch (reference: patchGift).

        Args:
            gift: Its id.
            form: How fields are set, as for `Contacts.update`.
            changes: See `GiftChanges`; None empties a field, UNSET leaves it alone.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update("patchGift", Gift, gift, changes, form)

    async def patch(self, gift: str, steps: Steps) -> Gift | None:
        """Send a JSON Patch as it is (RFC 6902).

        Args:
            gift: Its id.
            steps: The operations, or their JSON text.
        """
        return await self._patch("patchGift", Gift, gift, steps)


class RecurringGifts(Resource):
    """Gifts that repeat (``/recurringGifts`` of the fundraising service)."""

    def list_by_contact(self, contact: str, *, fields: FieldNames = None) -> Paginator[RecurringGift]:
        """List the recurring gifts of one contact (reference: listRecurringGiftsByContactId).

        Args:
            contact: Its id.
            fields: Only these fields.
        """
        return self._list("listRecurringGiftsByContactId", RecurringGift, values={"contact_id": contact}, fields=fields)


class Pledges(Resource):
    """Promises to give (``/pledges`` of the fundraising service)."""

    def search(self, *, fields: FieldNames = None, **criteria: Unpack[PledgeCriteria]) -> Paginator[Pledge]:
        """Search pledges that meet all *criteria* (reference: searchForPledges).

        Args:
            fields: Only these fields.
            criteria: See `PledgeCriteria`.

        Raises:
            InvalidOptionError: The date is no pair of moments with a zone; nothing was sent.
        """
        body = search_body(criteria)
        if "date" in criteria:
            body["date"] = moments("date", criteria["date"])
        return self._list("searchForPledges", Pledge, fields=fields, body=body)
