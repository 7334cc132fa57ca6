"""The thread of a ledger: steps are taken on it one by one, in the order of the calls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from tonicdm.budget.window import Window
from tonicdm.errors import ClientClosedError

T = TypeVar("T")


class LedgerThread:
    """Takes the steps of one ledger, so that a database never blocks an event loop.

    Args:
        transact: Applies a step in a transaction; called on the thread.
    """

    def __init__(self, transact: Callable[[Callable[[Window], Any]], Any]) -> None:
        self._transact = transact
        self._executor: ThreadPoolExecutor | None = None
        self.closed = False

    async def run(self, step: Callable[[Window], T], undo: Callable[[Window], object] | None = None) -> T:
        """Apply *step*, alone, and return its result.

        Args:
            step: As for `Ledger.run`.
            undo: As for `Ledger.run`.

        Raises:
            ClientClosedError: The ledger is closed.
        """
        if self.closed:
            raise ClientClosedError("this budget is closed")
        work: Future[T] = self.submit(lambda: self._transact(step))
        try:
            return await asyncio.shield(asyncio.wrap_future(work))
        except asyncio.CancelledError:
            # The thread finishes the step all the same; what it did is undone behind it, in the same queue.
            if undo is not None and not self.closed:
                self.submit(lambda: self._transact(undo))
            work.add_done_callback(_ignore_error)
            raise

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Queue *function*; the thread is made when it is needed first."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-ledger")
        return self._executor.submit(function)

    async def close(self, last: Callable[[], None]) -> None:
        """Finish what is queued, and *last* behind it; twice is once."""
        if not self.closed:
            self.closed = True
            work = self.submit(last)
            if self._executor is not None:
                self._executor.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(work))

    def forget(self) -> None:
        """Leave the thread to the parent process; a forked child has none of its threads."""
        self._executor = None


def _ignore_error(step: Future[Any]) -> None:
    """Take note of a step's error that nobody awaits any more; the next step meets the same cause."""
    with contextlib.suppress(BaseException):
        step.result()
