"""Units for one call, and a hundred thousand calls that wait for theirs, beside other limiters."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

from benchmarks.table import show
from tonicdm import UnitBudget
from tonicdm.budget import BudgetRules

ACQUIRES, ROUNDS, WAITERS, WATCHED = 2_000, 9, 100_000, 3.0
PLENTY = 1_000_000_000

Acquire = Callable[[], Awaitable[Any]]


async def ours(budget: UnitBudget) -> Acquire:
    """Open the window, so that what is measured is the ordinary case."""
    async with budget.reserve(1) as reservation:
        await reservation.sent()
        await reservation.settle(budget.rules.limit, budget.rules.limit - 1, time.time() + 3600)
    return lambda: budget.reserve(1, priority="interactive").__aenter__()


async def memory(limit: int, _: str) -> Acquire:
    return await ours(
        UnitBudget.memory(rules=BudgetRules(limit=limit), max_calls_per_second=None, max_concurrency=PLENTY)
    )


async def paced(limit: int, _: str) -> Acquire:
    return await ours(
        UnitBudget.memory(rules=BudgetRules(limit=limit), max_calls_per_second=1e6, max_concurrency=PLENTY)
    )


async def sqlite(limit: int, folder: str) -> Acquire:
    file = pathlib.Path(folder, f"{limit}.db")
    await asyncio.to_thread(file.unlink, missing_ok=True)
    rules = BudgetRules(limit=limit)
    return await ours(UnitBudget.shared(file, rules=rules, max_calls_per_second=None, max_concurrency=PLENTY))


async def aiolimiter(limit: int, _: str) -> Acquire:
    from aiolimiter import AsyncLimiter

    limiter = AsyncLimiter(limit, 3600)
    if limit == 1:
        await limiter.acquire()
    return limiter.acquire


async def pyrate(limit: int, _: str) -> Acquire:
    from pyrate_limiter import Duration, Limiter, Rate

    limiter = Limiter(Rate(limit, Duration.HOUR))
    if limit == 1:
        await limiter.try_acquire_async("key")
    return lambda: limiter.try_acquire_async("key")


async def throttled(limit: int, _: str) -> Acquire:
    from throttled.asyncio import MemoryStore, Throttled, per_hour

    limiter = Throttled(key="key", using="fixed_window", quota=per_hour(limit), store=MemoryStore(), timeout=3600)
    if limit == 1:
        await limiter.limit()
    return limiter.limit


CASES: dict[str, tuple[str, Callable[[int, str], Awaitable[Acquire]]]] = {
    "tonicdm, memory ledger": ("tonicdm", memory),
    "tonicdm, memory ledger, paced": ("tonicdm", paced),
    "tonicdm, SQLite ledger": ("tonicdm", sqlite),
    "aiolimiter": ("aiolimiter", aiolimiter),
    "pyrate-limiter": ("pyrate_limiter", pyrate),
    "throttled-py": ("throttled", throttled),
}


async def acquire_all(names: list[str], folder: str) -> dict[str, list[float]]:
    results: dict[str, list[float]] = {name: [] for name in names}
    for number in range(ROUNDS + 1):
        for name in names:
            acquire = await CASES[name][1](PLENTY, folder)
            gc.collect()
            began = time.perf_counter()
            held = [await acquire() for _ in range(ACQUIRES)]
            if number:
                results[name].append((time.perf_counter() - began) / ACQUIRES * 1e6)
            if name.startswith("tonicdm"):
                for reservation in held:
                    await reservation.refund()
                await held[0]._queue.access.close()
    return results


def resident() -> int:
    """Return the bytes of memory that this process has."""
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096


async def wait_all(name: str, folder: str) -> dict[str, float]:
    """Let a hundred thousand calls wait behind one unit that is spent."""
    acquire = await CASES[name][1](1, folder)
    gc.collect()
    before, began = resident(), time.perf_counter()
    tasks = [asyncio.ensure_future(acquire()) for _ in range(WAITERS)]
    await asyncio.sleep(0)
    await asyncio.sleep(0.5)
    queued, each = time.perf_counter() - began - 0.5, (resident() - before) / WAITERS
    await asyncio.sleep(2.0)
    cpu = time.process_time()
    await asyncio.sleep(WATCHED)
    cpu = (time.process_time() - cpu) / WATCHED * 100
    began = time.perf_counter()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"queue s": queued, "bytes each": each, "CPU %": cpu, "cancel s": time.perf_counter() - began}


def main() -> None:
    names = [name for name, (module, _) in CASES.items() if importlib.util.find_spec(module)]
    with tempfile.TemporaryDirectory() as folder:
        show(
            f"One unit, nobody waiting: {ACQUIRES} in a row, {ROUNDS} rounds",
            "us",
            asyncio.run(acquire_all(names, folder)),
            "aiolimiter",
            "Targets: 20 us in memory, 1,000 us with SQLite. Ours keep a reservation of each.",
        )
        print(f"\n{WAITERS:,} calls that wait (targets: 1,500 bytes each with their task, no CPU, cancelled in 1.5 s)")
        print(f"{'case':<36}{'queue s':>12}{'bytes each':>12}{'CPU %':>12}{'cancel s':>12}")
        for name in names:
            command = [sys.executable, "-m", "benchmarks.budget", name, folder]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            results = json.loads(done.stdout)
            print(f"{name:<36}" + "".join(f"{value:>12,.2f}" for value in results.values()), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(asyncio.run(wait_all(sys.argv[1], sys.argv[2]))))
    else:
        main()
