"""Limits that go up and down within a window, and answers in any order."""

import hypothesis.strategies as st
from hypothesis import example, given

from tonicdm.budget.headers import Report
from tonicdm.budget.rules import BudgetRules, Granted, Instant
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window

START = 1_800_000_000.0
RULES = BudgetRules(limit=60, window=3600.0)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from([1, 5, 20])),
        st.tuples(st.just("serve"), st.integers(0, 9)),
        st.tuples(st.just("deliver"), st.integers(0, 9)),
        st.tuples(st.just("limit"), st.sampled_from([30, 45, 60, 120])),
    ),
    max_size=60,
)


@given(steps=STEPS)
@example(
    steps=[("send", 1), ("serve", 0), ("deliver", 0), ("limit", 30), *[("send", 20), ("serve", 0), ("deliver", 0)] * 3]
)
def test_what_the_server_said_last_is_never_passed(steps):
    """With all answers in hand, and the limit as the last one said, no call that is admitted meets a 429.

    A lower limit comes from the answer whose call left last, at once; a higher one needs a second such answer.
    """
    window, seconds, limit, used, sent, served = Window(RULES), 0.0, 60, 0, [], []
    limits_served, last = [60], (-1.0, 60)
    """The limits that calls were served by, and that of the call which left last of those whose answers are in."""
    for event, value in steps:
        seconds += 0.5
        now = Instant(seconds, START + seconds)
        if event == "limit":
            limit = value
        elif event == "send":
            quiet = not sent and not served and limits_served[-1] == limit and used <= limit
            answer = window.admit(value, now, lane="interactive")
            if isinstance(answer, Granted) and window.sent(answer.entry, now, 30.0):
                sent.append((answer.entry, value, seconds))
                assert not quiet or used + value <= limit or window.first == answer.entry
        elif event == "serve" and sent:
            number, cost, left = sent.pop(value % len(sent))
            refused = used + cost > limit
            used += 0 if refused else cost
            report = Report.of(limit, max(0, limit - used), START + 3600, START + int(seconds))
            served.append((number, left, report, 200))
            limits_served.append(limit)
        elif event == "deliver" and served:
            number, left, report, status = served.pop(value % len(served))
            settle(window, number, report, now, status=status, sent_at=left)
            last = max(last, (left, report.limit))
        assert window.limit in {30, 45, 60, 120}
        assert window.limit <= last[1] or last[0] < 0, "whatever the order of the answers"
        assert window.held >= sum(cost for number, cost, _ in sent if window.holdings.get(number))
