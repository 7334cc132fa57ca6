"""Changes within one second, and lists that never end: what they cost, and that nothing is lost by them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.listserver import Asked, ListServer
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.errors import EndlessListError
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize

from .conftest import Sync, drive, held, truth


async def test_two_thousand_changes_of_one_second_just_before_a_run_cost_at_most_15(
    sync: Sync, box: Sandbox, clock: VirtualClock, path
) -> None:
    """One wait of at most 4 s; the next runs compare the stubs of the overlap, and then one unit is enough."""
    while box.world.count("offices") < 3_000:
        box.world.create("offices", name=f"Branch {box.world.count('offices'):05d}")
    clock.advance(3_600)
    await sync("offices", audit="never")
    clock.advance(3_600)
    for one in list(box.world.ids("offices"))[:2_000]:
        box.world.update("offices", one, address="Moved")
    report = await sync("offices", audit="never")
    assert report.units <= 15
    assert 0 < report.types[0].settled <= 4
    assert held(path, "offices") == truth(box, "offices")
    clock.advance(10)
    again = await sync("offices", audit="never")
    # The list of the overlap is compared, and once more what changed while its pages were.
    assert (again.units, again.changed, again.types[0].settled) == (6, 0, 0)
    clock.advance(120)
    await sync("offices", audit="never")
    clock.advance(120)
    assert (await sync("offices", audit="never")).units == 1


async def test_a_second_change_in_the_second_of_the_first_is_not_lost(
    sync: Sync, box: Sandbox, clock: VirtualClock, path
) -> None:
    """The run waits before it reads; a change after that bears a later time."""
    await sync("offices", audit="never")
    clock.advance(3_600)
    one = next(iter(box.world.ids("offices")))
    box.world.update("offices", one, address="First")
    seen = []

    def note_progress(report) -> None:
        if not seen:
            seen.append(1)
            box.world.update("offices", one, address="Second")

    await sync("offices", audit="never", on_progress=note_progress)
    assert held(path, "offices") == truth(box, "offices")
    clock.advance(120)
    await sync("offices", audit="never")
    assert held(path, "offices") == truth(box, "offices")


async def test_what_is_stamped_in_the_future_is_reported_and_not_waited_for(clock: VirtualClock, path) -> None:
    async with ListServer(clock) as server:
        record = {"id": f"01{0:030x}", "name": "Ada", "datetimeUpdated": "2060-01-01T00:00:00Z"}
        server.put("/core/persons", [record])
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        async with TonicDM("token", base_url=server.url, budget=budget) as tonic, Store(path) as store:
            report = await drive(clock, synchronize(tonic, store, choose(["persons"])), tonic)
        await budget.close()
    assert (report.types[0].ahead, report.types[0].settled) == (1, 0)


@pytest.mark.parametrize("page", [10, 1_000])
async def test_a_list_that_goes_in_circles_ends_with_what_it_brought(page: int, clock: VirtualClock, path) -> None:
    """Pages A, B, A, B: two of them without a new record are an error; the records are kept, nothing is marked gone."""
    async with ListServer(clock) as server:
        ids = [f"01{number:030x}" for number in range(2 * page)]
        server.put(
            "/core/persons",
            ({"id": one, "name": one, "datetimeUpdated": "2020-01-01T00:00:00Z"} for one in ids),
        )
        records = [server.tables["/core/persons"][one] for one in ids]

        def in_circles(asked: Asked, _found: list[dict[str, Any]]) -> bytes | None:
            if asked.path != "/core/persons":
                return None
            start = (asked.page - 1) % 2 * page
            return json.dumps(records[start : start + page]).encode()

        server.answering = in_circles
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        async with TonicDM("token", base_url=server.url, budget=budget) as tonic, Store(path) as store:
            tonic.caller.facts.page_limit = page
            with pytest.raises(EndlessListError):
                await drive(clock, synchronize(tonic, store, choose(["persons"])), tonic)
        await budget.close()
    assert set(held(path, "persons")) == set(ids)
