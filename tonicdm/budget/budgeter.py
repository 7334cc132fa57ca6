"""The asyncio shell of the budget: it waits, the window decides."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Hashable
from typing import Any, Self

from tonicdm.budget.lanes import LANES, Concurrency, Waiter
from tonicdm.budget.ledgers import Ledger, LedgerBusyError
from tonicdm.budget.ledgers.memory import MemoryLedger
from tonicdm.budget.pacer import Pacer
from tonicdm.budget.reservation import USUAL, Reservation, Terms
from tonicdm.budget.rules import BudgetRules, Denied, Granted, Instant, Reason
from tonicdm.budget.views import Forecast, Snapshot, WaitNotice, forecast_of, refusal, snapshot_of, utc
from tonicdm.budget.waiting import WaitingRoom, too_dear
from tonicdm.budget.window import Window
from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import BudgetTimeoutError, ClientClosedError, ConfigError
from tonicdm.types import Priority


class UnitBudget:
    """A budget of units in a window that a server keeps, shared by everybody who calls with one token.

    ```python
    async with budget.reserve(5, priority="bulk", max_wait=60) as reservation:
        if await reservation.sent():            # nothing was sent before this line
            ...                                 # send; then tell what the answer said:
            await reservation.settle(limit=3600, remaining=3595, reset=1466182244)
    ```

    Leaving the block before ``sent()`` gives the units back exactly; leaving it after ``sent()`` without ``settle()``
    keeps them charged until an answer to a later call shows what became of them.

    Args:
        ledger: Where the window's state lives; in memory unless given.
        rules: What is known of the budget; TonicDM's unless given.
        clock: Time; the machine's unless given.
        max_calls_per_second: Spreads the sends behind the ledger; None switches that off.
        max_concurrency: Calls under way at once. A client brings a bound of its own.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        *,
        rules: BudgetRules | None = None,
        clock: Clock | None = None,
        max_calls_per_second: float | None = 20.0,
        max_concurrency: int = 100,
    ) -> None:
        if max_concurrency < 1:
            raise ConfigError(f"max_concurrency must be positive, not {max_concurrency}")
        if max_calls_per_second is not None and max_calls_per_second <= 0:
            raise ConfigError(f"max_calls_per_second must be positive or None, not {max_calls_per_second}")
        self.rules: BudgetRules = rules or BudgetRules()
        self.clock: Clock = clock or SystemClock()
        self._ledger = ledger
        self._closed = False
        self._pacer = Pacer(max_calls_per_second)
        self._slots = Concurrency(max_concurrency)
        self._holder = f"pid {os.getpid()}"
        self._room = WaitingRoom(lambda: self.ledger, self.clock, self._holder)
        self._chance = random.random

    @classmethod
    def memory(cls, **settings: Any) -> UnitBudget:
        """Make a budget that this process keeps for itself and forgets.

        Args:
            settings: As for `UnitBudget`.
        """
        return cls(MemoryLedger(settings.get("rules")), **settings)

    @classmethod
    def shared(cls, path: str | os.PathLike[str], *, key: str = "default", **settings: Any) -> UnitBudget:
        """Make a budget that all processes of this host share through a file.

        Args:
            path: The SQLite file; made if absent.
            key: Which budget of the file. Use one per token, and never the token itself.
            settings: As for `UnitBudget`.
        """
        from tonicdm.budget.ledgers.sqlite import SQLiteLedger

        clock = settings.pop("clock", None) or SystemClock()
        ledger = SQLiteLedger(path, key=key, rules=settings.get("rules"), clock=clock)
        return cls(ledger, clock=clock, **settings)

    @property
    def ledger(self) -> Ledger:
        """Where the window's state lives."""
        if self._ledger is None:
            self._ledger = MemoryLedger(self.rules)
        return self._ledger

    def now(self) -> Instant:
        """Read the clock."""
        return Instant.read(self.clock)

    # --- reserving ----------------------------------------------------------------------------------------------

    def reserve(
        self,
        cost: int,
        *,
        priority: Priority = "normal",
        max_wait: float | None = None,
        timeout: float = 30.0,
        job: Hashable = None,
        slots: Concurrency | None = None,
        read: bool = True,
        label: str = "",
        on_wait: Callable[[WaitNotice], None] | None = None,
        notify_every: float | None = None,
    ) -> Reservation:
        """Reserve *cost* units for one attempt of one call; used as ``async with``.

        Args:
            cost: Units that the call may cost at most. There is no default: a wrong one defeats the budget.
            priority: The lane to wait in.
            max_wait: Seconds that the call may wait; None for as long as it takes. A wait that must pass it is
                refused before queueing.
            timeout: Seconds for which an answer will be awaited once sent.
            job: Calls of different jobs in one lane take turns.
            slots: Bounds the calls under way together with others that name the same object.
            read: False for calls that write; they never go first into an unknown window while a read waits.
            label: What the call is, for errors and notices.
            on_wait: Told when the call has to wait.
            notify_every: Seconds after which *on_wait* is told again, as long as it lasts.

        Raises:
            BudgetError: The cost is greater than the limit, so that no window will ever do.
            BudgetTimeoutError: The wait would be, or was, longer than *max_wait*; nothing was sent.
        """
        if cost <= 0:
            raise ConfigError(f"a call's cost must be positive, not {cost}")
        if priority not in LANES:
            raise ConfigError(f"priority must be one of {', '.join(LANES)}, not {priority!r}")
        if max_wait is not None and max_wait < 0:
            raise ConfigError(f"max_wait must not be negative, it is {max_wait}")
        waiter = Waiter(cost, priority, job, slots or self._slots, read, label)
        plain = max_wait is None and on_wait is None and timeout == USUAL.timeout
        return Reservation(self, waiter, USUAL if plain else Terms(timeout, max_wait, on_wait, notify_every))

    async def _ask(self, waiter: Waiter, terms: Terms) -> Granted | None:
        """Reserve units at once where nobody would be overtaken; None where *waiter* has to queue."""
        self._check_open()
        denied = Denied(Reason.QUEUE if waiter.slots.free > 0 else Reason.CONCURRENCY)
        if waiter.slots.free > 0 and self._room.empty_for(waiter):
            with self._room.approaching():
                answer = await self._admit_at_once(waiter)
            if isinstance(answer, Granted):
                return answer
            denied = answer
        if terms.max_wait is not None or terms.on_wait is not None:
            with self._room.approaching():
                await self._announce(waiter, terms, denied)
        if terms.max_wait is not None and waiter.deadline is None:
            waiter.deadline = self.clock.monotonic() + terms.max_wait
        return None

    async def _out_of_patience(self, waiter: Waiter, denied: Denied, terms: Terms) -> BudgetTimeoutError:
        return refusal(await self._look_ahead(waiter, denied), terms.max_wait, waited=True)

    async def _admit_at_once(self, waiter: Waiter) -> Granted | Denied:
        waiter.slots.taken += 1
        made: list[int] = []

        def step(window: Window) -> Granted | Denied:
            if waiter.cost > window.limit:
                raise too_dear(waiter.cost, window.limit)
            now = self.now()
            answer = window.admit(waiter.cost, now, lane=waiter.lane, label=waiter.label, holder=self._holder)
            if isinstance(answer, Granted):
                made.append(answer.entry)
            return answer

        answer: Granted | Denied = Denied(Reason.QUEUE)
        try:
            with contextlib.suppress(LedgerBusyError):  # then it queues, and the queue tries again
                answer = await self.ledger.run(step, lambda window: window.refund(*made))
        finally:
            if not isinstance(answer, Granted):
                waiter.slots.taken -= 1
        return answer

    async def _announce(self, waiter: Waiter, terms: Terms, denied: Denied) -> None:
        """Refuse a call whose wait would surely be too long, and tell the others how long theirs is at least."""
        try:
            notice = await self._look_ahead(waiter, denied)
        except LedgerBusyError:
            return  # it queues, as far as max_wait allows
        if terms.max_wait is not None and notice.wait > terms.max_wait:
            raise refusal(notice, terms.max_wait)
        if terms.on_wait is not None:
            terms.on_wait(notice)

    async def _look_ahead(self, waiter: Waiter, denied: Denied, before: tuple[int, int] | None = None) -> WaitNotice:
        """Reckon how long *waiter* will queue at least."""
        calls, ahead = self._room.ahead_of(waiter) if before is None else before

        def step(window: Window) -> WaitNotice:
            now = self.now()
            if waiter.cost > window.limit:
                raise too_dear(waiter.cost, window.limit)
            wait = window.earliest(waiter.cost, now, ahead=ahead)
            if denied.until is not None and denied.reason is not Reason.SPENT:
                wait = max(wait, window.seconds_until(denied.until, now))
            return WaitNotice(
                label=waiter.label,
                cost=waiter.cost,
                lane=waiter.lane,
                reason=denied.reason,
                wait=wait,
                until=utc(window.clock.lower(now, window.rules) + wait),
                calls_ahead=calls,
                units_ahead=ahead,
                remaining=max(0, window.limit - window.used),
                limit=window.limit,
            )

        return await self.ledger.run(step)

    def _keep_telling(self, waiter: Waiter, terms: Terms) -> asyncio.Task[None] | None:
        """Begin to repeat what *waiter* waits for, if anybody wants to know."""
        if terms.on_wait is None or terms.notify_every is None:
            return None
        return asyncio.create_task(self._tell(waiter, terms.on_wait, terms.notify_every), name="tonicdm-progress")

    async def _tell(self, waiter: Waiter, on_wait: Callable[[WaitNotice], None], every: float) -> None:
        """Repeat what *waiter* waits for, until it is cancelled."""
        before = self._room.ahead_of(waiter)
        while True:
            await self.clock.sleep_until(self.clock.monotonic() + every)
            # It counts itself now, and those of its job that came later; what was ahead once can only have shrunk.
            calls, units = self._room.ahead_of(waiter)
            before = min(before[0], max(0, calls - 1)), min(before[1], max(0, units - waiter.cost))
            with contextlib.suppress(LedgerBusyError):
                denied = await self.ledger.run(lambda window: window.explain(waiter.cost, self.now(), waiter.lane))
                on_wait(await self._look_ahead(waiter, denied or Denied(Reason.QUEUE), before))

    # --- being seen -------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return the budget as it stands, those who wait in this process included."""
        return snapshot_of(self.ledger.peek(), self.now(), self._room.sums, self.ledger.where)

    def server_time(self) -> float:
        """Return the earliest that the server's clock can show now, Unix time; by Date headers once one was seen."""
        window = self.ledger.peek()
        return window.clock.lower(self.now(), window.rules)

    def forecast(self, cost: int) -> Forecast:
        """Tell when *cost* units could be spent behind the calls that wait; spends and reserves nothing.

        Args:
            cost: Units of a whole job; may be many windows' worth.
        """
        ahead = sum(units for _, units in self._room.sums.values())
        return forecast_of(self.ledger.peek(), self.now(), cost, ahead)

    # --- a refreshed token --------------------------------------------------------------------------------------

    async def token_refreshed(self) -> None:
        """Note that the token was exchanged for a new one, while the ledger's key stays the same.

        What is left of the new token's window is unknown, so one call goes first. A silence after a 429 holds, and
        calls under way stay charged.
        """
        await self.ledger.run(lambda window: window.renew(self.now()))
        self._room.wake()

    async def inherit(self, old: UnitBudget) -> None:
        """Take over from the budget of the token before this one: its silence, and the calls still under way.

        Args:
            old: Kept under another key, which the new token's calls no longer use.
        """
        before = old.ledger.peek()
        await self.ledger.run(lambda window: window.inherit(before, self.now()))
        self._room.wake()

    # --- life -------------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("this budget is closed")

    async def close(self) -> None:
        """Refuse those who wait and let go of the ledger; twice is once."""
        if self._closed:
            return
        self._closed = True
        await self._room.close(ClientClosedError("the budget was closed while this call waited"))
        await self.ledger.close()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()
