"""The asyncio shell of the budget: it waits, the window decides."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Hashable
from typing import Any, Final, Self

from tonicdm.budget.lanes import LANES, Concurrency, Lanes, Waiter
from tonicdm.budget.ledgers import Ledger
from tonicdm.budget.ledgers.memory import MemoryLedger
from tonicdm.budget.pacer import Pacer
from tonicdm.budget.reservation import Reservation
from tonicdm.budget.rules import BudgetRules, Denied, Granted, Instant, Reason
from tonicdm.budget.views import Forecast, Snapshot, WaitNotice, forecast_of, refusal, snapshot_of, utc
from tonicdm.budget.window import Window
from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import BudgetError, ClientClosedError, ConfigError
from tonicdm.types import Priority

LONGEST_NAP: Final = 60.0
"""Seconds after which a waiting budget looks again, whatever it expects."""
SHORTEST_NAP: Final = 0.001
"""Seconds that a nap lasts at least: a rounding error before a reset must not become a busy loop."""


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
        max_concurrency: Calls under way at once; None for no bound. A client brings a bound of its own.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        *,
        rules: BudgetRules | None = None,
        clock: Clock | None = None,
        max_calls_per_second: float | None = 20.0,
        max_concurrency: int | None = None,
    ) -> None:
        if max_calls_per_second is not None and max_calls_per_second <= 0:
            raise ConfigError(f"max_calls_per_second must be positive or None, not {max_calls_per_second}")
        self.rules = rules or BudgetRules()
        self.clock: Clock = clock or SystemClock()
        self._ledger = ledger
        self._lanes = Lanes()
        self._arrivals: list[Waiter] = []
        self._waiting: dict[Priority, list[int]] = {lane: [0, 0] for lane in LANES}
        self._gone = 0
        self._next_sweep = float("inf")
        self._wake_at: float | None = None
        self._pump: asyncio.Task[None] | None = None
        self._kick: asyncio.Event | None = None
        self._stepping = False
        self._closed = False
        self._pacer = Pacer(max_calls_per_second)
        self._slots = Concurrency(max_concurrency or 1_000_000)
        self._holder = f"pid {os.getpid()}"
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

    @property
    def _live(self) -> int:
        """Calls that wait in this process."""
        return sum(calls for calls, _ in self._waiting.values())

    def now(self) -> Instant:
        """Read the clock."""
        return Instant(self.clock.monotonic(), self.clock.now())

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
        waiter = Waiter(cost, priority, job, slots or self._slots, read, None)
        return Reservation(self, waiter, timeout=timeout, max_wait=max_wait, label=label, on_wait=on_wait)

    async def _acquire(
        self, waiter: Waiter, *, max_wait: float | None, label: str, on_wait: Callable[[WaitNotice], None] | None
    ) -> Granted:
        """Return once *waiter* has its units; it counts in its slots from then on."""
        self._check_open()
        denied = Denied(Reason.QUEUE)
        if not self._live and not self._stepping:
            if waiter.slots.free > 0:
                answer = await self._admit_at_once(waiter)
                if isinstance(answer, Granted):
                    return answer
                denied = answer
            else:
                denied = Denied(Reason.CONCURRENCY)
        notice = await self._look_ahead(waiter, denied, label)
        if max_wait is not None and (notice.wait > max_wait or max_wait == 0):
            raise refusal(notice, max_wait)
        if on_wait is not None:
            on_wait(notice)
        if max_wait is not None:
            waiter.deadline = self.clock.monotonic() + max_wait
        return await self._queue(waiter, label, max_wait)

    async def _admit_at_once(self, waiter: Waiter) -> Granted | Denied:
        waiter.slots.taken += 1
        made: list[int] = []

        def step(window: Window) -> Granted | Denied:
            if waiter.cost > window.limit:
                raise _too_dear(waiter.cost, window.limit)
            answer = window.admit(waiter.cost, self.now(), lane=waiter.lane, holder=self._holder)
            if isinstance(answer, Granted):
                made.append(answer.entry)
            return answer

        granted = False
        try:
            answer = await self.ledger.run(step, lambda window: window.refund(*made))
            granted = isinstance(answer, Granted)
        finally:
            if not granted:
                waiter.slots.taken -= 1
        return answer

    async def _look_ahead(self, waiter: Waiter, denied: Denied, label: str) -> WaitNotice:
        """Reckon how long *waiter* will queue at least."""
        before = [self._waiting[lane] for lane in LANES[: LANES.index(waiter.lane) + 1]]
        calls, ahead = sum(calls for calls, _ in before), sum(units for _, units in before)

        def step(window: Window) -> WaitNotice:
            now = self.now()
            if waiter.cost > window.limit:
                raise _too_dear(waiter.cost, window.limit)
            wait = window.earliest(waiter.cost, now, ahead=ahead)
            if denied.until is not None:
                wait = max(wait, window.seconds_until(denied.until, now))
            return WaitNotice(
                label=label,
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

    async def _queue(self, waiter: Waiter, label: str, max_wait: float | None) -> Granted:
        waiter.handle = asyncio.get_running_loop().create_future()
        self._arrivals.append(waiter)
        self._waiting[waiter.lane][0] += 1
        self._waiting[waiter.lane][1] += waiter.cost
        self._wake_pump()
        try:
            answer = await waiter.handle
        except asyncio.CancelledError:
            if waiter.handle.cancelled():
                # If a step reserves for it at this very moment, the pump gives that back.
                self._leave(waiter)
                self._gone += 1
                self._wake_pump()
            elif isinstance(answer := waiter.handle.result(), Granted):
                self._release(waiter.slots)
                await self._give_back(answer.entry)
            raise
        if isinstance(answer, Granted):
            return answer
        raise refusal(await self._look_ahead(waiter, answer, label), max_wait, waited=True)

    def _leave(self, waiter: Waiter) -> None:
        """Count *waiter* out of the queue, once."""
        waiter.gone = True
        if not waiter.left:
            waiter.left = True
            self._waiting[waiter.lane][0] -= 1
            self._waiting[waiter.lane][1] -= waiter.cost

    # --- the pump: one task, alive while calls wait ---------------------------------------------------------------

    def _wake_pump(self) -> None:
        if self._kick is not None:
            self._kick.set()
        if self._live and (self._pump is None or self._pump.done()):
            self._kick = asyncio.Event()
            self._pump = asyncio.create_task(self._serve(self._kick), name="tonicdm-budget")

    async def _serve(self, kick: asyncio.Event) -> None:
        try:
            while self._live:
                kick.clear()
                denied = await self._serve_once()
                if self._live and not kick.is_set():
                    await self._nap(kick, denied)
        except Exception as error:  # noqa: BLE001 - whatever broke the ledger must reach those who wait for it
            self._fail_all(error)
        finally:
            self._lanes.compact()

    async def _serve_once(self) -> Denied | None:
        """Grant what can be granted now, and refuse those whose patience has ended."""
        arrivals, self._arrivals = self._arrivals, []
        for waiter in arrivals:
            if not waiter.gone:
                self._lanes.push(waiter)
        if self._gone > 1000 and self._gone > self._live:
            self._lanes.compact()
            self._gone = 0
        for waiter in self._lanes.expire(self.clock.monotonic()):
            self._finish(waiter, Denied(Reason.QUEUE))
        if not self._live:
            return None
        self._stepping = True
        try:
            granted, denied, limit = await self.ledger.run(self._grant)
        finally:
            self._stepping = False
        for waiter, answer in granted:
            if waiter.handle.done():  # cancelled while the step ran
                self._leave(waiter)
                await self._give_back(answer.entry)
            else:
                waiter.slots.taken += 1
                self._finish(waiter, answer)
        for waiter in self._lanes.too_dear(limit) if denied else ():
            waiter.handle.set_exception(_too_dear(waiter.cost, limit))
            self._leave(waiter)
        return denied

    def _grant(self, window: Window) -> tuple[list[tuple[Waiter, Granted]], Denied | None, int]:
        now = self.now()
        granted, denied = self._lanes.grant(window, now, self._holder)
        self._next_sweep = window.next_sweep
        self._wake_at = None
        if denied is not None and denied.until is not None:
            self._wake_at = now.monotonic + window.seconds_until(denied.until, now)
        return granted, denied, window.limit

    def _finish(self, waiter: Waiter, answer: Granted | Denied) -> None:
        self._leave(waiter)
        if not waiter.handle.done():
            waiter.handle.set_result(answer)

    def _fail_all(self, error: Exception) -> None:
        for waiter in [*self._lanes.waiting(), *self._arrivals]:
            if not waiter.handle.done():
                waiter.handle.set_exception(error)
            self._leave(waiter)

    async def _nap(self, kick: asyncio.Event, denied: Denied | None) -> None:
        """Sleep until something can have changed: a kick, a reset, a lapsed lease, another process."""
        now = self.clock.monotonic()
        times = [now + LONGEST_NAP, self._next_sweep]
        if self._wake_at is not None:
            times.append(self._wake_at)
        if (deadline := self._lanes.next_deadline) is not None:
            times.append(deadline)
        if self.ledger.poll_seconds is not None and denied is not None and denied.until is None:
            times.append(now + self.ledger.poll_seconds)
        nap = asyncio.ensure_future(self.clock.sleep_until(max(min(times), now + SHORTEST_NAP)))
        waked = asyncio.ensure_future(kick.wait())
        try:
            await asyncio.wait((nap, waked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in (nap, waked):
                future.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(nap, waked, return_exceptions=True)

    # --- what reservations call -----------------------------------------------------------------------------------

    async def _give_back(self, entry: int) -> None:
        try:
            await self.ledger.run(lambda window: window.refund(entry))
        finally:
            self._wake_pump()

    def _release(self, slots: Concurrency) -> None:
        slots.taken -= 1
        self._wake_pump()

    # --- being seen -------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return the budget as it stands, those who wait in this process included."""
        waiting = {lane: (calls, units) for lane, (calls, units) in self._waiting.items()}
        return snapshot_of(self.ledger.peek(), self.now(), waiting, self.ledger.where)

    def forecast(self, cost: int) -> Forecast:
        """Tell when *cost* units could be spent behind the calls that wait; spends and reserves nothing.

        Args:
            cost: Units of a whole job; may be many windows' worth.
        """
        ahead = sum(units for _, units in self._waiting.values())
        return forecast_of(self.ledger.peek(), self.now(), cost, ahead)

    # --- life -------------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("this budget is closed")

    async def close(self) -> None:
        """Refuse those who wait and let go of the ledger; twice is once."""
        self._closed = True
        self._fail_all(ClientClosedError("the budget was closed while this call waited"))
        self._wake_pump()
        if self._pump is not None:
            await asyncio.wait([self._pump])
        await self.ledger.close()

    async def __aenter__(self) -> Self:
        self._check_open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()


def _too_dear(cost: int, limit: int) -> BudgetError:
    return BudgetError(
        f"a call of {cost:,} units can never be sent: a whole window has {limit:,}. Nothing was sent.", cost=cost
    )
