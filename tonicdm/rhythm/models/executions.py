"""Executions of step functions: orders, invoices and payments that take a while."""

from __future__ import annotations

import datetime
from typing import Any, Final

import attrs

from tonicdm.codec import OpenEnum, Record, snake_case, wire


class ExecutionStatus(OpenEnum):
    """Where an execution stands (reference: StepFunctionExecution.status)."""

    SUBMITTED = "SUBMITTED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ABORTED = "ABORTED"
    TIMED_OUT = "TIMED_OUT"


ENDED: Final = frozenset({"SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"})
"""States that no other follows, by the meaning of their names (reference: x-terminal-statuses)."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class ExecutionStarted(Record):
    """What a call that starts a task returns: the execution, and keys of a channel that tells of its progress.

    (reference: ExecutionStarted)
    """

    execution_arn: str = attrs.field(metadata={"wire": "executionArn"})
    """The execution."""
    notification_channel: str | None = None
    """The channel on which progress is posted."""
    notification_publish_key: str | None = wire("notification_publishKey", shown=False)
    """Who has it may post there."""
    notification_subscribe_key: str | None = wire("notification_subscribeKey", shown=False)
    """Who has it may read there."""
    start_date: str | None = None
    """When it began; its form is not documented."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class StepFunctionExecution(Record):
    """The state of an execution (reference: StepFunctionExecution)."""

    execution_arn: str | None = wire("executionArn")
    """The execution."""
    state_machine_arn: str | None = wire("stateMachineArn")
    """The machine that runs it."""
    status: ExecutionStatus | None = None
    """Where it stands."""
    input: str | None = wire(shown=False)
    """What it was given, as text."""
    output: Any = wire(shown=False, hashed=False)
    """What came out, as plain JSON."""
    start_date: datetime.datetime | None = None
    """When it began."""
    stop_date: datetime.datetime | None = None
    """When it ended."""

    @property
    def ended(self) -> bool:
        """Whether no other state follows."""
        return self.status is not None and str(self.status).strip().upper() in ENDED

    @property
    def succeeded(self) -> bool:
        """Whether it ended well, however its state is written."""
        return self.status is not None and str(self.status).strip().upper() == "SUCCEEDED"
