"""What a response means, where it and what is known contradict each other."""

from __future__ import annotations

from typing import Any

import pytest

from tonicdm.budget.claims import Claims
from tonicdm.budget.cooldown import Cooldown
from tonicdm.budget.entries import Entry, EntryState, Holdings
from tonicdm.budget.headers import Report
from tonicdm.budget.history import MAX_LABELS
from tonicdm.budget.meaning import Known, Meaning, Response, interpret
from tonicdm.budget.rules import LONG_AGO, BudgetRules, Instant, Named
from tonicdm.budget.settling import settle
from tonicdm.budget.views import earliest
from tonicdm.budget.window import Window
from tonicdm.errors import ConfigError

START = 1_800_000_000.0
RESET = START + 3600


def known(**changes: Any) -> Known:
    """Return an open window of which 100 units are used, 1,000 s after it began."""
    values: dict[str, Any] = {
        "rules": BudgetRules(), "length": 3600.0, "lower": START + 1000, "upper": START + 1001, "monotonic": 1000.0,
        "limit": 3600, "limit_sent_at": 10.0, "used": 100, "used_reported_at": 11.0, "reset": RESET,
        "provisional": False, "reset_reported_at": 11.0, "opened_at": START, "rolled_at": 0.0, "renewed_at": LONG_AGO,
        "previous_reset": None, "previous_used": 0, "claims": Claims(),
    }  # fmt: skip
    return Known(**values | changes)


def meaning(of: Known, **changes: Any) -> Meaning:
    """Return what a response means that is of this window and left 50 s ago."""
    values: dict[str, Any] = {
        "number": 7, "status": 200, "limit": 3600, "remaining": 3400, "reset": RESET, "date": START + 950.0,
        "sent_at": 950.0, "served_at": START + 950.0,
    }  # fmt: skip
    return interpret(of, Response(**values | changes))


def test_a_response_that_names_no_reset_is_of_the_older_window_if_it_was_made_in_it() -> None:
    """By its Date, cut to whole seconds; and by nothing if it has none."""
    rolled = known(rolled_at=960.0, previous_reset=START + 955.0)
    assert meaning(rolled, reset=None).window is Named.OLDER
    assert meaning(rolled, reset=None, date=START + 955.0).window is Named.SAME
    assert meaning(rolled, reset=None, date=None).window is Named.SAME
    assert meaning(known(rolled_at=960.0), reset=None).window is Named.SAME


def test_a_lower_limit_of_a_call_that_left_before_the_limit_was_raised_tells_only_what_is_used() -> None:
    raised = known(limit_sent_at=960.0)
    late = meaning(raised, limit=1800, remaining=1500)
    assert (late.limit, late.reports_limit, late.used) == (3600, False, 300)
    silent = meaning(raised, limit=1800, remaining=None)
    assert (silent.limit, silent.reports_limit, silent.used, silent.settles) == (3600, False, 100, False)


def test_a_lower_limit_without_remaining_leaves_what_was_left_if_it_is_less() -> None:
    lowered = meaning(known(), limit=1800, remaining=None)
    assert (lowered.limit, lowered.used) == (1800, 0)
    spent = meaning(known(used=3000), limit=1800, remaining=None)
    assert (spent.limit, spent.used) == (1800, 1200)


def test_a_new_window_whose_reset_is_not_believed_ends_when_a_window_from_now_does() -> None:
    fresh = known(provisional=True, used=500)
    found = meaning(fresh, remaining=3599, reset=None, sent_at=990.0)
    assert (found.window, found.provisional, found.reset) == (Named.NEW, True, START + 1001 + 3600)
    same = meaning(fresh, remaining=3000, reset=None, sent_at=990.0)
    assert (same.window, same.provisional, same.reset) == (Named.SAME, True, RESET)


def test_a_far_reset_on_which_enough_responses_agreed_opens_a_window_and_teaches_its_length() -> None:
    claims = Claims(reset=START + 9000, reset_call=6, reset_responses=2, reset_since=900.0)
    unknown = known(reset=None, provisional=True, opened_at=None, claims=claims)
    found = meaning(unknown, reset=START + 9000)
    assert (found.window, found.reset, found.provisional, found.learned) == (Named.NEW, START + 9000, False, 8000.0)
    alone = meaning(known(reset=None, provisional=True, opened_at=None), reset=START + 9000)
    assert (alone.reset, alone.provisional, alone.learned) == (START + 1001 + 3600, True, None)


def test_one_response_is_not_two_that_agree() -> None:
    claims, agreed = Claims().claim_limit(7200, 7100, call=7)
    assert agreed is None
    again, agreed = claims.claim_limit(7200, 7000, call=7)
    assert (again, agreed) == (claims, None)
    assert again.claim_limit(7200, 7000, call=8)[1] == 7000


# --- what is done with it -------------------------------------------------------------------------------------------


def at(seconds: float) -> Instant:
    return Instant(seconds, START + seconds)


def answered(window: Window, seconds: float, *, date: float | None = None, used: int = 1, reset: float = RESET) -> None:
    """Let a call leave, and be answered at once."""
    number = window.admit(1, at(seconds), lane="interactive").entry
    assert window.sent(number, at(seconds), 30.0)
    made = START + seconds if date is None else date
    settle(window, number, Report.of(3600, 3600 - used, reset, float(int(made))), at(seconds))


def test_a_clock_set_back_moves_the_windows_times_with_it() -> None:
    """Else the window would last as much longer by the new clock."""
    window = Window(BudgetRules())
    answered(window, 0.0)
    answered(window, 10.0, date=START - 3590, used=2, reset=RESET - 3600)
    assert window.reset is not None and window.reset <= RESET - 3600 + window.rules.reset_tolerance
    assert window.opened_at is not None and window.opened_at <= START - 3590


