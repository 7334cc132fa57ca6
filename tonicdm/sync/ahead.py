"""Read what comes next while the result before it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

S = TypeVar("S")
T = TypeVar("T")


async def stored_beside(
    write: Coroutine[Any, Any, S],
    read: Callable[[Awaitable[S]], Coroutine[Any, Any, T]],
    note_stored: Callable[[S], None],
) -> T:
    """Store a result while the next one is read; return the next one once the first is stored.

    Whatever ends this, an error, a cancellation or an interruption, the write has come to its end by then: what it
    stores was paid for. Where the write fails, nothing more is read.

    Args:
        write: Stores the result.
        read: Makes the next step. It is given the write, to await it before it looks at the store.
        note_stored: Called with what the write returns, as soon as it does.

    Raises:
        StoreError: The write failed.
        TonicDMError: The reading failed.
    """
    writing = asyncio.ensure_future(write)
    reading = asyncio.ensure_future(read(writing))
    for task in (writing, reading):
        task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    try:
        note_stored(await asyncio.shield(writing))
        return await reading
    finally:
        reading.cancel()
        await asyncio.wait((writing, reading))
