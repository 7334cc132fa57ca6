"""What an answer means in the window that is known, as a value; `Window` applies it. No clock, no I/O.

Inside a window ``used = Limit - Remaining`` only grows, so it orders the answers however late they come. Each of the
three headers counts by itself: what is not believed of one takes nothing from the others.
"""

from __future__ import annotations

import enum

import attrs

from tonicdm.budget.claims import Claims
from tonicdm.budget.headers import MAX_DELAY_SECONDS
from tonicdm.budget.rules import BudgetRules, Named

LONG_AGO = float("-inf")
"""When a call was sent of which nobody knows it: so early that it proves nothing."""


@attrs.frozen(kw_only=True)
class Known:
    """What is known when an answer comes; server times are Unix seconds, the others are of the monotonic clock."""

    rules: BudgetRules
    length: float
    """Seconds that a window lasts, as far as is known."""
    lower: float
    """The earliest that the server's clock can show."""
    upper: float
    """The latest of the same."""
    monotonic: float
    limit: int
    limit_sent_at: float
    """When the last call left whose answer told `limit`."""
    used: int
    used_reported_at: float
    """When the answer came that told `used`."""
    reset: float | None
    """The window's end; None while the window is unknown."""
    provisional: bool
    """Whether the end is reckoned by ourselves, as no answer named one that is believed."""
    reset_reported_at: float
    """When an answer last named this end."""
    opened_at: float | None
    """Server time at which the window surely had begun."""
    rolled_at: float
    """When the window was taken to have begun."""
    renewed_at: float
    """When the token was refreshed."""
    previous_reset: float | None
    previous_used: int
    claims: Claims


@attrs.frozen(kw_only=True)
class Heard:
    """One answer, and what is known of its call."""

    number: int
    """The call's reservation."""
    status: int
    limit: int | None
    remaining: int | None
    reset: float | None
    """Server time."""
    date: float | None
    """When the answer was made, by the server's clock, cut to whole seconds."""
    delay: float | None = None
    """Seconds from then on that Retry-After names."""
    sent_at: float
    """Monotonic time at which the call left."""
    served_at: float | None
    """Server time before which the call surely was not served; None where that is unknown."""


@attrs.frozen(kw_only=True)
class Meaning:
    """What an answer says of the window that is known, or of a new one."""

    window: Named
    settles: bool = True
    """Whether the call's own units are in `used`, or in a window that is over."""
    used: int = 0
    """Units used in the window by now."""
    reports_used: bool = False
    """Whether this answer speaks for `used`."""
    limit: int
    reports_limit: bool = False
    """Whether this answer speaks for `limit`."""
    reset: float | None = None
    """The window's end from now on."""
    provisional: bool = False
    reports_reset: bool = False
    """Whether this answer speaks for `reset`."""
    early: bool = False
    """Whether a window was taken to be over in which the server still counts."""
    confirms: int = 0
    """Another reservation that is settled with this one, as its answer is believed now; 0 for none."""
    learned: float | None = None
    """The length of a window, where it proved to be another than was known."""
    claims: Claims


class Worth(enum.Enum):
    """What a Reset is worth."""

    NONE = enum.auto()
    """There is none."""
    PAST = enum.auto()
    """It lies before the moment at which the call was served: Date and Reset come from two clocks."""
    FAR = enum.auto()
    """It lies further away than a window is long: believed only when others agree."""
    BELIEVED = enum.auto()


def interpret(known: Known, heard: Heard) -> Meaning:
    """Say what an answer means; changes nothing."""
    if heard.sent_at < known.renewed_at or _names_an_older_window(known, heard):
        settles = heard.remaining is not None
        return Meaning(window=Named.OLDER, settles=settles, used=known.used, limit=known.limit, claims=known.claims)
    limit = _limit(known, heard)
    worth = worth_of(known, heard)
    if known.reset is None:
        return _open(known, heard, limit, worth)
    return _go_on(known, heard, limit, worth, known.reset)


