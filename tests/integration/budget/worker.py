"""One process of test_processes.py: calls the sandbox until told to stop, then says what it was charged."""

import asyncio
import contextlib
import json
import random
import signal
import sys

from tonicdm import TonicDM, UnitBudget
from tonicdm.budget import BudgetRules
from tonicdm.errors import BudgetError, TransportError

PRICES = {"id_only": 1, "basic": 5, "complete": 20}


def rules(window: float) -> BudgetRules:
    return BudgetRules(window=window, settle_time=2.0, lease=2.0, reserve_tail=window / 10)


async def work(tonic: TonicDM, stop: asyncio.Event, told: dict[str, int]) -> None:
    while not stop.is_set():
        quality = random.choice(list(PRICES))
        with contextlib.suppress(BudgetError, TransportError):
            await tonic.with_options(priority="bulk", timeout=3.0).offices.list(data_quantity=quality).first()
            told["calls"] += 1


async def main(url: str, file: str, window: float, max_wait: float | None) -> None:
    told, stop = {"calls": 0}, asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    budget = UnitBudget.shared(file, key="k", rules=rules(window), max_calls_per_second=None)
    async with budget, TonicDM("sandbox-token", base_url=url, budget=budget, max_wait=max_wait) as tonic:
        print("ready", flush=True)  # noqa: T201 - read by the test
        tasks = [asyncio.create_task(work(tonic, stop, told)) for _ in range(6)]
        await stop.wait()
        await asyncio.wait(tasks, timeout=1.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    print(json.dumps(told), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]) if len(sys.argv) > 4 else None))
