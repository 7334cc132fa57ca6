"""Views of a budget for people and programs: snapshot, forecast, wait notice, and when units can be had.

No clock, no I/O. The estimates follow the same rules that grant the units.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final

import attrs

from tonicdm import display
from tonicdm.budget.cooldown import UNTIL_RESUMED
from tonicdm.budget.entries import EntryState
from tonicdm.budget.lanes import LANES, Ahead, Waiter
from tonicdm.budget.rules import Instant, Reason, Share
from tonicdm.budget.window import Window
from tonicdm.errors import BudgetTimeoutError
from tonicdm.types import Priority
from tonicdm.values import Value


def utc(seconds: float) -> datetime.datetime:
    """Return Unix *seconds* as an aware datetime."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


@attrs.frozen(eq=False, repr=False)
class WaitNotice(Value):
    """Why a call waits, and for how long at least."""

    label: str
    cost: int
    lane: Priority
    reason: Reason
    wait: float
    """Seconds that the call waits at least; 0 where it waits for responses, whose time nobody knows: see `reason`."""
    until: datetime.datetime
    """The same as a time of the server's clock, UTC."""
    calls_ahead: int
    """Calls of this process that wait before this one."""
    units_ahead: int
    remaining: int
    """Units left in this window, reserved ones included."""
    limit: int


@attrs.frozen(eq=False, repr=False)
class Snapshot(Value):
    """A budget at one moment."""

    limit: int
    remaining: int
    """Units that the server has left, as far as its responses say."""
    reserved: int
    """Units held by calls under way or whose outcome is unknown."""
    unknown: int
    """The part of `reserved` whose calls ended without a usable response."""
    foreign: int
    """Units that others spent at least in this window."""
    guard: int
    """Units left to others, as set or because they were noticed."""
    reset_at: datetime.datetime | None
    """When the next window begins, UTC; None while the window is unknown."""
    blocked_until: datetime.datetime | None
    """Until when nothing is sent after a 429, UTC: the end of the cooldown, with its tolerance and back-off."""
    waiting: Mapping[Priority, tuple[int, int]]
    """Calls and units waiting in this process, by lane."""
    eta: Mapping[Priority, float]
    """Seconds until all that waits in a lane and above it can have its units, at the least, by lane. A lane that waits
    for responses has 0: how long they take nobody knows, see `waits_for`."""
    waits_for: Mapping[Priority, Reason | None]
    """What keeps the first of them, by lane; None where none waits."""
    spent: Mapping[tuple[str, str], tuple[int, int]]
    """Calls settled in this window and their units, by lane and label."""
    under_way: Mapping[tuple[str, str], tuple[int, int]]
    """Calls reserved or sent and their units, by lane and label."""
    ledger: str
    """Where the state is kept."""
    paused_until: datetime.datetime | None = None
    """Until when somebody has paused the budget, UTC; None where it is not paused."""
    pause_ends: bool = True
    """Whether the pause ends by itself; else it lasts until ``resume``, and `paused_until` is a day of no meaning."""
    limited: int = 0
    """Answers with status 429 in this window."""
    by_label: Mapping[str, tuple[int, int]] = attrs.field(factory=dict)
    """Calls settled in this window and their units, by the label of their job."""

    @property
    def available(self) -> int:
        """Units that nobody holds."""
        return max(0, self.remaining - self.reserved)

    def _repr_html_(self) -> str:
        waiting = sum(calls for calls, _ in self.waiting.values())
        values = {
            "remaining": f"{self.remaining:,} of {self.limit:,} units",
            "reserved": f"{self.reserved:,}",
            "used by others": f"{self.foreign:,}",
            "reset at": self.reset_at,
            "nothing is sent before": self.blocked_until,
            "calls waiting": waiting,
            "ledger": self.ledger,
        }
        return display.fields("Budget of units", values.items())


@attrs.frozen(eq=False, repr=False)
class Forecast(Value):
    """When a number of units could be spent."""

    cost: int
    start_in: float
    """Seconds until the first of them, at the least; 0 where it waits for responses, see `waits_for`."""
    done_in: float
    """Seconds until the last of them, at the least."""
    done_at: datetime.datetime
    """The same as a time of the server's clock, UTC."""
    windows: int
    """How many windows they touch, at the least."""
    waits_for: Reason | None = None
    """What keeps the first of them; None where it can be spent now."""


MIN_NAMED_WAIT_SECONDS: Final = 0.5
"""Seconds below which a wait is not worth a number."""


