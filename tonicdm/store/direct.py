"""Look at a few rows in the event loop: the way to the store's thread and back takes longer than the look."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import time
from collections.abc import Callable
from typing import Final, Literal, TypeAlias, TypeVar

from tonicdm.errors import StoreError
from tonicdm.store.database import Database, Location

T = TypeVar("T")

FEW: Final = 16
"""Records that are looked at in the event loop; more are read on the store's thread."""

SLOW_SECONDS: Final = 0.005
"""A look that takes longer has held up the loop: the disk is slow at the moment."""

PAUSE_FACTOR: Final = 20
"""For so many times as long as a slow look took, all goes to the thread."""

LOCKED_SECONDS: Final = 0.1
"""Seconds after a look that failed in which all goes to the thread."""

SLICE_SECONDS: Final = 0.001
"""Seconds of looks after which other tasks get their turn: a look by itself never waits."""


class _Missed(enum.Enum):
    """There was no look."""

    MISSED = enum.auto()


MISSED: Final = _Missed.MISSED
Missed: TypeAlias = Literal[_Missed.MISSED]


class DirectReads:
    """Reads over a connection of its own, which waits for no lock and writes nothing.

    It shows what was committed. So it is asked only while nothing that this process has begun is still under way on the
    store's thread.

    Args:
        location: Where the store is; on a server, nothing is read in the loop.
        clock: Shows how long a look takes, in seconds.
    """

    def __init__(self, location: Location, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._location = location
        self._clock = clock
        self._database: Database | None = None
        self._is_tried = False
        self._paused_until = 0.0
        self._used = 0.0

    def open(self) -> None:
        """Open the connection, on the store's thread; once only."""
        if not self._is_tried:
            self._is_tried = True
            with contextlib.suppress(StoreError), self._location.errors():
                self._database = self._location.open_beside()

    def close(self) -> None:
        """Close the connection, on the store's thread."""
        database, self._database = self._database, None
        if database is not None:
            database.close()

    async def look(self, work: Callable[[Database], T]) -> T | Missed:
        """Return what *work* reads; `MISSED` where the thread should do it.

        Args:
            work: Reads a few rows by their keys.
        """
        began = self._clock()
        if self._database is None or began < self._paused_until:
            return MISSED
        found: T | Missed
        try:
            found = work(self._database)
        except Exception:  # noqa: BLE001 - locked, or away: the thread waits for it, or says what it is
            found = MISSED
        ended = self._clock()
        took = ended - began
        if found is MISSED or took > SLOW_SECONDS:
            self._paused_until = ended + (LOCKED_SECONDS if found is MISSED else PAUSE_FACTOR * took)
        self._used += took
        if self._used > SLICE_SECONDS:
            self._used = 0.0
            await asyncio.sleep(0)
        return found
