"""The waiting calls of one process, and the one task that serves them while there are any."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable, Generator, Hashable, Mapping
from typing import Final

from tonicdm.budget.lanes import LANES, Lanes, Waiter
from tonicdm.budget.ledgers import Ledger, LedgerBusyError
from tonicdm.budget.rules import Denied, Granted, Instant, Reason
from tonicdm.budget.window import Window
from tonicdm.clock import Clock
from tonicdm.errors import BudgetError, ClientClosedError
from tonicdm.types import Priority

LONGEST_NAP: Final = 60.0
"""Seconds after which a waiting budget looks again, whatever it expects."""
SHORTEST_NAP: Final = 0.001
"""Seconds that a nap lasts at least: a rounding error before a reset must not become a busy loop."""


class WaitingRoom:
    """Lets calls wait for their units, and wakes as many as get them.

    Args:
        ledger: Decides; asked for when it is needed first.
        clock: Time.
        holder: Noted with reservations.
    """

    def __init__(self, ledger: Callable[[], Ledger], clock: Clock, holder: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._holder = holder
        self._lanes = Lanes()
        self._arrivals: list[Waiter] = []
        self._granting: list[tuple[Waiter, Granted]] = []
        self._lane_sums: dict[Priority, list[int]] = {lane: [0, 0] for lane in LANES}
        self._job_sums: dict[tuple[Priority, Hashable], list[int]] = {}
        self._approaching = 0
        self.live: int = 0
        """How many calls wait."""
        self._gone = 0
        self._next_sweep = float("inf")
        self._wake_at: float | None = None
        self._pump: asyncio.Task[None] | None = None
        self._kick = asyncio.Event()
        self._stepping = False
        self._closed = False

    # --- being counted ------------------------------------------------------------------------------------------

    @property
    def sums(self) -> Mapping[Priority, tuple[int, int]]:
        """Calls that wait and their units, by lane."""
        return {lane: (calls, units) for lane, (calls, units) in self._lane_sums.items()}

    def ahead_of(self, waiter: Waiter) -> tuple[int, int]:
        """Return the calls that surely go before *waiter* as things stand, and their units.

        Those of higher lanes and of its own job; other jobs of its lane only take turns with it.
        """
        higher = [self._lane_sums[lane] for lane in LANES[: LANES.index(waiter.lane)]]
        own = self._job_sums.get((waiter.lane, waiter.job), (0, 0))
        return sum(calls for calls, _ in higher) + own[0], sum(units for _, units in higher) + own[1]

    def empty_for(self, waiter: Waiter) -> bool:
        """Tell whether *waiter* may ask for units at once: nobody waits whom it would overtake."""
        lanes = LANES[: LANES.index(waiter.lane) + 1]
        return not (self._stepping or self._approaching or any(self._lane_sums[lane][0] for lane in lanes))

    @contextlib.contextmanager
    def approaching(self) -> Generator[None]:
        """Let nobody overtake a call that is not in the queue yet but came before."""
        self._approaching += 1
        try:
            yield
        finally:
            self._approaching -= 1

    def _leave(self, waiter: Waiter) -> None:
        """Count *waiter* out, once."""
        waiter.gone = True
        if not waiter.left:
            waiter.left = True
            self._count(waiter, -1)

    def _count(self, waiter: Waiter, sign: int) -> None:
        self.live += sign
        key = (waiter.lane, waiter.job)
        own = self._job_sums.setdefault(key, [0, 0])
        for sums in (self._lane_sums[waiter.lane], own):
            sums[0] += sign
            sums[1] += sign * waiter.cost
        if not own[0]:
            del self._job_sums[key]

    # --- waiting ------------------------------------------------------------------------------------------------

    def enter(self, waiter: Waiter) -> asyncio.Future[Granted | Denied]:
        """Let *waiter* queue.

        Returns:
            What it has to await: its units and a slot, or that its patience has ended. Whoever is cancelled meanwhile
            must `abandon` it.
        """
        handle: asyncio.Future[Granted | Denied] = asyncio.get_running_loop().create_future()
        waiter.handle = handle
        self._arrivals.append(waiter)
        self._count(waiter, 1)
        self.wake()
        return handle

    async def abandon(self, waiter: Waiter) -> None:
        """Leave the queue, or give back what was granted at this very moment."""
        if waiter.handle.cancelled():
            # If a step reserves for it just now, the pump gives that back.
            self._leave(waiter)
            self._gone += 1
            self.wake()
        elif waiter.handle.exception() is None and isinstance(granted := waiter.handle.result(), Granted):
            self.free_slot(waiter)
            await self.give_back(granted.entry)

    async def give_back(self, entry: int) -> None:
        """Refund a reservation and see who can use its units."""
        with contextlib.suppress(ClientClosedError, LedgerBusyError):  # the lease lapses
            await self._ledger().run(lambda window: window.refund(entry))
        self.wake()

    def free_slot(self, waiter: Waiter) -> None:
        """Count a call out of those under way."""
        waiter.slots.taken -= 1
        self.wake()

    def wake(self) -> None:
        """Look again who can go."""
        self._kick.set()
        if not self.live:
            return
        loop = asyncio.get_running_loop()
        if self._pump is None or self._pump.done() or self._pump.get_loop() is not loop:
            self._kick = asyncio.Event()
            self._pump = loop.create_task(self._serve(self._kick), name="tonicdm-budget")

    async def close(self, error: Exception) -> None:
        """Refuse all who wait, and take no one in any more."""
        self._closed = True
        pump = self._pump
        if pump is not None and not pump.done() and pump.get_loop() is asyncio.get_running_loop():
            self.wake()
            await asyncio.wait([pump])
        self._refuse_all(error)

    # --- the pump: one task, alive while calls wait ---------------------------------------------------------------

    async def _serve(self, kick: asyncio.Event) -> None:
        try:
            while self.live and not self._closed:
                kick.clear()
                denied = await self._serve_once()
                if self.live and not kick.is_set():
                    await self._nap(kick, denied)
        except Exception as error:  # noqa: BLE001 - whatever broke the ledger must reach those who wait for it
            self._refuse_all(error)
        finally:
            self._lanes.compact()

    async def _serve_once(self) -> Denied | None:
        """Grant what can be granted now, and refuse those whose patience has ended."""
        arrivals, self._arrivals = self._arrivals, []
        for waiter in arrivals:
            if not waiter.gone:
                self._lanes.push(waiter)
        if self._gone > 1000 and self._gone > self.live:
            self._lanes.compact()
            self._gone = 0
        denied: Denied | None = None
        if self.live:
            try:
                denied = await self._step()
            except LedgerBusyError:
                denied = Denied(Reason.QUEUE, sooner=True)
        # After the step: a call that may not wait at all has its one chance in it.
        for waiter in self._lanes.expire(self._clock.monotonic()):
            self._finish(waiter, denied or Denied(Reason.CONCURRENCY))
        return denied

    async def _step(self) -> Denied | None:
        granting = self._granting = []
        self._stepping = True
        try:
            denied, limit = await self._ledger().run(
                self._grant, lambda window: window.refund(*[answer.entry for _, answer in granting])
            )
        finally:
            self._stepping = False
        for waiter, answer in granting:
            if waiter.handle.done():  # cancelled while the step ran
                self._leave(waiter)
                await self.give_back(answer.entry)
            else:
                waiter.slots.taken += 1
                self._finish(waiter, answer)
        self._granting = []
        for waiter in self._lanes.too_dear(limit) if denied else ():
            waiter.handle.set_exception(too_dear(waiter.cost, limit))
            self._leave(waiter)
        return denied

    def _grant(self, window: Window) -> tuple[Denied | None, int]:
        now = Instant.read(self._clock)
        denied = self._lanes.grant(window, now, self._granting, self._holder)
        self._next_sweep = window.holdings.next_sweep
        self._wake_at = None
        if denied is not None and denied.until is not None:
            self._wake_at = now.monotonic + window.seconds_until(denied.until, now)
        return denied, window.limit

    def _finish(self, waiter: Waiter, answer: Granted | Denied) -> None:
        self._leave(waiter)
        if not waiter.handle.done():
            waiter.handle.set_result(answer)

    def _refuse_all(self, error: Exception) -> None:
        # Those whom a failed step had marked as served are in no lane any more, but still wait.
        for waiter in [*self._lanes.waiting(), *self._arrivals, *(waiter for waiter, _ in self._granting)]:
            if not waiter.handle.done():
                waiter.handle.set_exception(copy.copy(error))  # one traceback each
            self._leave(waiter)
        self._arrivals, self._granting = [], []

    async def _nap(self, kick: asyncio.Event, denied: Denied | None) -> None:
        """Sleep until something can have changed: a kick, a reset, a lapsed lease, another process."""
        now = self._clock.monotonic()
        times = [now + LONGEST_NAP, self._next_sweep]
        if self._wake_at is not None:
            times.append(self._wake_at)
        if (deadline := self._lanes.next_deadline) is not None:
            times.append(deadline)
        poll = self._ledger().poll_seconds
        if poll is not None and denied is not None and denied.sooner:
            times.append(now + poll)
        nap = asyncio.ensure_future(self._clock.sleep_until(max(min(times), now + SHORTEST_NAP)))
        waked = asyncio.ensure_future(kick.wait())
        try:
            await asyncio.wait((nap, waked), return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            waked.cancel()


def too_dear(cost: int, limit: int) -> BudgetError:
    """Make the error for a call that no window can serve."""
    return BudgetError(
        f"a call of {cost:,} units can never be sent: a whole window has {limit:,}. Nothing was sent.", cost=cost
    )
