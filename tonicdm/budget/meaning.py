"""Interpret a response in the window that is known, as a value that `settling` applies. No clock, no I/O.

Inside a window ``used = Limit - Remaining`` only grows, so it orders the responses however late they come. Each of the
three headers counts by itself: what is not believed of one takes nothing from the others.
"""

from __future__ import annotations

import enum
from typing import Final

from tonicdm.budget.claims import Claims
from tonicdm.budget.headers import MAX_DELAY_SECONDS
from tonicdm.budget.rules import NEW, OLDER, SAME, BudgetRules, Named
from tonicdm.values import Value


class Known(Value):
    """What is known when a response comes; server times are Unix seconds, the others are of the monotonic clock."""

    __slots__ = (
        "claims",
        "length",
        "limit",
        "limit_sent_at",
        "lower",
        "monotonic",
        "opened_at",
        "previous_reset",
        "previous_used",
        "provisional",
        "renewed_at",
        "reset",
        "reset_reported_at",
        "rolled_at",
        "rules",
        "upper",
        "used",
        "used_reported_at",
    )

    def __init__(
        self,
        rules: BudgetRules,
        length: float,
        lower: float,
        upper: float,
        monotonic: float,
        limit: int,
        limit_sent_at: float,
        used: int,
        used_reported_at: float,
        reset: float | None,
        provisional: bool,
        reset_reported_at: float,
        opened_at: float | None,
        rolled_at: float,
        renewed_at: float,
        previous_reset: float | None,
        previous_used: int,
        claims: Claims,
    ) -> None:
        self.rules: BudgetRules = rules
        self.length: float = length
        """Seconds that a window lasts, as far as is known."""
        self.lower: float = lower
        """The earliest that the server's clock can show."""
        self.upper: float = upper
        """The latest of the same."""
        self.monotonic: float = monotonic
        self.limit: int = limit
        self.limit_sent_at: float = limit_sent_at
        """When the last call left whose response reported `limit`."""
        self.used: int = used
        self.used_reported_at: float = used_reported_at
        """When the response came that reported `used`."""
        self.reset: float | None = reset
        """The window's end; None while the window is unknown."""
        self.provisional: bool = provisional
        """Whether the end is reckoned by ourselves, as no response named one that is believed."""
        self.reset_reported_at: float = reset_reported_at
        """When a response last named this end."""
        self.opened_at: float | None = opened_at
        """Server time at which the window surely had begun."""
        self.rolled_at: float = rolled_at
        """When the window was taken to have begun."""
        self.renewed_at: float = renewed_at
        """When the token was refreshed."""
        self.previous_reset: float | None = previous_reset
        self.previous_used: int = previous_used
        self.claims: Claims = claims


class Response(Value):
    """One response, and what is known of its call."""

    __slots__ = ("date", "delay", "limit", "number", "remaining", "reset", "sent_at", "served_at", "status")

    def __init__(
        self,
        number: int,
        status: int,
        limit: int | None,
        remaining: int | None,
        reset: float | None,
        date: float | None,
        sent_at: float,
        served_at: float | None,
        delay: float | None = None,
    ) -> None:
        self.number: int = number
        """The call's reservation."""
        self.status: int = status
        self.limit: int | None = limit
        self.remaining: int | None = remaining
        self.reset: float | None = reset
        """Server time."""
        self.date: float | None = date
        """When the response was made, by the server's clock, cut to whole seconds."""
        self.sent_at: float = sent_at
        """Monotonic time at which the call left."""
        self.served_at: float | None = served_at
        """Server time before which the call surely was not served; None where that is unknown."""
        self.delay: float | None = delay
        """Seconds from `date` on that Retry-After names."""


class Meaning(Value):
    """What a response says of the window that is known, or of a new one."""

    __slots__ = (
        "claims",
        "confirms",
        "early",
        "learned",
        "limit",
        "provisional",
        "reports_limit",
        "reports_reset",
        "reports_used",
        "reset",
        "settles",
        "used",
        "window",
    )

    def __init__(
        self,
        window: Named,
        limit: int,
        claims: Claims,
        settles: bool = True,
        used: int = 0,
        reports_used: bool = False,
        reports_limit: bool = False,
        reset: float | None = None,
        provisional: bool = False,
        reports_reset: bool = False,
        early: bool = False,
        confirms: int = 0,
        learned: float | None = None,
    ) -> None:
        self.window: Named = window
        self.limit: int = limit
        self.claims: Claims = claims
        self.settles: bool = settles
        """Whether the call's own units are in `used`, or in a window that is over."""
        self.used: int = used
        """Units used in the window by now."""
        self.reports_used: bool = reports_used
        """Whether this response speaks for `used`."""
        self.reports_limit: bool = reports_limit
        """Whether this response speaks for `limit`."""
        self.reset: float | None = reset
        """The window's end from now on."""
        self.provisional: bool = provisional
        self.reports_reset: bool = reports_reset
        """Whether this response speaks for `reset`."""
        self.early: bool = early
        """Whether a window was taken to be over in which the server still counts."""
        self.confirms: int = confirms
        """Another reservation that is settled with this one, as its response is believed now; 0 for none."""
        self.learned: float | None = learned
        """The length of a window, where it proved to be another than was known."""


