"""Whether a call goes again is decided by its method and its fate alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonicdm.http.retry import Outcome, RetryPolicy, decide

POLICY = RetryPolicy(attempts=4, base=0.5, cap=3.0)


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.NOT_SENT])
def test_a_write_that_may_have_arrived_is_never_repeated(method: str, outcome: Outcome) -> None:
    assert decide(POLICY, method, outcome, 1, 0.5) is None


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "PATCH"])
def test_what_was_not_sent_may_always_go_again(method: str) -> None:
    assert decide(POLICY, method, Outcome.NOT_SENT, 1, 0.5) is not None


@given(st.integers(1, 30), st.floats(0, 1, exclude_max=True), st.sampled_from(Outcome))
def test_pauses_are_drawn_from_the_whole_range_and_attempts_end(attempt: int, chance: float, outcome: Outcome) -> None:
    again = decide(POLICY, "GET", outcome, attempt, chance)
    if attempt >= POLICY.attempts:
        assert again is None
    else:
        assert again is not None
        assert again.pause == chance * min(3.0, 0.5 * 2 ** (attempt - 1))