def earliest(window: Window, cost: int, now: Instant, *, ahead: int = 0, lane: Priority = "interactive") -> float:
    """Return the server time before which *cost* units surely can't be reserved behind *ahead* units of other calls.

    Calls under way may turn out not to count, so they make nobody wait by this reckoning: how long they take nobody
    knows. Where nothing is under way and nobody is ahead, it is the time at which the units are granted.

    Args:
        window: What is known.
        cost: Units; those of many calls, where they are more than a window has.
        now: The time.
        ahead: Units of calls that go before.
        lane: All but the interactive one leave its reserve.
    """
    window.advance(now)
    server, total = window.clock.lower(now, window.rules), ahead + cost
    start, cooldown = server, window.cooldown
    if cooldown.until is not None:
        start = window.cooldown_until(now)
    if cooldown.paused_until is not None and cooldown.paused_until < UNTIL_RESUMED:
        start = max(start, cooldown.paused_until)
    end = None if window.reset is None else cooldown.end(window.reset, window.rules)
    if end is not None and end > start and not (cooldown.until is not None and cooldown.probes):
        usable_now = max(0, window.limit - _guard(window, now) - window.used)
        if total <= usable_now:
            left = usable_now - total
            return start if lane == "interactive" else max(start, window.reserve_ends(left, window.reset or end))
        total, start = total - usable_now, end
    usable = max(1, window.limit - window.rules.guard)
    if usable < cost <= window.ceiling:
        usable = window.ceiling  # the one call that goes first may have a whole window
    whole, remainder = divmod(total, usable)
    if not remainder and whole:
        whole, remainder = whole - 1, usable
    start += whole * window.length
    alone = whole == 0 and remainder <= cost and not ahead
    if lane == "interactive" or alone or not total:
        return start
    # The next window lasts as long as this one, from its first call on; its Reset may be cut to whole seconds.
    ends = start + window.length - window.rules.reset_tolerance
    return max(start, window.reserve_ends(usable - remainder, ends))


def _guard(window: Window, now: Instant) -> int:
    """Return the units that are left to others for sure: what was noticed of them, the next response may take back."""
    awaited = any(entry.state is not EntryState.UNKNOWN for entry in window.holdings)
    return window.rules.guard if awaited else window.guard(now)


