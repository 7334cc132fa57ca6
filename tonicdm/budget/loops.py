"""The waiting queues of a budget: one for each event loop that uses it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping

from tonicdm.budget.lanes import LANES
from tonicdm.budget.waiting import WaitQueue
from tonicdm.errors import ClientClosedError
from tonicdm.types import Priority


class Queues:
    """Keeps a queue for each event loop, and wakes them all when units come free.

    Args:
        make: Makes a queue for the running loop; given what to call when units came free in it.
    """

    def __init__(self, make: Callable[[Callable[[WaitQueue], None]], WaitQueue]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._queues: list[WaitQueue] = []
        self._latest: WaitQueue | None = None
        self._closed = False

    def for_running_loop(self) -> WaitQueue:
        """Return the queue of the running loop.

        Raises:
            ClientClosedError: The budget is closed.
        """
        if self._closed:
            raise ClientClosedError("this budget is closed")
        latest, loop = self._latest, asyncio.get_running_loop()
        if latest is not None and latest.loop is loop:
            return latest
        with self._lock:
            # Those who waited in a loop that is closed do not wait any more.
            self._queues = [queue for queue in self._queues if not queue.loop.is_closed()]
            queue = next((queue for queue in self._queues if queue.loop is loop), None)
            if queue is None:
                queue = self._make(self._wake_others)
                self._queues.append(queue)
            self._latest = queue
        return queue

    @property
    def sums(self) -> Mapping[Priority, tuple[int, int]]:
        """Calls that wait and their units, by lane."""
        queue_sums = [queue.sums for queue in self._queues if not queue.loop.is_closed()]
        return {
            lane: (sum(sums[lane][0] for sums in queue_sums), sum(sums[lane][1] for sums in queue_sums))
            for lane in LANES
        }

    def wake(self) -> None:
        """Look again who can go, in all loops."""
        for queue in self._queues:
            queue.wake_from_outside()

    def _wake_others(self, freed: WaitQueue) -> None:
        if len(self._queues) > 1:
            for queue in self._queues:
                if queue is not freed:
                    queue.wake_from_outside()

    async def close(self, error: Exception) -> None:
        """Refuse those who wait, in all loops, and all who come later."""
        self._closed = True
        loop = asyncio.get_running_loop()
        for queue in self._queues:
            if queue.loop is loop:
                await queue.close(error)
            else:
                queue.close_from_outside(error)

    def forget(self) -> None:
        """Leave the queues to the parent process, in which their loops run."""
        self._lock, self._queues, self._latest = threading.Lock(), [], None
