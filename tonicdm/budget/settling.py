"""Apply a response to the window: settle its call, and learn limit, reset and foreign usage. No clock, no I/O.

`meaning` interprets the response. Only this module changes a window because of one.
"""

from __future__ import annotations

import functools
from typing import Final

from tonicdm.budget.entries import Entry
from tonicdm.budget.headers import Report
from tonicdm.budget.history import MANY, MAX_LABELS
from tonicdm.budget.meaning import Known, Meaning, Response, interpret, wait_after_429
from tonicdm.budget.rules import LONG_AGO, NEW, OLDER, SAME, Instant, Settlement
from tonicdm.budget.window import Window


def settle(
    window: Window,
    number: int,
    report: Report,
    now: Instant,
    status: int = 200,
    sent_at: float | None = None,
    chance: float = 0.5,
) -> Settlement:
    """Settle a call by its response.

    Args:
        window: What is known so far.
        number: The reservation; it may be gone already, the response counts all the same.
        report: What its headers say.
        now: The time of receipt.
        status: The HTTP status.
        sent_at: Monotonic time of the sending, where the reservation is gone.
        chance: A random number of [0, 1), for the back-off.
    """
    entry = window.holdings.get(number)
    sent = entry.sent_at if entry is not None and entry.sent_at is not None else sent_at
    if report.date is not None and sent is not None:
        _observe(window, report.date, sent, now)
    window.advance(now)
    response = _response(window, number, report, now, status, LONG_AGO if sent is None else sent)
    known = _known(window, now)
    meaning = interpret(known, response)
    learned = _learn_length(window, meaning)
    if status != 429 and status < 500 and window.cooldown.served(response.sent_at):
        window.first = None
    observed_cost, foreign = None, 0
    if meaning.window is OLDER:
        _apply_older(window, response, meaning, now)
    elif meaning.settles:
        observed_cost, foreign = _apply_counted(window, known, response, meaning, now, chance)
    else:
        _apply_uncounted(window, known, response, meaning, now)
    if status == 429:
        _cool_down(window, known, response, meaning, now, chance)
    foreign_in_window = window.foreign_usage.spent
    blocked_until = None if window.cooldown.until is None else window.cooldown_until(now)
    return _settlement(observed_cost, foreign, foreign_in_window, status == 429, blocked_until, learned)


_settlement: Final = functools.lru_cache(maxsize=64)(Settlement)
"""Makes one; almost all are the same few."""


def _observe(window: Window, date: float, sent_at: float, now: Instant) -> None:
    """Learn the server's time. Where its clock was set, no wait becomes longer by it."""
    was_set = window.clock.observe(date, sent_at, now, window.rules)
    if not was_set:
        return
    # A named Reset stays where the clock was set forward, as the window may be over indeed. The next responses show it.
    if window.reset is not None and (was_set < 0 or window.provisional):
        window.reset, window.provisional = window.reset + was_set, True
    # Where it was set back, the next windows would otherwise seem to be the last one.
    if was_set < 0 and window.previous_reset is not None:
        window.previous_reset += was_set
    if was_set < 0 and window.opened_at is not None:
        window.opened_at += was_set
    if window.cooldown.reckoned:
        window.cooldown.shift(was_set)


def _response(window: Window, number: int, report: Report, now: Instant, status: int, sent_at: float) -> Response:
    when, date, retry_after = report.reset, report.date, report.retry_after
    if date is None:
        earliest, latest = window.clock.lower(now, window.rules), window.clock.upper(now, window.rules)
        served_at = None if sent_at == LONG_AGO else earliest - (now.monotonic - sent_at)
    else:
        earliest = latest = served_at = date
    reset = None if when is None else when.on(latest)
    delay = None if retry_after is None else retry_after.on(earliest) - earliest
    return Response(number, status, report.limit, report.remaining, reset, date, sent_at, served_at, delay)


