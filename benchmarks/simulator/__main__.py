"""``python -m benchmarks.simulator``: print the table of docs/explanation/budget.md."""

import argparse
import asyncio
import contextlib
import dataclasses
import random
import statistics
import sys
import time
from collections.abc import Callable

from benchmarks.simulator.policies import (
    LastWriteWins,
    LeastOfBoth,
    Limiter,
    Ours,
    Policy,
    SharedMemory,
    SleepToReset,
)
from benchmarks.simulator.server import LIMIT, Server
from tests.unit.budget.virtualtime import LoopClock, run
from tonicdm.budget import BudgetRules

HOURS = 9


@dataclasses.dataclass(frozen=True)
class Workload:
    """What is asked of the policies."""

    name: str
    processes: int = 1
    skew: tuple[float, ...] = (0.0,)
    """Seconds that each process's wall clock is ahead of the server's."""
    others: float = 0.0
    """Units a second spent by other users of the token."""
    interactive: tuple[int, int] = (240, 1)
    """Calls an hour beside the bulk job, and their cost."""
    lossy: float = 0.0
    restarts: float = 0.0
    """Seconds between two deaths of a process, in the mean."""
    workers: int = 40


@dataclasses.dataclass
class Result:
    """What came of it."""

    ours: float
    """Share of all windows' units that our calls used, in percent."""
    all: float
    """The same with the other users' calls."""
    refused: int
    p95: float
    """95th percentile of an interactive call's time, network included, in seconds."""


Make = Callable[[Server, LoopClock], Policy]


async def simulate(make: Callable[[Server], Make], load: Workload, seed: int) -> Result:
    """Let all processes work for nine hours."""
    rng = random.Random(seed)
    server = Server(rng, lossy=load.lossy)
    build, waits = make(server), list[float]()
    tasks = [asyncio.create_task(server.others(load.others))]
    tasks += [
        asyncio.create_task(process(build, server, load, rng, load.skew[index % len(load.skew)], waits))
        for index in range(load.processes)
    ]
    await asyncio.sleep(HOURS * 3600)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    whole = HOURS * LIMIT / 100
    p95 = statistics.quantiles(waits, n=20)[-1] if len(waits) > 20 else float("inf")
    return Result(server.served / whole, (server.served + server.foreign) / whole, server.refused, p95)


async def process(
    build: Make, server: Server, load: Workload, rng: random.Random, skew: float, waits: list[float]
) -> None:
    """Be one process, which may die and start anew."""
    while True:
        policy = build(server, LoopClock(skew))
        life = rng.expovariate(1 / load.restarts) if load.restarts else 1e9
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(life), asyncio.TaskGroup() as group:
                for _ in range(load.workers // load.processes):
                    group.create_task(bulk(policy, rng))
                if load.interactive[0]:
                    group.create_task(trickle(policy, load, rng, waits))
        await asyncio.sleep(rng.uniform(1, 10))


async def bulk(policy: Policy, rng: random.Random) -> None:
    while True:
        with contextlib.suppress(TimeoutError):
            await policy.call(rng.choices((20, 5, 1), (5, 3, 2))[0], "bulk")


async def trickle(policy: Policy, load: Workload, rng: random.Random, waits: list[float]) -> None:
    async def one() -> None:
        begun = asyncio.get_running_loop().time()
        try:
            with contextlib.suppress(TimeoutError):
                await policy.call(load.interactive[1], "interactive")
        finally:
            waits.append(asyncio.get_running_loop().time() - begun)

    async with asyncio.TaskGroup() as group:
        while True:
            await asyncio.sleep(rng.expovariate(load.interactive[0] / load.processes / 3600))
            group.create_task(one())


def plain(kind: Callable[[Server, LoopClock], Policy]) -> Callable[[Server], Make]:
    return lambda _server: kind


def own_ledgers(**rules: int) -> Callable[[Server], Make]:
    return lambda _server: lambda server, clock: Ours(server, clock, rules=BudgetRules(**rules))


def one_ledger(_server: Server) -> Make:
    ledger = SharedMemory()
    return lambda server, clock: Ours(server, clock, ledger)


AHEAD, BEHIND, MIXED = (20.0,), (-20.0,), (20.0, -20.0, 7.0, -7.0)
ONE_FAST = Workload("1 process, clock 20 s fast", skew=AHEAD)
ONE_SLOW = Workload("1 process, clock 20 s slow", skew=BEHIND)
FOUR = Workload("4 processes", processes=4, skew=MIXED)
SHARED_TOKEN = Workload("1 process, others use 0.2 units/s", others=0.2)

THEIRS = [
    ("each call sleeps to the reset", plain(SleepToReset)),
    ("aiolimiter(3600, 3600)", plain(Limiter)),
    ("last headers win", plain(LastWriteWins)),
    ("least of own count and headers", plain(LeastOfBoth)),
]
ROWS = [(name, make, load) for load in (ONE_FAST, ONE_SLOW, FOUR, SHARED_TOKEN) for name, make in THEIRS]
OURS = [
    ("**tonicdm**", one_ledger, ONE_FAST),
    ("**tonicdm**", one_ledger, ONE_SLOW),
    ("**tonicdm**, one ledger", one_ledger, FOUR),
    ("**tonicdm**, nothing shared, peers=4", own_ledgers(peers=4), FOUR),
    ("**tonicdm**, nothing shared, `peers` not set", own_ledgers(), FOUR),
    ("**tonicdm**", one_ledger, SHARED_TOKEN),
    ("**tonicdm**", one_ledger, Workload("60 interactive calls of 5 an hour", interactive=(60, 5))),
    (
        "**tonicdm**, one ledger",
        one_ledger,
        Workload("4 processes, 1 % of answers lost, each dies every 20 min", 4, MIXED, lossy=0.01, restarts=1200.0),
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="runs of each row; medians are printed")
    parser.add_argument("--ours", action="store_true", help="leave the other policies out")
    options = parser.parse_args()
    rows = OURS if options.ours else ROWS + OURS
    begun = time.perf_counter()
    print("| workload | policy | units used by us | by all | our 429s | interactive p95 |\n|---|---|---|---|---|---|")
    for name, make, load in sorted(rows, key=lambda row: [r[2].name for r in rows].index(row[2].name)):
        results = [run(simulate(make, load, seed)) for seed in range(options.seeds)]
        ours, all_, refused, p95 = (
            statistics.median(getattr(r, field) for r in results) for field in ("ours", "all", "refused", "p95")
        )
        wait = f"{p95:,.1f} s" if p95 < 1e6 else "none served"
        print(f"| {load.name} | {name} | {ours:.2f} % | {all_:.2f} % | {refused:,.0f} | {wait} |", flush=True)
    print(
        f"\n{HOURS} hours of windows, median of {options.seeds} runs; {time.perf_counter() - begun:.0f} s of ours.",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