class Worth(enum.Enum):
    """What a Reset is worth."""

    NONE = enum.auto()
    """There is none."""
    PAST = enum.auto()
    """It lies before the moment at which the call was served: Date and Reset come from two clocks."""
    FAR = enum.auto()
    """It lies further away than a window is long: believed only when others agree."""
    BELIEVED = enum.auto()


_NONE: Final = Worth.NONE
_PAST: Final = Worth.PAST
_FAR: Final = Worth.FAR
_BELIEVED: Final = Worth.BELIEVED


def interpret(known: Known, response: Response) -> Meaning:
    """Say what a response means; changes nothing."""
    left_before = response.sent_at < known.rolled_at
    if response.sent_at < known.renewed_at or (left_before and _names_an_older_window(known, response)):
        settles = response.remaining is not None
        return Meaning(window=OLDER, settles=settles, used=known.used, limit=known.limit, claims=known.claims)
    limit = _limit(known, response)
    worth = worth_of(known, response)
    if known.reset is None:
        return _open(known, response, limit, worth)
    return _go_on(known, response, limit, worth, known.reset)


def worth_of(known: Known, response: Response) -> Worth:
    """Say whether the Reset of a response is believed.

    A 429 may name a time further away, because each call after it moves the reset (concepts page, "Rate Limiting").
    """
    tolerance = known.rules.reset_tolerance
    if response.reset is None:
        return _NONE
    if response.served_at is not None and response.reset + tolerance < response.served_at:
        return _PAST
    furthest = known.length + tolerance
    if response.status == 429:
        furthest = max(furthest, known.rules.max_cooldown)
    return _FAR if response.reset > known.upper + furthest else _BELIEVED


def _names_an_older_window(known: Known, response: Response) -> bool:
    """Tell whether a call that left before this window was taken to begin was counted in the one before."""
    tolerance, ended = known.rules.reset_tolerance, known.previous_reset
    if response.reset is None:
        return ended is not None and response.date is not None and response.date + 1.0 <= ended
    late = ended is not None and response.reset <= ended + tolerance
    return late or (known.opened_at is not None and response.reset < known.opened_at - tolerance)


def wait_after_429(known: Known, response: Response) -> float:
    """Return the seconds of cooldown that a 429 wants: to the later of its Reset and its Retry-After.

    Retry-After counts for one window at most, and one window is the rule where neither is named.
    """
    # Its own Date counts too: where the two clocks differ, the longer time is obeyed.
    server = known.lower if response.date is None else min(known.lower, response.date)
    waits = [] if response.delay is None else [min(response.delay, known.length)]
    if response.reset is not None:
        waits.append(response.reset - server)
    return max(waits, default=known.upper - known.lower + known.length)


# --- the limit ------------------------------------------------------------------------------------------------------


class _Limit(Value):
    __slots__ = ("changed", "claims", "confirms", "left", "limit", "rejected", "reported")

    def __init__(
        self,
        limit: int,
        left: int | None,
        claims: Claims,
        reported: bool = False,
        changed: bool = False,
        rejected: bool = False,
        confirms: int = 0,
    ) -> None:
        self.limit: int = limit
        """From now on."""
        self.left: int | None = left
        """Units left that this response shows; None where it shows none."""
        self.claims: Claims = claims
        self.reported: bool = reported
        """Whether the response names `limit`."""
        self.changed: bool = changed
        self.rejected: bool = rejected
        """Whether the response names another one that is not believed, or no more."""
        self.confirms: int = confirms
        """The reservation whose response named the same before and was not believed."""


def _limit(known: Known, response: Response) -> _Limit:
    """Say which limit holds: a changed one comes from the call that left last, a higher one from two such calls."""
    named, left, claims = response.limit, response.remaining, known.claims
    if named is None:
        # Without a Limit, more units than there are make no sense.
        return _Limit(known.limit, None if left is None or left > known.limit else left, claims)
    if named == known.limit:
        newest = response.sent_at >= known.limit_sent_at
        return _Limit(named, left, claims.without_limit() if newest else claims, True)
    if named < known.limit:
        return _lower(known, response, named)
    if left is None or response.sent_at <= known.limit_sent_at:
        return _Limit(known.limit, left, claims, rejected=True)
    claims, agreed = claims.claim_limit(named, left, response.number)
    if agreed is None:
        # What it shows used counts all the same where that fits: it is no less than the truth if its Remaining is true.
        used = named - left
        return _Limit(known.limit, known.limit - used if used <= known.limit else None, claims, rejected=True)
    return _Limit(named, agreed, claims, changed=True, reported=True, confirms=known.claims.limit_call)


