"""Orders and their cancellations."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypedDict, Unpack

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames
from tonicdm.rhythm.endpoints.lists import Listed
from tonicdm.rhythm.endpoints.processing import Processing
from tonicdm.rhythm.endpoints.step_functions import Execution, Started
from tonicdm.rhythm.endpoints.values import Flag, Number, Text
from tonicdm.rhythm.models import Address, Cancellation, CancellationAction, CustomFieldValue, Order, OwnerType
from tonicdm.rhythm.patches import body_of
from tonicdm.types import ListOf, Unset

KEY: Final = "duplicate_prevention_key"
"""The member by which the server tells one submission of an order from another (reference: processOrder)."""


def _hint_for_order(body: Mapping[str, Any]) -> str:
    return f"orders.find({body[KEY]!r}) shows whether there is such an order"


def _hint_for_cancellation(body: Mapping[str, Any]) -> str:
    return f"cancellations.list_by_order({body.get('order_id')!r}) shows whether the order was cancelled"


class OrderFields(TypedDict, total=False):
    """Fields of an order that can be sent; described at `Order` (reference: Order).

    Line items and payment, which the reference does not name, go into ``extra``.
    """

    number: Number
    duplicate_prevention_key: Text
    batch_id: Text
    override_order_date: Flag
    date: Text
    submission_date: datetime.datetime | Unset | None
    preview_id: Text
    copy_shipping_info_from_billing_info: Flag
    pay_for_credit_card_processing_fees: Flag
    installment_schedule_id: Text
    ship_to_contact_id: Text
    ship_to_organization_id: Text
    bill_to_contact_id: Text
    bill_to_organization_id: Text
    bill_parent_organization: Flag
    send_email_confirmation_to_customer: Flag
    additional_email_confirmation_recipients: ListOf[str] | Unset | None
    type: Text
    store_id: Text
    event_id: Text
    memo: Text
    balance_due: Number
    amount_paid: Number
    amount_pending_capture: Number
    amount_refunded: Number
    subtotal: Number
    taxes: Number
    shipping_charges: Number
    discounts: Number
    total: Number
    total_in_base_currency: Number
    base_currency_code: Text
    base_currency_symbol: Text
    expiration_date: datetime.datetime | Unset | None
    billing_run_service: Text
    billing_run_id: Text
    billing_run_action_id: Text
    success_notice_id: Text
    failure_notice_id: Text
    billing_address: Address | Mapping[str, Any] | Unset | None
    shipping_address: Address | Mapping[str, Any] | Unset | None
    ship_to_name: Text
    ship_to_type: OwnerType | str | Unset | None
    bill_to_type: OwnerType | str | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class CancellationFields(TypedDict, total=False):
    """Fields of a cancellation that can be sent; described at `Cancellation` (reference: Cancellation).

    The list of what is cancelled, whose name the reference does not give, goes into ``extra``.
    """

    number: Number
    business_unit_id: Text
    batch_id: Text
    currency_code: Text
    currency_symbol: Text
    base_currency_code: Text
    base_currency_symbol: Text
    date: datetime.datetime | Unset | None
    order_id: Text
    ignore_payment_gateway_errors: Flag
    do_not_perform_electronic_refund: Flag
    notes: Text
    action: CancellationAction | str | Unset | None
    custom_field_values: Sequence[CustomFieldValue | Mapping[str, Any]] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class Orders(Processing, Listed[Order]):
    """Orders (``/orders`` of the commerce service; reference: listOrders)."""

    operation = "listOrders"
    model = Order

    async def process(
        self,
        *,
        note: str | os.PathLike[str] | None = None,
        started: Started | None = None,
        **fields: Unpack[OrderFields],
    ) -> Execution:
        """Submit an order, once (reference: processOrder).

        An order without a ``duplicate_prevention_key`` gets one, by which `find` finds it after a lost answer; with a
        note it is the same in each call.

        Args:
            note: A file that remembers the submission, so that a crash does not repeat it: the same call with the same
                note then goes on with the same execution.
            started: Told the ARN before anything else.
            fields: See `OrderFields`.

        Raises:
            InvalidOptionError: The body can't be sent; nothing was.
            SubmissionUnknownError: Whether the work began is unknown; it must not be submitted again.
            APIError: The server refused it; no work began.
        """
        return await self._process(
            "processOrder", body_of(Order, fields), note=note, started=started, lookup_hint=_hint_for_order, key=KEY
        )

    async def find(self, duplicate_prevention_key: str, *, fields: FieldNames = None) -> Order | None:
        """Return the order that was submitted with a key; None where there is none.

        All orders are listed until it comes, since no search of orders is documented; none of them is kept.

        Args:
            duplicate_prevention_key: The key.
            fields: Only these fields, the key besides.
        """
        wanted = None if fields is None else [*fields, KEY]
        async for order in self.list(fields=wanted):
            if order.duplicate_prevention_key == duplicate_prevention_key:
                return order
        return None

    def list_by_coupon(self, coupon_type: str, coupon: str, *, fields: FieldNames = None) -> Paginator[Order]:
        """List the orders that used a coupon (reference: listOrdersByCoupon).

        Args:
            coupon_type: The coupon's kind.
            coupon: Its id.
            fields: Only these fields.
        """
        values = {"coupon_type": coupon_type, "coupon_id": coupon}
        return self._list("listOrdersByCoupon", Order, values=values, fields=fields)


class Cancellations(Processing):
    """Cancellations of orders (``/cancellations`` of the commerce service)."""

    async def process(
        self,
        *,
        note: str | os.PathLike[str] | None = None,
        started: Started | None = None,
        **fields: Unpack[CancellationFields],
    ) -> Execution:
        """Submit the cancellation of an order, once (reference: processCancellation).

        Args:
            note: A file that remembers the submission, so that a crash does not repeat it: the same call with the same
                note then goes on with the same execution.
            started: Told the ARN before anything else.
            fields: See `CancellationFields`.

        Raises:
            InvalidOptionError: The body can't be sent; nothing was.
            SubmissionUnknownError: Whether the work began is unknown; it must not be submitted again.
            APIError: The server refused it; no work began.
        """
        body = body_of(Cancellation, fields)
        return await self._process(
            "processCancellation", body, note=note, started=started, lookup_hint=_hint_for_cancellation
        )

    def list_by_order(self, order: str, *, fields: FieldNames = None) -> Paginator[Cancellation]:
        """List the cancellations of an order (reference: listCancellationsByOrderId).

        Args:
            order: Its id.
            fields: Only these fields.
        """
        return self._list("listCancellationsByOrderId", Cancellation, values={"order_id": order}, fields=fields)

    async def warm_up(self) -> None:
        """Make the next cancellation begin sooner (reference: warmUpCancellationStepFunctions)."""
        await self._caller.call("warmUpCancellationStepFunctions")
