"""An event loop whose time stands still while anything can run, and jumps to the next timer when nothing can."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any

START = 1_800_000_000.0
"""Server time at loop time zero."""


class JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting, it moves the loop's time."""

    loop: "VirtualTimeLoop"

    def select(self, timeout: float | None = None):
        if timeout is None:
            raise RuntimeError("everybody waits for something that nobody will do")
        # A little more than asked for: adding a tiny step to a large time could otherwise change nothing.
        self.loop.virtual_now += timeout + 1e-7 if timeout > 0 else 0.0
        return super().select(0)


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """For tests without threads and sockets: hours pass in no time."""

    def __init__(self) -> None:
        selector = JumpingSelector()
        super().__init__(selector)
        selector.loop = self
        self.virtual_now = 0.0

    def time(self) -> float:
        return self.virtual_now


class LoopClock:
    """The loop's time as a `tonicdm.clock.Clock`; its wall clock may be wrong by *skew* seconds."""

    def __init__(self, skew: float = 0.0) -> None:
        self.skew = skew

    def now(self) -> float:
        return START + self.skew + asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep_until(self, deadline: float) -> None:
        await asyncio.sleep(max(0.0, deadline - self.monotonic()))


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run *main* in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
