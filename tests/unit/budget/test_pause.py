"""Pausing a budget: all processes of its ledger send nothing more, and what is known of 429s stays as it is."""

import asyncio

import pytest

from tests.unit.budget.test_window import RESET, START, answer, at, opened, reason, send
from tests.unit.budget.version_before import VersionBefore
from tests.unit.budget.virtualtime import LoopClock, run
from tonicdm.budget import Reason, UnitBudget
from tonicdm.budget.cooldown import UNTIL_RESUMED, Cooldown
from tonicdm.budget.ledgers import starts
from tonicdm.budget.ledgers.stored import Names
from tonicdm.budget.rules import BudgetRules
from tonicdm.budget.views import earliest
from tonicdm.clock import VirtualClock
from tonicdm.errors import BudgetTimeoutError, ConfigError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "budget.db"


def shared(path, clock=None) -> UnitBudget:
    return UnitBudget.shared(path, key="k", clock=clock or VirtualClock(now=START), max_calls_per_second=None)


def test_nothing_is_granted_and_no_gate_opens():
    window = opened()
    granted = window.admit(5, at(1.0), lane="interactive")
    window.cooldown.paused_until = START + 60
    assert reason(window, 1, 2.0) is Reason.PAUSED
    assert not window.sent(granted.entry, at(2.0), 30.0)
    assert window.held == 0  # its units are back


def test_it_ends_at_its_time():
    window = opened()
    window.cooldown.paused_until = START + 60
    assert earliest(window, 5, at(2.0)) == START + 60
    assert reason(window, 1, 59.0) is Reason.PAUSED
    assert reason(window, 1, 62.0) is None
    assert window.cooldown.paused_until is None


def test_calls_under_way_are_settled_and_their_429_counts():
    window = opened(used=3590)
    call = send(window, 5, 1.0)
    window.cooldown.paused_until = START + 60
    answer(window, call, 3600, 2.0, status=429)
    assert window.held == 0
    assert reason(window, 1, 62.0) is Reason.BLOCKED


@pytest.mark.parametrize("until", [None, RESET, RESET + 90_000])
@pytest.mark.parametrize("paused", [START + 60, UNTIL_RESUMED])
def test_what_the_429s_demand_is_stored_beside_it(until, paused):
    """A pause that is stored and read again changes nothing of the cooldown, be it shorter or longer."""
    window, names = opened(), Names()
    window.cooldown = Cooldown(until=until, consecutive_429s=0 if until is None else 2, slack=7.0, paused_until=paused)
    row, by_us = names.read(names.pack(window, 0.0, {}), None)
    assert by_us
    assert names.unpack(row, [], BudgetRules(), 0.0).cooldown == window.cooldown
    assert row["silence"][0] == max(until or 0, paused)


async def test_a_version_that_knows_no_pause_is_silent_too(path):
    before, ours = VersionBefore(path, "k", starts.boot_id()), shared(path)
    await ours.pause(1800)
    assert before.look().silence.until >= START + 1700
    with before.step() as window:  # it writes the file, and drops what it does not know
        window.used = 30
    with pytest.raises(BudgetTimeoutError, match="paused"):
        await ours.reserve(1, max_wait=0).__aenter__()
    assert await ours.resume()
    assert before.look().silence.until is None
    async with ours.reserve(1, max_wait=0):
        pass
    before.close()
    await ours.close()


async def test_a_429_that_such_a_version_meets_is_kept_after_the_pause(path):
    before, ours = VersionBefore(path, "k", starts.boot_id()), shared(path)
    await ours.pause(60)
    with before.step() as window:
        window.silence.until, window.silence.strikes = START + 1800, 1
    await ours.resume()
    with pytest.raises(BudgetTimeoutError, match="blocked"):
        await ours.reserve(1, max_wait=60).__aenter__()
    before.close()
    await ours.close()


async def test_other_processes_and_later_ones_are_paused(path):
    one = shared(path)
    await one.pause()
    await one.close()
    other = shared(path)
    seen = other.snapshot()
    assert (seen.paused_until is not None, seen.pause_ends) == (True, False)
    with pytest.raises(BudgetTimeoutError, match="paused"):
        await other.reserve(1, max_wait=0).__aenter__()
    assert await other.resume()
    assert not await other.resume()
    assert other.snapshot().paused_until is None
    await other.close()


def test_calls_wait_until_it_is_taken_back():
    """Also by another process: whoever waits looks at the file once a second."""

    async def main() -> None:
        budget = UnitBudget.memory(clock=LoopClock(), max_calls_per_second=None)
        await budget.pause()
        call = asyncio.create_task(budget.reserve(5).__aenter__())
        await asyncio.sleep(100_000)
        assert not call.done()
        assert budget.snapshot().waits_for["normal"] is Reason.PAUSED
        await budget.resume()
        await call
        await budget.close()

    run(main())


def test_a_pause_with_an_end_needs_nobody_to_take_it_back():
    async def main() -> None:
        budget = UnitBudget.memory(clock=LoopClock(), max_calls_per_second=None)
        await budget.pause(600)
        began = asyncio.get_running_loop().time()
        async with budget.reserve(5):
            assert 600 <= asyncio.get_running_loop().time() - began < 610
        await budget.close()

    run(main())


async def test_waiting_calls_poll_the_ledger_while_it_is_paused():
    window = opened()
    window.cooldown.paused_until = UNTIL_RESUMED
    assert window.explain(1, at(1.0), "bulk").sooner


async def test_the_budget_of_another_token_of_the_user_stays_paused(path):
    clock = VirtualClock(now=START)
    old, new = shared(path, clock), UnitBudget.shared(path, key="new", clock=clock)
    await old.pause()
    await new.inherit(old)
    assert new.snapshot().paused_until is not None
    await old.close()
    await new.close()


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "60"])
async def test_a_pause_has_a_length(seconds):
    async with UnitBudget.memory() as budget:
        with pytest.raises(ConfigError, match="pause"):
            await budget.pause(seconds)