def snapshot_of(window: Window, now: Instant, waiting: Mapping[Priority, tuple[int, int]], where: str) -> Snapshot:
    """Describe *window* as of *now*."""
    window.advance(now)
    eta, reasons, ahead = dict[Priority, float](), dict[Priority, Reason | None](), 0
    for lane in LANES:
        calls, units = waiting[lane]
        at = earliest(window, units, now, ahead=ahead, lane=lane)
        eta[lane] = window.seconds_until(at, now) if calls else 0.0
        denied = window.explain(-(-units // calls), now, lane) if calls else None
        reasons[lane] = (Reason.QUEUE if denied is None else denied.reason) if calls else None
        ahead += units
    under_way: dict[tuple[str, str], tuple[int, int]] = {}
    for entry in window.holdings:
        calls, units = under_way.get((entry.lane, entry.label), (0, 0))
        under_way[entry.lane, entry.label] = (calls + 1, units + entry.cost)
    return Snapshot(
        limit=window.limit,
        remaining=max(0, window.limit - window.used),
        reserved=window.held,
        unknown=window.unknown,
        foreign=window.foreign_usage.spent,
        guard=window.guard(now),
        reset_at=None if window.reset is None else utc(window.reset),
        blocked_until=None if window.cooldown.until is None else utc(window.cooldown_until(now)),
        waiting=dict(waiting),
        eta=eta,
        waits_for=reasons,
        spent=dict(window.accounts),
        under_way=under_way,
        ledger=where,
        paused_until=None if (paused := window.cooldown.paused_until) is None else utc(paused),
        pause_ends=paused is None or paused < UNTIL_RESUMED,
        limited=window.counts_now().limited,
        by_label=window.counts_now().by_label,
    )


def _by_share(window: Window, now: Instant, cost: int, share: Share) -> tuple[float, float, int]:
    """Return when a job's share allows the first and the last of *cost* units, and how many windows that takes.

    What a job may take beyond its share near the end of a window is not counted on.
    """
    server = window.clock.lower(now, window.rules)
    units = max(1, min(share.units(window.limit), window.limit - window.rules.guard))
    left = units
    if window.reset is not None:
        left = max(0, min(units, window.left_of_share(share)))
    next_at = server if window.reset is None else window.cooldown.end(window.reset, window.rules)
    if cost <= left:
        return server, server, 1
    more = -(-(cost - left) // units)
    # Without a known Reset the first of the windows begins now.
    last = more if window.reset is None else more - 1
    return (server if left else next_at), next_at + last * window.length, more + (left > 0)


def forecast_of(
    window: Window, now: Instant, cost: int, ahead: int, lane: Priority = "normal", share: Share | None = None
) -> Forecast:
    """Reckon when *cost* units could be spent in *lane* behind *ahead* others, by a job that may take *share*."""
    start = earliest(window, min(cost, 1), now, ahead=ahead, lane=lane)
    done = earliest(window, cost, now, ahead=ahead, lane=lane)
    denied = window.explain(1, now, lane) if cost else None
    reason = Reason.QUEUE if denied is None and ahead else None if denied is None else denied.reason
    usable = max(1, window.limit - window.rules.guard)
    free = usable if window.cooldown.until is not None else max(0, usable - window.used)
    first = max(0, free - ahead)
    if first == 0:
        first = usable - (ahead - free) % usable
    windows = 1 + max(0, -(-(cost - first) // usable))
    if share is not None and cost:
        starts, ends, touched = _by_share(window, now, cost, share)
        reason = Reason.SHARE if reason is None and starts > start else reason
        start, done, windows = max(start, starts), max(done, ends), max(windows, touched)
    return Forecast(
        cost=cost,
        start_in=window.seconds_until(start, now),
        done_in=window.seconds_until(done, now),
        done_at=utc(done),
        windows=windows,
        waits_for=reason,
    )


def notice_of(window: Window, now: Instant, waiter: Waiter, reason: Reason, ahead: Ahead) -> WaitNotice:
    """Say how long *waiter* waits at least behind calls of its own process."""
    at = earliest(window, waiter.cost, now, ahead=ahead.surely, lane=waiter.lane)
    if reason is Reason.SHARE and window.reset is not None and waiter.share is not None:
        # Near the end of the window it may have what nobody else waits for.
        at = max(at, window.share_opens(window.reset)) if waiter.cost > window.left_of_share(waiter.share) else at
    return WaitNotice(
        label=waiter.label,
        cost=waiter.cost,
        lane=waiter.lane,
        reason=reason,
        wait=window.seconds_until(at, now),
        until=utc(at),
        calls_ahead=ahead.calls,
        units_ahead=ahead.units,
        remaining=max(0, window.limit - window.used),
        limit=window.limit,
    )


def refusal(notice: WaitNotice, max_wait: float | None, *, waited: bool = False) -> BudgetTimeoutError:
    """Make the error for a call that may not wait as long as it would have to."""
    request = f"{notice.cost} units" + (f" for {notice.label}" if notice.label else "")
    allowed = f"max_wait={0.0 if max_wait is None else max_wait:g} s"
    timed = notice.wait >= MIN_NAMED_WAIT_SECONDS
    if waited:
        left = f"{notice.until:%H:%M:%S} UTC is the earliest" if timed else "no time can be named"
        reason = f"{request} did not come free within {allowed}; {left} ({notice.reason})."
    elif not timed:
        reason = f"{request} would have to wait ({notice.reason}), and {allowed}."
    else:
        reason = (
            f"{request} would wait {notice.wait:,.0f} s (until {notice.until:%H:%M:%S} UTC; {notice.reason}), "
            f"longer than {allowed}."
        )
    return BudgetTimeoutError(
        f"{reason}\nNothing was sent. {notice.remaining:,} of {notice.limit:,} units are left in this window; "
        f"{notice.calls_ahead} calls wait before this one ({notice.units_ahead} units).",
        cost=notice.cost,
        reset_at=notice.until if timed else None,
        wait=notice.wait,
        max_wait=max_wait,
    )


def too_late(forecast: Forecast, finish_by: datetime.datetime, share: Share | None = None) -> BudgetTimeoutError:
    """Make the error for a job that can't be done in time."""
    job = f" of {share.label!r}" if share is not None else ""
    allowed = f" with share={share.fraction:g}" if share is not None and share.fraction < 1 else ""
    windows = "1 window" if forecast.windows == 1 else f"{forecast.windows:,} windows"
    left = (finish_by - forecast.done_at).total_seconds() + forecast.done_in
    return BudgetTimeoutError(
        f"{forecast.cost:,} units{job} can't be spent before finish_by={finish_by:%Y-%m-%d %H:%M:%S %Z}: they take "
        f"{windows}{allowed}, until {forecast.done_at:%Y-%m-%d %H:%M:%S} UTC at the earliest.\nNothing was sent. Give "
        "it more time, or a larger share; or let it do less.",
        cost=forecast.cost,
        reset_at=forecast.done_at,
        wait=forecast.done_in,
        max_wait=max(0.0, left),
    )
