"""Orders, payments, invoices and cancellations: calls that start work and answer with its execution."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.ask import Ask, Handler
from tonicdm.sandbox.rhythm.executions import Execution, Outcome
from tonicdm.sandbox.rhythm.resources import checked, table_of
from tonicdm.sandbox.rhythm.table import Record
from tonicdm.sandbox.rhythm.tasks import start
from tonicdm.sandbox.world.stamps import stamp


@attrs.frozen
class Work:
    """What one of these calls starts."""

    table: str
    """Type of the record that comes of it."""
    machine: str
    """State machine that does it."""
    made: Mapping[str, Any]
    """Fields that the server sets."""


ORDER = Work("orders", "process-order", {"number": 9900})
PAYMENT = Work("payments", "process-payment", {"status": "complete"})
INVOICE = Work("invoices", "process-invoice", {"status": "open", "amount_paid": 0})
CANCELLATION = Work("cancellations", "process-cancellation", {"number": 399})


def process(work: Work, ask: Ask) -> Response:
    """Start the work on a record that was sent; its record is there from then on.

    Raises:
        Refusal: 400, the body is no such record; 409, an order with this duplicate_prevention_key exists.
    """
    sent = checked(work.table, ask.json(dict))
    _refuse_twice(ask, sent)
    return _begun(ask, work, sent)


def _refuse_twice(ask: Ask, sent: Record) -> None:
    key = sent.get("duplicate_prevention_key")
    table = table_of(ask, "orders")
    if key is not None and any(table.value(rank, "duplicate_prevention_key") == key for rank in table.ranks()):
        raise Refusal(409, "an order with this duplicate_prevention_key exists")


def process_public_payment(ask: Ask) -> Response:
    """Start the payment of an invoice by who knows its sharing secret.

    Raises:
        Refusal: 400, a member is missing; 403, the secret is not the invoice's; 404, there is no such invoice.
    """
    sent = ask.json(dict)
    if missing := [one for one in ("contact_info", "invoice_id", "payment", "sharing_secret") if one not in sent]:
        raise Refusal(400, f"{', '.join(missing)} is required")
    invoices = table_of(ask, "invoices")
    rank = invoices.rank(str(sent["invoice_id"]))
    if rank is None:
        raise Refusal(404, "no such invoice")
    if invoices.value(rank, "sharing_secret") != sent["sharing_secret"]:
        raise Refusal(403, "the secret is not the invoice's")
    record = invoices.record(rank)
    paid = {**record, "status": "paid", "amount_paid": record.get("balance_due", 0), "balance_due": 0}
    invoices.put(rank, paid, ask.now, ask.user)
    return _begun(ask, PAYMENT, {"type": "credit card", "owner_type": "contact"})


def _begun(ask: Ask, work: Work, sent: Record) -> Response:
    outcome: Outcome = "FAILED" if "task_fails" in ask.injected else "SUCCEEDED"
    record = table_of(ask, work.table).add({**work.made, **sent}, ask.now, ask.user)
    execution = start(
        ask.tenant,
        ask.settings,
        ask.now,
        machine=work.machine,
        data=_shown(sent),
        outcome=outcome,
        output={f"{work.table.removesuffix('s')}_id": record["id"]},
    )
    if sent.get("action") == "issue credit":
        credit = {"type": "manual", "owner_type": "contact", "cancellation_id": record["id"], "total": 1}
        own = {**credit, "order_id": sent.get("order_id"), "workflow_execution_id": execution.id}
        table_of(ask, "credits").add(own, ask.now, ask.user)
    return json_response(200, _told(execution), 1)


def _shown(sent: Record) -> Record:
    """Return what an execution shows of its input: nothing that pays."""
    return {name: value for name, value in sent.items() if name not in {"electronic_payment_info", "payment"}}


def _told(execution: Execution) -> Record:
    channel = f"progress-{execution.id}"
    return {
        "executionArn": execution.arn,
        "notification_channel": channel,
        "notification_publishKey": f"pub-{execution.id}",
        "notification_subscribeKey": f"sub-{execution.id}",
        "start_date": stamp(execution.started, 0),
    }


def preview(ask: Ask) -> Response:
    """Answer previewBatchPosting, whose body is not documented.

    Raises:
        Refusal: 400, a member is missing.
    """
    sent = ask.json(dict)
    if not sent.get("batch_ids") or not sent.get("business_unit_id"):
        raise Refusal(400, "batch_ids and business_unit_id are required")
    return json_response(200, {"can_be_posted": True, "batch_ids": sent["batch_ids"]}, 1)


def warm_up(_ask: Ask) -> Response:
    """Answer the calls that warm step functions up; they show no body."""
    return Response(status=200)


HANDLERS: Mapping[str, Handler] = {
    "processOrder": partial(process, ORDER),
    "processPayment": partial(process, PAYMENT),
    "processPublicPayment": process_public_payment,
    "processInvoice": partial(process, INVOICE),
    "processCancellation": partial(process, CANCELLATION),
    "previewBatchPosting": preview,
    "warmUpCancellationStepFunctions": warm_up,
    "warmUpBatchPostingStepFunctions": warm_up,
}
"""By operationId."""