def test_a_response_of_an_older_window_without_remaining_keeps_its_units_held() -> None:
    window = Window(BudgetRules())
    answered(window, 0.0)
    number = window.admit(5, at(1.0), lane="interactive").entry
    assert window.sent(number, at(1.0), 30.0)
    window.renew(at(2.0))
    settle(window, number, Report(None, None, None, None), at(3.0))
    entry = window.holdings.get(number)
    assert entry is not None and entry.state is EntryState.UNKNOWN


def test_units_are_awaited_till_a_cooldown_ends() -> None:
    window = Window(BudgetRules())
    answered(window, 0.0)
    number = window.admit(1, at(1.0), lane="interactive").entry
    assert window.sent(number, at(1.0), 30.0)
    settle(window, number, Report.of(3600, 0, RESET, START + 1), at(1.0), status=429)
    assert earliest(window, 1, at(2.0)) >= RESET


def test_nothing_is_lost_or_dropped_twice() -> None:
    holdings = Holdings()
    entry = holdings.reserve(5, 30.0, "bulk", "", "")
    holdings.send(entry, 1.0, 30.0)
    holdings.lose(entry, 2.0)
    holdings.lose(entry, 9.0)
    assert (holdings.unknown, entry.closed_at) == (5, 2.0)
    holdings.drop(entry)
    holdings.drop(entry)
    assert (holdings.unknown, holdings.get(entry.number)) == (0, None)
    holdings.restore(Entry(4, 5, EntryState.SENT, 30.0))
    holdings.restore(Entry(4, 7, EntryState.SENT, 30.0))
    assert [kept.cost for kept in holdings] == [5]


def test_no_cooldown_is_neither_moved_nor_resumed() -> None:
    none = Cooldown()
    none.shift(60.0)
    none.resume(START, 0.0, BudgetRules())
    assert none == Cooldown()


def test_a_cooldown_is_bounded_by_no_less_than_its_least() -> None:
    with pytest.raises(ConfigError, match="max_cooldown"):
        BudgetRules(min_cooldown=100.0, max_cooldown=99.0)


def test_a_lower_limit_is_learned_once_however_often_its_call_is_settled() -> None:
    window = Window(BudgetRules())
    answered(window, 0.0)
    number = window.admit(1, at(1.0), lane="interactive").entry
    assert window.sent(number, at(1.0), 30.0)
    report = Report.of(1800, 1700, RESET, START + 1)
    settle(window, number, report, at(2.0), sent_at=1.0)
    before = (window.limit, window.limit_before, window.limit_call)
    settle(window, number, report, at(2.0), sent_at=1.0)
    assert (window.limit, window.limit_before, window.limit_call) == before == (1800, 3600, number)


def test_labels_beyond_the_bound_are_counted_together() -> None:
    window = Window(BudgetRules())
    answered(window, 0.0)
    for number in range(MAX_LABELS + 3):
        entry = window.admit(1, at(1.0), lane="interactive", label=f"call {number}").entry
        assert window.sent(entry, at(1.0), 30.0)
        settle(window, entry, Report.of(3600, 3598 - number, RESET, START + 1), at(1.0))
    assert len(window.accounts) == MAX_LABELS + 1
    assert sum(calls for calls, _ in window.accounts.values()) == MAX_LABELS + 4


def test_of_a_lost_ledger_only_what_was_sent_still_holds_units() -> None:
    before = Window(BudgetRules())
    answered(before, 0.0)
    sent = before.admit(5, at(1.0), lane="interactive").entry
    assert before.sent(sent, at(1.0), 30.0)
    before.admit(20, at(1.0), lane="interactive")
    window = Window(BudgetRules())
    window.recover(before)
    assert [(entry.number, entry.cost) for entry in window.holdings] == [(sent, 5)]


def test_a_window_taken_to_be_over_goes_on_where_a_response_without_a_date_says_so() -> None:
    """The server still counts in it: its Reset is the one that was over by our reckoning."""
    window = Window(BudgetRules())
    answered(window, 0.0, used=900)
    over = 3600.0 + window.rules.reset_tolerance + 1
    number = window.admit(1, at(over), lane="interactive").entry
    assert window.sent(number, at(over), 30.0)
    settle(window, number, Report.of(3600, 2699, RESET), at(over))
    assert (window.used, window.reset is not None) == (901, True)


def test_a_count_that_fell_with_a_reset_that_moved_is_a_new_window_however_far_that_lies() -> None:
    """A server ten minutes ahead that names no Date; its Reset is believed only when others agree."""
    spent = known(lower=START + 4000, upper=START + 4120, used=3595, reset=START + 4200)
    far = START + 4000 + 600 + 3600 + 146
    seen = meaning(spent, remaining=3595, reset=far, date=None)
    assert (seen.window, seen.used, seen.reset, seen.provisional) == (Named.NEW, 5, START + 4120 + 3600, True)
    late = meaning(spent, remaining=3595, reset=far, date=None, sent_at=5.0)
    assert late.window is Named.SAME, "it left before what is known was reported"
    still = meaning(spent, remaining=3595, reset=START + 4200, date=None)
    assert still.window is Named.SAME, "the same window can't have more left"


def test_a_higher_limit_of_a_call_that_left_before_the_limit_was_lowered_is_not_believed() -> None:
    """What it leaves counts all the same, where it leaves less than is known."""
    lowered = known(limit_sent_at=960.0)
    late = meaning(lowered, limit=4000, remaining=3300)
    assert (late.limit, late.reports_limit, late.used) == (3600, False, 300)
    silent = meaning(lowered, limit=4000, remaining=None)
    assert (silent.limit, silent.reports_limit, silent.used) == (3600, False, 100)
