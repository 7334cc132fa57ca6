"""The asyncio shell of the budget. It waits; the window decides."""

from __future__ import annotations

import datetime
import math
import os
import random
import warnings
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Final, Self

from tonicdm import checks
from tonicdm.budget import forks
from tonicdm.budget.access import LedgerAccess
from tonicdm.budget.cooldown import UNTIL_RESUMED
from tonicdm.budget.history import WindowRecord, appended
from tonicdm.budget.lanes import LANES, Concurrency, Waiter
from tonicdm.budget.ledgers import Ledger
from tonicdm.budget.ledgers.memory import MemoryLedger
from tonicdm.budget.loops import Queues
from tonicdm.budget.pacer import Pacer
from tonicdm.budget.paths import expanded, is_memory, is_postgresql
from tonicdm.budget.reservation import DEFAULT_LIMITS, Reservation
from tonicdm.budget.rules import BudgetRules, Instant, Share
from tonicdm.budget.waiting import OWN_SLOTS, WaitLimits, WaitQueue
from tonicdm.budget.window import Window
from tonicdm.clock import Clock, SystemClock
from tonicdm.closing import AsyncClosing
from tonicdm.errors import ClientClosedError, ConfigError
from tonicdm.late import LateModule
from tonicdm.types import Priority

if TYPE_CHECKING:
    from tonicdm.budget import views
else:
    views = LateModule("tonicdm.budget.views")

MAX_COST: Final = 10**9
"""Units of a call or a job at most; no plausible limit is higher."""


def _timeout(seconds: float) -> float:
    return checks.seconds("timeout", seconds, positive=True)