def _known(window: Window, now: Instant) -> Known:
    clock, rules = window.clock, window.rules
    return Known(
        rules,
        window.length,
        clock.lower(now, rules),
        clock.upper(now, rules),
        now.monotonic,
        window.limit,
        window.limit_sent_at,
        window.used,
        window.used_reported_at,
        None if window.assumed else window.reset,
        window.provisional,
        window.reset_reported_at,
        window.opened_at,
        window.rolled_at,
        window.renewed_at,
        window.previous_reset,
        window.previous_used,
        window.claims,
    )


# --- applying what a response means ----------------------------------------------------------------------------


def _learn_length(window: Window, meaning: Meaning) -> float | None:
    """Note the length of a window, and return it where it is new."""
    if meaning.learned is None or abs(meaning.learned - window.length) <= window.rules.reset_tolerance:
        return None
    window.learned_length = meaning.learned
    return meaning.learned


def _release(window: Window, number: int, sent_at: float) -> Entry | None:
    """Take a settled call out of H, and lost ones that its response proves to be counted."""
    holdings = window.holdings
    entry = holdings.get(number)
    if entry is not None:
        holdings.drop(entry)
    if holdings.unknown:
        window.foreign_usage.own += holdings.release(sent_at)
    return entry


def _apply_counted(
    window: Window, known: Known, response: Response, meaning: Meaning, now: Instant, chance: float
) -> tuple[int | None, int]:
    """Take in a response that says how much is used.

    Returns:
        What the call cost, where that is known, and what others turn out to have spent.
    """
    window.headers_seen = True
    held, entry = window.holdings.held, _release(window, response.number, response.sent_at)
    if meaning.confirms:
        window.refund(meaning.confirms)
    cost = 0 if entry is None else entry.cost
    # Before our first call, before the limit changed, and while we took the window to be over, nobody counted.
    reopened = known.reset is None and meaning.window is SAME
    seen_before = known.reset is not None or known.previous_reset is not None
    counted = seen_before and not reopened and meaning.limit == known.limit
    before, ends = window.used, (known.reset or 0.0) + window.rules.reset_tolerance
    _apply(window, known, response, meaning, now, chance)
    spent = meaning.used - (before if meaning.window is SAME else 0)
    # Behind a Reset that moved there may be a new window that happens to be used as much.
    alone = (
        meaning.window is SAME
        and meaning.limit == known.limit
        and (response.limit is None or response.limit == known.limit)
        and response.reset is not None
        and response.reset <= ends
        and held == cost
        and response.status != 429
    )
    _account(window, entry, spent, response.sent_at, reported=meaning.reports_used, counted=counted)
    foreign = window.foreign_usage.measure(window.used, window.holdings.held)
    return spent if alone and spent > 0 and cost else None, foreign


def _apply_older(window: Window, response: Response, meaning: Meaning, now: Instant) -> None:
    """Take in a response that speaks of a window that is over: it changes nothing but its own reservation."""
    if not meaning.settles:
        window.lose(response.number, now)
    else:
        _release(window, response.number, response.sent_at)
        if response.sent_at >= window.renewed_at and response.limit == window.limit and response.remaining is not None:
            window.previous_used = max(window.previous_used, window.limit - response.remaining)


def _apply_uncounted(window: Window, known: Known, response: Response, meaning: Meaning, now: Instant) -> None:
    """Take in a response that does not say how much is used: what its call cost stays unknown."""
    if known.reset is not None:
        _apply(window, known, response, meaning, now, 0.0)
    else:
        window.claims = meaning.claims
        _apply_limit(window, response, meaning)
    silent = response.remaining is None and response.status != 429 and response.status < 500
    if window.reset is None and not window.headers_seen and silent:
        # No response of this server ever reported a count. Its window began somewhere between our first send and this
        # response. To take it from the response is safe, and so is a Reset that is believed.
        end = known.upper + window.length if meaning.provisional else meaning.reset
        window.reset, window.assumed = end, True
    window.lose(response.number, now)


