"""The waiting calls of one event loop, and the one task that serves them while there are any."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Callable, Generator, Hashable, Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from tonicdm.budget.access import RETRY_SECONDS, LedgerAccess
from tonicdm.budget.lanes import LANES, Ahead, Concurrency, Lanes, Tally, Waiter
from tonicdm.budget.ledgers import LedgerBusyError
from tonicdm.budget.pacer import Pacer
from tonicdm.budget.rules import Denied, Granted, Instant, Reason
from tonicdm.budget.window import Window
from tonicdm.clock import Clock, counts_suspension
from tonicdm.errors import BudgetError, ClientClosedError, TonicDMError
from tonicdm.late import LateModule
from tonicdm.types import Priority
from tonicdm.values import Value

if TYPE_CHECKING:
    from tonicdm.budget import views
else:
    views = LateModule("tonicdm.budget.views")

T = TypeVar("T")

MAX_NAP_SECONDS: Final = 60.0
"""Seconds after which a waiting budget looks again, whatever it expects."""
MIN_NAP_SECONDS: Final = 0.001
"""Least seconds of a pause, so that a rounding error before a reset does not become a busy loop."""


OWN_SLOTS: Final = Concurrency(1)
"""Stands for the bound of the queue itself."""


class WaitLimits(Value):
    """What a caller allows and asks for."""

    __slots__ = ("max_wait", "notify_every", "on_wait", "timeout")

    def __init__(
        self,
        timeout: float,
        max_wait: float | None,
        on_wait: Callable[[views.WaitNotice], None] | None,
        notify_every: float | None,
    ) -> None:
        self.timeout: float = timeout
        """Seconds for which a response is awaited once sent."""
        self.max_wait: float | None = max_wait
        self.on_wait: Callable[[views.WaitNotice], None] | None = on_wait
        self.notify_every: float | None = notify_every


_BEHIND: Final = Denied(Reason.QUEUE)


class WaitQueue:
    """Gives the calls of one event loop their units, at once or in their turn.

    Args:
        access: To the ledger, which decides.
        clock: Time.
        pacer: Spreads the calls that have their units.
        slots: Bounds the calls under way that bring no bound of their own.
        holder: Noted with reservations.
        freed: Called when units came free that calls of other loops may wait for.
    """

    def __init__(
        self,
        access: LedgerAccess,
        clock: Clock,
        pacer: Pacer,
        slots: Concurrency,
        holder: str,
        freed: Callable[[WaitQueue], None],
    ) -> None:
        self.loop: asyncio.AbstractEventLoop = asyncio.get_running_loop()
        self.access: LedgerAccess = access
        self.clock: Clock = clock
        self._counts_suspension = counts_suspension(clock)
        self.slots: Concurrency = slots
        self._pacer = pacer
        self._holder = holder
        self._freed = freed
        self._lanes = Lanes()
        self._arrivals: list[Waiter] = []
        self._granting: list[tuple[Waiter, Granted]] = []
        self._in_lane: dict[Priority, Tally] = {lane: Tally() for lane in LANES}
        self._in_job: dict[tuple[Priority, Hashable], Tally] = {}
        self._approaching = 0
        self.live: int = 0
        """How many calls wait."""
        self._gone = 0
        self._next_sweep = float("inf")
        self._wake_at: float | None = None
        self._pump: asyncio.Task[None] | None = None
        self._kick = asyncio.Event()
        self._stepping = False
        self._failing_since: float | None = None
        self._closed = False

    def now(self) -> Instant:
        """Read the clock."""
        return Instant(self.clock.monotonic(), self.clock.now(), self._counts_suspension)

    # --- entry ----------------------------------------------------------------------------------------------

    async def acquire(self, waiter: Waiter, limits: WaitLimits, taken: Callable[[Granted], T]) -> T:
        """Reserve units for a call, wait as long as it must and may, and let it out at its pace.

        Everything is awaited here and not further down: each coroutine on the way would cost some hundred bytes for
        each of those who wait.

        Args:
            waiter: The call.
            limits: What it allows.
            taken: Given what was granted; from then on the units are its caller's to give back.

        Returns:
            What *taken* returned.

        Raises:
            BudgetError: No window can serve the call.
            BudgetTimeoutError: It may not wait as long as it would have to.
            LedgerUnavailableError: The ledger can't be used.
            ClientClosedError: The budget is closed.
        """
        if waiter.slots is OWN_SLOTS:
            waiter.slots = self.slots
        decision: Granted | Denied = self._turn_away(waiter) or self._reserve_now(waiter) or await self._reserve(waiter)
        if isinstance(decision, Denied):
            if limits.max_wait is not None or limits.on_wait is not None:
                with self._approaching_calls():
                    await self._announce(waiter, limits, decision)
            if limits.max_wait is not None and waiter.deadline is None:
                waiter.deadline = self.clock.monotonic() + limits.max_wait
            telling = self._start_notices(waiter, limits)
            try:
                decision = await self._enter(waiter)
            except asyncio.CancelledError:
                await self._abandon(waiter)
                raise
            finally:
                if telling is not None:
                    telling.cancel()
        if isinstance(decision, Denied):
            raise await self._too_late(waiter, decision, limits)
        if self._pacer.calls_per_second is not None:
            try:
                await self._pacer.pace()
            except (Exception, asyncio.CancelledError):
                self.free_slot(waiter)
                await self._give_back(decision.entry)
                raise
        return taken(decision)

    def _turn_away(self, waiter: Waiter) -> Denied | None:
        """Say why a call has to queue before the ledger is asked; None where no call would be overtaken."""
        if self._closed:
            raise ClientClosedError("this budget is closed")
        if waiter.slots.taken >= waiter.slots.limit:
            return Denied(Reason.CONCURRENCY)
        return None if self._empty_for(waiter) else _BEHIND

    def _reserve_now(self, waiter: Waiter) -> Granted | Denied | None:
        """Reserve units at once, or say why the call has to queue; None where that takes a step that is awaited."""
        try:
            done = self.access.reserve_now(lambda window: self._admit(waiter, window))
        except LedgerBusyError:
            return _BEHIND  # it queues, which tries again
        if done is None:
            return None
        if isinstance(done[0], Granted):
            waiter.slots.taken += 1
        return done[0]

    async def _reserve(self, waiter: Waiter) -> Granted | Denied:
        """Reserve units, or say why the call has to queue; the ledger may let us wait."""
        waiter.slots.taken += 1
        made: list[int] = []

        def step(window: Window) -> Granted | Denied:
            decision = self._admit(waiter, window)
            if isinstance(decision, Granted):
                made[:] = [decision.entry]  # a step may be taken twice, where the first time could not be stored
            return decision

        decision: Granted | Denied = _BEHIND
        try:
            with self._approaching_calls():
                decision = await self.access.try_once(step, lambda window: window.refund(*made))
        except LedgerBusyError:
            pass  # it queues, which tries again
        finally:
            if not isinstance(decision, Granted):
                waiter.slots.taken -= 1
        return decision

    def _admit(self, waiter: Waiter, window: Window) -> Granted | Denied:
        if waiter.cost > window.ceiling:
            raise _over_limit(waiter.cost, window.ceiling)
        return window.admit(
            waiter.cost,
            self.now(),
            lane=waiter.lane,
            label=waiter.label,
            holder=self._holder,
            share=waiter.share,
        )

    # --- notices ---------------------------------------------------------------------------------------------

    async def _announce(self, waiter: Waiter, limits: WaitLimits, denied: Denied) -> None:
        """Refuse a call whose wait would surely be too long; notify the others of the least that theirs will last."""
        try:
            notice = await self._estimate_wait(waiter, denied)
        except LedgerBusyError:
            return  # it queues, as far as max_wait allows
        if limits.max_wait is not None and notice.wait > limits.max_wait:
            raise views.refusal(notice, limits.max_wait)
        if limits.on_wait is not None:
            limits.on_wait(notice)

    async def _too_late(self, waiter: Waiter, denied: Denied, limits: WaitLimits) -> BudgetError:
        """Make the error for a call whose max_wait has ended."""
        try:
            return views.refusal(await self._estimate_wait(waiter, denied), limits.max_wait, waited=True)
        except LedgerBusyError as error:
            return self.access.unavailable(error)

    async def _estimate_wait(self, waiter: Waiter, denied: Denied, before: Ahead | None = None) -> views.WaitNotice:
        """Reckon how long *waiter* will queue at least."""
        ahead = self._ahead_of(waiter) if before is None else before

        def step(window: Window) -> views.WaitNotice:
            now = self.now()
            if waiter.cost > window.ceiling:
                raise _over_limit(waiter.cost, window.ceiling)
            return views.notice_of(window, now, waiter, denied.reason, ahead)

        return await self.access.try_once(step)

    def _start_notices(self, waiter: Waiter, limits: WaitLimits) -> asyncio.Task[None] | None:
        """Begin to repeat what *waiter* waits for, if anybody wants to know."""
        if limits.on_wait is None or limits.notify_every is None:
            return None
        return asyncio.create_task(self._notify(waiter, limits.on_wait, limits.notify_every), name="tonicdm-progress")

    async def _notify(self, waiter: Waiter, on_wait: Callable[[views.WaitNotice], None], every: float) -> None:
        """Repeat what *waiter* waits for, until it is cancelled."""
        before = self._ahead_of(waiter)
        while True:
            await self.clock.sleep_until(self.clock.monotonic() + every)
            # It counts itself now, and those of its job that came later; what was ahead once can only have shrunk.
            before = before.at_most(self._ahead_of(waiter).without(waiter.cost))
            with contextlib.suppress(TonicDMError):  # the queue raises it for whoever waits
                denied = await self.access.try_once(
                    lambda window: window.explain(waiter.cost, self.now(), waiter.lane, waiter.share)
                )
                on_wait(await self._estimate_wait(waiter, denied or Denied(Reason.QUEUE), before))

    # --- counting ------------------------------------------------------------------------------------------

    @property
    def sums(self) -> Mapping[Priority, tuple[int, int]]:
        """Calls that wait and their units, by lane."""
        return {lane: (tally.calls, tally.units) for lane, tally in self._in_lane.items()}

    def _ahead_of(self, waiter: Waiter) -> Ahead:
        """Return the calls that go before *waiter* as things stand.

        Those of higher lanes and of its own job; other jobs of its lane only take turns with it.
        """
        tallies = [self._in_lane[lane] for lane in LANES[: LANES.index(waiter.lane)]]
        tallies.append(self._in_job.get((waiter.lane, waiter.job), Tally()))
        return Ahead(
            sum(tally.calls for tally in tallies),
            sum(tally.units for tally in tallies),
            sum(tally.units_up_to(waiter.cost) for tally in tallies),
        )

    def _empty_for(self, waiter: Waiter) -> bool:
        """Tell whether *waiter* may ask for units at once, as it would overtake no call."""
        if self._stepping or self._approaching:
            return False
        return not self.live or not any(self._in_lane[lane].calls for lane in LANES[: LANES.index(waiter.lane) + 1])

    @contextlib.contextmanager
    def _approaching_calls(self) -> Generator[None]:
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
        own = self._in_job.setdefault(key, Tally())
        self._in_lane[waiter.lane].count(waiter.cost, sign)
        own.count(waiter.cost, sign)
        if not own.calls:
            del self._in_job[key]

    # --- waiting ------------------------------------------------------------------------------------------------

    def _enter(self, waiter: Waiter) -> asyncio.Future[Granted | Denied]:
        """Let *waiter* queue.

        Returns:
            What it has to await: its units and a slot, or that its max_wait has ended. Whoever is cancelled meanwhile
            must `_abandon` it.
        """
        handle: asyncio.Future[Granted | Denied] = asyncio.get_running_loop().create_future()
        waiter.handle = handle
        waiter.since = self.clock.monotonic()
        self._arrivals.append(waiter)
        self._count(waiter, 1)
        self.wake()
        return handle

    async def _abandon(self, waiter: Waiter) -> None:
        """Leave the queue, or give back what was granted at this very moment."""
        if waiter.handle.cancelled():
            # If a step reserves for it just now, the pump gives that back.
            self._leave(waiter)
            self._gone += 1
            self.wake()
        elif waiter.handle.exception() is None and isinstance(granted := waiter.handle.result(), Granted):
            self.free_slot(waiter)
            await self._give_back(granted.entry)

    async def _give_back(self, entry: int) -> None:
        """Refund a reservation and see who can use its units."""
        await self.access.note(lambda window: window.refund(entry), None)
        self.wake()
        self._freed(self)

    def free_slot(self, waiter: Waiter) -> None:
        """Count a call out of those under way."""
        waiter.slots.taken -= 1
        if self.live:
            self.wake()
        self._freed(self)

    def wake(self) -> None:
        """Look again who can go."""
        self._kick.set()
        if not self.live:
            return
        if self._pump is None or self._pump.done():
            self._kick = asyncio.Event()
            self._pump = self.loop.create_task(self._serve(self._kick), name="tonicdm-budget")

    def wake_from_outside(self) -> None:
        """Check again which calls can go; called from another thread."""
        if self.live and not self.loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it is closed at this moment
                self.loop.call_soon_threadsafe(self.wake)

    async def close(self, error: Exception) -> None:
        """Refuse all who wait, and take no one in any more."""
        self._closed = True
        if self._pump is not None and not self._pump.done():
            self.wake()
            await asyncio.wait([self._pump])
        self._refuse_all(error)

    def close_from_outside(self, error: Exception) -> None:
        """Refuse all calls that wait, and take none any more; called from another thread."""
        self._closed = True
        if not self.loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it is closed at this moment
                self.loop.call_soon_threadsafe(self._refuse_all, error)

    # --- the pump: one task, alive while calls wait ---------------------------------------------------------------

    async def _serve(self, kick: asyncio.Event) -> None:
        self._failing_since = None
        try:
            while self.live and not self._closed:
                kick.clear()
                denied = await self._serve_once()
                if self.live and not kick.is_set():
                    await self._nap(kick, denied)
        except Exception as error:  # noqa: BLE001 - whatever broke the ledger must reach those who wait for it
            if not self.loop.is_closed():  # then this task is only being cleared away, as are they
                self._refuse_all(error)
        finally:
            self._lanes.compact()

    async def _serve_once(self) -> Denied | None:
        """Grant what can be granted now, and refuse those whose max_wait has ended."""
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
                self._failing_since = None
            except LedgerBusyError as error:
                denied = Denied(Reason.QUEUE)
                self._bear(error)
        # After the step: a call that may not wait at all has its one chance in it.
        for waiter in self._lanes.expire(self.clock.monotonic()):
            self._finish(waiter, denied or Denied(Reason.CONCURRENCY))
        return denied

    def _bear(self, error: LedgerBusyError) -> None:
        """Let those who wait go on waiting for the ledger, unless that has lasted too long."""
        now = self.loop.time()
        if self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since >= self.access.seconds:
            self._failing_since = None
            self._refuse_all(self.access.unavailable(error))

    async def _step(self) -> Denied | None:
        granting = self._granting = []
        self._stepping = True
        try:
            denied, limit = await self.access.try_once(
                self._grant, lambda window: window.refund(*[decision.entry for _, decision in granting])
            )
        except LedgerBusyError:
            self._lanes.push_again([waiter for waiter, _ in granting if not waiter.left])
            self._granting = []
            raise
        finally:
            self._stepping = False
        for waiter, decision in granting:
            if waiter.handle.done():  # cancelled while the step ran
                self._leave(waiter)
                await self._give_back(decision.entry)
            else:
                waiter.slots.taken += 1
                self._finish(waiter, decision)
        self._granting = []
        for waiter in self._lanes.over_limit(limit) if denied else ():
            waiter.handle.set_exception(_over_limit(waiter.cost, limit))
            self._leave(waiter)
        return denied

    def _grant(self, window: Window) -> tuple[Denied | None, int]:
        now = self.now()
        denied = self._lanes.grant(window, now, self._granting, self._holder)
        self._next_sweep = window.holdings.next_sweep
        self._wake_at = None
        if denied is not None and denied.until is not None:
            self._wake_at = now.monotonic + window.seconds_until(denied.until, now)
        return denied, window.ceiling

    def _finish(self, waiter: Waiter, decision: Granted | Denied) -> None:
        self._leave(waiter)
        if not waiter.handle.done():
            waiter.handle.set_result(decision)

    def _refuse_all(self, error: Exception) -> None:
        # Those whom a failed step had marked as served are in no lane any more, but still wait.
        for waiter in [*self._lanes.waiting(), *self._arrivals, *(waiter for waiter, _ in self._granting)]:
            if not waiter.handle.done():
                waiter.handle.set_exception(copy.copy(error))  # one traceback each
            self._leave(waiter)
        self._arrivals, self._granting = [], []

    async def _nap(self, kick: asyncio.Event, denied: Denied | None) -> None:
        """Sleep until something can have changed: a kick, a reset, a lapsed lease, another process."""
        now = self.clock.monotonic()
        times = [now + MAX_NAP_SECONDS]
        if self._failing_since is None:  # else they may have passed, and nothing can be done about them yet
            times.append(self._next_sweep)
            if self._wake_at is not None:
                times.append(self._wake_at)
        if (deadline := self._lanes.next_deadline) is not None:
            times.append(deadline)
        poll = self.access.ledger.poll_seconds
        if poll is not None and denied is not None and denied.sooner:
            # The one call that went first is another process's as a rule, and its answer opens the window to all.
            soon = denied.reason is Reason.FIRST_CALL
            times.append(now + (poll / 10 if soon else poll))
        nap = asyncio.ensure_future(self.clock.sleep_until(max(min(times), now + MIN_NAP_SECONDS)))
        waked = asyncio.ensure_future(kick.wait())
        try:
            # A ledger that fails is looked at again in real time, whatever clock the calls live by.
            retry = None if self._failing_since is None else RETRY_SECONDS
            await asyncio.wait((nap, waked), timeout=retry, return_when=asyncio.FIRST_COMPLETED)
        finally:
            nap.cancel()
            waked.cancel()


def _over_limit(cost: int, limit: int) -> BudgetError:
    """Make the error for a call that no window can serve."""
    return BudgetError(
        f"a call of {cost:,} units can never be sent: a whole window has {limit:,}. Nothing was sent.", cost=cost
    )
