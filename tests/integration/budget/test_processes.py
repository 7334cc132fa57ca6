"""Real processes on one SQLite ledger against the sandbox: killed, stopped, resumed, started anew."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable

import pytest

from tests import processes
from tests.integration.budget.worker import CALLS_AT_ONCE, PRICES, rules
from tonicdm import TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox, SandboxSettings

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals that stop and resume a process"),
]
WINDOW = 5.0


@pytest.fixture
def place(request, tmp_path):
    """Where the processes' ledger is kept."""
    case = getattr(request.node, "callspec", None)
    if case is not None and case.params.get("kept") == "postgresql":
        return request.getfixturevalue("postgres_url")
    return str(tmp_path / "b.db")


@pytest.fixture
def start(place, start_with):
    """Starts worker processes on one ledger."""
    return lambda box, *more: start_with(box, place, WINDOW, *more)


@pytest.fixture
def start_with():
    """Starts worker processes; whatever is left of them is killed."""
    started = []

    def start(box: Sandbox, place: str, window: float, *more: str) -> subprocess.Popen[str]:
        command = [*processes.module("tests.integration.budget.worker"), box.url, place, str(window)]
        process = subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True, start_new_session=True)
        started.append(process)
        return process

    yield start
    for process in started:
        kill_with_children(process)
        process.wait()
        process.stdout.close()


def kill_with_children(process: subprocess.Popen[str]) -> None:
    """Kill a process and what it has forked."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


async def line(process: subprocess.Popen[str]) -> str:
    try:
        async with asyncio.timeout(240):
            return await asyncio.to_thread(process.stdout.readline)
    except TimeoutError:
        kill_with_children(process)  # the thread would read from it for ever, and the test not end
        raise


async def answered(processes: list[subprocess.Popen[str]]) -> None:
    """Wait until each of *processes* has an answer to a call that it begins from now on."""
    for process in processes:
        process.send_signal(signal.SIGUSR1)
    for process in processes:
        assert await line(process) == "answered\n"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that a loaded machine may take long for."""
    async with asyncio.timeout(240):
        while not condition():
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("kept", ["file", "postgresql"])
async def test_four_processes_one_killed_one_stopped_see_no_429(kept, start, place):
    """The ledger's books equal the server's: zero 429, and in the end every unit is accounted for.

    In PostgreSQL the processes are of hosts whose clocks are up to five minutes off.
    """
    skews = [f"skew={seconds}" for seconds in (-300, -100, 100, 300)] if kept == "postgresql" else [""] * 4
    settings = SandboxSettings(limit=400, window_seconds=WINDOW, latency_seconds=(0.01, 0.15))
    async with Sandbox(records=600, settings=settings) as box:
        workers = [start(box, skew) for skew in skews]
        for worker in workers:
            assert await line(worker) == "ready\n"
        await asyncio.sleep(1.0)
        workers[0].kill()
        os.kill(workers[1].pid, signal.SIGSTOP)
        await asyncio.sleep(5.0)  # longer than its leases, its timeouts and T_settle
        os.kill(workers[1].pid, signal.SIGCONT)
        workers.append(start(box, skews[0]))
        assert await line(workers[-1]) == "ready\n"
        seen = box.units()
        await until(lambda: box.units() > seen + 400)  # more than one window's worth
        counts = 0
        for worker in workers[1:]:
            worker.terminate()
        for worker in workers[1:]:
            counts += json.loads(await line(worker))["calls"]
        assert not [entry for entry in box.journal if entry.status == 429]
        assert 0 < counts <= len(box.journal)
        # The units of the killed process's calls come back when a later call has answered, in any window.
        await asyncio.sleep(2.1)
        budget = UnitBudget.shared(place, key="k", rules=rules(WINDOW))
        async with budget, TonicDM("sandbox-token", base_url=box.url, budget=budget) as tonic:
            await tonic.offices.list(data_quantity="id_only").first()
            await asyncio.sleep(2.1)
            await tonic.offices.list(data_quantity="id_only").first()
            seen, last = budget.snapshot(), box.journal[-1]
            assert seen.reserved == 0
            assert seen.remaining == last.remaining
            assert seen.foreign == 0
        assert not [entry for entry in box.journal if entry.status == 429]


def zero(path: pathlib.Path) -> None:
    """Write zeros over the whole file in place."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=30.0)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))


def restore(backup: pathlib.Path, path: pathlib.Path) -> None:
    """Put a backup in the file's place, with the log of the old one out of the way."""
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    backup.replace(path)


def set_aside(folder: pathlib.Path) -> list[pathlib.Path]:
    return [path for path in folder.iterdir() if "damaged" in path.name]


