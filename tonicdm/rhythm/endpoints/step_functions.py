"""Step functions: orders, invoices and payments, which go on after the call that starts them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import attrs

from tonicdm.clock import Clock
from tonicdm.errors import DecodeError, InvalidOptionError, StoreError, TonicDMError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.rhythm.endpoints.base import Resource
from tonicdm.rhythm.errors import AlreadyRunningError, ExecutionFailedError, ExecutionTimeoutError, SubmittedError
from tonicdm.rhythm.models import CODEC, ExecutionStarted, StepFunctionExecution
from tonicdm.rhythm.query.polling import PollRules

_ARN: Final = re.compile(
    r"arn:[^:\s/]+:[^:\s/]+:[^:\s/]*:[^:\s/]*:"
    r"(?:execution:(?P<machine>[^:\s/]+):(?P<execution>[^:\s/]+)"
    r"|express:(?P<express_machine>[^:\s/]+):(?P<express_execution>[^:\s/]+:[^:\s/]+))"
)
"""Of a standard execution, or of an express one, which has a further part at its end."""

Started: TypeAlias = Callable[[str], Awaitable[object] | object]
"""Told the ARN of what was started, before anything else happens: the place to write it down."""


class StepFunctions(Resource):
    """Executions of step functions (``/stepFunctions`` of the system service)."""

    @property
    def clock(self) -> Clock:
        """The client's clock."""
        return self._caller.transport.clock

    def execution(self, arn: str) -> Execution:
        """Return the execution with this ARN, started here or elsewhere; nothing is sent.

        Args:
            arn: Its ``executionArn``.

        Raises:
            InvalidOptionError: The text is no ARN of an execution.
        """
        parts_of(arn)
        return Execution(arn=arn, functions=self)

    async def submit(self, service: str, path: str, body: Any = None, *, started: Started | None = None) -> Execution:
        """Start a task, such as the processing of an order, by a POST that returns an ``executionArn``.

        It is sent once. After a time-out whether it was carried out is unknown: look the order up, do not submit it a
        second time. The documents name no path of such a task, so none is checked.

        Args:
            service: The service, such as ``commerce``.
            path: The whole path, with the tenant in it.
            body: A JSON value.
            started: Told the ARN before anything else; write it down there.

        Raises:
            AlreadyRunningError: An instance of the task is running already.
            SubmittedError: The answer names no execution, or *started* failed; it carries the ARN where there is one.
            TransportError: No answer came; its ``sent`` says whether the task may have begun.
        """
        try:
            answer = await self._caller.post_task(service, path, body)
        except DecodeError as error:
            answer = error
        return await self.begun(answer, started, label=f"POST {path}")

    async def begun(
        self, answer: Any, started: Started | None, keep: Callable[[str], Awaitable[None]] | None = None, *, label: str
    ) -> Execution:
        """Return the execution that an answer names; its ARN is kept and told before anything else.

        Args:
            answer: The JSON of the answer, or why there is none.
            started: Told the ARN.
            keep: Writes the ARN down, before that.
            label: What was submitted, for errors.

        Raises:
            SubmittedError: There is no ARN, or it could not be kept or told.
        """
        arn = _arn_of(answer)
        if arn is None:
            what = str(answer) if isinstance(answer, DecodeError) else "its answer names no executionArn"
            raise SubmittedError(label, what) from (answer if isinstance(answer, DecodeError) else None)
        try:
            if keep is not None:
                await keep(arn)
            if started is not None:
                notified = started(arn)
                if inspect.isawaitable(notified):
                    await notified
        except Exception as error:
            what = f"its ARN could not be {'kept' if isinstance(error, StoreError) else 'told'} ({_message_of(error)})"
            raise SubmittedError(label, what, arn=arn) from error
        except BaseException as error:
            # Who is cancelled or interrupted must still find what was begun.
            error.add_note(f"{label} was submitted and must not be again; its execution is {arn}")
            raise
        return Execution(arn=arn, functions=self, details=_details(answer))

    async def describe(self, arn: str) -> StepFunctionExecution:
        """Return how an execution stands (reference: describeStateMachineExecution).

        Args:
            arn: Its ``executionArn``.
        """
        return await self._read("describeStateMachineExecution", StepFunctionExecution, {"executionArn": arn})

    async def cancel(self, arn: str) -> None:
        """Cancel an execution, whose machine and id are read off its ARN.

        Args:
            arn: Its ``executionArn``.
        """
        parts = parts_of(arn)
        await self.cancel_by_name(parts["machine"], parts["execution"])

    async def cancel_by_name(self, state_machine: str, execution: str) -> None:
        """Cancel an execution (reference: cancelStateMachineExecution).

        Args:
            state_machine: The machine's name.
            execution: The execution's id.
        """
        values = {"stateMachineName": state_machine, "executionId": execution}
        await self._caller.call("cancelStateMachineExecution", values)


