"""Handlers that start, describe and cancel executions: orders, payments, invoices, cancellations."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.context import Context, Handler, Tenant
from tonicdm.sandbox.rhythm.jobs import Execution, Outcome
from tonicdm.sandbox.rhythm.operations import Operation
from tonicdm.sandbox.rhythm.record_handlers import checked, table_of
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.rhythm.versions import Record
from tonicdm.sandbox.world.noise import key_of
from tonicdm.sandbox.world.stamps import stamp

RUNNING = "an instance is already running"
"""What a 429 says on step functions (reference, AlreadyRunning)."""
ORDER_MACHINE = "process-order"
"""State machine behind the setting order_path."""


def order_operation(settings: RhythmSettings) -> tuple[Operation, ...]:
    """Return an operation beyond the reference that starts an execution for an order there is."""
    return (Operation("processOrderAgain", "commerce", "POST", settings.order_path),) if settings.order_path else ()


def start(
    tenant: Tenant,
    settings: RhythmSettings,
    now: float,
    *,
    machine: str = ORDER_MACHINE,
    data: Any = None,
    outcome: Outcome = "SUCCEEDED",
    output: Mapping[str, Any] | None = None,
    seconds: float | None = None,
) -> Execution:
    """Start an execution.

    Args:
        tenant: Whose it is.
        settings: How long it takes if *seconds* does not say it.
        now: Server time.
        machine: Name of the state machine.
        data: Its input.
        outcome: How it ends.
        output: What it gives when it succeeds.
        seconds: How long it is RUNNING.
    """
    number = key_of(tenant.id, "execution", len(tenant.executions))
    execution = Execution(
        machine=machine,
        id=str(uuid.UUID(int=number << 64 | key_of(number), version=4)),
        input={} if data is None else data,
        started=now,
        submitted_seconds=settings.submitted_seconds,
        seconds=settings.execution_seconds if seconds is None else seconds,
        outcome=outcome,
        output=dict(output or {}),
    )
    tenant.executions[execution.arn] = execution
    return execution


def process_order(context: Context) -> Response:
    """Start an execution for an order; while one runs for the same order it is a 429."""
    order = context.parameters["id"]
    if any(
        execution.machine == ORDER_MACHINE and execution.input.get("id") == order and execution.is_running(context.now)
        for execution in context.tenant.executions.values()
    ):
        raise Refusal(429, RUNNING)
    sent = context.json(dict) if context.body else {}
    outcome: Outcome = "FAILED" if "task_fails" in context.injected else "SUCCEEDED"
    execution = start(
        context.tenant,
        context.settings,
        context.now,
        data={**sent, "id": order},
        outcome=outcome,
        output={"order_id": order},
    )
    return json_response(200, {"executionArn": execution.arn}, 1)


def describe(context: Context) -> Response:
    """Answer describeStateMachineExecution."""
    arn = context.parameters["executionArn"]
    execution = context.tenant.executions.get(arn)
    if execution is None:
        raise Refusal(404, f"no execution {arn}")
    return json_response(200, execution.described(context.now), 1)


def cancel(context: Context) -> Response:
    """Answer cancelStateMachineExecution, which takes machine and ID apart; the body is not documented."""
    machine, number = context.parameters["stateMachineName"], context.parameters["executionId"]
    for execution in context.tenant.executions.values():
        if (execution.machine, execution.id) == (machine, number):
            execution.cancel(context.now)
            return json_response(200, {}, 0)
    raise Refusal(404, f"no execution {number} of {machine}")


EXECUTION_HANDLERS: Mapping[str, Handler] = {
    "describeStateMachineExecution": describe,
    "cancelStateMachineExecution": cancel,
    "processOrderAgain": process_order,
}
"""By operationId."""


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


def process(work: Work, context: Context) -> Response:
    """Start the work on a record that was sent; its record is there from then on.

    Raises:
        Refusal: 400, the body is no such record; 409, an order with this duplicate_prevention_key exists.
    """
    sent = checked(work.table, context.json(dict))
    _refuse_twice(context, sent)
    return _begun(context, work, sent)


def _refuse_twice(context: Context, sent: Record) -> None:
    key = sent.get("duplicate_prevention_key")
    table = table_of(context, "orders")
    if key is not None and any(table.value(rank, "duplicate_prevention_key") == key for rank in table.ranks()):
        raise Refusal(409, "an order with this duplicate_prevention_key exists")


def process_public_payment(context: Context) -> Response:
    """Start the payment of an invoice by who knows its sharing secret.

    Raises:
        Refusal: 400, a member is missing; 403, the secret is not the invoice's; 404, there is no such invoice.
    """
    sent = context.json(dict)
    if missing := [name for name in ("contact_info", "invoice_id", "payment", "sharing_secret") if name not in sent]:
        raise Refusal(400, f"{', '.join(missing)} is required")
    invoices = table_of(context, "invoices")
    rank = invoices.rank(str(sent["invoice_id"]))
    if rank is None:
        raise Refusal(404, "no such invoice")
    if invoices.value(rank, "sharing_secret") != sent["sharing_secret"]:
        raise Refusal(403, "the secret is not the invoice's")
    record = invoices.record(rank)
    paid = {**record, "status": "paid", "amount_paid": record.get("balance_due", 0), "balance_due": 0}
    invoices.put(rank, paid, context.now, context.user)
    return _begun(context, PAYMENT, {"type": "credit card", "owner_type": "contact"})


def _begun(context: Context, work: Work, sent: Record) -> Response:
    outcome: Outcome = "FAILED" if "task_fails" in context.injected else "SUCCEEDED"
    record = table_of(context, work.table).add({**work.made, **sent}, context.now, context.user)
    execution = start(
        context.tenant,
        context.settings,
        context.now,
        machine=work.machine,
        data=_shown(sent),
        outcome=outcome,
        output={f"{work.table.removesuffix('s')}_id": record["id"]},
    )
    if sent.get("action") == "issue credit":
        credit = {"type": "manual", "owner_type": "contact", "cancellation_id": record["id"], "total": 1}
        own = {**credit, "order_id": sent.get("order_id"), "workflow_execution_id": execution.id}
        table_of(context, "credits").add(own, context.now, context.user)
    return json_response(200, _started_body(execution), 1)


def _shown(sent: Record) -> Record:
    """Return what an execution shows of its input: nothing that pays."""
    return {name: value for name, value in sent.items() if name not in {"electronic_payment_info", "payment"}}


def _started_body(execution: Execution) -> Record:
    channel = f"progress-{execution.id}"
    return {
        "executionArn": execution.arn,
        "notification_channel": channel,
        "notification_publishKey": f"pub-{execution.id}",
        "notification_subscribeKey": f"sub-{execution.id}",
        "start_date": stamp(execution.started, 0),
    }


def preview(context: Context) -> Response:
    """Answer previewBatchPosting, whose body is not documented.

    Raises:
        Refusal: 400, a member is missing.
    """
    sent = context.json(dict)
    if not sent.get("batch_ids") or not sent.get("business_unit_id"):
        raise Refusal(400, "batch_ids and business_unit_id are required")
    return json_response(200, {"can_be_posted": True, "batch_ids": sent["batch_ids"]}, 1)


def warm_up(_ask: Context) -> Response:
    """Answer the calls that warm step functions up; they show no body."""
    return Response(status=200)


FINANCE_HANDLERS: Mapping[str, Handler] = {
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
