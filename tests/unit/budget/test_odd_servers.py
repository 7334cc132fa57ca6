"""Servers, proxies and clocks as public bug reports show them, against the whole budget in virtual time.

What is counted are calls into a 429: those whose first byte left after a 429 had come.
"""

import asyncio
import dataclasses
import itertools
import math
import os
import random
import time
from collections.abc import Callable

import pytest

from tests.cases import for_each
from tests.unit.budget.virtualtime import START, LoopClock, run
from tonicdm.budget import BudgetRules, UnitBudget
from tonicdm.types import Priority

LIMIT, REMAINING, RESET = "X-Rate-Limit-Limit", "X-Rate-Limit-Remaining", "X-Rate-Limit-Reset"


def http_date(seconds: float, zone: str = " GMT") -> str:
    from email.utils import formatdate

    return formatdate(math.floor(seconds), usegmt=True).removesuffix(" GMT") + zone


def rate(limit: object, remaining: object, reset: object, now: float, **more: str) -> dict[str, str]:
    return {LIMIT: str(limit), REMAINING: str(remaining), RESET: str(reset), "Date": http_date(now), **more}


@dataclasses.dataclass
class Log:
    """What was sent and what came, in loop time."""

    sent: list[float] = dataclasses.field(default_factory=list)
    refused: list[float] = dataclasses.field(default_factory=list)
    served: int = 0
    learned: list[float] = dataclasses.field(default_factory=list)
    """Lengths of windows that settlements told."""

    @property
    def into(self) -> list[float]:
        """When calls left after the first 429 had come."""
        return [at for at in self.sent if self.refused and at > self.refused[0]]


Answer = Callable[[float, int], tuple[int, dict[str, str]]]
"""Answers a call by the server's time and its number, from 1."""


async def workload(
    answer: Answer, seconds: float, *, workers: int = 8, cost: int = 1, lane: Priority = "interactive", **settings
) -> tuple[Log, UnitBudget]:
    """Let *workers* call as fast as they may."""
    settings = {"clock": LoopClock(), "max_calls_per_second": 20.0} | settings
    budget, log = UnitBudget.memory(**settings), Log()
    budget._chance = random.Random(1).random
    loop = asyncio.get_running_loop()

    async def work() -> None:
        while True:
            async with budget.reserve(cost, priority=lane) as reservation:
                await reservation.sent()
                log.sent.append(loop.time())
                await asyncio.sleep(0.05)
                log.served += 1
                status, headers = answer(START + loop.time(), log.served)
                await asyncio.sleep(0.05)
                if status == 429:
                    log.refused.append(loop.time())
                settlement = await reservation.settle_from(headers, status)
                log.learned += filter(None, [getattr(settlement, "learned_window", None)])

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    await asyncio.sleep(seconds)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results), results
    return log, budget


def play(answer: Answer, seconds: float, **settings) -> Log:
    return run(workload(answer, seconds, **settings))[0]


def gaps(log: Log, *, least: float = 3.0) -> list[float]:
    """Return the pauses between refusals and the calls after them; asserts that each step is one call."""
    into = log.into
    steps = [at for i, at in enumerate(into) if i == 0 or at - into[i - 1] > least]
    assert into == steps, "one call per back-off step"
    ends = [max(at for at in log.refused if at < step) for step in steps]
    return [step - end for step, end in zip(steps, ends, strict=True)]


# --- 429s ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [45, 3600])
def test_a_429_whose_reset_lies_behind_its_date_is_followed_by_growing_pauses(behind):
    """Two clocks in one server. Nobody calls for some seconds, then one call each step."""
    log = play(lambda now, _: (429, rate(3600, 0, int(now) - behind, now)), 600)
    pauses = gaps(log)
    assert pauses[0] >= 3.0
    assert all(b > a for a, b in itertools.pairwise(pauses))
    assert len(log.into) <= 6
    assert not [at for at in log.into if at < log.refused[0] + 3]


def test_a_reset_that_each_refusal_moves_by_two_seconds_locks_nobody_out():
    """The server refuses for five seconds, and each call meanwhile moves that by two."""
    end = [START + 5.0]

    def answer(now: float, _: int):
        if now < end[0]:
            end[0] += 2.0
            return 429, rate(3600, 0, int(now) - 45, now)
        return 200, rate(3600, 3000, int(now) + 3000, now)

    log = play(answer, 120, max_calls_per_second=2.0)
    assert len([at for at in log.into if START + at < end[0]]) <= 3
    assert end[0] - START <= 20


@pytest.mark.parametrize("hours", [25, 24 * 365])
def test_a_429_is_obeyed_for_a_day_at_most_and_then_one_call_goes(hours):
    log = play(lambda now, _: (429, rate(3600, 0, int(now) + hours * 3600, now)), 49 * 3600)
    assert [round((at - log.refused[0]) / 3600) for at in log.into] == [24, 48]


