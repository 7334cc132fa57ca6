"""I15: what the server's clock shows changes no decision, once its first Date was seen."""

import hypothesis.strategies as st
from hypothesis import given

from tests.property.budget.servermodel import Server
from tonicdm.budget.rules import BudgetRules, Granted, Instant
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window

RULES = BudgetRules(limit=60, window=600.0, reserve_tail=20.0)
STEPS = st.tuples(
    st.sampled_from(["call", "call", "lose"]), st.sampled_from([1, 5, 20]), st.sampled_from([0, 1, 50, 595])
)


def decisions(steps, shift: int) -> list[str]:
    """Return what the window says at each step when the server's clock is *shift* seconds off."""
    monotonic, window = 0.0, Window(RULES)
    server, seen = Server(now=1_800_000_000.0 + shift), []
    for kind, cost, pause in [("call", 1, 0), *steps]:
        now = Instant(monotonic, 1_800_000_000.0 + monotonic)
        answer = window.admit(cost, now, lane="bulk")
        until = getattr(answer, "until", None)
        seen.append(f"{type(answer).__name__} {getattr(answer, 'reason', '')} {until and round(until - shift, 3)}")
        if isinstance(answer, Granted):
            assert window.sent(answer.entry, now, 30.0)
            reply = server.serve(cost)
            if kind == "call":
                settle(window, answer.entry, reply.report, now, status=reply.status)
            else:
                window.lose(answer.entry, now)
        monotonic += pause
        server.now += pause
    return seen


@given(steps=st.lists(STEPS, max_size=25), shift=st.integers(-10_000_000, 10_000_000))
def test_shifting_the_servers_clock_changes_no_decision(steps, shift):
    assert decisions(steps, 0) == decisions(steps, shift)


@given(steps=st.lists(STEPS, max_size=25))
def test_the_same_steps_give_the_same_decisions(steps):
    assert decisions(steps, 0) == decisions(steps, 0)
