"""Step functions, and an operation beyond the reference that starts one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from tonicdm.sandbox.messages import Refusal, Response, json_response
from tonicdm.sandbox.rhythm.ask import Ask, Handler, Tenant
from tonicdm.sandbox.rhythm.executions import Execution, Outcome
from tonicdm.sandbox.rhythm.routes import Operation
from tonicdm.sandbox.rhythm.settings import RhythmSettings
from tonicdm.sandbox.world.noise import key_of

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


def process_order(ask: Ask) -> Response:
    """Start an execution for an order; while one runs for the same order it is a 429."""
    order = ask.parameters["id"]
    if any(
        one.machine == ORDER_MACHINE and one.input.get("id") == order and one.is_running(ask.now)
        for one in ask.tenant.executions.values()
    ):
        raise Refusal(429, RUNNING)
    sent = ask.json(dict) if ask.body else {}
    outcome: Outcome = "FAILED" if "task_fails" in ask.injected else "SUCCEEDED"
    execution = start(
        ask.tenant, ask.settings, ask.now, data={**sent, "id": order}, outcome=outcome, output={"order_id": order}
    )
    return json_response(200, {"executionArn": execution.arn}, 1)


def describe(ask: Ask) -> Response:
    """Answer describeStateMachineExecution."""
    arn = ask.parameters["executionArn"]
    execution = ask.tenant.executions.get(arn)
    if execution is None:
        raise Refusal(404, f"no execution {arn}")
    return json_response(200, execution.described(ask.now), 1)


def cancel(ask: Ask) -> Response:
    """Answer cancelStateMachineExecution, which takes machine and ID apart; the body is not documented."""
    machine, number = ask.parameters["stateMachineName"], ask.parameters["executionId"]
    for execution in ask.tenant.executions.values():
        if (execution.machine, execution.id) == (machine, number):
            execution.cancel(ask.now)
            return json_response(200, {}, 0)
    raise Refusal(404, f"no execution {number} of {machine}")


HANDLERS: Mapping[str, Handler] = {
    "describeStateMachineExecution": describe,
    "cancelStateMachineExecution": cancel,
    "processOrderAgain": process_order,
}
"""By operationId."""
