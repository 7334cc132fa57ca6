"""One attempt's units, from the queue to the answer."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Self

from tonicdm.budget.rules import Granted, Settlement
from tonicdm.types import RateLimit

if TYPE_CHECKING:
    from tonicdm.budget.budgeter import UnitBudget
    from tonicdm.budget.lanes import Waiter
    from tonicdm.budget.views import WaitNotice


class Fate(enum.StrEnum):
    """Where an attempt stands."""

    QUEUED = "queued"
    RESERVED = "reserved"
    SENT = "sent"
    SETTLED = "settled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


class Reservation:
    """Units of one attempt; made by `UnitBudget.reserve` and used as ``async with``."""

    def __init__(
        self,
        budget: UnitBudget,
        waiter: Waiter,
        *,
        timeout: float,
        max_wait: float | None,
        label: str,
        on_wait: Callable[[WaitNotice], None] | None,
    ) -> None:
        self._budget = budget
        self._waiter = waiter
        self._timeout = timeout
        self._max_wait = max_wait
        self._label = label
        self._on_wait = on_wait
        self._entry = 0
        self._passing = False
        self.fate = Fate.QUEUED
        self.sent_at: float | None = None

    def __repr__(self) -> str:
        return f"<Reservation {self.cost} units, {self.fate}>"

    @property
    def cost(self) -> int:
        """Units reserved."""
        return self._waiter.cost

    async def __aenter__(self) -> Self:
        await self._reserve()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        await self._end()

    async def _reserve(self) -> None:
        waiter = self._waiter
        waiter.gone = waiter.left = False
        granted: Granted = await self._budget._acquire(
            waiter, max_wait=self._max_wait, label=self._label, on_wait=self._on_wait
        )
        self._entry, self.fate = granted.entry, Fate.RESERVED
        try:
            await self._budget._pacer.pace()
        except BaseException:
            await self._end()
            raise

    async def try_sent(self) -> bool:
        """Pass the gate if the units still stand.

        Returns:
            False where a 429, a lapsed lease, a new window or others' calls came between: nothing may be sent, and
            the units are back.
        """
        if self.fate is not Fate.RESERVED:
            return False
        # From here on a cancellation can't tell whether the ledger knows; that nothing was written it can.
        self._passing = True
        now = self._budget.now()
        passed = await self._budget.ledger.run(lambda window: window.sent(self._entry, now, self._timeout))
        self._passing = False
        if passed:
            self.fate, self.sent_at = Fate.SENT, now.monotonic
        else:
            self.fate = Fate.REFUNDED
            self._budget._release(self._waiter.slots)
        return passed

    async def sent(self) -> None:
        """Pass the gate, queueing anew as often as the units were lost meanwhile; send right after it."""
        while not await self.try_sent():
            await self._reserve()

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
        return await self._settle(RateLimit(limit, remaining, reset), date, status)

    async def settle_from(self, headers: Mapping[str, str], status: int) -> Settlement:
        """Tell what an answer's *headers* say of the budget; unusable ones make the attempt's fate unknown."""
        return await self._settle(RateLimit.from_headers(headers), server_date(headers), status)

    async def _settle(self, rate: RateLimit | None, date: float | None, status: int) -> Settlement:
        entry, sent_at, now, chance = self._entry, self.sent_at, self._budget.now(), self._budget._chance()
        self.fate = Fate.SETTLED if rate is not None else Fate.UNKNOWN
        try:
            return await self._budget.ledger.run(
                lambda window: window.settle(entry, rate, now, status=status, date=date, sent_at=sent_at, chance=chance)
            )
        finally:
            self._budget._release(self._waiter.slots)

    async def refund(self) -> None:
        """Give the units back: surely no byte of the call was written, though it had passed the gate."""
        if self.fate in {Fate.RESERVED, Fate.SENT}:
            self.fate = Fate.REFUNDED
            try:
                await self._budget._give_back(self._entry)
            finally:
                self._budget._release(self._waiter.slots)

    async def _end(self) -> None:
        if self.fate is Fate.RESERVED:
            await self.refund()
        elif self.fate is Fate.SENT:
            self.fate = Fate.UNKNOWN
            entry, now = self._entry, self._budget.now()
            try:
                await self._budget.ledger.run(lambda window: window.lose(entry, now))
            finally:
                self._budget._release(self._waiter.slots)


def server_date(headers: Mapping[str, str]) -> float | None:
    """Return the Date header as Unix seconds; None where it is absent, malformed or came from a cache (Age)."""
    value = headers.get("Date")
    if value is None or "Age" in headers:
        return None
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None
