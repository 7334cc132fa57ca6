"""Orders, their cancellations, and coupons."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import OpenEnum, snake_case
from tonicdm.rhythm.models.memberships import OwnerType
from tonicdm.rhythm.models.parts import Address, CustomFieldValue, SysRecord


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Order(SysRecord):
    """An order as far as the reference shows it; line items and payment are in `extra` (reference: Order)."""

    id: str | None = None
    """The order; made by the service."""
    number: int | None = None
    """Its number."""
    duplicate_prevention_key: str | None = None
    """Chosen by who submits it: one key makes one order."""
    batch_id: str | None = None
    """The finance batch it is posted in."""
    override_order_date: bool | None = None
    """Whether `date` is taken as given."""
    date: str | None = None
    """Its day, in the service's form."""
    submission_date: datetime.datetime | None = None
    """When it was submitted."""
    preview_id: str | None = None
    """The preview it was made from."""
    copy_shipping_info_from_billing_info: bool | None = None
    """Whether it ships to where the bill goes."""
    pay_for_credit_card_processing_fees: bool | None = None
    """Whether the customer bears the card's fees."""
    installment_schedule_id: str | None = None
    """The schedule by which it is paid."""
    ship_to_contact_id: str | None = None
    """The contact it goes to."""
    ship_to_organization_id: str | None = None
    """The organization it goes to."""
    bill_to_contact_id: str | None = None
    """The contact who is billed."""
    bill_to_organization_id: str | None = None
    """The organization that is billed."""
    bill_parent_organization: bool | None = None
    """Whether the organization above is billed."""
    send_email_confirmation_to_customer: bool | None = None
    """Whether the customer is told by e-mail."""
    additional_email_confirmation_recipients: tuple[str, ...] | None = None
    """Who else is told."""
    type: str | None = None
    """Its kind."""
    store_id: str | None = None
    """The store it was made in."""
    event_id: str | None = None
    """The event it belongs to."""
    memo: str | None = None
    """A note."""
    balance_due: float | None = None
    """What is still to be paid."""
    amount_paid: float | None = None
    """What was paid."""
    amount_pending_capture: float | None = None
    """What is reserved on a card but not taken yet."""
    amount_refunded: float | None = None
    """What was paid back."""
    subtotal: float | None = None
    """The sum of its lines."""
    taxes: float | None = None
    """Taxes."""
    shipping_charges: float | None = None
    """What sending costs."""
    discounts: float | None = None
    """What was taken off."""
    total: float | None = None
    """What it comes to."""
    total_in_base_currency: float | None = None
    """The same in the association's currency."""
    base_currency_code: str | None = None
    """The association's currency."""
    base_currency_symbol: str | None = None
    """Its sign."""
    expiration_date: datetime.datetime | None = None
    """When it lapses."""
    billing_run_service: str | None = None
    """The service whose billing run made it."""
    billing_run_id: str | None = None
    """That run."""
    billing_run_action_id: str | None = None
    """That run's action."""
    success_notice_id: str | None = None
    """The notice sent when it succeeds."""
    failure_notice_id: str | None = None
    """The notice sent when it fails."""
    billing_address: Address | None = None
    """Where the bill goes."""
    shipping_address: Address | None = None
    """Where it is sent."""
    ship_to_name: str | None = None
    """Who gets it."""
    ship_to_type: OwnerType | None = None
    """Whether a contact or an organization gets it."""
    bill_to_type: OwnerType | None = None
    """Whether a contact or an organization is billed."""


class CancellationAction(OpenEnum):
    """What a cancellation gives back (reference: Cancellation.action)."""

    ISSUE_REFUND = "issue refund"
    ISSUE_CREDIT = "issue credit"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Cancellation(SysRecord):
    """A cancellation of an order; the list of what is cancelled is in `extra` (reference: Cancellation)."""

    id: str | None = None
    """The cancellation; made by the service."""
    number: int | None = None
    """Its number."""
    business_unit_id: str | None = None
    """The unit whose books it is in."""
    batch_id: str | None = None
    """The finance batch it is posted in."""
    currency_code: str | None = None
    """Its currency."""
    currency_symbol: str | None = None
    """That currency's sign."""
    base_currency_code: str | None = None
    """The association's currency."""
    base_currency_symbol: str | None = None
    """Its sign."""
    date: datetime.datetime | None = None
    """When it counts."""
    order_id: str | None = None
    """The order."""
    ignore_payment_gateway_errors: bool | None = None
    """Whether it goes on where the payment service fails."""
    do_not_perform_electronic_refund: bool | None = None
    """Whether the money goes back by other means."""
    notes: str | None = None
    """A note."""
    action: CancellationAction | None = None
    """Whether money or credit is given back."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Coupon(SysRecord):
    """A coupon; the reference names no field of its own (reference: Coupon)."""

    id: str | None = None
    """The coupon."""
