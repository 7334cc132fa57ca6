"""Ledger files of the version before open, and what they hold, holds (tests/fixtures/ledgers/README.md)."""

import asyncio
import pathlib
import shutil

import pytest

from tonicdm.budget import UnitBudget
from tonicdm.budget.ledgers import starts
from tonicdm.errors import BudgetTimeoutError

FILES = pathlib.Path(__file__).parents[2] / "fixtures" / "ledgers"
WALL, MONOTONIC = 1_800_000_000.0, 50_000.0


class FixtureClock:
    """Both clocks as at the moment of the files, and *seconds* later."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self):
        return WALL + self.seconds

    def monotonic(self):
        return MONOTONIC + self.seconds

    async def sleep_until(self, deadline):
        self.seconds = max(self.seconds, deadline - MONOTONIC)
        await asyncio.sleep(0)


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(starts, "_boot_id", "fixture-boot")
    return FixtureClock()


@pytest.fixture
async def open_copy(tmp_path, clock):
    """Opens a budget of a copy of a file."""
    opened = []

    def open_copy(file: str, key: str) -> UnitBudget:
        if not (tmp_path / file).exists():
            shutil.copy(FILES / file, tmp_path / file)
        opened.append(UnitBudget.shared(tmp_path / file, key=key, clock=clock, max_calls_per_second=None))
        return opened[-1]

    yield open_copy
    for budget in opened:
        await budget.close()


@pytest.mark.parametrize(("key", "seconds"), [("refused", 1802), ("refused-twice", 618), ("headerless", 3598)])
async def test_a_silence_of_the_version_before_holds_to_its_end(open_copy, clock, key, seconds):
    """Nothing goes before its end, whatever the lane; then one call does, and alone."""
    budget = open_copy("silence.db", key)
    assert budget.snapshot().blocked_until.timestamp() >= WALL + seconds - 2
    for clock.seconds in (0.0, seconds / 2, seconds - 1.0):
        with pytest.raises(BudgetTimeoutError, match="blocked"):
            await budget.reserve(1, max_wait=0, priority="interactive").__aenter__()
    clock.seconds = seconds + 5.0
    async with budget.reserve(1, max_wait=0) as first:
        assert await first.try_sent()
        with pytest.raises(BudgetTimeoutError):
            await budget.reserve(1, max_wait=0, priority="interactive").__aenter__()


async def test_units_held_in_the_version_before_stay_held(open_copy, clock):
    """What was reserved, sent or lost counts against the window that was half used, call by call."""
    budget = open_copy("held.db", "half-used")
    seen = budget.snapshot()
    assert (seen.limit, seen.remaining, seen.reserved, seen.unknown, seen.foreign) == (3600, 1800, 30, 5, 40)
    assert seen.reset_at.timestamp() == WALL + 1200
    assert seen.under_way == {
        ("normal", "GET /lost"): (1, 5),
        ("bulk", "GET /sent"): (1, 20),
        ("normal", "GET /reserved"): (1, 5),
    }
    assert seen.spent == {("normal", "GET /core/offices"): (1, 20), ("normal", "GET /core/persons"): (1, 5)}
    free = 1800 - 30 - seen.guard
    with pytest.raises(BudgetTimeoutError):
        await budget.reserve(free + 1, max_wait=0, priority="interactive").__aenter__()
    async with budget.reserve(free, max_wait=0, priority="interactive"):
        pass


async def test_units_held_in_the_version_before_come_free_as_ever(open_copy, clock):
    """The lease lapses, the answer of the sent call is overdue, and a call sent later settles them all."""
    budget = open_copy("held.db", "half-used")
    clock.seconds = 100.0
    async with budget.reserve(1, max_wait=0) as later:
        assert budget.snapshot().reserved == 26
        await later.sent()
        await later.settle(3600, 1779, WALL + 1200, date=WALL + 100)
    seen = budget.snapshot()
    assert (seen.reserved, seen.remaining) == (0, 1779)


async def test_a_call_that_went_ahead_in_the_version_before_is_waited_for(open_copy):
    with pytest.raises(BudgetTimeoutError):
        await open_copy("held.db", "first-call").reserve(1, max_wait=0).__aenter__()


async def test_windows_and_limits_of_the_version_before_are_known(open_copy):
    """A window reckoned from our own clock, with calls of unknown outcome; and a limit that answers named."""
    assumed, limited = (open_copy("held.db", key).snapshot() for key in ("assumed", "limit"))
    assert (assumed.reserved, assumed.unknown, assumed.reset_at.timestamp()) == (25, 25, WALL + 3600)
    assert (limited.limit, limited.remaining, limited.reserved) == (1000, 900, 0)
