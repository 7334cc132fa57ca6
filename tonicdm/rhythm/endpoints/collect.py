"""Payments, invoices, credits, and the posting of batches."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.rhythm.endpoints.base import FieldNames, Resource
from tonicdm.rhythm.endpoints.processing import Processing
from tonicdm.rhythm.endpoints.step_functions import Execution, Started
from tonicdm.rhythm.endpoints.values import Flag, Number, Text
from tonicdm.rhythm.models import (
    Address,
    BatchPostingCheck,
    CashAccountType,
    Credit,
    CreditType,
    CustomFieldValue,
    ElectronicPaymentInfo,
    Invoice,
    InvoiceLineItem,
    InvoiceStatus,
    OwnerType,
    Payment,
    PaymentStatus,
    PaymentType,
)
from tonicdm.rhythm.patches import PatchForm, Steps, body_of
from tonicdm.types import ListOf, Secret, Unset


def _hint_for_payment(_body: Mapping[str, Any]) -> str:
    return "The payer's payments and the invoice's balance show whether it was taken"


def _hint_for_invoice(_body: Mapping[str, Any]) -> str:
    return "The customer's invoices, by a query of collect:invoices, show whether it was made"


class PaymentFields(TypedDict, total=False):
    """Fields of a payment that can be sent; described at `Payment` (reference: Payment)."""

    payment_that_this_transaction_reverses_id: Text
    installment_schedule_id: Text
    billing_run_service: Text
    billing_run_id: Text
    billing_run_action_id: Text
    contact_id: Text
    reference_number: Text
    organization_id: Text
    amount_pending_capture: Number
    bank_account_id: Text
    merchant_account_id: Text
    send_email_confirmation: Flag
    send_receipt_to: Text
    billing_address: Address | Mapping[str, Any] | Unset | None
    transaction_id: Text
    card_type: Text
    card_expiration: datetime.date | Unset | None
    card_last_digits: Text
    captures: Any
    line_items: Any
    owner_type: OwnerType | str | Unset | None
    type: PaymentType | str | Unset | None
    status: PaymentStatus | str | Unset | None
    cash_account_type: CashAccountType | str | Unset | None
    electronic_payment_info: ElectronicPaymentInfo | Mapping[str, Any] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class InvoiceFields(TypedDict, total=False):
    """Fields of an invoice that can be sent; described at `Invoice` (reference: Invoice)."""

    date_due: datetime.date | Unset | None
    payment_terms_id: Text
    type: Text
    bill_to_contact_id: Text
    bill_to_organization_id: Text
    template_id: Text
    billing_address: Address | Mapping[str, Any] | Unset | None
    purchase_order_number: Text
    pro_forma: Flag
    balance_due: Number
    amount_paid: Number
    amount_written_off: Number
    amount_refunded: Number
    sharing_secret: Text
    legacy_balance_due: Number
    regenerated_invoice_id: Text
    regeneration_error: Text
    parent_invoice_id: Text
    status: InvoiceStatus | str | Unset | None
    bill_to_type: OwnerType | str | Unset | None
    line_items: Sequence[InvoiceLineItem | Mapping[str, Any]] | Unset | None
    custom_field_values: Sequence[CustomFieldValue | Mapping[str, Any]] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class CreditFields(TypedDict, total=False):
    """Fields of a credit that can be sent; described at `Credit` (reference: Credit)."""

    payment_id: Text
    confirmation_email_recipients: ListOf[str] | Unset | None
    payment_line_item_id: Text
    contact_id: Text
    organization_id: Text
    amount_used: Number
    liability_gl_account_id: Text
    expense_gl_account_id: Text
    number: Number
    workflow_execution_id: Text
    total: Number
    business_unit_id: Text
    batch_id: Text
    cancellation_id: Text
    order_id: Text
    type: CreditType | str | Unset | None
    owner_type: OwnerType | str | Unset | None
    amount_available: Number
    custom_field_values: Sequence[CustomFieldValue | Mapping[str, Any]] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class Payments(Processing):
    """Payments (``/payments`` of the collect service)."""

    async def process(
        self,
        *,
        note: str | os.PathLike[str] | None = None,
        started: Started | None = None,
        **fields: Unpack[PaymentFields],
    ) -> Execution:
        """Submit a payment, once (reference: processPayment).

        Args:
            note: A file that remembers the submission, so that a crash does not repeat it: the same call with the same
                note then goes on with the same execution.
            started: Told the ARN before anything else.
            fields: See `PaymentFields`.

        Raises:
            InvalidOptionError: The body can't be sent; nothing was.
            SubmissionUnknownError: Whether the work began is unknown; it must not be submitted again.
            APIError: The server refused it; no work began.
        """
        return await self._process(
            "processPayment", body_of(Payment, fields), note=note, started=started, lookup_hint=_hint_for_payment
        )

    async def process_public(
        self,
        invoice: str,
        sharing_secret: str | Secret,
        *,
        contact_info: Mapping[str, Any],
        payment: Mapping[str, Any],
        note: str | os.PathLike[str] | None = None,
        started: Started | None = None,
    ) -> Execution:
        """Submit the payment of an invoice that may be paid publicly, once (reference: processPublicPayment).

        The invoice's secret proves the right to it: no token is sent, and none is asked for.

        Args:
            invoice: Its id.
            sharing_secret: The invoice's ``sharing_secret``; no log and no error shows it.
            contact_info: Who pays, as plain JSON; its fields are not documented.
            payment: What pays, as plain JSON; its fields are not documented.
            note: A file that remembers the submission, so that a crash does not repeat it: the same call with the same
                note then goes on with the same execution.
            started: Told the ARN before anything else.

        Raises:
            InvalidOptionError: The body can't be sent; nothing was.
            SubmissionUnknownError: Whether the work began is unknown; it must not be submitted again.
            APIError: The server refused it; no work began.
        """
        secret = sharing_secret.reveal() if isinstance(sharing_secret, Secret) else sharing_secret
        if not isinstance(secret, str) or not secret:
            raise InvalidOptionError(f"sharing_secret is the text of that name in the invoice. {NOTHING_SENT}")
        body = {
            "contact_info": dict(contact_info),
            "invoice_id": invoice,
            "payment": dict(payment),
            "sharing_secret": secret,
        }
        return await self._process(
            "processPublicPayment", body, note=note, started=started, lookup_hint=_hint_for_payment
        )

    async def get_for_portal(
        self, organization: str, payment: str, *, fields: FieldNames = None, consistent: bool | None = None
    ) -> Payment:
        """Return one payment of a portal organization (reference: getPaymentForPortal).

        Args:
            organization: The portal organization's id.
            payment: The payment's id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        values = {"portalOrganizationId": organization, "id": payment}
        return await self._read("getPaymentForPortal", Payment, values, fields=fields, consistent_read=consistent)


