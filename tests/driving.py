"""Move a virtual clock while something waits on it, and see that a client leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import pytest

from tonicdm import TonicDM
from tonicdm.clock import VirtualClock

T = TypeVar("T")


async def drive_while_idle(
    clock: VirtualClock,
    work: Awaitable[T],
    is_busy: Callable[[], bool],
    *,
    turns: int,
    turn_seconds: float,
    max_seconds: float,
) -> T:
    """Await *work*, moving *clock* to the next deadline whenever nothing else can go on.

    Args:
        clock: The clock that *work* waits on.
        work: What is awaited.
        is_busy: Tells whether something is under way that no clock waits for.
        turns: How often in a row nothing may be under way before the clock moves.
        turn_seconds: Real seconds of a turn.
        max_seconds: How long the work may wait, by *clock*.
    """
    task = asyncio.ensure_future(work)
    began, idle = clock.monotonic(), 0
    try:
        while not task.done():
            await asyncio.sleep(turn_seconds)
            idle = 0 if is_busy() else idle + 1
            if idle >= turns and not task.done() and (deadline := clock.next_deadline) is not None:
                assert deadline - began < max_seconds, "the work waits for longer than it may"
                clock.advance(max(0.0, deadline - clock.monotonic()))
                idle = 0
    finally:
        task.cancel()
    return await task


@contextlib.contextmanager
def counted_threads() -> Generator[Callable[[], bool]]:
    """Count what the running loop has given to threads; yield what tells whether any of it is not done."""
    loop, pending = asyncio.get_running_loop(), set[asyncio.Future[Any]]()
    run_in_executor = loop.run_in_executor

    def counting(*given: Any) -> asyncio.Future[Any]:
        future = run_in_executor(*given)
        pending.add(future)
        future.add_done_callback(pending.discard)
        return future

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "run_in_executor", counting)
        yield lambda: bool(pending)


async def close_without_a_trace(tonic: TonicDM) -> None:
    """Close a client with its budget; no call may be under way, and no reservation open but of what was spent."""
    assert tonic.caller.transport.slots.taken == 0, "a call is still counted as under way"
    seen = tonic.budget.snapshot()
    assert seen.reserved == seen.unknown, "a reservation is left"
    await tonic.close()
    await tonic.budget.close()
