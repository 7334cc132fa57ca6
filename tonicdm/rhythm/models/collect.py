"""Payments, invoices, credits and what they are paid by."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import OpenEnum, Record, snake_case, wire
from tonicdm.rhythm.models.memberships import OwnerType
from tonicdm.rhythm.models.parts import Address, CustomFieldValue, SysRecord


class PaymentType(OpenEnum):
    """How a payment is made (reference: Payment.type)."""

    CREDIT_CARD = "credit card"
    ELECTRONIC_CHECK = "electronic check"
    CASH = "cash"
    CHECK = "check"
    CASHIERS_CHECK = "cashiers check"
    MONEY_ORDER = "money order"
    PURCHASE_ORDER = "purchase order"
    PAYROLL_DEDUCTION = "payroll deduction"
    WIRE_TRANSFER = "wire transfer"
    ACH = "ach"
    STORE_CREDIT = "store credit"
    OFFLINE_CREDIT_CARD = "offline credit card"


class PaymentStatus(OpenEnum):
    """Where a payment stands (reference: Payment.status)."""

    COMPLETE = "complete"
    VOID = "void"
    REVERSED = "reversed"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially refunded"


class CashAccountType(OpenEnum):
    """Where a payment goes (reference: Payment.cash_account_type)."""

    BANK = "bank"
    MERCHANT = "merchant"
    NONE = "none"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class ElectronicPaymentInfo(Record):
    """What a payment service needs; never shown (reference: Payment.electronic_payment_info)."""

    payment_origin: str | None = None
    """Where the payment was entered."""
    payment_account: str | None = wire(shown=False)
    """The account it is taken from."""
    card_type: str | None = None
    """The card's brand."""
    card_expiration: str | None = wire(shown=False)
    """When the card ends."""
    token: str | None = wire(shown=False)
    """What stands for the card at the payment service."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Payment(SysRecord):
    """A payment (reference: Payment)."""

    id: str | None = None
    """The payment; made by the service."""
    payment_that_this_transaction_reverses_id: str | None = None
    """The payment that it takes back."""
    installment_schedule_id: str | None = None
    """The schedule it belongs to."""
    billing_run_service: str | None = None
    """The service whose billing run made it."""
    billing_run_id: str | None = None
    """That run."""
    billing_run_action_id: str | None = None
    """That run's action."""
    contact_id: str | None = None
    """The contact who pays."""
    reference_number: str | None = None
    """The number of a check or transfer."""
    organization_id: str | None = None
    """The organization that pays."""
    amount_pending_capture: float | None = None
    """What is reserved on a card but not taken yet."""
    bank_account_id: str | None = None
    """The bank account it goes to."""
    merchant_account_id: str | None = None
    """The merchant account it goes to."""
    send_email_confirmation: bool | None = None
    """Whether the payer is told by e-mail."""
    send_receipt_to: str | None = None
    """Who gets the receipt."""
    billing_address: Address | None = None
    """The payer's address."""
    transaction_id: str | None = None
    """Its id at the payment service."""
    card_type: str | None = None
    """The card's brand."""
    card_expiration: datetime.date | None = None
    """When the card ends."""
    card_last_digits: str | None = wire(shown=False)
    """The last digits of the card."""
    captures: Any = wire(hashed=False)
    """What was taken from the card, as plain JSON."""
    line_items: Any = wire(hashed=False)
    """What it pays for, as plain JSON."""
    owner_type: OwnerType | None = None
    """Whether a contact or an organization pays."""
    type: PaymentType | None = None
    """How it is made."""
    status: PaymentStatus | None = None
    """Where it stands."""
    cash_account_type: CashAccountType | None = None
    """Where it goes."""
    electronic_payment_info: ElectronicPaymentInfo | None = None
    """What the payment service needs."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RelatedTransaction(Record):
    """A transaction on a line of an invoice (reference: InvoiceLineItem.related_transactions)."""

    type: str | None = None
    """Its kind."""
    transaction_id: str | None = None
    """The transaction."""
    transaction_number: float | None = None
    """Its number."""
    transaction_line_item_id: str | None = None
    """Its line."""
    amount: float | None = None
    """How much of it counts here."""
    date: datetime.datetime | None = None
    """When it was."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class InvoiceLineItem(Record):
    """A line of an invoice (reference: InvoiceLineItem)."""

    invoice_line_item_id: str | None = None
    """The line."""
    order_line_item_id: str | None = None
    """The line of the order."""
    product_type: str | None = None
    """What kind of product it is."""
    product_id: str | None = None
    """The product."""
    description: str | None = None
    """What it is."""
    optional: bool | None = None
    """Whether it need not be paid."""
    total: float | None = None
    """What it comes to."""
    quantity: float | None = None
    """How many."""
    unit_price: float | None = None
    """The price of one."""
    status: str | None = None
    """Where it stands."""
    original_total: float | None = None
    """What it came to at first."""
    original_total_in_base_currency: float | None = None
    """The same in the association's currency."""
    legacy_balance_due: float | None = None
    """What was due in the system before."""
    total_in_base_currency: float | None = None
    """What it comes to in the association's currency."""
    amount_paid: float | None = None
    """What was paid."""
    balance_due: float | None = None
    """What is still to be paid."""
    amount_written_off: float | None = None
    """What was given up."""
    amount_refunded: float | None = None
    """What was paid back."""
    amount_to_pay_upon_creation: float | None = None
    """What is paid at once."""
    related_transactions: tuple[RelatedTransaction, ...] | None = None
    """What was booked on it."""