def _lower(known: Known, response: Response, named: int) -> _Limit:
    """Say which limit holds where the response names a lower one."""
    left = response.remaining
    if response.sent_at >= known.limit_sent_at:
        return _Limit(named, left, known.claims.without_limit(), changed=True, reported=True)
    # Raised since: what this response left is too little, but what it shows used is right.
    left = None if left is None else known.limit - (named - left)
    return _Limit(known.limit, left, known.claims, rejected=True)


# --- the window -----------------------------------------------------------------------------------------------------


def _open(known: Known, response: Response, limit: _Limit, worth: Worth) -> Meaning:
    """Say what a response means while the window is unknown."""
    used = 0 if limit.left is None else max(0, limit.limit - limit.left)
    claims = limit.claims
    ended, tolerance = known.previous_reset, known.rules.reset_tolerance
    same = ended is not None and response.reset is not None and response.reset <= ended + tolerance
    if same and not limit.changed:
        used = max(used, known.previous_used)
    reset, provisional = response.reset, worth is not _BELIEVED
    learned = None
    if worth is _FAR and response.reset is not None:
        claims, agreed = _claim_reset(known, response, claims)
        if agreed:
            provisional, learned = False, _length(known, response.reset)
    if provisional:
        # To look again soon costs one call, to trust a Reset of another clock costs a window.
        reset = known.lower if worth is _PAST else known.upper + known.length
    goes_on = same and (response.reset or 0.0) <= known.upper + tolerance
    early = response.status != 429 and (worth is _PAST or goes_on)
    window = SAME if same else NEW
    return _counted(window, limit, claims, used, reset, provisional, not provisional, learned, early=early)


def _go_on(known: Known, response: Response, limit: _Limit, worth: Worth, reset: float) -> Meaning:
    """Say what a response means in a known window that ends at *reset*."""
    claims, tolerance = limit.claims, known.rules.reset_tolerance
    named, provisional, reports_reset = response.reset, known.provisional, False
    learned, used = None, _used(known, limit)
    more = limit.left is not None and not limit.rejected and limit.left > known.limit - known.used
    # The count fell in a call that left after the last response. A Reset that did not move contradicts that; one that
    # moved later agrees with it, also where it lies too far away to be believed itself: a server that names no Date may
    # be ahead of us.
    fell = more and response.sent_at > known.used_reported_at
    moved = named is not None and named > reset + tolerance
    new = fell if provisional else moved and (more if worth is _BELIEVED else fell and worth is _FAR)
    if new and limit.left is not None:
        used = max(0, limit.limit - limit.left)
    if named is not None and worth is _BELIEVED:
        reports_reset = new or provisional or named >= reset - tolerance
        if reports_reset:
            reset = named if new or provisional or named > reset else reset
            provisional, claims = False, claims.without_reset()
        elif response.status != 429 and response.sent_at > known.reset_reported_at:
            # Nearer than was named before this call left: an extension taken back, or the other one was wrong.
            claims, reports_reset = _claim_reset(known, response, claims)
            if reports_reset:
                reset, learned = named, _length(known, named)
    elif named is not None and worth is _FAR:
        claims, reports_reset = _claim_reset(known, response, claims)
        if reports_reset:
            reset, provisional, learned = named, False, _length(known, named)
    if new and not reports_reset:
        reset, provisional = known.upper + known.length, True
    window = NEW if new else SAME
    return _counted(window, limit, claims, used, reset, provisional, reports_reset, learned)


def _counted(
    window: Named,
    limit: _Limit,
    claims: Claims,
    used: int,
    reset: float | None,
    provisional: bool,
    reports_reset: bool,
    learned: float | None,
    *,
    early: bool = False,
) -> Meaning:
    """Say what a response means for units and limit, beside what it means for the window."""
    left = limit.left
    return Meaning(
        window,
        limit.limit,
        claims,
        left is not None,
        used,
        left is not None and used == (limit.limit - left if limit.limit > left else 0),
        limit.reported,
        reset,
        provisional,
        reports_reset,
        early,
        limit.confirms,
        learned,
    )


def _used(known: Known, limit: _Limit) -> int:
    """Return the units used in this window: those of the least that any response of this limit left."""
    if not limit.changed:
        used = known.used if limit.left is None else limit.limit - limit.left
        return used if used > known.used else known.used
    left = known.limit - known.used
    if limit.left is not None:
        left = limit.left if limit.limit > known.limit else min(left, limit.left)
    return limit.limit - min(left, limit.limit)


def _claim_reset(known: Known, response: Response, claims: Claims) -> tuple[Claims, bool]:
    if response.reset is None or response.status == 429 or response.reset > known.upper + MAX_DELAY_SECONDS:
        return claims, False
    return claims.claim_reset(response.reset, response.number, known.monotonic, known.rules)


def _length(known: Known, reset: float) -> float:
    """Return how long a window lasts at least that ends at *reset*."""
    return max(known.rules.window, reset - (known.lower if known.opened_at is None else known.opened_at))