@attrs.frozen(kw_only=True)
class Execution:
    """A task that was started; made by `StepFunctions`."""

    arn: str
    functions: StepFunctions = attrs.field(repr=False, eq=False)
    details: ExecutionStarted | None = attrs.field(default=None, repr=False, eq=False)
    """What the call that started it answered, with the channel that tells of its progress; None for one started
    elsewhere."""

    async def describe(self) -> StepFunctionExecution:
        """Return how it stands."""
        return await self.functions.describe(self.arn)

    async def cancel(self) -> None:
        """Cancel it."""
        await self.functions.cancel(self.arn)

    async def wait(self, rules: PollRules | None = None) -> StepFunctionExecution:
        """Poll with growing pauses until it has ended.

        A 429 on the way means that it runs, or that calls come too fast: it is looked at later.

        Args:
            rules: How often to look, and for how long.

        Returns:
            Its last state, with SUCCEEDED.

        Raises:
            ExecutionFailedError: It ended as FAILED, ABORTED or TIMED_OUT.
            ExecutionTimeoutError: The deadline passed; it goes on, and must not be started again.
        """
        clock, chosen = self.functions.clock, rules or PollRules()
        status = "unknown"
        for pause in chosen.pauses():
            await clock.sleep_until(clock.monotonic() + pause)
            try:
                execution = await self.describe()
            except AlreadyRunningError:
                execution = StepFunctionExecution()
            if execution.ended:
                if not execution.succeeded:
                    raise ExecutionFailedError(self.arn, str(execution.status))
                return execution
            status = status if execution.status is None else str(execution.status)
        raise ExecutionTimeoutError(self.arn, status, chosen.deadline)


def parts_of(arn: str) -> Mapping[str, str]:
    """Return the machine's name and the execution's id, the last two parts of an ARN (reference: x-assumed-parts).

    Raises:
        InvalidOptionError: The text has another form.
    """
    match = _ARN.fullmatch(arn) if isinstance(arn, str) else None
    if match is None:
        raise InvalidOptionError(
            "this is no ARN of an execution: arn:…:execution:machine:id, or arn:…:express:machine:id:part. "
            f"{NOTHING_SENT}"
        )
    parts = match.groupdict()
    machine, execution = parts["machine"] or parts["express_machine"], parts["execution"] or parts["express_execution"]
    return {"machine": machine, "execution": execution}


def _arn_of(answer: Any) -> str | None:
    """Return the ARN that an answer names, whatever else it holds."""
    record = answer[0] if isinstance(answer, list) and answer else answer
    arn = record.get("executionArn") if isinstance(record, dict) else None
    return arn if isinstance(arn, str) and arn.strip() else None


def _details(answer: Any) -> ExecutionStarted | None:
    # What is odd beside the ARN must not cost it.
    try:
        return CODEC.read(answer[0] if isinstance(answer, list) else answer, ExecutionStarted)
    except DecodeError:
        return None


def _message_of(error: Exception) -> str:
    return str(error) if isinstance(error, TonicDMError) else type(error).__name__
