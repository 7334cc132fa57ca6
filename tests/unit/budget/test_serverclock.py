"""Bounds of the server's clock: never wrong, whatever the latency, drift and sleep (invariant I1's ground)."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tonicdm.budget.rules import BudgetRules, Instant
from tonicdm.budget.serverclock import ServerClock

RULES = BudgetRules()
CALL = st.tuples(st.floats(0, 5), st.floats(0, 5), st.floats(0, 5000))


@given(offset=st.floats(-1e8, 1e8), drift=st.floats(-150e-6, 150e-6), calls=st.lists(CALL, min_size=1, max_size=8))
def test_the_servers_time_lies_between_the_bounds(offset, drift, calls):
    clock, monotonic = ServerClock(), 0.0

    def server(at: float) -> float:
        return 1e9 + offset + at * (1 + drift)

    for outbound, inbound, pause in calls:
        sent, served, monotonic = monotonic, monotonic + outbound, monotonic + outbound + inbound
        clock.observe(math.floor(server(served)), sent, Instant(monotonic, monotonic), RULES)
        for later in (0.0, pause):
            now = Instant(monotonic + later, monotonic + later)
            assert clock.lower(now, RULES) <= server(now.monotonic) + 1e-5
            assert clock.upper(now, RULES) >= server(now.monotonic) - 1e-5
        monotonic += pause


def test_before_any_date_the_local_clock_minus_a_margin_counts():
    now = Instant(100.0, 5000.0)
    assert (ServerClock().lower(now, RULES), ServerClock().upper(now, RULES)) == (4995.0, 5005.0)


def test_a_set_wall_clock_changes_nothing_once_a_date_was_seen():
    clock = ServerClock()
    clock.observe(5000.0, 10.0, Instant(10.5, 5000.0), RULES)
    assert clock.lower(Instant(20.0, 9_000_000.0), RULES) == pytest.approx(5009.5, abs=0.01)


def test_a_machine_that_slept_knows_no_upper_bound_better_than_its_wall_clock():
    """The monotonic clock stands still in sleep: the lower bound lags, which is safe, the upper must not."""
    clock = ServerClock()
    clock.observe(5000.0, 10.0, Instant(10.5, 5000.0), RULES)
    awake = Instant(11.0, 5000.5 + 3600)
    assert clock.lower(awake, RULES) < 5001
    assert clock.upper(awake, RULES) > 8600


def test_a_server_clock_that_was_set_is_believed_anew():
    clock = ServerClock()
    clock.observe(5000.0, 10.0, Instant(10.5, 0.0), RULES)
    clock.observe(9000.0, 11.0, Instant(11.5, 0.0), RULES)
    assert clock.lower(Instant(11.5, 0.0), RULES) == pytest.approx(9000.0)
