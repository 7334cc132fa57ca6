"""The inbox's rules: delays, ripeness, estimates, and what an event's own content is good for."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from tests.cases import for_each
from tonicdm.webhooks.rules import (
    InboxRules,
    State,
    Verdict,
    Waiting,
    WorkerRules,
    after_failure,
    changed_since,
    delay,
    is_ripe,
    judge,
)

RULES = InboxRules(first_retry_delay=10.0, factor=3.0, max_retry_delay=1000.0, jitter=0.5, attempts=4)
WORK = WorkerRules(batch_window=2.0, max_delay=60.0)


def test_delays_grow_up_to_the_longest():
    assert [delay(n, RULES, 0.0) for n in range(1, 8)] == [10, 30, 90, 270, 810, 1000, 1000]


@given(attempts=st.integers(1, 10**9), chance=st.floats(0, 1, exclude_max=True))
def test_chance_shortens_a_delay_by_at_most_the_jitter(attempts, chance):
    whole = delay(attempts, RULES, 0.0)
    assert whole * 0.5 <= delay(attempts, RULES, chance) <= whole


def test_the_last_failure_makes_a_dead_letter():
    assert [after_failure(n, 100.0, RULES, 0.0) for n in (1, 3, 4, 5)] == [
        (State.RECEIVED, 110.0),
        (State.RECEIVED, 190.0),
        (State.DEAD, 100.0),
        (State.DEAD, 100.0),
    ]


@pytest.mark.parametrize(
    "bad", [{"attempts": 0}, {"first_retry_delay": 0.0}, {"factor": 0.5}, {"jitter": 1.5}, {"lease": 0.0}]
)
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        InboxRules(**bad)


def waiting(oldest, newest):
    return Waiting(record_type="persons", ids=1, oldest=oldest, newest=newest, stamp=None)


def test_a_storm_is_let_gather_until_it_is_quiet_or_patience_ends():
    now = 1000.0
    assert not is_ripe(waiting(999.0, 999.0), now, WORK)
    assert is_ripe(waiting(990.0, 998.0), now, WORK), "nothing came for two seconds"
    assert not is_ripe(waiting(950.0, 999.9), now, WORK)
    assert is_ripe(waiting(940.0, 999.9), now, WORK), "the oldest has waited for a minute"


def test_events_of_the_future_do_not_wait_for_it():
    """A clock that was set back must not hold events up until it has caught up."""
    assert is_ripe(waiting(5000.0, 5000.0), 1000.0, WORK)


def test_without_a_history_as_many_changed_as_events_name():
    assert changed_since(700, [], 3600.0, 60.0) == 700
    assert changed_since(700, [(50.0, 9)], 3600.0, 60.0) == 700, "one run tells no rate"


def test_a_type_that_changes_faster_than_its_events_tell_is_taken_to_have_changed_so():
    runs = [(7200.0, 500), (3600.0, 500), (0.0, 10**6)]
    assert changed_since(100, runs, 7200.0, 0.0) == 1000
    assert changed_since(100, runs, 720.0, 72.0) == 100 + 10, "what changed in the overlap is read as well"


HELD = {"id": "a", "name": "Faro", "datetimeUpdated": "2026-01-01T12:00:00Z"}
STAMP = "2026-01-01T12:00:00+00:00"
LATER = {**HELD, "name": "Lisboa", "datetimeUpdated": "2026-01-01T12:00:01Z"}
EARLIER = {**HELD, "name": "Porto", "datetimeUpdated": "2026-01-01T11:59:59Z"}


def verdict(carried, *, held=HELD, updated=STAMP, gone=False, stamped=True, trusted=True, fields=frozenset(HELD)):
    return judge(carried, held, updated, gone=gone, stamped=stamped, trusted=trusted, fields=fields)


def test_a_whole_newer_record_that_is_vouched_for_is_applied():
    assert verdict(LATER) is Verdict.APPLY
    assert verdict(LATER, held=None, updated=None) is Verdict.APPLY


@for_each(
    "case",
    [
        {"trusted": False},
        {"fields": frozenset({*HELD, "address"})},
        {"fields": frozenset()},
        {"gone": True},
        {"stamped": False},
        {"updated": None},
    ],
    ids="-".join,
)
def test_any_doubt_makes_it_a_hint(case):
    assert verdict(LATER, **case) is Verdict.FETCH


@pytest.mark.parametrize("trusted", [True, False])
def test_an_older_version_needs_neither_a_write_nor_a_fetch(trusted):
    assert verdict(EARLIER, trusted=trusted) is Verdict.CURRENT
    assert verdict({"id": "a", "datetimeUpdated": EARLIER["datetimeUpdated"]}, trusted=trusted) is Verdict.CURRENT


def test_the_same_second_is_the_same_version_only_with_the_same_content():
    assert verdict(dict(HELD)) is Verdict.CURRENT
    assert verdict({**HELD, "name": "Lisboa"}) is Verdict.FETCH
    assert verdict({"id": "a", "datetimeUpdated": HELD["datetimeUpdated"]}) is Verdict.FETCH


def test_without_a_timestamp_an_event_is_a_hint():
    assert verdict({"id": "a"}) is Verdict.FETCH
    assert verdict(None) is Verdict.FETCH
