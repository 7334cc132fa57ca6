"""The window's rules for every schedule of calls."""

import hypothesis.strategies as st
from hypothesis import given

from tonicdm.sandbox import SandboxSettings
from tonicdm.sandbox.windows import Window

COSTS = st.sampled_from([1, 5, 20])
STEPS = st.lists(st.tuples(st.sampled_from([0.0, 0.3, 1.0, 60.0, 3599.0, 4000.0]), COSTS), max_size=60)
CHOICES = st.fixed_dictionaries(
    {
        "limit": st.integers(1, 60),
        "window_start": st.sampled_from(["first_call", "aligned", "back_to_back"]),
        "reset_rounding": st.sampled_from(["up", "truncate", "none"]),
        "exceeded_blocks": st.booleans(),
        "first_rejection_extends": st.booleans(),
        "extend_seconds": st.sampled_from([0.0, 60.0, 3600.0]),
    }
)


@given(CHOICES, STEPS)
def test_books_add_up_in_every_window(choices, steps):
    """In a window used grows by what was served and nothing else, never passes the limit, and Reset only rises."""
    window, now = Window(SandboxSettings(**choices)), 1_800_000_000.0
    reset, used = 0.0, 0
    for pause, cost in steps:
        now += pause
        verdict = window.charge(cost, now)
        state = verdict.state
        if now >= reset:
            used, reset = 0, state.reset
        assert state.reset >= reset
        assert state.reset > now
        reset = state.reset
        used += cost if verdict.allowed else 0
        assert state.used == used <= choices["limit"]
        assert state.extended <= 3600
        assert verdict.allowed or state.exceeded


@given(STEPS)
def test_silence_until_the_named_reset_always_ends_the_block(steps):
    """Whoever waits for the Reset of the last answer is served then, if one call fits at all."""
    window, now = Window(SandboxSettings(limit=20)), 1_800_000_000.0
    reset = 0.0
    for pause, cost in steps:
        now += pause
        reset = window.charge(cost, now).state.reset
    assert window.charge(20, max(now, reset)).allowed
