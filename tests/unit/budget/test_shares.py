"""Shares: what the calls of one label may take of a window, and whether a job can be done in time."""

import asyncio
import datetime
import math

import pytest

from tests.unit.budget.test_lanes import queue, served, waiter
from tests.unit.budget.test_shell import Server, call
from tests.unit.budget.test_window import RESET, START, answer, at, opened, send
from tests.unit.budget.virtualtime import LoopClock, run
from tonicdm.budget import Concurrency, Reason, Share, UnitBudget
from tonicdm.budget.ledgers.stored import ENTRY, Names, entry_from, entry_values
from tonicdm.budget.rules import BudgetRules
from tonicdm.budget.views import forecast_of
from tonicdm.budget.window import Window
from tonicdm.clock import VirtualClock
from tonicdm.errors import BudgetTimeoutError, ConfigError

NIGHTLY = Share("nightly", 0.1)


def spent_share(**options):
    """Return a window in which the nightly job has taken all of its 360 units."""
    window = opened(**options)
    for number in range(18):
        answer(window, send(window, 20, 1.0, share=NIGHTLY), 1 + 20 * (number + 1), 2.0)
    return window


def reason(window, cost, seconds, share=NIGHTLY):
    denied = window.explain(cost, at(seconds), "interactive", share)
    return None if denied is None else denied.reason


def test_settled_units_and_units_under_way_count():
    window = opened()
    for _ in range(17):
        send(window, 20, 1.0, share=NIGHTLY)
    answer(window, send(window, 5, 1.0, share=NIGHTLY), 6, 2.0)
    assert reason(window, 20, 3.0) is Reason.SHARE
    assert reason(window, 15, 3.0) is None
    assert reason(window, 20, 3.0, Share("another", 0.1)) is None
    assert reason(window, 20, 3.0, None) is None


def test_a_share_smaller_than_a_call_allows_one_call_in_a_window():
    window, tiny = opened(), Share("tiny", 0.001)
    assert reason(window, 20, 1.0, tiny) is None
    answer(window, send(window, 20, 1.0, share=tiny), 21, 2.0)
    assert reason(window, 1, 3.0, tiny) is Reason.SHARE


def test_a_new_window_has_a_new_share():
    window = spent_share()
    assert reason(window, 1, 3.0) is Reason.SHARE
    window.advance(at(3700.0))
    answer(window, send(window, 1, 3700.0), 1, 3701.0, reset=RESET + 3700)
    assert reason(window, 20, 3702.0) is None
    assert window.ended[0].by_label == {"nightly": (18, 360)}


def test_calls_of_others_pass_those_whose_share_is_spent():
    window = spent_share()
    bounded, small, other = waiter(20, share=NIGHTLY, job="n"), waiter(1, share=NIGHTLY, job="n"), waiter(20, "bulk")
    calls, denied = served(queue(bounded, small, other), window, 3.0)
    assert calls == [other]
    assert (denied.reason, denied.until) == (Reason.SHARE, RESET - 300)


def test_near_the_end_a_job_may_take_what_nobody_waits_for():
    bounded = waiter(20, share=NIGHTLY)
    assert served(queue(bounded), spent_share(), 3299.0)[0] == []
    assert served(queue(bounded), spent_share(), 3306.0)[0] == [bounded]


def test_near_the_end_it_may_not_while_another_call_waits():
    """Neither while that waits for its units, nor while it waits for its slot."""
    window = spent_share()
    send(window, 3600 - window.used - 40, 3.0)
    assert served(queue(waiter(20, share=NIGHTLY), waiter(60)), window, 3306.0)[0] == []
    full = Concurrency(1, taken=1)
    assert served(queue(waiter(20, share=NIGHTLY), waiter(1, slots=full)), spent_share(), 3306.0)[0] == []


def test_jobs_that_are_both_at_their_shares_both_go_on_near_the_end():
    window, report = spent_share(), Share("report", 0.0001)
    answer(window, send(window, 1, 3.0, share=report), 362, 4.0)
    calls = [waiter(20, share=NIGHTLY, job="n"), waiter(20, share=report, job="r")]
    assert served(queue(*calls), window, 3306.0)[0] == calls


def test_what_counts_for_shares_is_stored():
    window, names = spent_share(), Names()
    entry = window.holdings.get(send(window, 1, 3.0, share=Share("other")))
    row, _ = names.read(names.pack(window, 0.0, {}), None)
    read = names.unpack(row, [], BudgetRules(), 0.0)
    assert read.counts.by_label == {"nightly": (18, 360)}
    values = dict(zip([stored.name for stored in ENTRY], entry_values(entry, 0.0), strict=True))
    assert entry_from(values, 0.0) == entry


