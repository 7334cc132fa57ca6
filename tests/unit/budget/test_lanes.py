"""Who goes next; invariants I7 to I9 in small, without clock or tasks."""

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.unit.budget.test_window import RESET, answer, at, opened, send
from tonicdm.budget.headers import Report
from tonicdm.budget.lanes import Concurrency, Lanes, Waiter
from tonicdm.budget.rules import BudgetRules, Reason
from tonicdm.budget.settling import settle
from tonicdm.budget.window import Window

PLENTY = Concurrency(1000)


def waiter(cost: int = 5, lane: str = "normal", job: object = None, **more) -> Waiter:
    return Waiter(cost, lane, job, more.pop("slots", PLENTY), read=more.pop("read", True), **more)


def queue(*waiters: Waiter) -> Lanes:
    lanes = Lanes()
    for call in waiters:
        lanes.push(call)
    return lanes


def served(lanes: Lanes, window: Window, seconds: float = 1.0):
    """Return the calls that are granted now, and why the next is not."""
    granted = []
    denied = lanes.grant(window, at(seconds), granted)
    return [call for call, _ in granted], denied


def test_first_come_first_served_across_costs():
    """One lane, one job: the order of arrival, whatever the costs."""
    calls = [waiter(cost) for cost in (5, 1, 5, 1, 20, 1)]
    assert served(queue(*calls), opened())[0] == calls


def test_lanes_go_in_order():
    bulk, normal, interactive = waiter(lane="bulk"), waiter(lane="normal"), waiter(lane="interactive")
    assert served(queue(bulk, normal, interactive), opened())[0] == [interactive, normal, bulk]


def test_jobs_take_turns_inside_a_lane():
    """A job with thousands of calls does not make another wait for all of them."""
    many = [waiter(job="many") for _ in range(4)]
    few = [waiter(job="few") for _ in range(2)]
    order = [call.job for call in served(queue(*many, *few), opened())[0]]
    assert order == ["many", "few", "many", "few", "many", "many"]


def test_a_head_that_fits_once_answers_come_is_waited_for():
    """Small calls do not take the units that a large one will get when the calls under way are answered."""
    window = opened(used=3570)
    send(window, 20, 0.5)
    large, small = waiter(20, "interactive"), waiter(1, "interactive")
    calls, denied = served(queue(large, small), window)
    assert calls == []
    assert denied.reason is Reason.IN_FLIGHT


def test_a_head_that_fits_no_more_lets_smaller_ones_use_the_rest():
    """It has to wait for the reset anyway, so nothing is taken from it."""
    window = opened(used=3590)
    large, small = waiter(20, "interactive"), waiter(1, "interactive")
    calls, denied = served(queue(large, small), window)
    assert calls == [small]
    assert denied.reason is Reason.SPENT


def test_lost_calls_do_not_stop_the_line():
    """While the outcome of a lost call is all that is in the way, the answers to smaller calls tell it."""
    window = opened(used=3570)
    window.lose(send(window, 20, 0.5), at(0.7))
    large, small = waiter(20, "interactive"), waiter(1, "interactive")
    assert served(queue(large, small), window)[0] == [small]


def test_into_an_unknown_window_the_cheapest_read_goes_first():
    """One call only, and no upload while a read waits."""
    upload, dear, cheap = waiter(1, "interactive", read=False), waiter(20), waiter(1, "bulk")
    calls, denied = served(queue(upload, dear, cheap), Window())
    assert calls == [cheap]
    assert denied.reason is Reason.FIRST_CALL


def test_a_call_that_fits_only_an_untouched_window_goes_first_into_it():
    whole, cheap = waiter(95), waiter(1)
    assert served(queue(cheap, whole), Window(BudgetRules(limit=100, guard=10)))[0] == [whole]


def test_lost_calls_do_not_keep_a_new_window_closed():
    """The call of the whole limit can't go while a lost one is charged; a smaller one goes, and tells."""
    window = Window(BudgetRules(limit=100, guard=10))
    window.lose(send(window, 20, 0.0), at(0.5))
    whole, cheap = waiter(100), waiter(1)
    assert served(queue(whole, cheap), window)[0] == [cheap]


def test_full_slots_keep_only_their_own_client_waiting():
    """The queue of a client whose connections are all in use does not hold up another client's."""
    full = Concurrency(1)
    mine, also_mine, other = waiter(slots=full), waiter(slots=full), waiter()
    assert served(queue(mine, also_mine, other), opened())[0] == [mine, other]


def test_cancelled_calls_are_passed_over():
    calls = [waiter() for _ in range(5)]
    lanes = queue(*calls)
    calls[0].gone = calls[3].gone = True
    assert served(lanes, opened())[0] == [calls[1], calls[2], calls[4]]


def test_a_call_that_lost_its_units_at_the_gate_keeps_its_place():
    lanes = queue(waiter(number=2), waiter(number=3), waiter(number=1))
    assert [call.number for call in served(lanes, opened())[0]] == [1, 2, 3]


