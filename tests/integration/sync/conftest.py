"""A store, a client and a sandbox on one virtual clock; and a comparison of the store with the server, row by row."""

from __future__ import annotations

import asyncio
import json
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from tests.engines import Place, rows
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.sync import RunReport, synchronize
from tonicdm.types import normalise_id

T = TypeVar("T")


@pytest.fixture
async def box(clock: VirtualClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(records=3_000, seed=5, clock=clock) as box:
        box.settings.limit = 1_000_000
        yield box


@pytest.fixture
async def tonic(box: Sandbox, clock: VirtualClock) -> AsyncIterator[TonicDM]:
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
        yield tonic
    await budget.close()


@pytest.fixture
def path(tmp_path: pathlib.Path) -> Place:
    """Where the store is."""
    return tmp_path / "firm.db"


LONGEST_TIE = 4.0
"""Seconds that a run waits at most for records that were changed just before."""

Sync = Callable[..., Awaitable[RunReport]]


@pytest.fixture
def sync(tonic: TonicDM, path: pathlib.Path, clock: VirtualClock) -> Sync:
    async def sync(*types: str, **options: Any) -> RunReport:
        async with Store(path) as store:
            work = asyncio.ensure_future(synchronize(tonic, store, choose(list(types)), **options))
            return await drive(clock, work, tonic)

    return sync


async def drive(clock: VirtualClock, work: Awaitable[T], tonic: TonicDM) -> T:
    """Await *work*; move the clock only while calls wait, or a tie is waited for, and no call is under way."""
    task = asyncio.ensure_future(work)
    idle = 0
    try:
        while not task.done():
            await asyncio.sleep(0.0005)
            waiting = sum(calls for calls, _ in tonic.budget.snapshot().waiting.values())
            deadline = clock.next_deadline
            settling = deadline is not None and deadline - clock.monotonic() <= LONGEST_TIE
            idle = idle + 1 if (waiting or settling) and not tonic.caller.transport.slots.taken else 0
            if idle >= 3 and (deadline := clock.next_deadline) is not None:
                clock.advance(max(0.0, deadline - clock.monotonic()))
                idle = 0
    finally:
        task.cancel()
    return await task


def held(path: Place, kind: str) -> dict[str, Any]:
    """Return the live records of the store, soft deleted ones included, by ID."""
    sql = "SELECT id, raw FROM record WHERE type = ? AND (deleted_at IS NULL OR reason = 'soft deleted')"
    return {one: json.loads(raw) for one, raw in rows(path, sql, kind)}


def truth(box: Sandbox, kind: str, *, active: bool = False) -> dict[str, Any]:
    """Return the records of the server by ID, as it would show them."""
    records = (record for record in box.world.records(kind) if not active or record["status"] == "active")
    return {normalise_id(record["id"]): record for record in records}


def plain(value: Any) -> Any:
    """Leave out the times inside references: they change with what is pointed to, not with the record that points."""
    if isinstance(value, dict):
        stub = value.keys() == {"id", "datetimeUpdated"}
        return {name: plain(item) for name, item in value.items() if not (stub and name == "datetimeUpdated")}
    return [plain(item) for item in value] if isinstance(value, list) else value