def test_a_429_up_to_a_day_away_is_obeyed():
    end = START + 20 * 3600
    log = play(
        lambda now, _: (429, rate(3600, 0, int(end), now)) if now < end else (200, rate(9, 9, int(now + 3600), now)),
        20 * 3600 + 30,
    )
    assert log.into[0] == pytest.approx(20 * 3600 + 9, abs=8)


def test_concurrent_429s_are_one_refusal():
    log = play(
        lambda now, sent: (429 if sent > 1 else 200, rate(3600, 3000, int(now) + 10, now)),
        15,
        max_calls_per_second=None,
    )
    assert len(log.refused) > 4
    assert len(log.into) == 1
    assert log.into[0] - log.refused[0] == pytest.approx(12, abs=1.5)


@for_each(
    ("headers", "silence"),
    [
        ({REMAINING: "-1"}, 3.0),
        ({REMAINING: "none", LIMIT: "9" * 400}, 3.0),
        ({RESET: lambda now: str(int(now + 1) * 1000)}, 3.0),
        ({RESET: "1"}, 3.0),
        ({RESET: lambda now: http_date(now + 1)}, 3.0),
        ({RESET: lambda now: f"{int(now) + 1}, {int(now) + 1}"}, 3.0),
        ({RESET: "soon", "Retry-After": "20"}, 22.0),
        ({"Retry-After": "20"}, 22.0),
        ({RESET: lambda now: str(int(now) + 60), "Retry-After": "20"}, 62.0),
        ({RESET: lambda now: str(int(now) - 60), "Retry-After": "20"}, 22.0),
        ({RESET: "soon", "Retry-After": "99999"}, 3602.0),
        ({RESET: "soon"}, 3602.0),
    ],
)
def test_a_429_is_obeyed_by_what_can_be_read_of_it(headers, silence):
    def answer(now: float, sent: int):
        if sent > 1:
            return 200, rate(3600, 3000, int(now) + 3600, now)
        odd = {name: value(now) if callable(value) else value for name, value in headers.items()}
        return 429, rate(3600, 0, int(now) + 1, now) | odd

    log = play(answer, silence + 3, workers=1)
    assert log.into[0] - log.refused[0] == pytest.approx(silence, abs=2.6)


def test_a_429_of_a_proxy_is_obeyed_by_its_retry_after_and_forgets_no_window():
    """Something between refuses, without rate headers. The window behind it goes on."""

    def answer(now: float, sent: int):
        if sent == 3:
            return 429, {"Retry-After": "30", "Date": http_date(now)}
        return 200, rate(3600, 3600 - sent, int(START) + 3600, now)

    async def main():
        log, budget = await workload(answer, 60, workers=1)
        assert log.into[0] - log.refused[0] == pytest.approx(32, abs=1.5)
        assert budget.snapshot().remaining == pytest.approx(3600 - len(log.sent), abs=1)

    run(main())


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo", "UTC"])
def test_a_date_without_a_zone_is_utc_wherever_it_is_read(zone, monkeypatch):
    monkeypatch.setitem(os.environ, "TZ", zone)
    time.tzset()
    try:
        log = play(lambda now, _: (429, rate(3600, 0, int(now) + 2, now, Date=http_date(now, ""))), 4.5)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert len(log.into) == 1
    assert log.into[0] - log.refused[0] == pytest.approx(4, abs=1.1)


@pytest.mark.parametrize("date", ["Fri, 31 Dec 9999 23:59:59 -2359", "Fri, 15 Jan 99999 08:00:00 GMT", "\x00", "1e999"])
def test_an_unreadable_date_fails_no_call(date):
    log = play(lambda now, sent: (200, rate(3600, 3600 - sent, int(START) + 3600, now, Date=date)), 5)
    assert len(log.sent) > 50


# --- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", ["9" * 400, "9" * 20, str(10**9)])
def test_an_absurd_limit_fails_no_call_and_is_not_believed(limit):
    """One answer names it. The window holds what the other answers say of it."""

    def answer(now: float, sent: int):
        named = limit if sent == 5 else 200
        return (200 if sent <= 200 else 429), rate(named, int(named) - sent, int(START) + 3600, now)

    async def main():
        log, budget = await workload(answer, 60, workers=1, lane="normal", rules=BudgetRules(limit=200))
        assert not log.refused
        assert len(log.sent) >= 175, "all but the reserve of the interactive lane"
        assert budget.snapshot().limit == 200

    run(main())


def test_a_limit_lowered_within_a_window_counts_at_once():
    def answer(now: float, sent: int):
        if sent <= 50:
            return 200, rate(3600, 3600 - 2000 - sent, int(START) + 3600, now)
        return (200 if sent == 51 else 429), rate(1800, 0, int(START) + 3600, now)

    log = play(answer, 60, workers=1)
    assert len(log.sent) == 51


def test_a_raised_limit_counts_when_two_later_calls_agree():
    def answer(now: float, sent: int):
        limit = 60 if sent <= 50 else 120
        return (200 if sent <= limit else 429), rate(limit, limit - sent, int(START) + 3600, now)

    log = play(answer, 60, workers=1, rules=BudgetRules(limit=60))
    assert len(log.sent) == 120
    assert not log.refused


