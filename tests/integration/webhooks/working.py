"""A worker over an inbox, a sandbox and a client, all in one virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tests.driving import counted_threads
from tonicdm.store import choose
from tonicdm.sync import synchronize
from tonicdm.webhooks import Event, Inbox, Worker, WorkerRules, WorkReport, parse


class Desk:
    """What a test of the worker needs at hand."""

    def __init__(self, box, tonic, store, clock):
        self.box = box
        self.tonic = tonic
        self.store = store
        self.clock = clock
        self.inbox = Inbox(store, clock=clock)
        self.number = 0

    def ids(self, kind: str, count: int) -> list[str]:
        return list(self.box.world.ids(kind)[:count])

    def event(self, kind: str, *ids: str, action: str = "updated", signed: bool = False, full: Any = None) -> Event:
        """Make an event that names records, with what *full* says of the first, or with the whole record."""
        self.number += 1
        data: list[Any] = [{"id": one} for one in ids]
        if full is True:
            data = [self.box.world.get(kind, one) for one in ids]
        elif full is not None:
            data[0] = full
        body = json.dumps({"id": f"e{self.number}", "type": f"{kind}.{action}", "data": data}).encode()
        return parse(body, {}, signed=signed, received=self.clock.now())

    async def sync(self, *kinds: str) -> None:
        """Load types, and prove that updated_after works."""
        await synchronize(self.tonic, self.store, choose(list(kinds)))
        self.clock.advance(200)
        await synchronize(self.tonic, self.store, choose(list(kinds)), audit="never")
        self.clock.advance(200)

    def worker(self, *, trust: bool = False, **rules: Any) -> Worker:
        return Worker(self.tonic, self.inbox, trust_signed=trust, rules=WorkerRules(**rules))

    async def drain(self, **settings: Any) -> tuple[WorkReport, int]:
        """Work off what can be worked off now; return the report and the units that the server charged."""
        before = self.box.units()
        report = await self.worker(**settings).drain()
        return report, self.box.units() - before

    async def states(self) -> dict[str, int]:
        found = await self.store.query("SELECT state, count(*) FROM job GROUP BY state")
        return dict(found)

    async def held(self, kind: str, one: str) -> dict[str, Any]:
        ((raw,),) = await self.store.query("SELECT raw FROM record WHERE type = ? AND id = ?", (kind, one))
        return json.loads(raw)

    async def until(self, condition, step: float = 1.0, most: int = 5000) -> None:
        """Move the clock while nothing is under way, until *condition* holds."""
        with counted_threads() as are_busy:
            for _ in range(most):
                idle = 0
                while idle < 20:
                    if await _true(condition):
                        return
                    await asyncio.sleep(0.0005)
                    idle = 0 if are_busy() or self.tonic.caller.transport.slots.taken else idle + 1
                self.clock.advance(step)
        raise AssertionError("it never came to that")

    async def settle(self, are_busy: Callable[[], bool]) -> None:
        """Return when nothing is under way any more, and all wait for the clock.

        Args:
            are_busy: Of the threads since the work began (`counted_threads`).
        """
        idle = 0
        while idle < 5:
            await asyncio.sleep(0.0005)
            idle = 0 if are_busy() or self.tonic.caller.transport.slots.taken else idle + 1


async def _true(condition) -> bool:
    found = condition()
    return bool(await found if asyncio.iscoroutine(found) else found)
