"""How programs are run: forked workers, loops in threads, loops one after another, laptops that are suspended."""

import asyncio
import os
import pathlib
import subprocess
import sys
import textwrap
import threading
import time
import warnings

import pytest

from tonicdm import UnitBudget
from tonicdm.budget import BudgetRules
from tonicdm.clock import SystemClock

QUIET = ("-W", "always", "-W", "ignore::DeprecationWarning")  # newer Pythons deprecate a fork beside threads
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")

COMMON = """
import asyncio, os, sys, threading, time, warnings
from tonicdm import UnitBudget

def shared(**settings):
    return UnitBudget.shared(sys.argv[1], max_calls_per_second=None, **settings)

async def call(budget, remaining, cost=5):
    async with budget.reserve(cost) as reservation:
        await reservation.sent()
        await reservation.settle(3600, remaining, time.time() + 3600, date=time.time() // 1)

def fork(child):
    pid = os.fork()
    if not pid:
        code = 1
        try:
            child()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0, "the child failed"
"""


def run(code: str, path: pathlib.Path) -> str:
    """Run a program in a process of its own; its output. One that hangs is an error."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "always",
            "-W",
            "ignore::DeprecationWarning",
            "-c",
            COMMON + textwrap.dedent(code),
            path,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@needs_fork
def test_a_child_that_was_forked_after_first_use_shares_the_file(tmp_path: pathlib.Path) -> None:
    """gunicorn --preload, multiprocessing: before, its first reserve hung for good."""
    output = run(
        """
        budget = shared()
        asyncio.run(call(budget, 3595))

        def child():
            asyncio.run(call(budget, 3590))
            print("child", budget.snapshot().remaining)

        fork(child)
        fork(child)
        asyncio.run(call(budget, 3585))
        print("parent", budget.snapshot().remaining, budget.snapshot().reserved)
        """,
        tmp_path / "budget.db",
    )
    assert output.split("\n")[:3] == ["child 3590", "child 3590", "parent 3585 0"]
    assert "Warning" not in output


@needs_fork
def test_a_child_leaves_calls_that_wait_and_those_under_way_to_its_parent(tmp_path: pathlib.Path) -> None:
    """Forked from inside a loop: nothing of the parent is served or given back twice."""
    output = run(
        """
        async def main():
            budget = shared(max_concurrency=2)
            await call(budget, 3595)
            held = [budget.reserve(20) for _ in range(2)]
            for reservation in held:
                await reservation.__aenter__()
                assert await reservation.try_sent()
            waiting = [asyncio.create_task(call(budget, 3500)) for _ in range(3)]
            while budget.snapshot().waiting["normal"][0] < 3:
                await asyncio.sleep(0.001)

            def child():
                assert budget.snapshot().waiting["normal"] == (0, 0)
                thread = threading.Thread(target=lambda: asyncio.run(call(budget, 3590)))
                thread.start()
                thread.join(60)
                print("child served", not thread.is_alive(), budget.snapshot().reserved)

            fork(child)
            for reservation in held:
                await reservation.settle(3600, 3550, time.time() + 3600, date=time.time() // 1)
            await asyncio.gather(*waiting)
            print("parent served", budget.snapshot().reserved)
            await budget.close()

        asyncio.run(main())
        """,
        tmp_path / "budget.db",
    )
    assert output == "child served True 40\nparent served 0\n"


@needs_fork
def test_forks_in_the_middle_of_steps_hang_nobody(tmp_path: pathlib.Path) -> None:
    """A lock that a thread of the parent holds at that moment would be held in the child for ever."""
    output = run(
        """
        budget = shared()
        stop = threading.Event()

        def busy():
            async def calls():
                while not stop.is_set():
                    await call(budget, 3000)
            asyncio.run(calls())

        asyncio.run(call(budget, 3595))
        thread = threading.Thread(target=busy)
        thread.start()
        for _ in range(25):
            fork(lambda: asyncio.run(asyncio.wait_for(call(budget, 3000), 60)))
        stop.set()
        thread.join()
        print("all served")
        """,
        tmp_path / "budget.db",
    )
    assert output == "all served\n"


@needs_fork
def test_a_memory_that_was_used_before_the_fork_warns_once(tmp_path: pathlib.Path) -> None:
    """It names the setting. One that was not used, or is made anew, has nothing to warn of."""
    output = run(
        """
        used, unused = UnitBudget.memory(max_calls_per_second=None), UnitBudget.memory(max_calls_per_second=None)
        asyncio.run(call(used, 3595))

        def child():
            for budget in (unused, UnitBudget.memory(max_calls_per_second=None), used, used):
                asyncio.run(call(budget, 3590))
            print("child", used.snapshot().remaining)

        fork(child)
        asyncio.run(call(used, 3590))
        """,
        tmp_path / "budget.db",
    )
    assert output.startswith("child 3590\n")
    assert output.count("RuntimeWarning") == 1
    assert "TONICDM_BUDGET" in output


@pytest.mark.parametrize("kind", ["memory", "file"])
def test_loops_of_several_threads_share_one_budget(kind: str, tmp_path: pathlib.Path) -> None:
    """One waits for units that another gives back; before, it hung."""
    rules = BudgetRules(limit=10, interactive_reserve=0.0)
    settings = {"rules": rules, "max_calls_per_second": None}
    budget = UnitBudget.memory(**settings) if kind == "memory" else UnitBudget.shared(tmp_path / "b.db", **settings)
    reset, done, lock = time.time() + 3600, [], threading.Lock()

    async def call(cost: int, seconds: float) -> None:
        async with budget.reserve(cost, priority="interactive") as reservation:
            await reservation.sent()
            await asyncio.sleep(seconds)
            await reservation.settle(10, 9, reset, date=time.time() // 1)  # it cost 1, whatever was reserved
            with lock:
                done.append(cost)

    def loop(cost: int, calls: int, seconds: float) -> None:
        async def main() -> None:
            await asyncio.wait_for(asyncio.gather(*[call(cost, seconds) for _ in range(calls)]), 60)

        asyncio.run(main())

    loop(1, 1, 0.0)
    threads = [threading.Thread(target=loop, args=(cost, 4, 0.02)) for cost in (9, 5, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(done) == [1, *[5] * 4, *[8] * 4, *[9] * 4]
    assert budget.snapshot().waiting == {"interactive": (0, 0), "normal": (0, 0), "bulk": (0, 0)}
    asyncio.run(budget.close())


def test_closing_refuses_those_who_wait_in_the_loops_of_other_threads() -> None:
    budget = UnitBudget.memory(rules=BudgetRules(limit=5), max_calls_per_second=None)
    waits, refused = threading.Event(), []

    async def wait() -> None:
        async with budget.reserve(5) as first:
            await first.sent()
            waiting = asyncio.ensure_future(budget.reserve(5).__aenter__())
            while not budget.snapshot().waiting["normal"][0]:
                await asyncio.sleep(0.001)
            waits.set()
            refused.append(await asyncio.wait_for(asyncio.gather(waiting, return_exceptions=True), 60))

    thread = threading.Thread(target=lambda: asyncio.run(wait()))
    thread.start()
    assert waits.wait(60)
    asyncio.run(budget.close())
    thread.join(60)
    assert "closed" in str(refused[0][0])


def test_a_loop_that_was_closed_while_calls_waited_is_forgotten(tmp_path: pathlib.Path) -> None:
    """The next loop is served at once, by slots of its own; before: "Event loop is closed"."""
    budget = UnitBudget.shared(tmp_path / "b.db", max_calls_per_second=None, max_concurrency=1)

    async def call() -> None:
        async with budget.reserve(5) as reservation:
            await reservation.sent()
            await reservation.settle(3600, 3595, time.time() + 3600, date=time.time() // 1)

    async def leave() -> None:
        await call()
        await budget.reserve(5).__aenter__()
        asyncio.get_running_loop().create_task(call())
        while budget.snapshot().waiting["normal"] != (1, 5):
            await asyncio.sleep(0.001)

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    left = asyncio.all_tasks(loop)
    loop.close()
    assert budget.snapshot().waiting["normal"] == (0, 0)
    asyncio.run(asyncio.wait_for(call(), 60))
    assert budget.snapshot().remaining == 3595
    asyncio.run(budget.close())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for task in left:
            task._log_destroy_pending = False  # it is the point of this test
            task.get_coro().close()


def test_a_spent_window_is_not_waited_for_anew_after_the_machine_was_suspended(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wall clock +8 h; the monotonic clock of the event loop stood still. The process wakes within seconds."""
    suspended = 0.0
    monkeypatch.setattr("tonicdm.clock._MONOTONIC", lambda: time.monotonic() + suspended)
    monkeypatch.setattr("tonicdm.clock.MAX_SLEEP_SECONDS", 0.05)
    monkeypatch.setattr("tonicdm.budget.waiting.MAX_NAP_SECONDS", 1e9)
    monkeypatch.setattr(SystemClock, "now", lambda self: time.time() + suspended)
    budget = UnitBudget.shared(tmp_path / "b.db", max_calls_per_second=None)

    async def main() -> None:
        nonlocal suspended
        reset = time.time() + 3000
        async with budget.reserve(5) as reservation:
            await reservation.sent()
            await reservation.settle(3600, 0, reset, date=time.time() // 1)
        waiting = asyncio.ensure_future(budget.reserve(5).__aenter__())
        await asyncio.sleep(0.2)
        assert not waiting.done()
        suspended = 8 * 3600.0
        await asyncio.wait_for(waiting, 60)
        await budget.close()

    asyncio.run(main())
