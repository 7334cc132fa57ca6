"""Processes that store a part of what they know a moment later, in virtual time: any schedule, and deaths."""

import asyncio
import contextlib
import copy
import math
import random

import hypothesis.strategies as st
from hypothesis import given, settings

from tests.property.budget.test_shell_schedules import PLANS, RULES, Plan, carry_out
from tests.unit.budget.test_shell import Server
from tests.unit.budget.virtualtime import LoopClock, run
from tonicdm.budget import Concurrency, UnitBudget
from tonicdm.budget.entries import EntryState
from tonicdm.budget.ledgers.draft import Draft, stored_form
from tonicdm.budget.ledgers.inloop import FLUSH_SECONDS
from tonicdm.budget.window import Window
from tonicdm.errors import ClientClosedError


class File:
    """What is stored, for all processes."""

    def __init__(self) -> None:
        self.version = 0
        self.window = Window(RULES)


class Process:
    """The ledger of one process: what it has put off is lost when it dies."""

    poll_seconds = 1.0
    where = "a file"

    def __init__(self, file: File) -> None:
        self._file = file
        self._draft = Draft(Window(RULES))
        self._version = -1
        self._timer = None
        self.dead = False

    def _load(self):
        if self._version != self._file.version:
            self._draft.load(copy.deepcopy(self._file.window))
            self._version = self._file.version

    def _store(self):
        window = copy.deepcopy(self._draft.window)
        holdings = window.holdings
        for number, entry in holdings.entries.items():
            if number in holdings.touched:
                holdings.entries[number] = stored_form(entry, RULES.lease)
            elif number in self._file.window.holdings.entries:  # its row was not written
                holdings.entries[number] = copy.deepcopy(self._file.window.holdings.entries[number])
        holdings.held = sum(entry.cost for entry in holdings)
        holdings.unknown = sum(entry.cost for entry in holdings if entry.state is EntryState.UNKNOWN)
        holdings.touched = set()
        holdings.schedule()
        touched, self._draft.window.holdings.touched = self._draft.window.holdings.touched, set()
        self._file.window, self._file.version = window, self._file.version + 1
        self._version = self._file.version
        self._draft.stored(touched)

    async def run(self, step, undo=None):
        if self.dead:
            raise ClientClosedError("dead")
        return self._run(step)

    def _run(self, step):
        self._load()
        try:
            result = step(self._draft.window)
        except BaseException:
            self._version = -1
            raise
        self._store()
        return result

    def _tell(self, step, take, *, looks):
        if self.dead:
            return None
        if looks or self._version < 0:
            self._load()
        result = take(step)
        if not self._draft.may_wait:
            if self._version != self._file.version:
                self._draft.take_back()
                self._version = -1
                return (self._run(step),)
            self._store()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)
        return (result,)

    def reserve_now(self, step):
        if self.dead:
            return None
        if self._version != self._file.version:
            return (self._run(step),)
        try:
            result = step(self._draft.window)
        except BaseException:
            self._version = -1
            raise
        new = self._draft.reserved
        if new is None:
            self._store()
        elif new:
            self._store_reserved(new)
        return (result,)

    def _store_reserved(self, numbers):
        ours, stored = self._draft.window.holdings, copy.deepcopy(self._file.window)
        for number in numbers:
            stored.holdings.restore(stored_form(ours.entries[number], RULES.lease))
        stored.holdings.next_number = ours.next_number
        stored.holdings.touched = set()
        self._file.window, self._file.version = stored, self._file.version + 1
        self._version = self._file.version
        self._draft.stored_reserved(numbers)

    def note_now(self, step):
        return self._tell(step, self._draft.note, looks=False)

    def check_now(self, step):
        return self._tell(step, self._draft.check, looks=True)

    def _flush(self):
        self._timer = None
        if not self.dead:
            self._load()
            self._store()

    def peek(self):
        window = copy.deepcopy(self._file.window)
        self._draft.beyond().enter_in(window)
        return window

    def history(self):
        return []

    def on_change(self, call):
        pass

    async def close(self):
        self.dead = True


def covers(file: File, server: Server) -> bool:
    """Tell whether what is stored holds at least the units that the server has counted in this window (I2)."""
    window, named = file.window, math.floor(server.end)
    return window.reset != named or server.used <= window.used + window.held


def careful(file: File, processes: list[Process]) -> bool:
    """Tell whether what is stored holds at least the units that each process knows to be used or held."""
    stored = file.window.used + file.window.held
    return all(
        process.dead
        or process._version != file.version
        or process._draft.window.used + process._draft.window.held <= stored
        for process in processes
    )


@given(
    plans=st.lists(PLANS, min_size=1, max_size=30),
    deaths=st.lists(st.floats(0.0, 1200.0), max_size=3),
    seed=st.integers(0, 9),
)
@settings(max_examples=25)
def test_any_schedule_with_deaths_sees_no_429_and_loses_no_unit(plans, deaths, seed):
    """I1, I2, I3 and I10: one process dies now and then, and another takes its place."""

    async def main():
        server, file = Server(limit=60, length=600.0), File()
        processes = [Process(file), Process(file)]
        budgets = [
            UnitBudget(process, rules=RULES, clock=LoopClock(), max_calls_per_second=None) for process in processes
        ]
        for budget in budgets:
            budget._chance = random.Random(seed).random
        slots = [Concurrency(6), Concurrency(6)]
        await carry_out(Plan(0, 0.0, 1, "normal", 0.1, 0.1, "ok", 0.0), budgets[0], server, slots[0])
        mortal: set[asyncio.Task[None]] = set()

        def die():
            processes[1].dead = True
            for task in mortal:
                task.cancel()
            mortal.clear()
            processes[1], slots[1] = Process(file), Concurrency(6)
            budgets[1] = UnitBudget(processes[1], rules=RULES, clock=LoopClock(), max_calls_per_second=None)

        async def begin(plan):
            await asyncio.sleep(plan.start)
            task = asyncio.current_task()
            assert task is not None
            if plan.process == 1:
                mortal.add(task)
            await carry_out(plan, budgets[plan.process], server, slots[plan.process])
            mortal.discard(task)

        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(begin(plan)) for plan in plans]
        for plan, task in zip(plans, tasks, strict=True):
            if plan.outcome == "cancelled":
                loop.call_later(2 * plan.start + plan.max_wait, task.cancel)
        for death in deaths:
            loop.call_later(death, die)
        check = loop.create_task(watch(file, processes, server))
        await asyncio.wait(tasks, timeout=40_000)
        assert all(task.done() for task in tasks), "I8, I9: everybody is served in the end"
        assert all(status == 200 for _, _, status in server.log), "I1"
        await asyncio.sleep(2 * RULES.lease + RULES.settle_time + 15)
        await carry_out(Plan(0, 0.0, 1, "interactive", 0.1, 0.1, "ok", 0.0), budgets[0], server, slots[0])
        await asyncio.sleep(2 * FLUSH_SECONDS)
        assert file.window.held == 0, "I3"
        assert file.window.used == server.used, "I3"
        assert not check.done()
        check.cancel()
        for budget in budgets:
            with contextlib.suppress(TimeoutError):
                await budget.close()

    run(main())


async def watch(file: File, processes: list[Process], server: Server) -> None:
    while True:
        assert covers(file, server)
        assert careful(file, processes)
        await asyncio.sleep(0.5)
