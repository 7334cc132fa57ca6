"""This version and the one before on one file: what either stores the other obeys, and nothing is dropped."""

import itertools
import json
import math
import time

import pytest

from tests.unit.budget.test_window import RESET, START, answer, at, opened, send
from tests.unit.budget.version_before import VersionBefore
from tonicdm.budget import BudgetRules, UnitBudget
from tonicdm.budget.entries import Entry, EntryState, Holdings
from tonicdm.budget.ledgers import starts, stored
from tonicdm.budget.ledgers.sqlite import SQLiteLedger
from tonicdm.budget.ledgers.stored import Base, Names, Stored
from tonicdm.budget.rules import Instant
from tonicdm.budget.window import Window
from tonicdm.clock import SystemClock, VirtualClock
from tonicdm.errors import BudgetTimeoutError
from tonicdm.values import State


@pytest.fixture
def path(tmp_path):
    return tmp_path / "budget.db"


@pytest.fixture
def before(path):
    process = VersionBefore(path, "k", starts.boot_id())
    yield process
    process.close()


@pytest.fixture
async def ours(path):
    clock = VirtualClock(now=START)
    budget = UnitBudget.shared(path, key="k", clock=clock, max_calls_per_second=None)
    yield budget
    await budget.close()


async def test_a_cooldown_that_the_version_before_noted_is_obeyed(before, ours):
    with before.step() as window:
        window.silence.until, window.silence.strikes, window.silence.limited_at = START + 1800, 1, 1000.0
        window.reset, window.used, window.headers_seen = START + 1800, 3600, True
    with pytest.raises(BudgetTimeoutError, match="blocked"):
        await ours.reserve(1, max_wait=60).__aenter__()


async def test_the_version_before_sees_a_cooldown_of_this_one(before, ours):
    async with ours.reserve(5) as reservation:
        await reservation.sent()
        await reservation.settle(3600, 0, START + 1800, date=START, status=429)
    seen = before.look()
    assert seen.silence.until >= START + 1800
    assert seen.silence.strikes >= 1
    assert seen.held == 0


async def test_both_hold_what_the_other_has_under_way(before, ours):
    """Turn about: each adds to what it finds, and takes away only its own."""
    async with ours.reserve(1) as first:
        await first.sent()
        await first.settle(3600, 3500, START + 1800, date=START)
    mine = ours.reserve(20)
    await mine.__aenter__()
    assert await mine.try_sent()
    with before.step() as window:
        assert (window.held, window.used, window.reset) == (20, 100, START + 1800)
        theirs = window.hold(5, "sent", ours.clock.monotonic() + 30, ours.clock.monotonic())
    assert ours.snapshot().reserved == 25
    await mine.settle(3600, 3480, START + 1800, date=START)
    await ours.ledger.run(lambda _: None)  # or the next reservation, or a moment later
    with before.step() as window:
        assert (window.held, window.used) == (5, 120)
        del window.entries[theirs]
        window.touched.add(theirs)
        window.used = 125
    seen = ours.snapshot()
    assert (seen.reserved, seen.remaining) == (0, 3475)


async def test_times_are_right_for_both_where_the_machine_was_suspended(path, monkeypatch):
    """Ours goes on meanwhile, that of the version before does not: neither misreads the other by the hours between."""
    suspended = 8 * 3600.0
    monkeypatch.setattr("tonicdm.clock._MONOTONIC", lambda: time.monotonic() + suspended)
    clock, now = SystemClock(), time.monotonic()
    ledger = SQLiteLedger(path, key="k", clock=clock)

    def fill(window):
        window.clock.observe(START, clock.monotonic() - 1.0, Instant.read(clock), window.rules)
        return send(window, 20, clock.monotonic() - at(0.0).monotonic)

    number = await ledger.run(fill)
    before = VersionBefore(path, "k", starts.boot_id())
    with before.step() as window:
        assert window.clock.low + now == pytest.approx(START, abs=5.0)
        assert window.entries[number]["sent_at"] == pytest.approx(now, abs=5.0)
        window.hold(5, "sent", now + 30, now)
        window.rolled_at = now
    seen = await ledger.run(lambda window: window)
    assert seen.clock.lower(Instant.read(clock), BudgetRules()) == pytest.approx(START, abs=5.0)
    assert [entry.sent_at for entry in seen.holdings] == pytest.approx([now + suspended] * 2, abs=5.0)
    assert seen.rolled_at == pytest.approx(now + suspended, abs=1.0)
    # What this version wrote keeps its time through a later suspension.
    suspended *= 2
    again = SQLiteLedger(path, key="k", clock=clock)
    assert (await again.run(lambda window: window.holdings.get(number).sent_at)) == pytest.approx(now + 28800, abs=5.0)
    before.close()
    await ledger.close()
    await again.close()


async def test_what_an_older_version_does_not_know_it_neither_breaks_nor_drops(path):
    """A version with a value more and one without take turns, and the one before both: the value stands."""
    clock = VirtualClock()
    newer, older = (SQLiteLedger(path, key="k", clock=clock) for _ in range(2))
    newer._state.tables._names = Names((*stored.ADDED, Stored("a_new_value", "previous_used", int)))
    await newer.run(lambda window: setattr(window, "previous_used", 77))
    await older.run(lambda window: setattr(window, "previous_used", 0) or window.admit(5, Instant.read(clock)))
    assert await newer.run(lambda window: window.previous_used) == 77
    before = VersionBefore(path, "k", starts.boot_id())
    with before.step() as window:
        window.used = 50
    before.close()
    await older.run(lambda window: setattr(window, "limit", 1000))
    assert await newer.run(lambda window: (window.previous_used, window.limit, window.used, window.held)) == (
        *(77, 1000, 50, 5),
    )
    for ledger in (newer, older):
        await ledger.close()