def test_max_wait_ends_in_order():
    late, later, patient = waiter(deadline=5.0), waiter(deadline=6.0), waiter()
    lanes = queue(later, patient, late)
    assert lanes.next_deadline == 5.0
    assert lanes.expire(5.5) == [late]
    assert lanes.expire(10.0) == [later]
    assert lanes.next_deadline is None


def test_calls_that_no_window_can_serve_are_found():
    fits, never = waiter(100), waiter(101)
    assert queue(fits, never).over_limit(100) == [never]


def test_compacting_lets_go_of_the_gone_only():
    calls = [waiter(cost, deadline=9.0) for cost in (1, 5, 5)]
    lanes = queue(*calls)
    calls[0].gone = calls[1].gone = True
    lanes.compact()
    assert list(lanes.waiting()) == [calls[2]]
    assert served(lanes, opened())[0] == [calls[2]]


def test_the_next_look_is_when_the_first_of_all_can_be_served():
    """The head waits for the reset; a smaller call behind it only for the reserve to melt, which is sooner."""
    window = opened(used=3400)
    head, small = waiter(250, "interactive"), waiter(20, "bulk")
    calls, denied = served(queue(head, small), window)
    assert calls == []
    assert denied.reason is Reason.SPENT
    assert denied.until == window.explain(20, at(1.0), "bulk").until < RESET


LANE = st.sampled_from(["interactive", "normal", "bulk"])
CALL = st.tuples(st.sampled_from([1, 5, 20]), LANE, st.sampled_from(["a", "b"]))


@given(calls=st.lists(CALL, max_size=40), used=st.integers(1, 99), gone=st.sets(st.integers(0, 39)))
@settings(max_examples=300)
def test_nobody_waits_who_may_go(calls, used, gone):
    """I8: after a round of grants the first in line, at least, can't be admitted; and I3: H is what was granted."""
    window = Window(BudgetRules(limit=100, interactive_reserve=0.1))
    number = send(window, 1, 0.0)
    settle(window, number, Report.of(100, 100 - used, RESET), at(0.5))
    waiting = [waiter(*call) for call in calls]
    lanes = queue(*waiting)
    for index in gone:
        if index < len(waiting):
            waiting[index].gone = True
    granted, denied = served(lanes, window)
    assert window.held == sum(call.cost for call in granted)
    assert window.used + window.held <= 100
    left = list(lanes.waiting())
    if left:
        assert denied is not None
        reasons = [window.explain(call.cost, at(1.0), call.lane) for call in left]
        # Either no waiting call fits, or those that do wait for one before them that will fit in this window too.
        holding = {Reason.IN_FLIGHT, Reason.RESERVE}
        assert all(reasons) or holding & {refused.reason for refused in reasons if refused}


@given(calls=st.lists(CALL, min_size=1, max_size=30), cancelled=st.sets(st.integers(0, 29)))
@settings(max_examples=200)
def test_cancelling_moves_nobody_back(calls, cancelled):
    """I7: without the cancelled calls, each other is served in the same order, and none later."""

    def order(skip: set[int]) -> list[int]:
        window = Window(BudgetRules(limit=100, interactive_reserve=0.0))
        waiting = [waiter(*call, label=str(index)) for index, call in enumerate(calls)]
        lanes = queue(*waiting)
        for index in skip:
            if index < len(waiting):
                waiting[index].gone = True
        order, now, end, used = [], 0.0, 0.0, 0
        for _ in range(200):
            granted = []
            lanes.grant(window, at(now), granted)
            for call, grant in granted:
                order.append(int(call.label))
                assert window.sent(grant.entry, at(now), 30.0)
            for call, grant in granted:
                if now >= end:
                    end, used = now + 3600.0, 0
                used += call.cost
                settle(window, grant.entry, Report.of(100, 100 - used, RESET - 3600 + end), at(now + 0.5))
            if not any(True for _ in lanes.waiting()):
                break
            now += 0.0 if granted else 3700.0
        assert not any(True for _ in lanes.waiting()), "I9: everybody is served in the end"
        return order

    everybody, without = order(set()), order(cancelled)
    assert set(without) == set(everybody) - cancelled
    for lane in ("interactive", "normal", "bulk"):
        for job in ("a", "b"):
            for cost in (1, 5, 20):
                same = [i for i in range(len(calls)) if calls[i] == (cost, lane, job)]
                assert [i for i in without if i in same] == [i for i in same if i not in cancelled]


def test_an_answer_is_needed_for_the_next_round_only_where_units_are_short():
    """Everything that fits goes at once: no call waits for the answer of another while there is room."""
    window = opened()
    calls = [waiter(20, "bulk") for _ in range(10)]
    assert served(queue(*calls), window)[0] == calls
    number = send(window, 1, 2.0)
    assert answer(window, number, 2, 2.5).foreign == 0