def _apply(window: Window, known: Known, response: Response, meaning: Meaning, now: Instant, chance: float) -> None:
    """Update the window with what a response means."""
    if meaning.window is NEW:
        if known.reset is not None:
            window.previous_reset = None if known.provisional else known.reset
            window.forget_window(now)
        if response.status != 429:
            window.cooldown.clear_slack()
    if known.reset is None or meaning.window is NEW:
        window.opened_at = _opened_at(response)
        window.assumed, window.first = False, None
    if known.reset is None and meaning.window is SAME:
        _reopen(window, response, meaning, now)
    if meaning.early:
        window.cooldown.back_off(chance, window.rules)
    if meaning.reports_used:
        window.used_reported_at = now.monotonic
        if response.number == window.first:
            window.unconfirmed = False
    window.used, window.reset, window.provisional = meaning.used, meaning.reset, meaning.provisional
    if meaning.reports_reset:
        window.reset_reported_at = now.monotonic
    window.claims = meaning.claims
    _apply_limit(window, response, meaning)


def _reopen(window: Window, response: Response, meaning: Meaning, now: Instant) -> None:
    """Go on in the window that was taken to be over: the server still counts in it."""
    window.previous_reset = None
    if meaning.early:  # our bounds were wrong
        window.clock.forget()
        if response.date is not None and response.sent_at != LONG_AGO:
            window.clock.observe(response.date, response.sent_at, now, window.rules)


def _apply_limit(window: Window, response: Response, meaning: Meaning) -> None:
    if not meaning.reports_limit:
        return
    if meaning.limit < window.limit:
        window.limit_call = response.number
        if window.limit_sent_at != LONG_AGO:
            window.limit_before = max(window.limit, window.limit_before)
    elif meaning.limit > window.limit or response.number != window.limit_call:
        window.limit_before = window.limit_call = 0
    window.limit = meaning.limit
    if response.sent_at > window.limit_sent_at:
        window.limit_sent_at = response.sent_at


def _opened_at(response: Response) -> float | None:
    """Return a time at which the server surely had this window open: not before it served the call."""
    served, reset = response.served_at, response.reset
    # After its own Reset? Then Date and Reset come from different clocks, and can't be compared.
    return None if served is None or (reset is not None and served > reset) else served


def _account(window: Window, entry: Entry | None, spent: int, sent_at: float, *, reported: bool, counted: bool) -> None:
    """Note our own units in this window."""
    if entry is not None:
        # A call that raised U cost no more than U rose by, however much was reserved for it.
        units = spent if 0 < spent < entry.cost else entry.cost
        window.foreign_usage.own += units
        key = (entry.lane, entry.label)
        if key not in window.accounts and len(window.accounts) >= MAX_LABELS:
            key = (entry.lane, MANY)
        calls, sum_ = window.accounts.get(key, (0, 0))
        window.accounts[key] = (calls + 1, sum_ + units)
        if entry.job_label:
            window.counts_now().count_settled(entry.job_label, units)
    if not counted:
        window.foreign_usage.own = window.used  # who spent what is not known
    if reported and sent_at > window.foreign_usage.seen_at:
        window.foreign_usage.seen_at = sent_at


def _cool_down(window: Window, known: Known, response: Response, meaning: Meaning, now: Instant, chance: float) -> None:
    """Obey a 429: until the later of a believed Reset and Retry-After, else for a window."""
    window.counts_now().limited += 1
    wait = wait_after_429(known, response)
    # What comes from something between knows nothing of the window.
    from_server = response.reset is not None or response.remaining is not None
    if from_server and meaning.window is not OLDER and window.reset is not None and not window.provisional:
        wait = max(wait, window.reset - known.lower)  # the latest that was named
    window.cooldown.impose(
        wait,
        known.lower,
        response.sent_at,
        now.monotonic,
        chance,
        window.rules,
        probes=from_server and window.provisional,
    )
