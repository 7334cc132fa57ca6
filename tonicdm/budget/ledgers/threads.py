"""The thread of a ledger: steps are taken on it one by one, in the order of the calls."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

from tonicdm.budget.window import Window
from tonicdm.errors import ClientClosedError

T = TypeVar("T")

QUICK_SECONDS: Final = 0.005
"""Seconds that a step may hold up an event loop."""
MIN_PAUSE_SECONDS: Final = 0.05
"""Seconds after a slower one for which all steps are left to the thread."""
MAX_PAUSE_SECONDS: Final = 10.0
"""The same after many slow ones that held up an event loop, each of which doubles it: the disk is slow at times."""


if sys.platform == "win32":

    def _pauses() -> int:
        """Return 0: who waited for what is not known here."""
        return 0
else:
    import resource

    _THREAD: Final = getattr(resource, "RUSAGE_THREAD", None)

    def _pauses() -> int:
        """Return how often this thread has waited for something, and not only for a processor; 0 where not known."""
        return 0 if _THREAD is None else resource.getrusage(_THREAD).ru_nvcsw


_TELLS_WAITING: Final = sys.platform != "win32" and _THREAD is not None


class Promptness:
    """Whether steps are quick enough to be taken in an event loop, as far as the latest ones show."""

    def __init__(self) -> None:
        self.quick: bool = False
        """Whether the next step may be. Only a step on the thread shows that the next one may."""
        self._pause = MIN_PAUSE_SECONDS
        self._until = 0.0

    def begin(self) -> tuple[float, int]:
        """Return what `took` measures from: a step begins, and what it waits for now is no other process."""
        return time.perf_counter(), _pauses()

    def took(self, began: tuple[float, int], *, here: bool) -> None:
        """Take in that a step has ended.

        A machine whose processors are all busy makes any step slow now and then, wherever it is taken; that says
        nothing of the disk, so it does not count where the system can tell.

        Args:
            began: What `begin` returned.
            here: Whether it was taken in an event loop.
        """
        slow = time.perf_counter() - began[0] > QUICK_SECONDS
        if slow and (not _TELLS_WAITING or _pauses() > began[1]):
            now = time.monotonic()
            if here:
                again = now < self._until + 10 * self._pause
                self._pause = min(2 * self._pause, MAX_PAUSE_SECONDS) if again else MIN_PAUSE_SECONDS
            self.quick, self._until = False, max(self._until, now + self._pause)
        elif not here and not self.quick:
            self.quick = time.monotonic() >= self._until


class LedgerThread:
    """Takes the steps of one ledger, so that a database never blocks an event loop.

    Args:
        transact: Applies a step in a transaction; called on the thread.
    """

    def __init__(self, transact: Callable[[Callable[[Window], Any]], Any]) -> None:
        self._transact = transact
        self._executor: ThreadPoolExecutor | None = None
        self._latest: Future[Any] | None = None
        self.closed: bool = False

    @property
    def idle(self) -> bool:
        """Whether nothing is queued, so that a step taken elsewhere overtakes none."""
        if self._latest is not None and self._latest.done():
            self._latest = None
        return self._latest is None

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
            work.add_done_callback(ignore_error)
            raise

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """Queue *function*; the thread is made when it is needed first."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-ledger")
        work = self._latest = self._executor.submit(function)
        return work

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
        self._executor = self._latest = None


def ignore_error(step: Future[Any]) -> None:
    """Take note of a step's error that nobody awaits any more; the next step meets the same cause."""
    with contextlib.suppress(BaseException):
        step.result()
