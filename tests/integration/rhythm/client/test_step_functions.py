"""Tasks that go on after their call: waited for, cancelled, and never submitted twice."""

from __future__ import annotations

import pytest

from tonicdm.errors import InvalidOptionError, RequestTimeoutError, TransportError
from tonicdm.rhythm import PollRules
from tonicdm.rhythm.errors import AlreadyRunningError, ExecutionFailedError, ExecutionTimeoutError

from .conftest import drive


def order(box, number: str = "o-1") -> str:
    return f"/orders/{box.tenant_id}/{number}/process"


async def test_a_task_is_started_written_down_and_waited_for(rhythm, box, clock) -> None:
    written: list[str] = []

    async def started(arn: str) -> None:
        written.append(arn)

    execution = await rhythm.step_functions.submit("commerce", order(box), {"pay": True}, started=started)
    assert written == [execution.arn]
    found = await drive(clock, execution.wait(), rhythm)
    assert found.status == "SUCCEEDED" and found.ended and found.stop_date is not None


async def test_a_task_started_elsewhere_is_waited_for_by_its_arn(rhythm, box, clock) -> None:
    arn = box.start_execution(seconds=300).arn
    found = await drive(clock, rhythm.step_functions.execution(arn).wait(), rhythm)
    assert found.execution_arn == arn
    assert len(box.calls(operation="describeStateMachineExecution")) < 20


@pytest.mark.parametrize("outcome", ["FAILED", "TIMED_OUT"])
async def test_a_task_that_fails_says_to_look_before_another_one(rhythm, box, clock, outcome: str) -> None:
    execution = rhythm.step_functions.execution(box.start_execution(outcome=outcome).arn)
    with pytest.raises(ExecutionFailedError, match=f"ended as {outcome}.*before another one is submitted"):
        await drive(clock, execution.wait(), rhythm)


async def test_a_task_is_cancelled_by_the_parts_of_its_arn(rhythm, box, clock) -> None:
    execution = rhythm.step_functions.execution(box.start_execution().arn)
    await execution.cancel()
    with pytest.raises(ExecutionFailedError, match="ABORTED"):
        await drive(clock, execution.wait(), rhythm)
    assert len(box.calls(operation="cancelStateMachineExecution")) == 1


async def test_the_deadline_ends_the_waiting_and_not_the_task(rhythm, box, clock) -> None:
    execution = rhythm.step_functions.execution(box.start_execution(seconds=1000).arn)
    with pytest.raises(ExecutionTimeoutError, match="do not submit the order or payment a second time"):
        await drive(clock, execution.wait(PollRules(deadline=60)), rhythm)
    assert (await drive(clock, execution.wait(), rhythm)).status == "SUCCEEDED"


async def test_a_429_says_that_the_task_is_running_and_is_not_repeated(rhythm, box) -> None:
    """An error of its own; nobody else is silenced by it."""
    await rhythm.step_functions.submit("commerce", order(box))
    with pytest.raises(AlreadyRunningError, match="do not start a second"):
        await rhythm.step_functions.submit("commerce", order(box))
    assert len(box.calls(service="commerce")) == 2
    assert rhythm._caller.transport.budget.cooldown_left == 0


async def test_a_429_while_waiting_is_waited_out(rhythm, box, clock, broker) -> None:
    await broker.token()
    execution = rhythm.step_functions.execution(box.start_execution().arn)
    box.faults.next("too_many_requests", times=3)
    assert (await drive(clock, execution.wait(), rhythm)).status == "SUCCEEDED"


@pytest.mark.parametrize("fault", ["drop_after", "drop_before", "cut_body"])
async def test_an_order_is_never_submitted_a_second_time(rhythm, box, clock, fault: str) -> None:
    await rhythm.contacts.list().first()
    box.faults.on(fault, path=f"/commerce{order(box)}")
    with pytest.raises(TransportError, match="look for what it should have made or changed") as caught:
        await drive(clock, rhythm.step_functions.submit("commerce", order(box)), rhythm)
    assert caught.value.sent
    assert len(box.calls(service="commerce")) == 1


async def test_an_order_that_times_out_is_not_submitted_again(make, box, clock) -> None:
    rhythm = make(timeout=1.0)
    await rhythm.contacts.list().first()
    box.faults.on("slow", path=f"/commerce{order(box)}", seconds=5.0)
    with pytest.raises(RequestTimeoutError, match="not sent again"):
        await drive(clock, rhythm.step_functions.submit("commerce", order(box)), rhythm)
    assert len(box.calls(service="commerce")) <= 1


@pytest.mark.parametrize(
    "wrong", ["", "x", "arn:aws:states:us-east-1:1:stateMachine:m", "arn:aws:states:r:1:execution:a/b:c"]
)
async def test_what_is_no_arn_is_refused(rhythm, box, wrong: str) -> None:
    with pytest.raises(InvalidOptionError, match="no ARN"):
        rhythm.step_functions.execution(wrong)
    with pytest.raises(InvalidOptionError):
        await rhythm.step_functions.cancel(wrong)
    assert list(box.journal) == []
