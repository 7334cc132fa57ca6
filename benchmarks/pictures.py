"""The data of the documentation's plots: two hours of a budget with lanes, and what syncs cost beside their bound."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import random
import tempfile
from typing import Any

from benchmarks.simulator.policies import Ours
from benchmarks.simulator.server import Server
from tests.unit.budget.virtualtime import LoopClock, run
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize
from tonicdm.types import Priority

FILE = pathlib.Path(__file__).with_suffix(".json")
"""Committed, so that the documentation builds without a simulation."""

MINUTES = 120
RECORD_TYPE = "persons"


async def lanes() -> dict[str, list[int]]:
    """Return the units that each lane used in each minute: a bulk job that never rests, people, a job of 15 minutes."""
    rng = random.Random(7)
    server = Server(rng)
    policy = Ours(server, LoopClock(0.0))
    loop = asyncio.get_running_loop()
    used = {lane: [0] * MINUTES for lane in ("interactive", "normal", "bulk")}

    async def call(cost: int, lane: Priority) -> None:
        await policy.call(cost, lane)
        minute = int(loop.time() // 60)
        if minute < MINUTES:
            used[lane][minute] += cost

    async def repeat(lane: Priority, cost: int, pause: float, begin: float, end: float) -> None:
        await asyncio.sleep(begin)
        while loop.time() < end:
            await call(cost, lane)
            await asyncio.sleep(rng.expovariate(1 / pause))

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MINUTES * 60), asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(repeat("bulk", 20, 40.0, 0.0, MINUTES * 60.0))
            group.create_task(repeat("interactive", 5, 60.0, 0.0, MINUTES * 60.0))
            group.create_task(repeat("normal", 5, 6.0, 300.0, 1200.0))
    await policy.budget.close()
    return used


async def syncs() -> list[dict[str, Any]]:
    """Return what runs over one record type cost: units spent, the plan's two figures, and reading all of it anew."""
    clock = VirtualClock()
    cases = []
    async with Sandbox(records=90_000, seed=1, clock=clock) as box:
        box.settings.limit = 10_000_000
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        ids = sorted(box.world.ids(RECORD_TYPE))
        with tempfile.TemporaryDirectory() as folder:
            async with TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
                for name, share in (("first load", None), ("nothing changed", 0), ("1 % changed", 1), ("10 %", 10),
                                    ("all changed", 100)):  # fmt: skip
                    for record_id in ids[:: 100 // share] if share else ():
                        box.world.update(RECORD_TYPE, record_id, title=f"Partner {share}")
                    clock.advance(3600)
                    before = box.units()
                    async with Store(pathlib.Path(folder, "firm.db")) as store:
                        report = await synchronize(tonic, store, choose([RECORD_TYPE]), audit="never")
                    done, units = report.types[0], box.units() - before
                    whole = -(-len(ids) // 1000) * 5
                    cases.append({"case": name, "units": units, "at_most": done.max_units, "whole": whole})
        await budget.close()
    return cases


def main() -> None:
    data = {"lanes": run(lanes()), "syncs": asyncio.run(syncs())}
    FILE.write_text(json.dumps(data, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{FILE}: {len(data['lanes']['bulk'])} minutes, {len(data['syncs'])} syncs")
