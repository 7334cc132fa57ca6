"""Callers that ask for the same work at the same time share one task."""

from __future__ import annotations

import asyncio
import gc
import weakref

import pytest

from tonicdm.errors import ConfigError
from tonicdm.singleflight import SharedTask, SingleFlight


class Work:
    """Work that ends when the test says so, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.begun += 1
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return "done"


async def begin(flights: SingleFlight[str, str], work: Work, count: int, key: str = "k") -> list[asyncio.Task[str]]:
    callers = [asyncio.ensure_future(flights.run(key, work)) for _ in range(count)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return callers


async def test_callers_of_one_key_share_one_task_and_those_of_another_do_not():
    flights, work, other = SingleFlight[str, str](), Work(), Work()
    callers = [*await begin(flights, work, 3), *await begin(flights, other, 1, key="other")]
    work.gate.set()
    other.gate.set()
    assert await asyncio.gather(*callers) == ["done"] * 4
    assert (work.begun, other.begun) == (1, 1)


async def test_work_that_has_ended_is_done_anew():
    flights, work = SingleFlight[str, str](), Work()
    work.gate.set()
    for count in (1, 2):
        assert await flights.run("k", work) == "done"
        assert work.begun == count
    assert flights.task("k") is None


async def test_a_cancelled_caller_leaves_the_work_to_the_others():
    flights, work = SingleFlight[str, str](cancel_unused=True), Work()
    gone, stays = await begin(flights, work, 2)
    gone.cancel()
    await asyncio.wait([gone])
    work.gate.set()
    assert await stays == "done"
    assert gone.cancelled()
    assert not work.cancelled


async def test_without_callers_the_work_goes_on_to_its_end():
    flights, work = SingleFlight[str, str](), Work()
    (caller,) = await begin(flights, work, 1)
    task = flights.task("k")
    caller.cancel()
    await asyncio.wait([caller])
    work.gate.set()
    assert task is not None
    assert await task == "done"


async def test_without_callers_the_work_is_cancelled_where_that_is_wanted_and_nobody_joins_it():
    flights, work = SingleFlight[str, str](cancel_unused=True), Work()
    (caller,) = await begin(flights, work, 1)
    caller.cancel()
    await asyncio.sleep(0)
    assert flights.task("k") is None
    work.gate.set()
    assert await flights.run("k", work) == "done"
    assert (work.begun, work.cancelled) == (2, 1)


async def test_each_of_several_callers_gets_an_error_of_its_own():
    flights, work = SingleFlight[str, str](), Work()
    work.error = ConfigError("nothing was sent")
    callers = await begin(flights, work, 2)
    work.gate.set()
    errors = await asyncio.gather(*callers, return_exceptions=True)
    assert [str(error) for error in errors] == ["nothing was sent"] * 2
    assert errors[0] is not errors[1]


async def test_a_single_caller_gets_the_error_itself():
    work = Work()
    work.error = ConfigError("nothing was sent")
    work.gate.set()
    with pytest.raises(ConfigError) as raised:
        await SharedTask(work()).result()
    assert raised.value is work.error


def test_each_event_loop_has_a_task_of_its_own():
    """A task of another loop is nothing to wait for, and a loop that has ended is not kept alive."""
    flights = SingleFlight[str, str]()
    loops: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def leave_unfinished() -> None:
        await begin(flights, Work(), 1)
        loops.append(weakref.ref(asyncio.get_running_loop()))

    async def ask() -> str:
        work = Work()
        work.gate.set()
        return await flights.run("k", work)

    asyncio.run(leave_unfinished())
    assert asyncio.run(ask()) == "done"
    gc.collect()
    assert loops[0]() is None
