"""The units of one attempt, from the queue to the response."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, Self

from tonicdm.budget.headers import Report, read
from tonicdm.budget.lanes import Waiter
from tonicdm.budget.loops import Queues
from tonicdm.budget.rules import Granted, Settlement
from tonicdm.budget.settling import settle
from tonicdm.budget.waiting import WaitLimits, WaitQueue
from tonicdm.budget.window import Window
from tonicdm.errors import TonicDMError
from tonicdm.values import changed


class ReservationState(enum.StrEnum):
    """Where an attempt stands."""

    QUEUED = "queued"
    RESERVED = "reserved"
    SENT = "sent"
    SETTLED = "settled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


_QUEUED: Final = ReservationState.QUEUED
_RESERVED: Final = ReservationState.RESERVED
_SENT: Final = ReservationState.SENT
_SETTLED: Final = ReservationState.SETTLED
_REFUNDED: Final = ReservationState.REFUNDED
_UNKNOWN: Final = ReservationState.UNKNOWN


DEFAULT_LIMITS: Final = WaitLimits(30.0, None, None, None)
"""What most calls allow; one object for all of them."""


UNKNOWN: Final = Settlement()
"""What is returned of a response that the ledger could not take in."""
REFUSED: Final = Settlement(blocked=True)
"""The same of a 429."""


class Reservation:
    """Units of one attempt; made by `UnitBudget.reserve` and used as ``async with``."""

    # A hundred thousand may wait: no dictionary each.
    __slots__ = ("_chance", "_entry", "_in_slot", "_limits", "_queue", "_queues", "_waiter", "sent_at", "state")

    def __init__(self, queues: Queues, waiter: Waiter, limits: WaitLimits, chance: Callable[[], float]) -> None:
        self._queues = queues
        self._queue: WaitQueue | None = None
        self._waiter = waiter
        self._limits = limits
        self._chance = chance
        self._entry = 0
        self._in_slot = False
        self.state: ReservationState = _QUEUED
        self.sent_at: float | None = None

    def __repr__(self) -> str:
        return f"<Reservation {self.cost} units, {self.state}>"

    @property
    def cost(self) -> int:
        """Units reserved."""
        return self._waiter.cost

    def __aenter__(self) -> Coroutine[Any, Any, Self]:
        if self.state is not _QUEUED:
            # A copy: the queue lets go of the old one only when it comes across it. Number and deadline stay.
            self._waiter = changed(self._waiter, handle=None, gone=False, left=False)
        self._queue = self._queues.for_running_loop()
        return self._queue.acquire(self._waiter, self._limits, self._take)

    def _take(self, granted: Granted) -> Self:
        self._entry, self._in_slot, self.state = granted.entry, True, _RESERVED
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        if self.state is _RESERVED:
            await self.refund()
        elif self.state is _SENT and self._queue is not None:
            self.state, entry, now = _UNKNOWN, self._entry, self._queue.now()
            await self._note(lambda window: window.lose(entry, now))

    async def try_sent(self) -> bool:
        """Pass the gate if the units still stand.

        Returns:
            False where a 429, a lapsed lease, a new window or others' calls came between: nothing may be sent, and
            the units are back.
        """
        if self.state is not _RESERVED or self._queue is None:
            return False
        # A cancellation in here can't tell if the ledger knows. That nothing was written it can: `__aexit__` refunds.
        entry, queue, timeout = self._entry, self._queue, self._limits.timeout

        def step(window: Window) -> float | None:
            now = queue.now()  # not before the step: the process may have been stopped while the ledger was locked
            return now.monotonic if window.sent(entry, now, timeout) else None

        try:
            done = queue.access.check_now(step)
            self.sent_at = await queue.access.try_once(step) if done is None else done[0]
        except TonicDMError:  # it queues anew, and learns there what is in the way of the ledger
            self.sent_at = None
            queue.access.note_later(lambda window: window.refund(entry))
        if self.sent_at is None:
            self.state = _REFUNDED
            self._free_slot()
            return False
        self.state = _SENT
        return True

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
        """Settle by the values that the response named.

        Args:
            limit: X-Rate-Limit-Limit.
            remaining: X-Rate-Limit-Remaining.
            reset: X-Rate-Limit-Reset, Unix seconds.
            date: The Date header as Unix seconds; None if absent, or if the response came from a cache.
            status: The HTTP status; 429 blocks everybody until *reset*.
        """
        return await self._settle(Report.of(limit, remaining, reset, date), status)

    def settle_from(
        self, headers: Mapping[str, str], status: int, report: Report | None = None
    ) -> Coroutine[Any, Any, Settlement]:
        """Settle by the headers of the response; without usable ones the attempt's outcome is unknown.

        Args:
            headers: Of the response.
            status: The HTTP status.
            report: What the headers say, where they were read already.
        """
        return self._settle(read(headers) if report is None else report, status)

    async def _settle(self, report: Report, status: int) -> Settlement:
        if self._queue is None or self.state is _QUEUED or self.state is _RESERVED:
            raise RuntimeError("a response to a call that was never sent: await sent() before sending")
        entry, sent_at, now, chance = self._entry, self.sent_at, self._queue.now(), self._chance()
        self.state = _SETTLED if report.remaining is not None else _UNKNOWN

        def step(window: Window) -> Settlement:
            return settle(window, entry, report, now, status, sent_at, chance)

        access = self._queue.access
        try:
            done = access.note_now(step)
            return done[0] if done is not None else await access.note(step, REFUSED if status == 429 else UNKNOWN)
        finally:
            self._free_slot()

    async def refund(self) -> None:
        """Give the units back: surely no byte of the call was written, though it had passed the gate."""
        if self.state is _RESERVED or self.state is _SENT:
            self.state, entry = _REFUNDED, self._entry
            await self._note(lambda window: window.refund(entry))

    async def _note(self, step: Callable[[Window], None]) -> None:
        """Let the ledger know how the call ended, without holding up what is finished."""
        assert self._queue is not None
        try:
            await self._queue.access.note(step, None)
        finally:
            self._free_slot()

    def _free_slot(self) -> None:
        if self._in_slot and self._queue is not None:
            self._in_slot = False
            self._queue.free_slot(self._waiter)
