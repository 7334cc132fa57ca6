"""One attempt's units, from the queue to the answer."""

from __future__ import annotations

import asyncio
import enum
import functools
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Self, TypeVar

import attrs

from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.rules import Denied, Settlement
from tonicdm.budget.window import Window
from tonicdm.errors import ClientClosedError
from tonicdm.types import RateLimit

if TYPE_CHECKING:
    from tonicdm.budget.budgeter import UnitBudget
    from tonicdm.budget.lanes import Waiter
    from tonicdm.budget.views import WaitNotice

T = TypeVar("T")

LONGEST_TELLING: Final = 1.0
"""Seconds for which a finished call waits at most until the ledger has taken note of it."""


class Fate(enum.StrEnum):
    """Where an attempt stands."""

    QUEUED = "queued"
    RESERVED = "reserved"
    SENT = "sent"
    SETTLED = "settled"
    REFUNDED = "refunded"
    UNKNOWN = "unknown"


@attrs.frozen
class Terms:
    """What a caller allows and asks for."""

    timeout: float
    """Seconds for which an answer is awaited once sent."""
    max_wait: float | None
    on_wait: Callable[[WaitNotice], None] | None
    notify_every: float | None


USUAL: Final = Terms(30.0, None, None, None)
"""What most calls allow; one object for all of them."""


class Reservation:
    """Units of one attempt; made by `UnitBudget.reserve` and used as ``async with``."""

    # A hundred thousand may wait: no dictionary each.
    __slots__ = ("_budget", "_entry", "_in_slot", "_terms", "_waiter", "fate", "sent_at")

    def __init__(self, budget: UnitBudget, waiter: Waiter, terms: Terms) -> None:
        self._budget = budget
        self._waiter = waiter
        self._terms = terms
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

    async def __aenter__(self) -> Self:
        if self.fate is not Fate.QUEUED:
            # A copy: the queue lets go of the old one only when it comes across it. Number and deadline stay.
            self._waiter = attrs.evolve(self._waiter, handle=None, gone=False, left=False)
        budget, waiter = self._budget, self._waiter
        granted = await budget._ask(waiter, self._terms)
        if granted is None:
            # Awaited here and not further down: each coroutine on the way would cost 200 bytes for each who waits.
            telling = budget._keep_telling(waiter, self._terms)
            try:
                answer = await budget._room.enter(waiter)
            except asyncio.CancelledError:
                await budget._room.abandon(waiter)
                raise
            finally:
                if telling is not None:
                    telling.cancel()
            if isinstance(answer, Denied):
                raise await budget._out_of_patience(waiter, answer, self._terms)
            granted = answer
        self._entry, self._in_slot, self.fate = granted.entry, True, Fate.RESERVED
        if self._budget._pacer.calls_per_second is not None:
            try:
                await self._budget._pacer.pace()
            except BaseException:
                await self._end()
                raise
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
        if self.fate is not Fate.RESERVED:
            return False
        # A cancellation in here can't tell whether the ledger knows. That nothing was written it can: `_end` refunds.
        entry, budget, timeout = self._entry, self._budget, self._terms.timeout

        def step(window: Window) -> float | None:
            now = budget.now()  # not before the step: the process may have been stopped while the ledger was locked
            return now.monotonic if window.sent(entry, now, timeout) else None

        try:
            self.sent_at = await budget.ledger.run(step)
        except LedgerBusyError:
            self.sent_at = None  # the lease lapses
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
        return await self._settle(RateLimit(limit, remaining, reset), date, status)

    async def settle_from(self, headers: Mapping[str, str], status: int) -> Settlement:
        """Tell what an answer's *headers* say of the budget; unusable ones make the attempt's fate unknown."""
        return await self._settle(RateLimit.from_headers(headers), server_date(headers), status)

    async def _settle(self, rate: RateLimit | None, date: float | None, status: int) -> Settlement:
        if self.fate in {Fate.QUEUED, Fate.RESERVED}:
            raise RuntimeError("an answer to a call that was never sent: await sent() before sending")
        entry, sent_at, now, chance = self._entry, self.sent_at, self._budget.now(), self._budget._chance()
        self.fate = Fate.SETTLED if rate is not None else Fate.UNKNOWN
        return await self._tell(
            lambda window: window.settle(entry, rate, now, status=status, date=date, sent_at=sent_at, chance=chance),
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
        elif self.fate is Fate.SENT:
            self.fate, entry, now = Fate.UNKNOWN, self._entry, self._budget.now()
            await self._tell(lambda window: window.lose(entry, now), None)

    async def _tell(self, step: Callable[[Window], T], otherwise: T) -> T:
        """Let the ledger know how the call ended, without holding up what is finished."""
        ledger = self._budget.ledger
        try:
            if ledger.poll_seconds is None:
                return await ledger.run(step)
            # Another process may sit on the file. The step stays queued there, and counts when its turn comes.
            return await asyncio.wait_for(ledger.run(step), LONGEST_TELLING)
        except (ClientClosedError, LedgerBusyError, TimeoutError):
            return otherwise  # untold, the entry stays charged until known better
        finally:
            self._free_slot()

    def _free_slot(self) -> None:
        if self._in_slot:
            self._in_slot = False
            self._budget._room.free_slot(self._waiter)


def server_date(headers: Mapping[str, str]) -> float | None:
    """Return the Date header as Unix seconds; None where it is absent, malformed or came from a cache (Age)."""
    value = headers.get("Date")
    return None if value is None or "Age" in headers else _parse_date(value)


@functools.lru_cache(maxsize=8)
def _parse_date(value: str) -> float | None:
    # Answers of one second carry the same text.
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None
