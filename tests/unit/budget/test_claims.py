"""Limits and Resets that one response names, and that are not believed before others agree."""

from tests.cases import for_each
from tonicdm.budget.claims import Claims
from tonicdm.budget.rules import BudgetRules

RULES = BudgetRules(agreeing_responses=3, agreeing_seconds=10.0)
RESET = 1_800_000_000.0


def test_a_limit_is_believed_when_a_second_call_names_it():
    """What the call that left the less of it shows is what is left."""
    first, believed = Claims().claim_limit(4000, 3900, 1)
    assert believed is None
    assert first.claim_limit(4000, 3800, 1) == (first, None), "the same call says it again"
    other, believed = first.claim_limit(5000, 4900, 2)
    assert (other.limit, believed) == (5000, None)
    after, believed = first.claim_limit(4000, 3950, 2)
    assert (after.limit, believed) == (None, 3900)


def test_of_a_claimed_limit_a_new_window_has_all_left():
    claimed, _ = Claims().claim_limit(4000, 3900, 1)
    assert claimed.in_a_new_window().limit_remaining == 4000
    assert Claims().in_a_new_window() == Claims()


@for_each(
    ("named", "believed"),
    [
        ([(1, 0.0), (2, 5.0), (3, 10.0)], True),
        ([(1, 0.0), (2, 5.0), (3, 9.0)], False),  # so many agree, and not for long enough
        ([(1, 0.0), (1, 5.0), (1, 20.0)], False),  # one call that says it again and again
        ([(1, 0.0), (2, 20.0)], False),
    ],
)
def test_a_reset_is_believed_when_so_many_calls_have_named_it_for_so_long(named, believed):
    claims, found = Claims(), False
    for call, moment in named:
        claims, found = claims.claim_reset(RESET, call, moment, RULES)
    assert found is believed
    assert (claims.reset is None) is believed


def test_another_reset_begins_the_count_anew_and_a_wobble_does_not():
    claims, _ = Claims().claim_reset(RESET, 1, 0.0, RULES)
    wobble, _ = claims.claim_reset(RESET + 1, 2, 1.0, RULES)
    assert wobble.reset_responses == 2
    other, _ = wobble.claim_reset(RESET + 60, 3, 2.0, RULES)
    assert (other.reset, other.reset_responses, other.reset_since) == (RESET + 60, 1, 2.0)
    assert other.without_reset().without_reset().reset is None
