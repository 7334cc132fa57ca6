"""Shares as a property: whatever jobs ask for, none takes more than its share of a window while another call waits."""

import hypothesis.strategies as st
from hypothesis import given

from tests.property.budget.servermodel import Server
from tonicdm.budget.lanes import Concurrency, Lanes, Waiter
from tonicdm.budget.rules import BudgetRules, Instant, Share
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window

RULES = BudgetRules(limit=60, window=600.0, share_tail=60.0, reserve_tail=20.0)
START = 1_800_000_000.0
SHARES = {"nightly": Share("nightly", 0.3), "report": Share("report", 0.5), "": None}

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["nightly", "nightly", "report", ""]),
        st.sampled_from([1, 5, 20]),
        st.sampled_from(["interactive", "normal", "bulk"]),
        st.sampled_from([0.0, 1.0, 10.0, 90.0, 500.0]),
    ),
    min_size=5,
    max_size=60,
)


def taken(window: Window, label: str) -> int:
    held = sum(entry.cost for entry in window.holdings if entry.job_label == label)
    return window.counts_now().by_label.get(label, (0, 0))[1] + held


@given(STEPS, st.booleans())
def test_no_job_takes_more_than_its_share_while_another_call_waits(steps, slow):
    window, lanes, server, now = Window(RULES), Lanes(), Server(START), 0.0
    waiting: list[Waiter] = []
    slots = Concurrency(1000)
    for label, cost, lane, seconds in steps:
        call = Waiter(cost, lane, label, slots, read=True, share=SHARES[label])
        waiting.append(call)
        lanes.push(call)
        now += seconds
        server.now = START + now
        instant = Instant(now, START + now)
        granted = []
        lanes.grant(window, instant, granted)
        for call, _ in granted:
            waiting.remove(call)
            share = call.share
            if share is None or window.reset is None:
                continue
            most = max(share.units(window.limit), call.cost)
            if any(other.share is None for other in waiting) or instant.wall < window.share_opens(window.reset) - 5:
                assert taken(window, share.label) <= most
        if slow and seconds < 10:
            continue  # its answer comes with the next step's
        for call, decision in granted:
            if not window.sent(decision.entry, instant, 30.0):
                continue
            reply = server.serve(call.cost)
            settle(window, decision.entry, reply.report, instant, status=reply.status)
            assert reply.status == 200


@given(st.integers(1, 10_000), st.floats(0.001, 1.0), st.integers(0, 3600))
def test_a_share_never_allows_more_units_than_it_names(limit, fraction, spent):
    share = Share("nightly", fraction)
    assert share.units(limit) <= fraction * limit
    window = Window(BudgetRules(limit=limit))
    window.counts_now().count_settled("nightly", spent)
    if spent:
        assert window.left_of_share(share) + spent <= max(fraction * limit, 0)
