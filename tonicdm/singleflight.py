"""Singleflight: callers that ask for the same work at the same time share one task."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import weakref
from collections.abc import Callable, Coroutine, Generator, Hashable
from typing import Any, Generic, TypeVar

from tonicdm.errors import TonicDMError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SharedTask(Generic[T]):
    """A task that several callers await; one that is cancelled leaves it to the others.

    Args:
        work: What the task does.
        name: The task's name.
        cancel_unused: Whether the task is cancelled when its last caller has left; else it goes on to its end.
    """

    def __init__(self, work: Coroutine[Any, Any, T], *, name: str | None = None, cancel_unused: bool = False) -> None:
        self.task: asyncio.Task[T] = asyncio.get_running_loop().create_task(work, name=name)
        # Read here, should nobody wait any more when it fails.
        self.task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        self.abandoned: bool = False
        """Whether the last caller has left and the task was cancelled: nobody may join it."""
        self._cancel_unused = cancel_unused
        self._callers = 0
        self._was_shared = False

    @contextlib.contextmanager
    def joined(self) -> Generator[None]:
        """Count as a caller within the block."""
        self._was_shared = self._was_shared or self._callers > 0
        self._callers += 1
        try:
            yield
        finally:
            self._callers -= 1
            if self._cancel_unused and not self._callers and not self.task.done():
                self.abandoned = True
                self.task.cancel()

    async def result(self) -> T:
        """Wait for the task and return its result.

        Raises:
            TonicDMError: It failed; each of several callers gets a copy of its own.
        """
        with self.joined():
            try:
                return await asyncio.shield(self.task)
            except TonicDMError as error:
                if not self._was_shared:
                    raise
                # One error raised by all of them would collect their tracebacks.
                raise copy.copy(error) from error


class SingleFlight(Generic[K, T]):
    """One task for each key: whoever asks while it runs shares its result, or its error.

    Each event loop has tasks of its own, and so has a forked process.

    Args:
        name: The name of the tasks.
        cancel_unused: As for `SharedTask`.
    """

    def __init__(self, *, name: str | None = None, cancel_unused: bool = False) -> None:
        self._name = name
        self._cancel_unused = cancel_unused
        self._by_loop: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[K, SharedTask[T]]]
        self._by_loop = weakref.WeakKeyDictionary()

    async def run(self, key: K, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result of the task for *key*; start it where none runs.

        Args:
            key: What the work is for.
            work: Makes the coroutine of a new task.
        """
        running = self._by_loop.setdefault(asyncio.get_running_loop(), {})
        shared = running.get(key)
        if shared is None or shared.abandoned:
            shared = running[key] = SharedTask(work(), name=self._name, cancel_unused=self._cancel_unused)
            own = shared
            own.task.add_done_callback(lambda _: running.pop(key) if running.get(key) is own else None)
        return await shared.result()

    def task(self, key: K) -> asyncio.Task[T] | None:
        """Return the task for *key* that runs on this event loop; None where none does."""
        shared = self._by_loop.get(asyncio.get_running_loop(), {}).get(key)
        return None if shared is None or shared.abandoned else shared.task
