"""Silence after a 429, on a virtual clock."""

from __future__ import annotations

import asyncio
import datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonicdm import BudgetTimeoutError, ConfigError
from tonicdm.budget import Concurrency
from tonicdm.budget.headers import retry_after
from tonicdm.clock import VirtualClock
from tonicdm.rhythm.throttle import ONE_AT_A_TIME, Throttle, ThrottleRules, cooldown

RULES = ThrottleRules(calls_per_second=None)


@pytest.fixture
def throttle(clock: VirtualClock) -> Throttle:
    found = Throttle(clock, RULES)
    found._chance = lambda: 0.0
    return found


async def attempt(throttle: Throttle, status: int, headers: dict[str, str] | None = None, **given) -> None:
    async with throttle.reserve(**given) as leave:
        assert await leave.try_sent()
        await leave.settle_from(headers or {}, status)


@given(consecutive_429s=st.integers(1, 100), named=st.floats(0, 1e6), chance=st.floats(0, 1, exclude_max=True))
def test_the_later_of_the_named_and_the_growing_time_wins(consecutive_429s: int, named: float, chance: float) -> None:
    """Jitter only adds, and never more than half of the growing time."""
    grown = cooldown(RULES, consecutive_429s, None, 0.0)
    found = cooldown(RULES, consecutive_429s, named, chance)
    assert max(named, grown) <= found <= max(named, grown) + grown / 2


@given(consecutive_429s=st.integers(1, 100), chance=st.floats(0, 1, exclude_max=True))
def test_an_unnamed_silence_grows_to_its_cap_and_jitter_only_adds(consecutive_429s: int, chance: float) -> None:
    found, bare = cooldown(RULES, consecutive_429s, None, chance), cooldown(RULES, consecutive_429s, None, 0.0)
    assert bare <= found <= bare * 1.5
    assert bare == min(60.0, 2.0 ** (consecutive_429s - 1))


def test_retry_after_is_seconds_or_a_date_by_the_servers_own_clock() -> None:
    moment = datetime.datetime(2026, 11, 22, 12, 0, 30, tzinfo=datetime.UTC)
    later, said = (
        format_datetime(moment, usegmt=True),
        format_datetime(moment - datetime.timedelta(seconds=30), usegmt=True),
    )
    assert retry_after({"Retry-After": "17"}, 0.0) == 17
    assert retry_after({"Retry-After": later, "Date": said}, 0.0) == 30, "a local clock that is wrong does not matter"
    assert retry_after({"Retry-After": later}, moment.timestamp() - 12) == 12
    assert retry_after({"Retry-After": later}, moment.timestamp() + 12) == 0, "never negative"
    for unreadable in ("", "soon", "-3", "1e3", "٣"):
        assert retry_after({"Retry-After": unreadable}, 0.0) is None


async def test_after_a_429_nobody_leaves_before_its_time(throttle: Throttle, clock: VirtualClock) -> None:
    """Neither who waits in the queue, nor who was let in before and stands at the gate."""
    async with throttle.reserve() as early:
        await attempt(throttle, 429, {"Retry-After": "20"})
        assert not await early.try_sent()
    queued = asyncio.ensure_future(attempt(throttle, 200))
    await asyncio.sleep(0)
    clock.advance(19.9)
    await asyncio.sleep(0)
    assert not queued.done()
    clock.advance(0.2)
    await queued


async def test_silence_doubles_with_each_429_in_a_row_and_a_success_ends_the_row(
    throttle: Throttle, clock: VirtualClock
) -> None:
    for expected in (1, 2, 4, 8):
        await attempt(throttle, 429)
        assert throttle.cooldown_left == expected
        clock.advance(expected)
    await attempt(throttle, 200)
    clock.advance(1)
    await attempt(throttle, 429)
    assert throttle.cooldown_left == 1


async def test_calls_refused_together_are_one_strike(throttle: Throttle) -> None:
    """What was under way when the first 429 came says nothing new."""
    leaves = [await throttle.reserve().__aenter__() for _ in range(5)]
    for leave in leaves:
        assert await leave.try_sent()
    for leave in leaves:
        await leave.settle_from({}, 429)
    assert throttle.cooldown_left == 1


async def test_an_attempt_passes_the_gate_once(throttle: Throttle) -> None:
    """A second passage would be a cooling down re-send."""
    async with throttle.reserve() as leave:
        assert await leave.try_sent()
        assert not await leave.try_sent()


async def test_a_429_of_a_running_task_silences_nobody(throttle: Throttle) -> None:
    """On step functions it says that an instance is running (reference: AlreadyRunning); Retry-After is obeyed."""
    await attempt(throttle, 429, job=ONE_AT_A_TIME)
    assert throttle.cooldown_left == 0
    await attempt(throttle, 429, {"Retry-After": "5"}, job=ONE_AT_A_TIME)
    assert throttle.cooldown_left == 5


async def test_a_silence_longer_than_max_wait_is_refused_at_once(throttle: Throttle) -> None:
    await attempt(throttle, 429, {"Retry-After": "100"})
    with pytest.raises(BudgetTimeoutError, match=r"GET /x would wait 100 s .* Nothing was sent"):
        async with throttle.reserve(max_wait=60, label="GET /x"):
            raise AssertionError


async def test_a_wait_is_told_once(throttle: Throttle, clock: VirtualClock) -> None:
    notified = []
    await attempt(throttle, 429, {"Retry-After": "10"})
    waiting = asyncio.ensure_future(attempt(throttle, 200, on_wait=notified.append, label="GET /x"))
    await asyncio.sleep(0)
    clock.advance(10)
    await waiting
    assert [(notice.label, notice.wait, str(notice.reason)) for notice in notified] == [("GET /x", 10, "blocked")]


async def test_no_more_attempts_are_under_way_than_allowed(throttle: Throttle) -> None:
    slots, inside, most = Concurrency(2), 0, 0

    async def work() -> None:
        nonlocal inside, most
        async with throttle.reserve(slots=slots):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(work() for _ in range(10)))
    assert most == 2


async def test_a_cancelled_attempt_gives_its_place_back(throttle: Throttle) -> None:
    slots = Concurrency(1)
    async with throttle.reserve(slots=slots):
        waiting = asyncio.ensure_future(attempt(throttle, 200, slots=slots))
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.wait_for(attempt(throttle, 200, slots=slots), 60)


@pytest.mark.parametrize("wrong", [{"base": -1}, {"burst": 0}, {"max_429s": -1}])
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        ThrottleRules(**wrong)
