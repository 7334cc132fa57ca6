"""When units can be had at the earliest, by the same rules that grant them. No clock, no I/O."""

from __future__ import annotations

from tonicdm.budget.entries import EntryState
from tonicdm.budget.rules import Instant
from tonicdm.budget.window import Window
from tonicdm.types import Priority


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
    end = None if window.reset is None else cooldown.end(window.reset, window.rules)
    if end is not None and end > start and not (cooldown.until is not None and cooldown.probes):
        room = max(0, window.limit - _guard(window, now) - window.used)
        if total <= room:
            return (
                start if lane == "interactive" else max(start, window.reserve_ends(room - total, window.reset or end))
            )
        total, start = total - room, end
    usable = max(1, window.limit - window.rules.guard)
    if usable < cost <= window.ceiling:
        usable = window.ceiling  # the one call that goes first may have a whole window
    whole, rest = divmod(total, usable)
    if not rest and whole:
        whole, rest = whole - 1, usable
    start += whole * window.length
    alone = whole == 0 and rest <= cost and not ahead
    if lane == "interactive" or alone or not total:
        return start
    # The next window lasts as long as this one, from its first call on; its Reset may be cut to whole seconds.
    ends = start + window.length - window.rules.reset_tolerance
    return max(start, window.reserve_ends(usable - rest, ends))


def _guard(window: Window, now: Instant) -> int:
    """Return the units that are left to others for sure: what was noticed of them, the next answer may take back."""
    awaited = any(entry.state is not EntryState.UNKNOWN for entry in window.holdings)
    return window.rules.guard if awaited else window.guard(now)
