"""Run many calls at once, within a bound; a failure loses no result of the others."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator
from typing import Any, Final, TypeVar

from tonicdm.errors import BulkError, ConfigError

T = TypeVar("T")

DEFAULT_LIMIT: Final = 32
"""Calls that wait or travel at once; how many of them travel is the client's ``max_concurrency``."""


async def gather(calls: Iterable[Awaitable[T]], *, limit: int = DEFAULT_LIMIT) -> list[T]:
    """Await many calls, at most *limit* at once, and return their results in the order of *calls*.

    ```python
    people = await gather(tonic.persons.get(one) for one in ids)
    ```

    Args:
        calls: Coroutines; a generator makes them only as they start.
        limit: How many are started at once.

    Raises:
        BulkError: Some calls failed; the others were finished, and both are in the error.
    """
    done: dict[int, T] = {}
    failed: dict[int, BaseException] = {}
    async with contextlib.aclosing(_run(calls, limit)) as outcomes:
        async for index, result, error in outcomes:
            if error is None:
                done[index] = result
            else:
                failed[index] = error
    if failed:
        raise BulkError(done, failed)
    return [done[index] for index in sorted(done)]


async def as_completed(
    calls: Iterable[Awaitable[T]], *, limit: int = DEFAULT_LIMIT
) -> AsyncGenerator[tuple[int, T], None]:
    """Iterate over the results of many calls as they come, each with its position in *calls*.

    Leaving the iteration early cancels what still runs.

    Args:
        calls: Coroutines; a generator makes them only as they start.
        limit: How many are started at once.

    Raises:
        BulkError: Some calls failed; raised after the last result. ``done`` holds positions only, as the results
            were handed out already.
    """
    handed: dict[int, Any] = {}
    failed: dict[int, BaseException] = {}
    async with contextlib.aclosing(_run(calls, limit)) as outcomes:
        async for index, result, error in outcomes:
            if error is None:
                handed[index] = None
                yield index, result
            else:
                failed[index] = error
    if failed:
        raise BulkError(handed, failed)


async def _run(calls: Iterable[Awaitable[T]], limit: int) -> AsyncGenerator[tuple[int, T, BaseException | None], None]:
    """Yield the outcome of every call as it comes; whatever ends the iteration cancels the rest and awaits it."""
    if limit < 1:
        raise ConfigError(f"limit must be at least 1, not {limit}")
    pending = iter(calls)
    running: dict[asyncio.Task[T], int] = {}
    index = 0
    try:
        while True:
            while len(running) < limit and (call := next(pending, None)) is not None:
                running[asyncio.ensure_future(_await(call))] = index
                index += 1
            if not running:
                return
            finished, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in finished:
                position = running.pop(task)
                error = asyncio.CancelledError() if task.cancelled() else task.exception()
                yield position, task.result() if error is None else None, error  # type: ignore[misc]
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        _close(pending)


async def _await(call: Awaitable[T]) -> T:
    return await call


def _close(pending: Iterator[Awaitable[Any]]) -> None:
    """Close coroutines that were made and will never start; a generator is closed without making more."""
    if inspect.isgenerator(pending):
        pending.close()
        return
    for call in pending:
        if inspect.iscoroutine(call):
            call.close()
