"""A client with a store and a sandbox on one virtual clock, and the page that a web application shows."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import pytest

from tests.engines import place
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.models import Rfi
from tonicdm.sandbox import Sandbox
from tonicdm.store.database import Location

PAGE = ("project", "responsible_person.office")
"""What a page shows beside an RFI."""


@pytest.fixture
async def box(clock: VirtualClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(records=3_000, seed=5, clock=clock) as box:
        yield box


@pytest.fixture
def where(request: pytest.FixtureRequest) -> Location:
    """Where the store is."""
    return place(request, "sqlite")


@pytest.fixture
async def make(box: Sandbox, clock: VirtualClock, where: Location) -> AsyncIterator[Callable[..., TonicDM]]:
    made: list[TonicDM] = []

    def make(**settings: Any) -> TonicDM:
        settings.setdefault("budget", UnitBudget.memory(clock=clock, max_calls_per_second=None))
        settings.setdefault("store", where)
        made.append(TonicDM(box.token, base_url=box.url, **settings))
        return made[-1]

    yield make
    for tonic in made:
        assert tonic.caller.copy is None or not len(tonic.caller.copy._coalescer), "a batch is left"  # type: ignore[attr-defined]
        seen = tonic.budget.snapshot()
        assert seen.reserved == seen.unknown, "a reservation is left"
        await tonic.close()
        await tonic.budget.close()


@pytest.fixture
async def tonic(make: Callable[..., TonicDM]) -> TonicDM:
    return make()


@attrs.define
class Units:
    """Counts the units that the server charged since it was last asked."""

    box: Sandbox
    before: int = 0

    def spent(self) -> int:
        now = self.box.units()
        spent, self.before = now - self.before, now
        return spent


@pytest.fixture
def units(box: Sandbox) -> Units:
    return Units(box, box.units())


@pytest.fixture
def rfis(box: Sandbox) -> list[str]:
    """RFIs with a project, and a person who has an office."""
    world = box.world
    return [
        record["id"]
        for record in world.records("rfis")
        if record.get("project_id")
        and (person := world.get("persons", record.get("responsible_person_id") or "")) is not None
        and person.get("office")
    ]


async def page(tonic: TonicDM, rfi: str, max_age: float | None) -> Rfi:
    return await tonic.rfis.get(rfi, max_age=max_age, resolve=PAGE)