async def disasters(start, tmp_path: pathlib.Path, *, rounds: int) -> tuple[int, int]:
    """Let four processes work while one is killed, one stopped, and the ledger is zeroed and replaced.

    Returns:
        Units of calls that were refused, and units that killed processes can have had in flight at most.
    """
    settings = SandboxSettings(limit=400, window_seconds=WINDOW, latency_seconds=(0.01, 0.15))
    path, backup, dead = tmp_path / "b.db", tmp_path / "backup.db", 0
    async with Sandbox(records=600, settings=settings) as box:
        workers = [start(box), start(box), start(box), start(box, "fork")]
        for worker in workers:
            assert await line(worker) == "ready\n"
        await asyncio.sleep(0.7)
        for number in range(rounds):
            with contextlib.closing(sqlite3.connect(path)) as whole, contextlib.closing(sqlite3.connect(backup)) as to:
                whole.backup(to)
            workers[0].kill()
            dead += CALLS_AT_ONCE * max(PRICES.values())
            os.kill(workers[1].pid, signal.SIGSTOP)
            await asyncio.to_thread(zero, path)
            await asyncio.sleep(2.0)
            os.kill(workers[1].pid, signal.SIGCONT)
            workers[0] = start(box)
            assert await line(workers[0]) == "ready\n"
            await asyncio.sleep(0.3 + WINDOW * (number % 3) / 2)
            await asyncio.to_thread(restore, backup, path)
            await asyncio.sleep(1.0)
        # No hang: each goes on after the last disaster. In windows this short, one process alone may use up several.
        box.settings.limit = 100_000
        await answered(workers)
        for worker in workers:
            worker.terminate()
            assert json.loads(await line(worker))["calls"]
        assert set_aside(tmp_path), "it was damaged indeed"
        refused = [entry for entry in box.journal if entry.status == 429]
        for entry in refused:
            # What had left before the 429 was received is no call into it, however late a busy machine takes it.
            into = [one for one in box.journal if entry.at < one.at < entry.reset]
            assert len(into) < CALLS_AT_ONCE * (len(workers) + 1), "no call into a 429"
        overdrawn = sum(PRICES[entry.options["data_quantity"]] for entry in refused)
        print(f"{overdrawn} units overdrawn, {dead} in flight of the dead at most, {len(box.journal)} calls")  # noqa: T201
        return overdrawn, dead


async def test_a_ledger_zeroed_and_replaced_under_four_processes_overdraws_at_most_what_the_dead_had_in_flight(
    start, tmp_path
):
    """One killed, one stopped, one forked after use; no call into a 429, no hang."""
    overdrawn, bound = await disasters(start, tmp_path, rounds=1)
    assert overdrawn <= bound == 120


@pytest.mark.thorough
async def test_the_same_again_and_again(start, tmp_path):
    overdrawn, bound = await disasters(start, tmp_path, rounds=8)
    assert overdrawn <= bound


async def test_after_a_429_a_killed_and_restarted_process_is_silent_until_the_reset(start, place):
    """The silence is in the file before the answer reaches anybody."""
    # Calls under way at the first 429 are refused as well, and each moves the reset.
    settings = SandboxSettings(limit=400, window_seconds=WINDOW, latency_seconds=(0.01, 0.05), extend_seconds=0.5)
    async with Sandbox(records=600, settings=settings) as box, UnitBudget.shared(place, key="k") as looking:

        def refused() -> list[float]:
            return [entry.reset for entry in box.journal if entry.status == 429]

        def is_told() -> bool:
            blocked = looking.snapshot().blocked_until
            return blocked is not None and bool(refused()) and blocked.timestamp() >= max(refused())

        worker = start(box)
        assert await line(worker) == "ready\n"
        await asyncio.sleep(0.3)
        box.spend(400)
        await until(is_told)
        await asyncio.sleep(0.3)
        await until(is_told)
        told = max(refused())
        worker.kill()
        worker.wait()
        await asyncio.sleep(0.1)  # what it had sent comes in
        seen = len(box.journal)
        again = start(box)
        assert await line(again) == "ready\n"
        await until(lambda: len(box.journal) > seen)
        assert box.journal[seen].at >= told
        assert box.journal[seen].status == 200


async def test_many_processes_may_make_the_file_at_once(start):
    """Whoever comes first makes it; nobody fails."""
    settings = SandboxSettings(limit=100_000, window_seconds=60.0)
    async with Sandbox(records=600, settings=settings) as box:
        workers = [start(box) for _ in range(6)]
        assert [await line(worker) for worker in workers] == ["ready\n"] * 6
        await answered(workers)
        for worker in workers:
            worker.terminate()
        counts = [json.loads(await line(worker))["calls"] for worker in workers]
        assert all(counts)
        assert len(box.journal) >= sum(counts)


@pytest.mark.thorough
async def test_four_hosts_with_wrong_clocks_use_their_windows_up_and_see_no_429(postgres_url, start_with):
    """Minutes before and behind the database's clock; at least 98 % of the units of whole windows.

    That such hosts see no 429 is among the ordinary tests, too, with one killed and one stopped (above).
    """
    window, windows = 20.0, 4
    settings = SandboxSettings(limit=400, window_seconds=window, latency_seconds=(0.01, 0.1))
    async with Sandbox(records=600, settings=settings) as box:
        workers = [start_with(box, postgres_url, window, f"skew={seconds}") for seconds in (-300, -100, 100, 300)]
        for worker in workers:
            assert await line(worker) == "ready\n"
        async with asyncio.timeout(window * (windows + 6)):
            # The first window begins while not all are at work, the last one is not over.
            while len({entry.reset for entry in box.journal}) < windows + 2:
                await asyncio.sleep(0.05)
        for worker in workers:
            worker.terminate()
        used = Counter[float]()
        for entry in box.journal:
            assert entry.status != 429
            used[entry.reset] = max(used[entry.reset], entry.used)
        whole = [used[reset] for reset in sorted(used)[1:-1]]
        assert sum(whole) >= 0.98 * 400 * len(whole), whole
