"""One process of test_processes.py: calls the sandbox until told to stop, then says what it was charged.

It prints "ready" when it begins, "answered" when a call that was begun after a SIGUSR1 has its answer, and in the end,
after a SIGTERM, how many calls had theirs.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys

from tonicdm import TonicDM, UnitBudget
from tonicdm.budget import BudgetRules
from tonicdm.clock import SystemClock
from tonicdm.errors import BudgetError, TransportError

PRICES = {"id_only": 1, "basic": 5, "complete": 20}
CALLS_AT_ONCE = 6


def rules(window: float) -> BudgetRules:
    return BudgetRules(window=window, settle_time=2.0, lease=2.0, reserve_tail=window / 10)


class OtherHost(SystemClock):
    """Clocks of another host: the wall clock is minutes off, the monotonic one began at another time."""

    def __init__(self, skew: float) -> None:
        self.skew = skew

    def now(self) -> float:
        return super().now() + self.skew

    def monotonic(self) -> float:
        return super().monotonic() + 100 * abs(self.skew)


def make(place: str, window: float, *, skew: float = 0.0) -> UnitBudget:
    return UnitBudget.shared(
        place,
        key="k",
        rules=rules(window),
        max_calls_per_second=None,
        replace_damaged=True,
        clock=OtherHost(skew) if skew else SystemClock(),
    )


async def work(tonic: TonicDM, stop: asyncio.Event, asked: asyncio.Event, counts: dict[str, int]) -> None:
    while not stop.is_set():
        data_quantity, was_asked = random.choice(list(PRICES)), asked.is_set()
        with contextlib.suppress(BudgetError, TransportError):
            await tonic.with_options(priority="bulk", timeout=3.0).offices.list(data_quantity=data_quantity).first()
            counts["calls"] += 1
            if was_asked and asked.is_set():
                asked.clear()
                say("answered")


def say(line: str) -> None:
    """Tell the test something."""
    print(line, flush=True)  # noqa: T201


async def main(url: str, budget: UnitBudget, max_wait: float | None) -> None:
    counts, stop, asked = {"calls": 0}, asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_signal_handler(signal.SIGUSR1, asked.set)
    async with budget, TonicDM("sandbox-token", base_url=url, budget=budget, max_wait=max_wait) as tonic:
        say("ready")
        tasks = [asyncio.create_task(work(tonic, stop, asked, counts)) for _ in range(CALLS_AT_ONCE)]
        await stop.wait()
        await asyncio.wait(tasks, timeout=1.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    say(json.dumps(counts))


async def use(budget: UnitBudget) -> None:
    async with budget.reserve(1):
        pass


def fork_after(budget: UnitBudget) -> None:
    """Go on in a child, as a server that loads its program before it forks; the parent passes signals on."""
    asyncio.run(use(budget))
    child = os.fork()
    if child:
        for number in (signal.SIGTERM, signal.SIGUSR1):
            signal.signal(number, lambda passed, _: os.kill(child, passed))
        os.waitpid(child, 0)
        os._exit(0)


if __name__ == "__main__":
    skew = next((float(word.removeprefix("skew=")) for word in sys.argv[4:] if word.startswith("skew=")), 0.0)
    own = make(sys.argv[2], float(sys.argv[3]), skew=skew)
    if "fork" in sys.argv[4:]:
        fork_after(own)
    asyncio.run(main(sys.argv[1], own, None))
