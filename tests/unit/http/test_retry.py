"""Whether a call goes again is decided by its method and its outcome alone."""

from __future__ import annotations

import math

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import ConfigError
from tonicdm.http.retry import Again, Outcome, RetryPolicy, decide, outcome_of

POLICY = RetryPolicy(attempts=4, base=0.5, cap=3.0, floor=0.2, max_retry_after=60.0)


@for_each("method", ["POST", "PATCH"])
@for_each("outcome", [one for one in Outcome if one is not Outcome.NOT_SENT])
def test_a_write_that_may_have_arrived_is_never_repeated(method: str, outcome: Outcome) -> None:
    assert decide(POLICY, method, outcome, 1, 0.5) is None


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "PATCH"])
def test_what_was_not_sent_may_always_go_again(method: str) -> None:
    assert decide(POLICY, method, Outcome.NOT_SENT, 1, 0.5) is not None


@given(st.integers(1, 2000), st.floats(0, 1, exclude_max=True), st.sampled_from(Outcome))
def test_pauses_are_drawn_from_the_range_above_the_floor_and_attempts_end(attempt, chance, outcome) -> None:
    policy = attrs.evolve(POLICY, attempts=1999)
    again = decide(policy, "GET", outcome, attempt, chance)
    if attempt >= 1999:
        assert again is None
    else:
        assert again is not None
        longest = min(3.0, 0.5 * 2.0 ** min(attempt - 1, 60))
        assert again.pause == pytest.approx(0.2 + chance * (longest - 0.2))


@given(st.floats(0, 1, exclude_max=True), st.one_of(st.floats(0, 1e12), st.just(float("inf"))))
def test_what_the_server_asks_for_is_waited_for_up_to_the_bound(chance, asked) -> None:
    again = decide(POLICY, "GET", Outcome.SERVER_ERROR, 1, chance, asked)
    assert again is not None
    assert min(asked, 60.0) <= again.pause <= 60.0
    assert again.pause >= 0.2


def test_a_policy_without_pauses_has_no_floor() -> None:
    """Whoever says base=0 wants none; the floor is a floor of random pauses."""
    assert decide(RetryPolicy(base=0), "GET", Outcome.CUT, 1, 0.9) == Again(0.0)


def test_what_the_server_asks_for_makes_no_write_go_again() -> None:
    assert decide(POLICY, "POST", Outcome.SERVER_ERROR, 1, 0.5, 1.0) is None


@for_each(
    "wrong",
    [{"attempts": 0}, {"attempts": 2.5}, {"attempts": True}, {"base": -1}, {"cap": math.inf}, {"floor": math.nan},
     {"max_retry_after": math.inf}, {"base": "1"}],
)  # fmt: skip
def test_a_policy_that_means_nothing_is_refused(wrong) -> None:
    with pytest.raises(ConfigError):
        RetryPolicy(**wrong)


def test_which_answers_are_worth_another_try() -> None:
    again = {status for status in range(200, 600) if outcome_of(status) is not None}
    assert again == {408, 425, *range(500, 600)}


def test_the_last_attempt_is_the_last() -> None:
    assert decide(POLICY, "GET", Outcome.CUT, POLICY.attempts - 1, 0.5) is not None
    assert decide(POLICY, "GET", Outcome.CUT, POLICY.attempts, 0.5) is None


def test_one_attempt_is_a_policy_and_none_is_refused_with_its_name() -> None:
    assert RetryPolicy(attempts=1).attempts == 1
    with pytest.raises(ConfigError, match="at least 1, not 0"):
        RetryPolicy(attempts=0)
    with pytest.raises(ConfigError, match="cap of a retry policy"):
        RetryPolicy(cap=-1.0)
