"""Pace calls where no units are counted, and pause them after a 429."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Hashable, Mapping
from types import TracebackType
from typing import Final, Self

import attrs

from tonicdm.budget import Concurrency, Reason, Settlement, Share, WaitNotice
from tonicdm.budget.headers import Report, retry_after
from tonicdm.budget.pacer import Pacer
from tonicdm.budget.views import utc
from tonicdm.clock import Clock
from tonicdm.errors import BudgetTimeoutError, ConfigError
from tonicdm.types import Priority

ONE_AT_A_TIME: Final = "one at a time"
"""The job of calls whose 429 says that a task is already running: it tells nothing of the rate (step functions)."""


@attrs.frozen(kw_only=True)
class ThrottleRules:
    """How fast, and how to step back; the API publishes no numbers."""

    calls_per_second: float | None = 5.0
    """Sends a second after a burst; None for no pacing. Five is what a public connector chose."""
    burst: int = 5
    """Calls that may leave at once."""
    base: float = 1.0
    """Seconds of the first cooldown after a 429 that names none."""
    cap: float = 60.0
    """Seconds that such a cooldown grows to at most."""
    jitter: float = 0.5
    """The share of a cooldown that is added by chance, so that clients part ways."""
    max_429s: int = 5
    """429s that one call waits out before it fails."""

    def __attrs_post_init__(self) -> None:
        if min(self.base, self.cap, self.jitter, self.max_429s) < 0 or self.burst < 1:
            raise ConfigError("throttle rules need a burst of at least one call and no negative numbers")


def cooldown(rules: ThrottleRules, consecutive_429s: int, named: float | None, chance: float) -> float:
    """Return the seconds for which nothing is sent after a 429.

    It is the later of the time that the server names and one that doubles with each 429 in a row, with jitter (rate
    limiting tutorial): a Retry-After of 0, or a date that is over, is no leave to go on at once.

    Args:
        rules: How to step back.
        consecutive_429s: How many 429s came in a row, this one included.
        named: What Retry-After said, in seconds; None without it.
        chance: A random number of [0, 1).
    """
    grown = min(rules.cap, rules.base * 2.0 ** min(consecutive_429s - 1, 30))
    if named is not None and named >= grown:
        return named + rules.base * rules.jitter * chance
    return grown * (1.0 + rules.jitter * chance)


class Throttle:
    """Lets the calls of one client out; after a 429 none leaves before its time.

    Args:
        clock: Time.
        rules: How fast, and how to step back.
    """

    def __init__(self, clock: Clock, rules: ThrottleRules | None = None) -> None:
        self.clock = clock
        self.rules: ThrottleRules = rules or ThrottleRules()
        self._pacer = Pacer(self.rules.calls_per_second, self.rules.burst)
        self._semaphore: asyncio.Semaphore | None = None
        self._opens_at = 0.0
        self._limited_at: float | None = None
        self._consecutive_429s = 0
        self._chance: Callable[[], float] = random.random

    @property
    def cooldown_left(self) -> float:
        """Seconds for which nothing will be sent."""
        return max(0.0, self._opens_at - self.clock.monotonic())

    def reserve(
        self,
        cost: int = 0,  # noqa: ARG002 - nothing is counted
        *,
        priority: Priority = "normal",
        max_wait: float | None = None,
        timeout: float = 30.0,  # noqa: ARG002
        job: Hashable = None,
        slots: Concurrency | None = None,
        read: bool = True,  # noqa: ARG002
        label: str = "",
        share: Share | None = None,  # noqa: ARG002
        on_wait: Callable[[WaitNotice], None] | None = None,
    ) -> Leave:
        """Queue one attempt of one call; used as ``async with``.

        Args:
            cost: Not counted.
            priority: Told in notices only; there are no lanes.
            max_wait: Seconds that the attempt may wait for a cooldown to end.
            timeout: Not needed: nothing is owed for a lost call.
            job: `ONE_AT_A_TIME` where a 429 is no matter of rate.
            slots: How many attempts may be under way together; None for any number.
            read: Not needed.
            label: What the call is, for errors and notices.
            share: Not needed: there are no windows.
            on_wait: Told when the attempt has to wait for a cooldown to end.

        Raises:
            BudgetTimeoutError: The cooldown lasts longer than *max_wait*; nothing was sent.
        """
        if slots is not None and self._semaphore is None:
            self._semaphore = asyncio.Semaphore(slots.limit)
        return Leave(self, priority, max_wait, label, on_wait, slots, exclusive=job == ONE_AT_A_TIME)

    async def close(self) -> None:
        """Let go of what it holds; twice is once."""

    async def _pace(self, _leave: Leave) -> None:
        """Return when it is an attempt's turn."""
        await self._pacer.pace()

    async def _is_open(self) -> bool:
        """Tell whether no cooldown began since an attempt had its turn."""
        return self.cooldown_left <= 0

    async def _refused(self, named: float | None, sent_at: float) -> None:
        """Take in a 429."""
        now = self.clock.monotonic()
        if self._limited_at is None or sent_at > self._limited_at:
            self._consecutive_429s += 1
        self._limited_at = now
        self._opens_at = max(self._opens_at, now + cooldown(self.rules, self._consecutive_429s, named, self._chance()))

    async def _succeeded(self, sent_at: float) -> None:
        if self._limited_at is not None and sent_at > self._limited_at:
            self._consecutive_429s = 0

    async def _cooldown_over(self, leave: Leave) -> None:
        """Return when no cooldown is left; told once."""
        notified = False
        while (left := self.cooldown_left) > 0:
            if leave.max_wait is not None and left > leave.max_wait:
                raise BudgetTimeoutError(
                    f"{leave.label or 'the call'} would wait {left:,.0f} s after a 429, longer than "
                    f"max_wait={leave.max_wait:g} s. Nothing was sent.",
                    wait=left,
                    max_wait=leave.max_wait,
                    reset_at=utc(self.clock.now() + left),
                )
            if leave.on_wait is not None and not notified:
                leave.on_wait(self._notice(leave, left))
                notified = True
            await self.clock.sleep_until(self._opens_at)

    def _notice(self, leave: Leave, wait: float) -> WaitNotice:
        return WaitNotice(
            label=leave.label,
            cost=0,
            lane=leave.priority,
            reason=Reason.BLOCKED,
            wait=wait,
            until=utc(self.clock.now() + wait),
            calls_ahead=0,
            units_ahead=0,
            remaining=0,
            limit=0,
        )