@pytest.mark.parametrize("limit", [3601, 100_000])
def test_the_first_answer_of_a_server_with_a_higher_limit_settles_its_call(limit):
    """The limit is not believed yet, but what the answer shows used is: the window is known, and nothing waits."""

    def answer(now: float, sent: int):
        return 200, rate(limit, limit - 5 * sent, int(START) + 3600, now)

    async def main():
        budget = UnitBudget.memory(clock=LoopClock())
        async with budget.reserve(5) as reservation:
            await reservation.sent()
            await reservation.settle_from(answer(START, 1)[1], 200)
        snapshot = budget.snapshot()
        assert (snapshot.limit, snapshot.remaining, snapshot.unknown) == (3600, 3595, 0)
        assert snapshot.reset_at.timestamp() == START + 3600
        log, budget = await workload(answer, 0.35, workers=50, max_calls_per_second=None)
        assert len(log.sent) == 1 + 3 * 50, "all but the first go side by side"
        assert budget.snapshot().limit == limit

    run(main())


def test_one_odd_low_limit_fails_no_dear_call_for_good():
    """A call of more units waits for an answer that agrees, or does not."""

    def answer(now: float, sent: int):
        end = START + 600 * (1 + math.floor((now - START) / 600))
        return 200, rate(1 if sent == 3 else 3600, 0 if sent == 3 else 3600 - 5 * sent, int(end), now)

    log = play(answer, 700, workers=1, cost=5)
    assert log.sent[3] == pytest.approx(602, abs=3)
    assert len(log.sent) > 200


# --- resets of other answers -----------------------------------------------------------------------------------------


def test_a_reset_six_days_ahead_costs_only_itself():
    """One odd answer at the start; hundreds of right ones follow. The window ends when the right ones say."""

    def answer(now: float, sent: int):
        end = START + 3600 * (1 + math.floor((now - START) / 3600))
        used = 1 + (sent - 1) % 300
        return 200, rate(300, 300 - used, int(end) + (6 * 86400 if sent == 2 else 0), now)

    log = play(answer, 7300, rules=BudgetRules(limit=300))
    assert len(log.sent) == pytest.approx(900, abs=10)


def test_windows_of_twenty_hours_are_learned_and_stall_nobody():
    length = 20 * 3600
    served = {0: 0}

    def answer(now: float, _: int):
        number = math.floor((now - START) / length)
        served[number] = served.get(number, 0) + 1
        end = START + (number + 1) * length
        return (200 if served[number] <= 400 else 429), rate(400, max(0, 400 - served[number]), int(end), now)

    async def main():
        log, budget = await workload(answer, 2 * length + 400, rules=BudgetRules(limit=400), max_calls_per_second=2.0)
        assert not log.refused
        assert len(log.sent) == 1200
        assert log.learned == pytest.approx([length], abs=2)
        assert budget.forecast(1).start_in == pytest.approx(length - 400, abs=60)

    run(main())


def test_a_reset_that_no_later_answer_confirms_is_given_up():
    """A nearer Reset counts when three answers over a minute agree on it, so no odd answer holds a window for long."""

    def answer(now: float, sent: int):
        return 200, rate(3600, 3600 - sent, int(START) + (3500 if sent == 2 else 600), now)

    async def main():
        _, budget = await workload(answer, 90, workers=1, max_calls_per_second=2.0)
        assert budget.snapshot().reset_at.timestamp() == START + 600

    run(main())


@pytest.mark.parametrize("behind", [45, 3600])
def test_a_server_whose_reset_has_another_clock_stalls_nobody(behind):
    """Used up or not: each window's units are spent, and few calls go into a 429."""
    served: dict[int, int] = {}

    def answer(now: float, _: int):
        number = math.floor((now - START) / 3600)
        served[number] = served.get(number, 0) + 1
        end = START + (number + 1) * 3600 - behind
        return (200 if served[number] <= 400 else 429), rate(400, max(0, 400 - served[number]), int(end), now)

    log = play(answer, 3 * 3600 + 1800, rules=BudgetRules(limit=400), max_calls_per_second=2.0)
    assert all(served[number] >= 400 for number in range(3))
    assert len(log.refused) < 40


@for_each("set_by", [-7200, -3600, -45, 45, 3600])
@for_each("at", [20, 595])
def test_a_server_whose_clock_was_set_while_nobody_called_stalls_nobody(set_by, at):
    """Date and Reset move together, in a spent window: the next one is no more of the old because it is named so."""
    served: dict[int, int] = {}

    def answer(now: float, _: int):
        number = math.floor((now - START) / 600)
        served[number] = served.get(number, 0) + 1
        shown = set_by if now - START >= at else 0
        end = START + (number + 1) * 600 + shown
        return (200 if served[number] <= 60 else 429), rate(60, max(0, 60 - served[number]), int(end), now + shown)

    log = play(answer, 1800, rules=BudgetRules(limit=60, window=600.0))
    assert [served[number] for number in range(3)] == [60, 60, 60]
    assert not log.refused
