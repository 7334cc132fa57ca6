"""What people see: snapshots, forecasts, refusals, and what is said of it."""

import pytest

from tests.cases import for_each
from tests.unit.budget.test_window import START, answer, at, opened, send
from tonicdm.budget import BudgetRules
from tonicdm.budget.rules import Reason
from tonicdm.budget.views import WaitNotice, earliest, forecast_of, refusal, snapshot_of, utc
from tonicdm.budget.window import Window

NOBODY = {"interactive": (0, 0), "normal": (0, 0), "bulk": (0, 0)}


def test_a_snapshot_tells_used_reserved_and_lost_apart():
    window = opened(used=100)
    window.lose(send(window, 5, 1.0, label="GET /x"), at(2.0))
    send(window, 20, 2.0, label="GET /y")
    seen = snapshot_of(window, at(3.0), NOBODY, "memory")
    assert (seen.limit, seen.remaining, seen.reserved, seen.unknown, seen.available) == (3600, 3500, 25, 5, 3475)
    assert seen.under_way == {("interactive", "GET /x"): (1, 5), ("interactive", "GET /y"): (1, 20)}
    assert seen.blocked_until is None


def test_a_snapshot_shows_the_end_of_a_silence():
    window = opened()
    answer(window, send(window, 1, 1.0), 3600, 2.0, status=429)
    seen = snapshot_of(window, at(3.0), NOBODY, "memory")
    assert seen.blocked_until == utc(START + 3602)


def test_each_lane_expects_to_wait_for_those_above_it():
    window = opened(used=3000)
    waiting = {"interactive": (1, 500), "normal": (0, 0), "bulk": (1, 200)}
    eta = snapshot_of(window, at(1.0), waiting, "memory").eta
    assert eta["interactive"] == 0.0
    assert eta["normal"] == 0.0
    assert eta["bulk"] == pytest.approx(3600, abs=5)


@for_each(
    ("used", "cost", "ahead", "windows"),
    [(0, 3600, 0, 1), (0, 3601, 0, 2), (3000, 600, 0, 1), (3000, 601, 0, 2), (3000, 4200, 600, 2), (3600, 7200, 0, 2)],
)
def test_a_forecast_counts_the_windows_that_a_job_touches(used, cost, ahead, windows):
    assert forecast_of(opened(used=used), at(1.0), cost, ahead).windows == windows


def test_a_forecast_of_nothing_is_nothing():
    outlook = forecast_of(Window(BudgetRules()), at(0.0), 0, 0)
    assert (outlook.start_in, outlook.done_in) == (0.0, 0.0)


def notice(wait: float) -> WaitNotice:
    return WaitNotice("GET /x", 20, "normal", Reason.IN_FLIGHT, wait, utc(START + wait), 3, 41, 7, 3600)


def test_a_refusal_says_what_happened_what_it_cost_and_what_is_left():
    text = str(refusal(notice(1912.0), 60.0))
    assert text == (
        "20 units for GET /x would wait 1,912 s (until 08:31:52 UTC; calls in flight), longer than max_wait=60 s.\n"
        "Nothing was sent. 7 of 3,600 units are left in this window; 3 calls wait before this one (41 units)."
    )


def test_a_refusal_after_waiting_says_so():
    assert "did not come free within max_wait=60 s" in str(refusal(notice(1912.0), 60.0, waited=True))
    assert "would have to wait (calls in flight), and max_wait=0 s" in str(refusal(notice(0.0), 0.0))


def test_a_call_dearer_than_what_a_guard_leaves_goes_into_the_next_window_while_it_is_whole():
    """The one that goes first there may have it all; only what no window has takes another one."""
    spent = opened(used=3600, guard=100)
    next_window = earliest(spent, 3500, at(1.0))
    assert earliest(spent, 3550, at(1.0)) == earliest(spent, 3600, at(1.0)) == next_window
    assert earliest(spent, 3601, at(1.0)) == next_window + spent.length