class UnitBudget(AsyncClosing):
    """A budget of units in a window that a server keeps, shared by everybody who calls with one token.

    ```python
    async with budget.reserve(5, priority="bulk", max_wait=60) as reservation:
        if await reservation.sent():            # nothing was sent before this line
            ...                                 # send; then settle by what the response says:
            await reservation.settle(limit=3600, remaining=3595, reset=1466182244)
    ```

    Leaving the block before ``sent()`` gives the units back exactly; leaving it after ``sent()`` without ``settle()``
    keeps them charged until a response to a later call shows what became of them.

    Args:
        ledger: Where the window's state lives; in memory unless given.
        rules: What is known of the budget; TonicDM's unless given.
        clock: Time; the machine's unless given.
        max_calls_per_second: Spreads the sends behind the ledger; None switches that off.
        max_concurrency: Calls under way at once in one event loop. A client brings a bound of its own.
        ledger_timeout: Seconds for which a ledger that can't be used now is tried.
    """

    def __init__(
        self,
        ledger: Ledger | None = None,
        *,
        rules: BudgetRules | None = None,
        clock: Clock | None = None,
        max_calls_per_second: float | None = 20.0,
        max_concurrency: int = 100,
        ledger_timeout: float = 30.0,
    ) -> None:
        if max_calls_per_second is not None:
            checks.real_number("max_calls_per_second", max_calls_per_second, above_minimum=True, unit="calls, or None")
        self.rules: BudgetRules = rules or BudgetRules()
        self.clock: Clock = clock or SystemClock()
        self._ledger = ledger
        self._closed = False
        self._pace = max_calls_per_second
        self._concurrency = checks.whole_number("max_concurrency", max_concurrency, minimum=1)
        self._access = LedgerAccess(lambda: self.ledger, checks.seconds("ledger_timeout", ledger_timeout))
        self._queues = Queues(self._make_queue)
        self._chance = random.random
        self._counts_apart = False
        if ledger is not None:
            ledger.on_change(self._queues.wake)
        forks.watch(self)

    @classmethod
    def memory(cls, **settings: Any) -> UnitBudget:
        """Make a budget that this process keeps for itself and forgets.

        Args:
            settings: As for `UnitBudget`.
        """
        return cls(MemoryLedger(settings.get("rules")), **settings)

    @classmethod
    def shared(
        cls,
        path: str | os.PathLike[str],
        *,
        key: str = "default",
        former_key: str | None = None,
        former_counts: bool = False,
        replace_damaged: bool = False,
        **settings: Any,
    ) -> UnitBudget:
        """Make a budget that all processes share through a file, or those of several hosts through a database.

        Args:
            path: The SQLite file; made if absent. ``~`` and variables in it are replaced; ``:memory:`` is `memory`.
                ``postgresql://…`` is a database, which needs the extra ``postgres``; the hosts' clocks may differ.
            key: Which budget of the file or database. Use one per token, and never the token itself.
            former_key: Under which key the budget was kept before. When the file has none under *key* yet, it begins
                with the calls under way and the cooldown after a 429 that it finds there.
            former_counts: Whether to take over whatever stands there; else only what the version before wrote.
            replace_damaged: Whether a file that is surely damaged may be moved aside and begun anew. It is kept, with
                ``.damaged`` and the time in its name.
            settings: As for `UnitBudget`.

        Raises:
            ConfigError: *path* names no file or database.
        """
        from tonicdm.budget.ledgers.sqlite import SQLiteLedger

        if not isinstance(key, str) or not key:
            raise ConfigError("key= must be a name: which budget of the file")
        if is_memory(path):
            return cls.memory(**settings)
        clock = settings.pop("clock", None) or SystemClock()
        if is_postgresql(path):
            from tonicdm.budget.ledgers.postgresql import PostgreSQLLedger

            shared = PostgreSQLLedger(os.fspath(path), key=key, rules=settings.get("rules"), clock=clock)
            return cls(shared, clock=shared.clock, **settings)
        ledger = SQLiteLedger(
            expanded(path),
            key=key,
            rules=settings.get("rules"),
            clock=clock,
            former_key=former_key,
            former_counts=former_counts,
            replaceable=replace_damaged,
        )
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

    def __repr__(self) -> str:
        where = "memory" if self._ledger is None else self._ledger.where
        left = ""
        if isinstance(self._ledger, MemoryLedger):  # a look at a file would be I/O
            now = self.snapshot()
            left = f", {now.remaining:,} of {now.limit:,} units left"
        return f"<UnitBudget in {where}{left}{', closed' if self._closed else ''}>"

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
        share: Share | None = None,
        on_wait: Callable[[views.WaitNotice], None] | None = None,
        notify_every: float | None = None,
    ) -> Reservation:
        """Reserve *cost* units for one attempt of one call; used as ``async with``.

        Args:
            cost: Units that the call may cost at most. There is no default: a wrong one defeats the budget.
            priority: The lane to wait in.
            max_wait: Seconds that the call may wait; None for as long as it takes. A wait that must pass it is
                refused before queueing.
            timeout: Seconds for which a response will be awaited once sent.
            job: Calls of different jobs in one lane take turns.
            slots: Bounds the calls under way together with others that name the same object.
            read: False for calls that write; they never go first into an unknown window while a read waits.
            label: What the call is, for errors and notices.
            share: What all calls with one label may take of a window together; None where it may take all.
            on_wait: Called when the call has to wait.
            notify_every: Seconds after which *on_wait* is called again, as long as it lasts.

        Raises:
            ConfigError: An argument is no number where it must be one, or out of range.
            BudgetError: The cost is greater than the limit, so that no window will ever do.
            BudgetTimeoutError: The wait would be, or was, longer than *max_wait*; nothing was sent.
        """
        if self._counts_apart:
            self._warn_of_fork()
        if type(cost) is not int or not 0 < cost <= MAX_COST:
            cost = checks.whole_number("a call's cost", cost, minimum=1, maximum=MAX_COST)
        if priority not in LANES:
            raise ConfigError(f"priority must be one of {', '.join(LANES)}, not {priority!r}")
        limits = DEFAULT_LIMITS
        if max_wait is not None or on_wait is not None or timeout != DEFAULT_LIMITS.timeout:
            limits = WaitLimits(
                timeout if type(timeout) is float and 0.0 < timeout < math.inf else _timeout(timeout),
                None if max_wait is None else checks.seconds("max_wait", max_wait, endless=True),
                on_wait,
                None if notify_every is None else checks.seconds("notify_every", notify_every, positive=True),
            )
        if share is not None:
            job = (share, job)  # so that calls behind it, which may take more, do not wait for it
        waiter = Waiter(cost, priority, job, slots or OWN_SLOTS, read, label, share)
        return Reservation(self._queues, waiter, limits, self._chance)

    def _make_queue(self, freed: Callable[[WaitQueue], None]) -> WaitQueue:
        return WaitQueue(
            self._access, self.clock, Pacer(self._pace), Concurrency(self._concurrency), f"pid {os.getpid()}", freed
        )

    # --- views -------------------------------------------------------------------------------------------------

    def snapshot(self) -> views.Snapshot:
        """Return the budget as it stands, those who wait in this process included."""
        return views.snapshot_of(self.ledger.peek(), self.now(), self._queues.sums, self.ledger.where)

    def server_time(self) -> float:
        """Return the earliest that the server's clock can show now, Unix time; by Date headers once one was seen."""
        window = self.ledger.peek()
        return window.clock.lower(self.now(), window.rules)

    def history(self) -> list[WindowRecord]:
        """Return the windows that are over, the latest one last.

        A ledger keeps the last 720 of them, a month of hours.
        """
        window, now = self.ledger.peek(), self.now()
        records = self.ledger.history()
        # What has ended by the clock alone is noted by the next call.
        window.advance(now)
        return appended(records, window.ended, window.rules.reset_tolerance)

    def forecast(
        self,
        cost: int,
        *,
        priority: Priority = "normal",
        share: Share | None = None,
        finish_by: datetime.datetime | None = None,
    ) -> views.Forecast:
        """Forecast when *cost* units could be spent behind the calls that wait; spends and reserves nothing.

        Args:
            cost: Units of a whole job; may be many windows' worth.
            priority: The lane of its calls; all but the interactive one leave its reserve.
            share: What the job may take of each window; None where it may take all.
            finish_by: When they have to be spent, with a time zone.

        Raises:
            ConfigError: *cost* is no number of units, or *finish_by* has no time zone.
            BudgetTimeoutError: They can't be spent before *finish_by*.
        """
        cost = checks.whole_number("the cost of a job", cost, minimum=0, maximum=MAX_COST)
        ahead = sum(units for _, units in self._queues.sums.values())
        window, now = self.ledger.peek(), self.now()
        forecast = views.forecast_of(window, now, cost, ahead, priority, share)
        if finish_by is not None and forecast.done_at > checks.aware("finish_by", finish_by):
            raise views.too_late(forecast, finish_by, share)
        return forecast

    # --- pausing ------------------------------------------------------------------------------------------------

    async def pause(self, seconds: float | None = None) -> None:
        """Send nothing more, in all processes of the ledger. Calls under way end as they would.

        What is known of a 429 stays as it is. A version of this package that knows no pause takes it for a cooldown of
        a day at most.

        Args:
            seconds: How long; None until `resume`.

        Raises:
            ConfigError: *seconds* is no number of seconds.
            LedgerUnavailableError: The ledger can't be used.
        """
        length = None if seconds is None else checks.seconds("the length of a pause", seconds, positive=True)

        def step(window: Window) -> None:
            until = UNTIL_RESUMED if length is None else window.clock.lower(self.now(), window.rules) + length
            window.cooldown.paused_until = min(until, UNTIL_RESUMED)

        await self._access.run(step)

    async def resume(self) -> bool:
        """Take back a pause; other processes notice it within a second or so.

        Returns:
            Whether the budget was paused.

        Raises:
            LedgerUnavailableError: The ledger can't be used.
        """

        def step(window: Window) -> bool:
            window.advance(self.now())
            paused, window.cooldown.paused_until = window.cooldown.paused_until, None
            return paused is not None

        paused = await self._access.run(step)
        self._queues.wake()
        return paused

    # --- a refreshed token --------------------------------------------------------------------------------------

    async def token_refreshed(self) -> None:
        """Note that the token was exchanged for a new one, while the ledger's key stays the same.

        What is left of the new token's window is unknown, so one call goes first. A cooldown after a 429 holds, and
        calls under way stay charged.
        """
        await self._access.run(lambda window: window.renew(self.now()))
        self._queues.wake()

    async def inherit(self, old: UnitBudget) -> None:
        """Take over from the budget of the token before this one: its cooldown, and the calls still under way.

        Args:
            old: Kept under another key, which the new token's calls no longer use.
        """
        before = old.ledger.peek()
        await self._access.run(lambda window: window.inherit(before, self.now()))
        self._queues.wake()

    # --- life -------------------------------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError("this budget is closed")

    async def close(self) -> None:
        """Refuse the calls that wait, and close the ledger; twice is once."""
        if self._closed:
            return
        self._closed = True
        await self._queues.close(ClientClosedError("the budget was closed while this call waited"))
        await self._access.close()

    # --- forks ------------------------------------------------------------------------------------------------------

    def before_fork(self) -> None:
        """Do nothing: the ledgers finish their steps themselves."""

    def after_fork_in_parent(self) -> None:
        """Nothing is to be done."""

    def after_fork_in_child(self) -> None:
        """Leave calls that wait or are under way to the parent, whose they are."""
        self._queues.forget()
        self._access.forget()
        self._counts_apart = isinstance(self._ledger, MemoryLedger) and self._ledger.used

    def _warn_of_fork(self) -> None:
        self._counts_apart = False
        warnings.warn(
            "this process was forked from one that had used this budget, which is kept in memory: each now counts for "
            "itself, and together they may spend more than there is. Let them share a file: set TONICDM_BUDGET to its "
            "path (or use UnitBudget.shared), or make the budget after the fork",
            RuntimeWarning,
            stacklevel=3,
        )

    async def __aenter__(self) -> Self:
        self._check_open()
        return self
