"""Long-running tasks: executions of step functions (concepts page, "Responses"; reference, Step functions)."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from tonicdm.sandbox.messages import to_json
from tonicdm.sandbox.world.stamps import stamp

Outcome = Literal["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]
OUTCOMES: tuple[Outcome, ...] = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
"""Statuses that end an execution (reference, x-terminal-statuses)."""


@attrs.define(kw_only=True)
class Execution:
    """One run of a state machine."""

    machine: str
    """Name of the state machine."""
    id: str
    """Its own part of the ARN."""
    input: Any
    """What it was started with."""
    started: float
    """Server time."""
    submitted_seconds: float
    """How long it is SUBMITTED."""
    seconds: float
    """How long it then is RUNNING."""
    outcome: Outcome
    """How it ends unless it is cancelled."""
    output: dict[str, Any]
    """What it gives when it succeeds."""
    cancelled: float | None = None
    """Server time at which it was cancelled."""

    @property
    def arn(self) -> str:
        """Name by which it is described: machine and ID are its last two parts, as in AWS."""
        return f"arn:aws:states:us-east-1:000000000000:execution:{self.machine}:{self.id}"

    def status(self, now: float) -> str:
        """Return its state at a moment."""
        if self.cancelled is not None:
            return "ABORTED"
        if now < self.started + self.submitted_seconds:
            return "SUBMITTED"
        return "RUNNING" if now < self._end else self.outcome

    def is_running(self, now: float) -> bool:
        """Return whether it has not ended yet."""
        return self.status(now) not in OUTCOMES

    def cancel(self, now: float) -> None:
        """Stop it; one that has ended stays as it ended."""
        if self.is_running(now):
            self.cancelled = now

    def described(self, now: float) -> dict[str, Any]:
        """Return it as describeStateMachineExecution does."""
        status = self.status(now)
        told: dict[str, Any] = {
            "executionArn": self.arn,
            "stateMachineArn": f"arn:aws:states:us-east-1:000000000000:stateMachine:{self.machine}",
            "status": status,
            "input": to_json(self.input).decode(),
            "start_date": stamp(self.started, 0),
        }
        if status in OUTCOMES:
            told["stop_date"] = stamp(self._end if self.cancelled is None else self.cancelled, 0)
        if status == "SUCCEEDED":
            told["output"] = self.output
        return told

    @property
    def _end(self) -> float:
        return self.started + self.submitted_seconds + self.seconds
