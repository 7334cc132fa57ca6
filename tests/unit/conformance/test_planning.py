"""The pure part of the check: which question comes next, and what an answer cost."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonicdm.conformance.questions import POINTS, QUESTIONS, finished, following
from tonicdm.conformance.state import MAX_UNITS, MIN_UNITS_LEFT, Ask, Seen, State
from tonicdm.types import RateLimit

RESET = 1_800_003_600.0

payloads = st.one_of(
    st.none(),
    st.text(max_size=5),
    st.lists(
        st.one_of(
            st.integers(),
            st.dictionaries(
                st.sampled_from(["id", "datetimeUpdated", "name", "office"]),
                st.one_of(st.text(max_size=3), st.just({"id": "1", "datetimeUpdated": "2024-01-01T00:00:00Z"})),
            ),
        ),
        max_size=3,
    ),
    st.dictionaries(st.sampled_from(["id", "name"]), st.text(max_size=3)),
)
answers = st.tuples(st.sampled_from([0, 200, 200, 200, 400, 403, 404, 431, 500]), payloads, st.integers(0, 25))


def seen(used: int, *, status: int = 200, payload: object = None, reset: float = RESET) -> Seen:
    return Seen(status=status, payload=payload, rate_limit=RateLimit(3600, 3600 - used, reset), at=reset - 3000)


@given(st.lists(answers, max_size=40), st.integers(0, 60))
def test_no_answers_whatever_lead_to_more_than_was_allowed(given_answers, allowance) -> None:
    """Any server, however strange: a call is asked for only if its dearest price fits, so honest prices never pass."""
    state, used = State(allowance=allowance), 0
    for status, payload, price in given_answers:
        state, question, ask = following(state)
        if question is None or ask is None:
            break
        used += min(price, state.price(ask))
        state, answer = state.charged(ask, seen(used, status=status, payload=payload))
        state = question.learn(state, answer)
        assert state.spent <= allowance
    state = finished(state)
    assert set(state.answers) | set(state.unsettled) >= set(POINTS) - {"reset_moves"}
    assert not set(state.answers) & set(state.unsettled)


@given(st.lists(answers, max_size=60))
def test_every_run_ends_and_asks_nothing_twice(given_answers) -> None:
    state, names = State(allowance=10_000), []
    for status, payload, price in given_answers:
        state, question, ask = following(state)
        if question is None or ask is None:
            return
        names.append(question.name)
        state, answer = state.charged(ask, seen(min(3_000, state.spent + price), status=status, payload=payload))
        state = question.learn(state, answer)
    assert len(names) == len(set(names)) <= len(QUESTIONS)


def test_the_price_of_a_call_is_the_difference_within_a_window() -> None:
    state = State(last=RateLimit(3600, 3500, RESET))
    state, answer = state.charged(Ask(path="/x", factor=20), seen(105))
    assert (answer.cost, answer.exact, state.spent) == (5, True, 5)


def test_in_an_unknown_window_the_dearest_price_is_taken() -> None:
    state, answer = State().charged(Ask(path="/x", factor=20), seen(2_000))
    assert (answer.cost, answer.exact, state.spent) == (20, False, 20)


def test_stubs_show_their_price_also_in_an_unknown_window() -> None:
    state, answer = State().charged(Ask(path="/x", factor=20), seen(2_000, payload=[{"id": "1"}]))
    assert answer.cost == state.spent == 1


def test_a_lost_answer_is_taken_to_have_cost_all_it_could() -> None:
    state, _ = State(last=RateLimit(3600, 3500, RESET)).charged(Ask(path="/x", factor=5, max_records=2), Seen(status=0))
    assert state.spent == 10


def test_another_user_s_units_count_as_ours() -> None:
    """They can't be told apart; so the limit is kept for certain, and the run ends earlier."""
    state = State(last=RateLimit(3600, 3600, RESET))
    state, _ = state.charged(Ask(path="/x", factor=1), seen(31))
    assert state.spent > MAX_UNITS
    assert following(attrs.evolve(state, answers={}))[1] is None


def test_few_units_left_stop_the_run() -> None:
    state, _ = State().charged(Ask(path="/x"), seen(3600 - MIN_UNITS_LEFT + 1))
    assert state.stopped
    assert following(state)[1] is None
    assert set(finished(state).unsettled) == set(POINTS)


@pytest.mark.parametrize(
    ("seconds", "moved", "settled", "unsettled"),
    [
        (60.0, 0.0, False, ""),
        (60.0, 1.0, False, ""),
        (60.0, 61.0, True, ""),
        (60.0, 3600.0, None, "another window began"),
        (1.0, 0.0, None, "too short"),
    ],
)
def test_a_reset_moves_or_stays_where_the_run_lasted_long_enough_to_tell(
    seconds: float, moved: float, settled: bool | None, unsettled: str
) -> None:
    state = State().learn(resets=((RESET - 3000, RESET), (RESET - 3000 + seconds, RESET + moved)))
    state = finished(state)
    assert state.answers.get("reset_moves") is settled
    assert unsettled in state.unsettled.get("reset_moves", "")