def worth_of(known: Known, heard: Heard) -> Worth:
    """Say whether the Reset of an answer is believed.

    A 429 may name a time further away, because each call after it moves the reset (concepts page, "Rate Limiting").
    """
    tolerance = known.rules.reset_tolerance
    if heard.reset is None:
        return Worth.NONE
    if heard.served_at is not None and heard.reset + tolerance < heard.served_at:
        return Worth.PAST
    furthest = known.length + tolerance
    if heard.status == 429:
        furthest = max(furthest, known.rules.max_cooldown)
    return Worth.FAR if heard.reset > known.upper + furthest else Worth.BELIEVED


def _names_an_older_window(known: Known, heard: Heard) -> bool:
    """Tell whether a call that left before this window was taken to begin was counted in the one before."""
    if heard.sent_at >= known.rolled_at:
        return False
    tolerance, ended = known.rules.reset_tolerance, known.previous_reset
    if heard.reset is None:
        return ended is not None and heard.date is not None and heard.date + 1.0 <= ended
    late = ended is not None and heard.reset <= ended + tolerance
    return late or (known.opened_at is not None and heard.reset < known.opened_at - tolerance)


def wait_after_429(known: Known, heard: Heard) -> float:
    """Return the seconds of cooldown that a 429 wants: to the later of its Reset and its Retry-After.

    Retry-After counts for one window at most, and one window is the rule where neither is said.
    """
    # Its own Date counts too: where the two clocks differ, the longer time is obeyed.
    server = known.lower if heard.date is None else min(known.lower, heard.date)
    waits = [] if heard.delay is None else [min(heard.delay, known.length)]
    if heard.reset is not None:
        waits.append(heard.reset - server)
    return max(waits, default=known.upper - known.lower + known.length)


# --- the limit ------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Limit:
    limit: int
    """From now on."""
    left: int | None
    """Units left that this answer shows; None where it shows none."""
    claims: Claims
    changed: bool = False
    told: bool = False
    rejected: bool = False
    """Whether the answer names another one that is not believed, or no more."""
    confirms: int = 0
    """The reservation whose answer said the same before and was not believed."""


def _limit(known: Known, heard: Heard) -> _Limit:
    """Say which limit holds: a changed one comes from the call that left last, a higher one from two such calls."""
    told, left, claims = heard.limit, heard.remaining, known.claims
    if told is None:
        # Without a Limit, more units than there are make no sense.
        return _Limit(known.limit, None if left is None or left > known.limit else left, claims)
    if told == known.limit:
        newest = heard.sent_at >= known.limit_sent_at
        return _Limit(told, left, claims.without_limit() if newest else claims, told=True)
    if told < known.limit:
        return _lower(known, heard, told)
    if left is None or heard.sent_at <= known.limit_sent_at:
        return _Limit(known.limit, left, claims, rejected=True)
    claims, agreed = claims.claim_limit(told, left, heard.number)
    if agreed is None:
        # What it shows used counts all the same where that fits: it is no less than the truth if its Remaining is true.
        used = told - left
        return _Limit(known.limit, known.limit - used if used <= known.limit else None, claims, rejected=True)
    return _Limit(told, agreed, claims, changed=True, told=True, confirms=known.claims.limit_call)


def _lower(known: Known, heard: Heard, told: int) -> _Limit:
    left = heard.remaining
    if heard.sent_at >= known.limit_sent_at:
        return _Limit(told, left, known.claims.without_limit(), changed=True, told=True)
    # Raised since: what this answer left is too little, but what it shows used is right.
    left = None if left is None else known.limit - (told - left)
    return _Limit(known.limit, left, known.claims, rejected=True)


# --- the window -----------------------------------------------------------------------------------------------------


