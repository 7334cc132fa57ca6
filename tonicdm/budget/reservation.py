"""One attempt's units, from the queue to the answer."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Self, TypeVar

import attrs

from tonicdm.budget.headers import Report, read
from tonicdm.budget.lanes import Waiter
from tonicdm.budget.loops import Queues
from tonicdm.budget.rules import Granted, Settlement
from tonicdm.budget.waiting import Terms, WaitQueue
from tonicdm.budget.window import Window
from tonicdm.errors import TonicDMError

T = TypeVar("T")


class Fate(enum.StrEnum):
    """Where an attempt stands."""

    QUEUED = "queued"
    RESERVED = "reserved"
    SENT = "sent"
    SETTLED = "settled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


USUAL: Final = Terms(30.0, None, None, None)
"""What most calls allow; one object for all of them."""


class Reservation:
    """Units of one attempt; made by `UnitBudget.reserve` and used as ``async with``."""

    # A hundred thousand may wait: no dictionary each.
    __slots__ = ("_chance", "_entry", "_in_slot", "_queue", "_queues", "_terms", "_waiter", "fate", "sent_at")

    def __init__(self, queues: Queues, waiter: Waiter, terms: Terms, chance: Callable[[], float]) -> None:
        self._queues = queues
        self._queue: WaitQueue | None = None
        self._waiter = waiter
        self._terms = terms
        self._chance = chance
        self._entry = 0
        self._in_slot = False
        self.fate: Fate = Fate.QUEUED
        self.sent_at: float | None = None

    def __repr__(self) -> str:
        return f"<Reservation {self.cost} units, {self.fate}>"

    @property
    def cost(self) -> int:
        """Units reserved."""
        return self._waiter.cost

    def __aenter__(self) -> Coroutine[Any, Any, Self]:
        if self.fate is not Fate.QUEUED:
            # A copy: the queue lets go of the old one only when it comes across it. Number and deadline stay.
            self._waiter = attrs.evolve(self._waiter, handle=None, gone=False, left=False)
        self._queue = self._queues.here()
        return self._queue.acquire(self._waiter, self._terms, self._take)

    def _take(self, granted: Granted) -> Self:
        self._entry, self._in_slot, self.fate = granted.entry, True, Fate.RESERVED
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        await self._end()

    async def try_sent(self) -> bool:
        """Pass the gate if the units still stand.

        Returns:
            False where a 429, a lapsed lease, a new window or others' calls came between: nothing may be sent, and
            the units are back.
        """
        if self.fate is not Fate.RESERVED or self._queue is None:
            return False
        # A cancellation in here can't tell whether the ledger knows. That nothing was written it can: `_end` refunds.
        entry, queue, timeout = self._entry, self._queue, self._terms.timeout

        def step(window: Window) -> float | None:
            now = queue.now()  # not before the step: the process may have been stopped while the ledger was locked
            return now.monotonic if window.sent(entry, now, timeout) else None

        try:
            self.sent_at = await queue.access.try_once(step)
        except TonicDMError:  # it queues anew, and is told there what is in the way of the ledger
            self.sent_at = None
            queue.access.note_later(lambda window: window.refund(entry))
        self.fate = Fate.SENT if self.sent_at is not None else Fate.REFUNDED
        if self.fate is Fate.REFUNDED:
            self._free_slot()
        return self.fate is Fate.SENT

    async def sent(self) -> None:
        """Pass the gate, queueing anew as often as the units were lost meanwhile; send right after it."""
        while not await self.try_sent():
            await self.__aenter__()

    async def settle(
        self,
        limit: int,
        remaining: int,
        reset: float,
        date: float | None = None,
        *,
        status: int = 200,
    ) -> Settlement:
        """Tell what the answer said of the budget.

        Args:
            limit: X-Rate-Limit-Limit.
            remaining: X-Rate-Limit-Remaining.
            reset: X-Rate-Limit-Reset, Unix seconds.
            date: The Date header as Unix seconds; None if absent, or if the answer came from a cache.
            status: The HTTP status; 429 blocks everybody until *reset*.
        """
        return await self._settle(Report.of(limit, remaining, reset, date), status)

    async def settle_from(self, headers: Mapping[str, str], status: int) -> Settlement:
        """Tell what an answer's *headers* say of the budget; unusable ones make the attempt's fate unknown."""
        return await self._settle(read(headers), status)

    async def _settle(self, report: Report, status: int) -> Settlement:
        if self._queue is None or self.fate in {Fate.QUEUED, Fate.RESERVED}:
            raise RuntimeError("an answer to a call that was never sent: await sent() before sending")
        entry, sent_at, now, chance = self._entry, self.sent_at, self._queue.now(), self._chance()
        self.fate = Fate.SETTLED if report.remaining is not None else Fate.UNKNOWN
        return await self._tell(
            lambda window: window.settle(entry, report, now, status=status, sent_at=sent_at, chance=chance),
            Settlement(blocked=status == 429),
        )

    async def refund(self) -> None:
        """Give the units back: surely no byte of the call was written, though it had passed the gate."""
        if self.fate in {Fate.RESERVED, Fate.SENT}:
            self.fate, entry = Fate.REFUNDED, self._entry
            await self._tell(lambda window: window.refund(entry), None)

    async def _end(self) -> None:
        if self.fate is Fate.RESERVED:
            await self.refund()
        elif self.fate is Fate.SENT and self._queue is not None:
            self.fate, entry, now = Fate.UNKNOWN, self._entry, self._queue.now()
            await self._tell(lambda window: window.lose(entry, now), None)

    async def _tell(self, step: Callable[[Window], T], otherwise: T) -> T:
        """Let the ledger know how the call ended, without holding up what is finished."""
        assert self._queue is not None
        try:
            return await self._queue.access.note(step, otherwise)
        finally:
            self._free_slot()

    def _free_slot(self) -> None:
        if self._in_slot and self._queue is not None:
            self._in_slot = False
            self._queue.free_slot(self._waiter)