async def test_a_share_holds_across_processes_of_a_file(tmp_path):
    clock = VirtualClock(now=START)
    budgets = [UnitBudget.shared(tmp_path / "b.db", key="k", clock=clock, max_calls_per_second=None) for _ in "ab"]
    used = 0
    for number in range(36):
        async with budgets[number % 2].reserve(10, share=NIGHTLY, max_wait=0) as reservation:
            await reservation.sent()
            used += 10
            await reservation.settle(3600, 3600 - used, RESET, date=clock.now())
    for budget in budgets:
        with pytest.raises(BudgetTimeoutError, match="share of the window spent"):
            await budget.reserve(10, share=NIGHTLY, max_wait=0).__aenter__()
    for budget in budgets:
        assert budget.snapshot().by_label == {"nightly": (36, 360)}
        async with budget.reserve(10, max_wait=0):
            pass
        await budget.close()


def test_a_job_with_a_share_leaves_the_rest_of_each_window_to_others():
    """Six windows' worth of calls with a share of a quarter: in no window more, until its last five minutes."""

    async def main() -> None:
        server, share = Server(limit=400), Share("nightly", 0.25)
        rules = BudgetRules(limit=400)
        budget = UnitBudget.memory(rules=rules, clock=LoopClock(), max_calls_per_second=None)
        calls = [asyncio.create_task(call(budget, server, 5, share=share)) for _ in range(120)]
        await asyncio.sleep(3200)
        assert sum(cost for when, cost, _ in server.log) == 100
        assert await call(budget, server, 20, max_wait=1) == 200  # there is room for others at once
        await asyncio.gather(*calls)
        assert all(status == 200 for _, _, status in server.log)
        await budget.close()

    run(main())


@pytest.mark.parametrize("fraction", [0, -1, 1.5, math.nan, "0.3", True])
def test_a_share_is_a_part_of_a_window(fraction):
    with pytest.raises(ConfigError, match="share"):
        Share("nightly", fraction)


@pytest.mark.parametrize("label", ["", "  ", "a\nb", 5, None])
def test_a_label_is_a_text(label):
    with pytest.raises(ConfigError, match="label"):
        Share(label)


class TestForecast:
    def test_a_share_takes_as_many_windows_as_it_needs(self):
        window = opened()
        forecast = forecast_of(window, at(1.0), 1000, 0, "interactive", NIGHTLY)
        assert forecast.windows == 3
        assert forecast.done_in == pytest.approx(3600 + 2 + 3600, abs=5)

    def test_what_the_job_has_taken_counts(self):
        forecast = forecast_of(spent_share(), at(3.0), 20, 0, "interactive", NIGHTLY)
        assert forecast.waits_for is Reason.SHARE
        assert forecast.start_in == pytest.approx(3600, abs=5)

    def test_a_share_that_is_not_reached_changes_nothing(self):
        window = opened()
        free = forecast_of(window, at(1.0), 300, 0, "interactive")
        assert forecast_of(window, at(1.0), 300, 0, "interactive", NIGHTLY) == free

    def test_an_unknown_window_begins_with_the_first_call(self):
        forecast = forecast_of(Window(), at(1.0), 720, 0, "interactive", NIGHTLY)
        assert (forecast.windows, forecast.done_in) == (2, pytest.approx(3600, abs=5))


async def test_finish_by_says_beforehand_that_it_cannot():
    moment = datetime.datetime.fromtimestamp(START + 4000, datetime.UTC)
    async with UnitBudget.memory(clock=VirtualClock(now=START)) as budget:
        assert budget.forecast(3600 + 100, finish_by=moment).windows == 2
        with pytest.raises(BudgetTimeoutError, match="3 windows") as caught:
            budget.forecast(8000, finish_by=moment)
        assert caught.value.reset_at > moment
        with pytest.raises(BudgetTimeoutError, match=r"1,000 units of 'nightly' .* with share=0.1"):
            budget.forecast(1000, share=NIGHTLY, finish_by=moment)


@pytest.mark.parametrize("moment", [datetime.datetime(2030, 1, 1), "2030-01-01", 5])  # noqa: DTZ001
async def test_finish_by_has_a_time_zone(moment):
    async with UnitBudget.memory() as budget:
        with pytest.raises(ConfigError, match="finish_by"):
            budget.forecast(1, finish_by=moment)