class InvoiceStatus(OpenEnum):
    """Where an invoice stands (reference: Invoice.status)."""

    OPEN = "open"
    PAID = "paid"
    VOID = "void"
    WRITTEN_OFF = "written off"
    CANCELLED = "cancelled"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Invoice(SysRecord):
    """An invoice (reference: Invoice)."""

    id: str | None = None
    """The invoice; made by the service."""
    date_due: datetime.date | None = None
    """When it is due."""
    payment_terms_id: str | None = None
    """The terms it is paid by."""
    type: str | None = None
    """Its kind."""
    bill_to_contact_id: str | None = None
    """The contact who is billed."""
    bill_to_organization_id: str | None = None
    """The organization that is billed."""
    template_id: str | None = None
    """What it looks like."""
    billing_address: Address | None = None
    """Where it is sent."""
    purchase_order_number: str | None = None
    """The customer's own number for it."""
    pro_forma: bool | None = None
    """Whether it only says what would be due."""
    balance_due: float | None = None
    """What is still to be paid."""
    amount_paid: float | None = None
    """What was paid."""
    amount_written_off: float | None = None
    """What was given up."""
    amount_refunded: float | None = None
    """What was paid back."""
    sharing_secret: str | None = wire(shown=False)
    """Who knows it may pay the invoice publicly."""
    legacy_balance_due: float | None = None
    """What was due in the system before."""
    regenerated_invoice_id: str | None = None
    """The invoice that took its place."""
    regeneration_error: str | None = None
    """Why none could."""
    parent_invoice_id: str | None = None
    """The invoice above it."""
    status: InvoiceStatus | None = None
    """Where it stands."""
    bill_to_type: OwnerType | None = None
    """Whether a contact or an organization is billed."""
    line_items: tuple[InvoiceLineItem, ...] | None = None
    """Its lines."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields."""


class CreditType(OpenEnum):
    """Where a credit comes from (reference: Credit.type)."""

    PAYMENT = "payment"
    OVERPAYMENT = "overpayment"
    LEGACY = "legacy"
    MANUAL = "manual"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Credit(SysRecord):
    """An amount that a customer can still use (reference: Credit)."""

    id: str | None = None
    """The credit; made by the service."""
    payment_id: str | None = None
    """The payment it comes from."""
    confirmation_email_recipients: tuple[str, ...] | None = None
    """Who is told by e-mail."""
    payment_line_item_id: str | None = None
    """The line of that payment."""
    contact_id: str | None = None
    """The contact who has it."""
    organization_id: str | None = None
    """The organization that has it."""
    amount_used: float | None = None
    """What was used."""
    liability_gl_account_id: str | None = None
    """The account it is owed from."""
    expense_gl_account_id: str | None = None
    """The account it is a cost of."""
    sys_owner_id: str | None = None
    """Who owns the record."""
    number: int | None = None
    """Its number."""
    workflow_execution_id: str | None = None
    """The execution that made it."""
    total: float | None = None
    """What it came to."""
    business_unit_id: str | None = None
    """The unit whose books it is in."""
    batch_id: str | None = None
    """The finance batch it is posted in."""
    cancellation_id: str | None = None
    """The cancellation it comes from."""
    order_id: str | None = None
    """The order it comes from."""
    type: CreditType | None = None
    """Where it comes from."""
    owner_type: OwnerType | None = None
    """Whether a contact or an organization has it."""
    amount_available: float | None = None
    """What is left."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class InstallmentPlan(SysRecord):
    """A plan by which something is paid in parts (reference: InstallmentPlan)."""

    id: str | None = None
    """The plan."""
    name: str | None = None
    """Its name."""
    description: str | None = None
    """What it is for."""
    is_active: bool | None = None
    """Whether it is in use."""
    amount_due_up_front: float | None = None
    """What is paid at once."""
    percentage_due_up_front: float | None = None
    """What part is paid at once."""
    exact_dates: Any = wire(hashed=False)
    """Parts on given days, as plain JSON."""
    fixed_installments: Any = wire(hashed=False)
    """Equal parts, as plain JSON."""
    relative_dates: Any = wire(hashed=False)
    """Parts some time after the start, as plain JSON."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields."""


@attrs.frozen(kw_only=True, repr=False)
class BatchPostingCheck(Record):
    """What a preview of a posting said; the reference shows the page but none of its fields."""