class Leave:
    """One attempt; made by `Throttle.reserve` and used as ``async with``."""

    def __init__(
        self,
        throttle: Throttle,
        priority: Priority,
        max_wait: float | None,
        label: str,
        on_wait: Callable[[WaitNotice], None] | None,
        slots: Concurrency | None,
        *,
        exclusive: bool,
    ) -> None:
        self._throttle = throttle
        self._slots = slots
        self._exclusive = exclusive
        self._has_slot = False
        self.priority: Priority = priority
        self.max_wait = max_wait
        self.label = label
        self.on_wait = on_wait
        self.sent_at: float | None = None

    async def __aenter__(self) -> Self:
        await self._throttle._cooldown_over(self)
        if self._throttle._semaphore is not None and self._slots is not None:
            await self._throttle._semaphore.acquire()
            self._slots.taken += 1
            self._has_slot = True
        try:
            await self._throttle._pace(self)
        except BaseException:
            self._release()
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    async def try_sent(self) -> bool:
        """Pass the gate, once; False where a 429 came meanwhile."""
        if self.sent_at is not None or not await self._throttle._is_open():
            return False
        self.sent_at = self._throttle.clock.monotonic()
        return True

    async def settle_from(self, headers: Mapping[str, str], status: int, report: Report | None = None) -> Settlement:  # noqa: ARG002
        """Take in the head of an answer."""
        sent_at = self.sent_at or 0.0
        if status == 429:
            named = retry_after(headers, self._throttle.clock.now())
            if not self._exclusive or named is not None:
                await self._throttle._refused(named, sent_at)
        else:
            await self._throttle._succeeded(sent_at)
        return Settlement(blocked=status == 429)

    def _release(self) -> None:
        if self._has_slot and self._throttle._semaphore is not None and self._slots is not None:
            self._has_slot = False
            self._slots.taken -= 1
            self._throttle._semaphore.release()