def _open(known: Known, heard: Heard, limit: _Limit, worth: Worth) -> Meaning:
    """Say what an answer means while the window is unknown."""
    used = 0 if limit.left is None else max(0, limit.limit - limit.left)
    claims = limit.claims
    ended, tolerance = known.previous_reset, known.rules.reset_tolerance
    same = ended is not None and heard.reset is not None and heard.reset <= ended + tolerance
    if same and not limit.changed:
        used = max(used, known.previous_used)
    reset, provisional = heard.reset, worth is not Worth.BELIEVED
    learned = None
    if worth is Worth.FAR and heard.reset is not None:
        claims, agreed = _claim_reset(known, heard, claims)
        if agreed:
            provisional, learned = False, _length(known, heard.reset)
    if provisional:
        # To look again soon costs one call, to trust a Reset of another clock costs a window.
        reset = known.lower if worth is Worth.PAST else known.upper + known.length
    early = heard.status != 429 and (worth is Worth.PAST or (same and (heard.reset or 0.0) <= known.upper + tolerance))
    return Meaning(
        window=Named.SAME if same else Named.NEW,
        settles=limit.left is not None,
        used=used,
        reports_used=limit.left is not None and used == max(0, limit.limit - limit.left),
        limit=limit.limit,
        reports_limit=limit.told,
        reset=reset,
        provisional=provisional,
        reports_reset=not provisional,
        early=early,
        confirms=limit.confirms,
        learned=learned,
        claims=claims,
    )


def _go_on(known: Known, heard: Heard, limit: _Limit, worth: Worth, reset: float) -> Meaning:
    """Say what an answer means in a known window that ends at *reset*."""
    claims, tolerance = limit.claims, known.rules.reset_tolerance
    named, provisional, reports_reset = heard.reset, known.provisional, False
    learned, used = None, _used(known, limit)
    more = limit.left is not None and not limit.rejected and limit.left > known.limit - known.used
    # The count fell in a call that left after the last answer. A Reset that did not move contradicts that.
    fell = more and heard.sent_at > known.used_reported_at
    new = fell if provisional else worth is Worth.BELIEVED and named is not None and named > reset + tolerance and more
    if new and limit.left is not None:
        used = max(0, limit.limit - limit.left)
    if named is not None and worth is Worth.BELIEVED:
        reports_reset = new or provisional or named >= reset - tolerance
        if reports_reset:
            reset = named if new or provisional else max(reset, named)
            provisional, claims = False, claims.without_reset()
        elif heard.status != 429 and heard.sent_at > known.reset_reported_at:
            # Nearer than was named before this call left: an extension taken back, or the other one was wrong.
            claims, reports_reset = _claim_reset(known, heard, claims)
            if reports_reset:
                reset, learned = named, _length(known, named)
    elif named is not None and worth is Worth.FAR:
        claims, reports_reset = _claim_reset(known, heard, claims)
        if reports_reset:
            reset, provisional, learned = named, False, _length(known, named)
    if new and not reports_reset:
        reset, provisional = known.upper + known.length, True
    return Meaning(
        window=Named.NEW if new else Named.SAME,
        settles=limit.left is not None,
        used=used,
        reports_used=limit.left is not None and used == max(0, limit.limit - limit.left),
        limit=limit.limit,
        reports_limit=limit.told,
        reset=reset,
        provisional=provisional,
        reports_reset=reports_reset,
        confirms=limit.confirms,
        learned=learned,
        claims=claims,
    )


def _used(known: Known, limit: _Limit) -> int:
    """Return the units used in this window: those of the least that any answer of this limit left."""
    if not limit.changed:
        return known.used if limit.left is None else max(known.used, limit.limit - limit.left)
    left = known.limit - known.used
    if limit.left is not None:
        left = limit.left if limit.limit > known.limit else min(left, limit.left)
    return limit.limit - min(left, limit.limit)


def _claim_reset(known: Known, heard: Heard, claims: Claims) -> tuple[Claims, bool]:
    if heard.reset is None or heard.status == 429 or heard.reset > known.upper + MAX_DELAY_SECONDS:
        return claims, False
    return claims.claim_reset(heard.reset, heard.number, known.monotonic, known.rules)


def _length(known: Known, reset: float) -> float:
    """Return how long a window lasts at least that ends at *reset*."""
    return max(known.rules.window, reset - (known.lower if known.opened_at is None else known.opened_at))
