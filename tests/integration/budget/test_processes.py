"""Real processes on one SQLite ledger against the sandbox: killed, stopped, resumed, started anew."""

import asyncio
import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

from tests.integration.budget.worker import rules
from tonicdm import TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox, SandboxSettings

pytestmark = [
    pytest.mark.realtime,
    pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs signals that stop and resume a process"),
]
WINDOW = 5.0


@pytest.fixture
def start(tmp_path):
    """Starts worker processes on one ledger; whatever is left of them is killed."""
    started = []

    def start(box: Sandbox, *more: str) -> subprocess.Popen[str]:
        root = pathlib.Path(__file__).parents[3]
        command = [
            sys.executable,
            "-m",
            "tests.integration.budget.worker",
            box.url,
            str(tmp_path / "b.db"),
            str(WINDOW),
        ]
        started.append(subprocess.Popen([*command, *more], stdout=subprocess.PIPE, text=True, cwd=root))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


async def line(process: subprocess.Popen[str]) -> str:
    return await asyncio.to_thread(process.stdout.readline)


async def test_four_processes_one_killed_one_stopped_see_no_429(start, tmp_path):
    """The ledger's books equal the server's: zero 429, and in the end every unit is accounted for."""
    settings = SandboxSettings(limit=400, window_seconds=WINDOW, latency_seconds=(0.01, 0.15))
    async with Sandbox(records=600, settings=settings) as box:
        workers = [start(box) for _ in range(4)]
        for worker in workers:
            assert await line(worker) == "ready\n"
        await asyncio.sleep(1.0)
        workers[0].kill()
        os.kill(workers[1].pid, signal.SIGSTOP)
        await asyncio.sleep(5.0)  # longer than its leases, its timeouts and T_settle
        os.kill(workers[1].pid, signal.SIGCONT)
        workers.append(start(box))
        assert await line(workers[-1]) == "ready\n"
        await asyncio.sleep(8.0)
        told = 0
        for worker in workers[1:]:
            worker.terminate()
        for worker in workers[1:]:
            told += json.loads(await line(worker))["calls"]
        assert not [entry for entry in box.journal if entry.status == 429]
        assert 0 < told <= len(box.journal)
        assert box.units() > 400, "more than one window's worth"
        # The units of the killed process's calls come back when a later call has answered, in any window.
        await asyncio.sleep(2.1)
        budget = UnitBudget.shared(tmp_path / "b.db", key="k", rules=rules(WINDOW))
        async with budget, TonicDM("sandbox-token", base_url=box.url, budget=budget) as tonic:
            await tonic.offices.list(data_quantity="id_only").first()
            await asyncio.sleep(2.1)
            await tonic.offices.list(data_quantity="id_only").first()
            seen, last = budget.snapshot(), box.journal[-1]
            assert seen.reserved == 0
            assert seen.remaining == last.remaining
            assert seen.foreign == 0
        assert not [entry for entry in box.journal if entry.status == 429]


async def test_after_a_429_a_killed_and_restarted_process_is_silent_until_the_reset(start):
    """The silence is in the file before the answer reaches anybody."""
    # Calls under way at the first 429 are refused as well, and each moves the reset.
    settings = SandboxSettings(limit=400, window_seconds=WINDOW, latency_seconds=(0.01, 0.05), extend_seconds=0.5)
    async with Sandbox(records=600, settings=settings) as box:
        worker = start(box)
        assert await line(worker) == "ready\n"
        await asyncio.sleep(0.3)
        box.spend(400)
        async with asyncio.timeout(20):
            while not [entry for entry in box.journal if entry.status == 429]:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        worker.kill()
        refused = [entry for entry in box.journal if entry.status == 429]
        seen = len(box.journal)
        again = start(box)
        assert await line(again) == "ready\n"
        async with asyncio.timeout(30):
            while len(box.journal) == seen:
                await asyncio.sleep(0.05)
        assert box.journal[seen].at >= max(entry.reset for entry in refused)
        assert box.journal[seen].status == 200


async def test_many_processes_may_make_the_file_at_once(start):
    """Whoever comes first makes it; nobody fails."""
    settings = SandboxSettings(limit=100_000, window_seconds=60.0)
    async with Sandbox(records=600, settings=settings) as box:
        workers = [start(box) for _ in range(6)]
        assert [await line(worker) for worker in workers] == ["ready\n"] * 6
        await asyncio.sleep(0.5)
        for worker in workers:
            worker.terminate()
        told = [json.loads(await line(worker))["calls"] for worker in workers]
        assert all(told)
        assert len(box.journal) >= sum(told)