def test_what_a_row_lacks_has_its_default_and_what_it_has_more_is_kept():
    names = Names()
    row, _ = names.read(names.pack(opened(used=300), 0.0, {"of_a_later_version": [1]}), None)
    assert names.unknown(row) == {"of_a_later_version": [1]}
    lacking = {name: value for name, value in row.items() if name != "previous_used"}
    assert names.unpack(lacking, [], BudgetRules(), 0.0).used == 300


def test_every_attribute_has_a_stored_name_or_is_said_not_to_be_stored():
    """Who adds one to the rules has to say under which name it is stored, so that it is neither lost nor renamed."""
    every = {*Window.__slots__}
    for name in list(every):
        part = getattr(Window(), name)
        if isinstance(part, State):
            every.discard(name)
            every |= {f"{name}.{slot}" for slot in type(part).__slots__}
    names = [*stored.PLAIN, *(each for group in stored.LISTS.values() for each in group), *stored.ADDED]
    paths = {each.path for each in names}
    beside_a_pause = {"cooldown.until_or_paused", "cooldown.until_beside_pause"}  # both hold `cooldown.until`
    assert beside_a_pause <= paths
    assert paths - beside_a_pause | {"cooldown.until"} == every - stored.NOT_STORED
    assert {each.path for each in stored.ENTRY} == {*Entry.__slots__}
    assert len({each.name for each in names}) == len(names)
    assert stored.NOT_STORED - every == set()
    assert {*Holdings.__slots__} >= {"entries", "touched"}


def test_stored_names_are_those_that_files_already_hold():
    """A renamed attribute keeps its stored name: this list may grow and never change."""
    assert [each.name for each in stored.PLAIN] == [
        *("limit", "used", "reset", "assumed", "previous_reset", "previous_used", "opened_at", "rolled_at"),
        *("renewed_at", "headers_seen", "first"),
    ]
    assert {name: len(group) for name, group in stored.LISTS.items()} == {
        "clock": 4,
        "silence": 4,
        "others": 5,
        "next": 2,
    }
    assert [each.name for each in stored.ADDED] == [
        *("limit_before", "limit_call", "limit_sent_at", "used_told_at", "provisional", "reset_told_at"),
        *("learned_length", "claims.limit", "claims.limit_call", "claims.limit_remaining", "claims.reset"),
        *("claims.reset_call", "claims.reset_answers", "claims.reset_since", "silence.ends_at", "silence.ends_for"),
        *("silence.probes", "unconfirmed", "pause.until", "pause.silence", "counts.began_at", "counts.limited"),
        *("counts.waits", "counts.waited"),
    ]
    assert [each.name for each in stored.ENTRY] == [
        *("number", "cost", "state", "until", "sent_at", "closed_at", "lane", "label", "holder", "job"),
    ]


@pytest.mark.parametrize("ahead", [0.0, 28_800.0, -5.0])
def test_a_window_is_the_same_after_it_was_stored_whatever_the_clocks(ahead):
    window = opened(used=300)
    window.lose(send(window, 5, 1.0, label="GET /x"), at(2.0))
    answer(window, send(window, 1, 5.0), 3600, 6.0, status=429)
    names = Names()
    row, by_us = names.read(names.pack(window, ahead, {}), None)
    again = names.unpack(row, list(window.holdings), BudgetRules(), ahead)
    assert by_us
    assert again.reset == RESET
    for each in (*stored.PLAIN, *(each for group in stored.LISTS.values() for each in group)):
        first, second = (_at_path(one, each.path) for one in (window, again))
        assert first == (second if each.base is Base.NONE or second is None else pytest.approx(second)), each


def test_a_text_does_not_depend_on_what_was_written_before():
    """Only what changed is written anew, also where a value, a label or the clock comes back."""
    window, names, odd = opened(used=300), Names(), ("bulk", 'GET "/x", \n')
    changes = [
        {},
        {"used": 301, "limit_sent_at": 7.25, "first": 3},
        {"used": 300, "limit_sent_at": math.inf, "first": None, "accounts": {odd: (2, 10)}},
        {"provisional": True, "previous_reset": RESET, "accounts": {odd: (3, 11), ("", ""): (1, 1)}},
        {"provisional": False, "previous_reset": None, "accounts": {}},
    ]
    for change, ahead in itertools.product(changes, [0.0, 28_800.0, 0.0]):
        for name, value in change.items():
            setattr(window, name, value)
        text = names.pack(window, ahead, {})
        assert text == Names().pack(window, ahead, {})
        assert json.loads(text)["accounts"] == [[*key, *sums] for key, sums in window.accounts.items()]
        window.holdings.next_number += 1
        assert names.pack_next(window) == Names().pack(window, ahead, {})


def _at_path(window, path):
    for name in path.split("."):
        window = getattr(window, name)
    return window


def test_reservations_are_read_as_they_were_stored():
    entry = Entry(7, 5, EntryState.UNKNOWN, 130.0, 100.0, 101.5, "bulk", "GET /x", "pid 3")
    row = dict(zip([each.name for each in stored.ENTRY], stored.entry_values(entry, 10.0), strict=True))
    assert (row["sent_at"], row["closed_at"], row["until"]) == (90.0, 91.5, 120.0)
    assert stored.entry_from(row, 10.0) == entry