class Invoices(Processing):
    """Invoices (``/invoices`` of the collect service)."""

    async def process(
        self,
        *,
        note: str | os.PathLike[str] | None = None,
        started: Started | None = None,
        **fields: Unpack[InvoiceFields],
    ) -> Execution:
        """Submit an invoice, once (reference: processInvoice).

        Args:
            note: A file that remembers the submission, so that a crash does not repeat it: the same call with the same
                note then goes on with the same execution.
            started: Told the ARN before anything else.
            fields: See `InvoiceFields`.

        Raises:
            InvalidOptionError: The body can't be sent; nothing was.
            SubmissionUnknownError: Whether the work began is unknown; it must not be submitted again.
            APIError: The server refused it; no work began.
        """
        return await self._process(
            "processInvoice", body_of(Invoice, fields), note=note, started=started, lookup_hint=_hint_for_invoice
        )

    async def get(self, invoice: str, *, fields: FieldNames = None, consistent: bool | None = None) -> Invoice:
        """Return one invoice (reference: getInvoice).

        Args:
            invoice: Its id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read("getInvoice", Invoice, {"id": invoice}, fields=fields, consistent_read=consistent)

    async def update(
        self, invoice: str, *, form: PatchForm | None = None, **changes: Unpack[InvoiceFields]
    ) -> Invoice | None:
        """Change an invoice by JSON Patch (reference: patchInvoice).

        Args:
            invoice: Its id.
            form: How fields are set, as for `Contacts.update`.
            changes: See `InvoiceFields`; None empties a field, UNSET leaves it alone.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update("patchInvoice", Invoice, invoice, changes, form)

    async def patch(self, invoice: str, steps: Steps) -> Invoice | None:
        """Send a JSON Patch as it is (RFC 6902).

        Args:
            invoice: Its id.
            steps: The operations, or their JSON text.
        """
        return await self._patch("patchInvoice", Invoice, invoice, steps)


class Credits(Resource):
    """Amounts that customers can still use (``/credits`` of the collect service)."""

    async def create(self, **fields: Unpack[CreditFields]) -> Credit | None:
        """Create a credit (reference: createCredit); its id is made by the service.

        Args:
            fields: See `CreditFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._write("createCredit", Credit, body_of(Credit, fields))


class BatchPosting(Resource):
    """The posting of finance batches (``/batchPosting`` of the collect service)."""

    async def preview(self, batches: ListOf[str], business_unit: str) -> BatchPostingCheck:
        """Check whether batches can be posted (reference: previewBatchPosting).

        Args:
            batches: Their ids, at least one.
            business_unit: The unit whose books they are in.

        Raises:
            InvalidOptionError: No batch is named; nothing was sent.
        """
        if isinstance(batches, str) or not batches:
            raise InvalidOptionError(f"batches is a list of at least one id. {NOTHING_SENT}")
        body = {"batch_ids": list(batches), "business_unit_id": business_unit}
        return await self._read("previewBatchPosting", BatchPostingCheck, body=body)

    async def warm_up(self) -> None:
        """Make the next posting begin sooner (reference: warmUpBatchPostingStepFunctions)."""
        await self._caller.call("warmUpBatchPostingStepFunctions")
