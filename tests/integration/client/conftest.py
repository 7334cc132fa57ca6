"""A client and a sandbox on one virtual clock, and a driver that moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from tests.driving import close_without_a_trace, drive_while_idle
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox, SandboxSettings

T = TypeVar("T")
Make = Callable[..., TonicDM]


@pytest.fixture
async def box(clock: VirtualClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(records=2_000, seed=3, clock=clock, settings=SandboxSettings()) as box:
        yield box


@pytest.fixture
async def make(box: Sandbox, clock: VirtualClock) -> AsyncIterator[Make]:
    """Makes clients of the sandbox on its clock; all are closed, and must have left nothing behind."""
    made: list[TonicDM] = []

    def make(**settings: Any) -> TonicDM:
        if "budget" not in settings:
            settings["budget"] = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        settings.setdefault("token", box.token)
        settings.setdefault("base_url", box.url)
        made.append(TonicDM(**settings))
        return made[-1]

    yield make
    for tonic in made:
        connector = getattr(tonic.caller.transport.session._session, "connector", None)
        assert connector is None or not connector._acquired, "a connection leaked"
        await close_without_a_trace(tonic)


@pytest.fixture
def tonic(make: Make) -> TonicDM:
    return make()


async def drive(clock: VirtualClock, work: Awaitable[T], *tonics: TonicDM, most: float = 24 * 3600.0) -> T:
    """Await *work*, moving *clock* to the next deadline whenever no call is under way."""

    def is_busy() -> bool:
        return any(tonic.caller.transport.slots.taken for tonic in tonics)

    return await drive_while_idle(clock, work, is_busy, turns=3, turn_seconds=0.001, max_seconds=most)
