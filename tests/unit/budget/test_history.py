"""The history of windows: what a record holds, when it is written, and that it stays bounded."""

import sqlite3
from contextlib import closing

import pytest

from tests.unit.budget.test_window import RESET, START, answer, at, opened, send
from tests.unit.budget.version_before import VersionBefore
from tonicdm.budget import UnitBudget, WindowRecord
from tonicdm.budget.history import MAX_WINDOWS, Counts, appended
from tonicdm.budget.ledgers import starts, tables
from tonicdm.clock import VirtualClock


def record(number: int = 0, **values) -> WindowRecord:
    return WindowRecord(**{"ended_at": RESET + 3600.0 * number, "limit": 3600, "used": 100} | values)


def test_a_window_that_ends_leaves_a_record_of_what_was_counted():
    window = opened(used=100)
    answer(window, send(window, 5, 1.0, lane="bulk", label="GET /core/persons"), 105, 2.0)
    answer(window, send(window, 5, 3.0, lane="bulk", label="GET /core/persons"), 150, 4.0)
    window.advance(at(3700.0))
    (ended,) = window.ended
    assert (ended.ended_at, ended.limit, ended.used, ended.foreign, ended.limited) == (RESET, 3600, 150, 40, 0)
    assert ended.spent["bulk", "GET /core/persons"] == (2, 10)
    assert window.reset is None


def test_answers_429_are_counted_in_their_window():
    window = opened(used=3599)
    answer(window, send(window, 1, 1.0), 3600, 2.0, status=429)
    window.advance(at(3700.0))
    assert [ended.limited for ended in window.ended] == [1]


def test_a_window_in_which_nothing_happened_leaves_no_record():
    window = opened(used=100)
    window.advance(at(3700.0))
    window.forget_window(at(3701.0))
    window.forget_window(at(3702.0))
    assert len(window.ended) == 1


def test_a_window_that_goes_on_after_all_has_one_record():
    """What was noted in both parts is added up; what the server counts in all is the greater of both."""
    parts = [
        record(used=40, waits=1, waited=2.0, spent={("bulk", "a"): (1, 5)}, by_label={"nightly": (1, 5)}),
        record(used=70, waits=2, waited=3.0, spent={("bulk", "a"): (2, 10)}, by_label={"nightly": (2, 10)}),
    ]
    (joined,) = appended([], parts, 2.0)
    assert (joined.used, joined.waits, joined.waited) == (70, 3, 5.0)
    assert joined.spent == {("bulk", "a"): (3, 15)}
    assert joined.by_label == {"nightly": (3, 15)}


def test_the_latest_windows_are_kept():
    records = appended([], [record(number) for number in range(MAX_WINDOWS + 5)], 2.0)
    assert len(records) == MAX_WINDOWS
    assert records[0] == record(5)


def test_a_record_is_read_as_it_was_written_and_what_is_none_is_left_out():
    written = record(spent={("bulk", "GET /x"): (1, 5)}, by_label={"nightly": (1, 5)}, waited=1.5)
    assert WindowRecord.from_json(written.to_json()) == written
    assert WindowRecord.from_json(written.to_json().replace("}", ', "later": 1}')) == written
    assert WindowRecord.from_json("nonsense") is None
    assert WindowRecord.from_json("[]") is None


def test_counts_of_another_window_do_not_count():
    """An older version begins a window and leaves the counts as they are."""
    window = opened()
    window.counts_now().count_wait(5.0)
    window.counts.count_settled("nightly", 100)
    window.rolled_at = 3600.0
    assert window.counts_now() == Counts(window.rolled_at)


def test_short_waits_are_no_waits():
    counts = Counts()
    counts.count_wait(0.9)
    counts.count_wait(2.0)
    assert (counts.waits, counts.waited) == (1, 2.0)


def test_labels_of_a_window_are_bounded():
    counts = Counts()
    for number in range(200):
        counts.count_settled(str(number), 1)
    assert len(counts.by_label) == 101
    assert counts.by_label["..."] == (100, 100)


def ledger(kind: str, path, clock) -> UnitBudget:
    settings = {"clock": clock, "max_calls_per_second": None}
    return UnitBudget.memory(**settings) if kind == "memory" else UnitBudget.shared(path, key="k", **settings)


async def spend(budget: UnitBudget, clock: VirtualClock, used: int, reset: float) -> None:
    async with budget.reserve(5, priority="bulk", label="GET /core/persons") as reservation:
        await reservation.sent()
        await reservation.settle(3600, 3600 - used, reset, date=clock.now())


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_a_budget_returns_the_windows_that_are_over(kind, tmp_path):
    """Those that a later call noted, and the last one, which has ended by the clock alone."""
    clock = VirtualClock(now=START)
    async with ledger(kind, tmp_path / "budget.db", clock) as budget:
        for number in range(3):
            assert len(budget.history()) == number
            await spend(budget, clock, 5 + number, START + 3600 * (number + 1))
            assert len(budget.history()) == number
            clock.advance(3700)
        history = budget.history()
        assert [ended.used for ended in history] == [5, 6, 7]
        assert [ended.ended_at for ended in history] == [RESET, RESET + 3600, RESET + 7200]
        assert history == budget.history()
        assert history[0].spent == {("bulk", "GET /core/persons"): (1, 5)}


async def test_a_restart_and_other_processes_find_the_history(tmp_path):
    clock = VirtualClock(now=START)
    async with ledger("file", tmp_path / "budget.db", clock) as budget:
        await spend(budget, clock, 5, RESET)
        clock.advance(3700)
        await spend(budget, clock, 9, RESET + 3700)
    async with ledger("file", tmp_path / "budget.db", clock) as other:
        assert [ended.used for ended in other.history()] == [5]


async def test_the_history_of_a_file_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "MAX_WINDOWS", 3)
    clock = VirtualClock(now=START)
    async with ledger("file", tmp_path / "budget.db", clock) as budget:
        for number in range(6):
            await spend(budget, clock, 5 + number, clock.now() + 3600)
            clock.advance(3700)
        assert [ended.used for ended in budget.history()] == [7, 8, 9, 10]  # the last one is not stored yet
    with closing(sqlite3.connect(tmp_path / "budget.db")) as connection:
        assert connection.execute("SELECT count(*) FROM history").fetchone() == (3,)


async def test_a_call_inside_a_window_writes_no_history(tmp_path):
    clock = VirtualClock(now=START)
    statements: list[str] = []
    async with ledger("file", tmp_path / "budget.db", clock) as budget:
        await spend(budget, clock, 5, RESET)
        budget.ledger._file.connect().set_trace_callback(statements.append)
        await spend(budget, clock, 10, RESET)
    assert any("UPDATE window" in statement for statement in statements)
    assert not any("history" in statement for statement in statements)


async def test_the_version_before_works_beside_it(tmp_path):
    """It knows no history: a file of its own has none, and it goes on in a file that has one."""
    path, clock = tmp_path / "budget.db", VirtualClock(now=START)
    before = VersionBefore(path, "k", starts.boot_id())
    with before.step() as window:
        window.reset, window.used, window.headers_seen = RESET, 50, True
    budget = ledger("file", path, clock)
    assert budget.history() == []
    clock.advance(3700)
    await spend(budget, clock, 5, clock.now() + 3600)
    with before.step() as window:
        assert window.used == 5
        window.used = 25
    assert [ended.used for ended in budget.history()] == [50]
    before.close()
    await budget.close()
