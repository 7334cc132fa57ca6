"""A file is of one organization; a token of another one is refused before anything is read into it."""

from __future__ import annotations

import pathlib
from typing import Any

import pytest

from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.errors import OwnerError
from tonicdm.plan.owner import Ownership
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.sync import RunReport, SyncOptions, estimate_run, synchronize

from .conftest import drive, held, truth


async def sync(box: Sandbox, clock: VirtualClock, path: pathlib.Path, token: str, *types: str, **how: Any) -> RunReport:
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM(token, base_url=box.url, budget=budget) as tonic, Store(path) as store:
        found = await drive(clock, synchronize(tonic, store, choose(list(types)), **how), tonic)
    await budget.close()
    return found


async def test_the_owner_is_looked_at_once_for_each_token_and_planned(
    box: Sandbox, tonic: TonicDM, clock: VirtualClock, path: pathlib.Path
) -> None:
    """One unit, the first time; then the token is known, also after ten runs."""
    async with Store(path) as store:
        plan = await estimate_run(tonic, store, choose(["offices"]), SyncOptions(counts={"offices": 7}))
    assert plan.types[0].record_type == "owner"
    first = await sync(box, clock, path, box.token, "offices")
    assert (first.owner.ownership, first.owner.meter.units) == (Ownership.FIRST, 1)
    again = await sync(box, clock, path, box.token, "offices", audit="never")
    assert (again.owner.ownership, again.owner.meter.units) == (Ownership.KNOWN, 0)
    async with Store(path) as store:
        plan = await estimate_run(tonic, store, choose(["offices"]), SyncOptions())
    assert [one.record_type for one in plan.types] == ["offices"]


async def test_another_organization_is_an_error_that_names_both_and_writes_nothing(
    box: Sandbox, clock: VirtualClock, path: pathlib.Path
) -> None:
    box.add_tenant("other-token", records=1_000)
    await sync(box, clock, path, box.token, "offices")
    before = held(path, "offices")
    with pytest.raises(OwnerError, match="--new-owner") as caught:
        await sync(box, clock, path, "other-token", "offices")
    async with Store(path) as store:
        owner = await store.owner()
    assert owner is not None
    assert owner.organization in caught.value.held
    assert caught.value.shown.split()[0] not in caught.value.held
    assert held(path, "offices") == before


async def test_a_new_owner_is_loaded_anew_when_somebody_says_so(
    box: Sandbox, clock: VirtualClock, path: pathlib.Path
) -> None:
    """The records of the one before become tombstones; what no watermark of theirs says of the new one is believed."""
    world = box.add_tenant("other-token", records=1_000)
    await sync(box, clock, path, box.token, "offices")
    report = await sync(box, clock, path, "other-token", "offices", new_owner=True, confirmed=True)
    assert report.owner.ownership is Ownership.REBOUND
    found = {record["id"] for record in world.records("offices")}
    assert set(held(path, "offices")) == found


async def test_a_server_that_does_not_say_whose_the_token_is_is_warned_of(
    box: Sandbox, clock: VirtualClock, path: pathlib.Path
) -> None:
    box.settings.forbidden = ("GET /core/organizations/me",)
    report = await sync(box, clock, path, box.token, "offices")
    assert report.owner.ownership is Ownership.UNCERTAIN
    assert "not checked" in report.owner.why
    assert held(path, "offices") == truth(box, "offices")


async def test_a_file_of_an_earlier_version_takes_the_first_owner_unless_its_organizations_contradict(
    box: Sandbox, clock: VirtualClock, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    box.add_tenant("other-token", records=1_000)
    for types, refused in ((("offices",), False), (("organizations",), True)):
        file = tmp_path / f"{refused}.db"
        await sync(box, clock, file, box.token, *types)
        async with Store(file) as store:
            await store.write(lambda db: db.execute("DELETE FROM meta WHERE name = 'owner'"))
        if refused:
            with pytest.raises(OwnerError, match="organization"):
                await sync(box, clock, file, "other-token", *types)
        else:
            report = await sync(box, clock, file, "other-token", *types, confirmed=True)
            assert report.owner.ownership is Ownership.FIRST


async def test_a_cached_client_of_another_organization_is_served_nothing_and_writes_nothing(
    box: Sandbox, clock: VirtualClock, path: pathlib.Path
) -> None:
    """One look by a token that the file does not know; the file's own token costs none, a second one is remembered."""
    box.add_tenant("other-token", records=1_000)
    await sync(box, clock, path, box.token, "offices")
    before, one = held(path, "offices"), next(iter(box.world.ids("offices")))
    for token, units in ((box.token, 0), ("other-token", 1)):
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        calls = len(box.journal)
        async with TonicDM(token, base_url=box.url, budget=budget, store=path, max_age=1e9) as tonic:
            if token == box.token:
                assert (await tonic.offices.get(one)).id == one
            else:
                for ask in (tonic.offices.get(one), tonic.offices.get_many([one], data_quantity="id_only")):
                    with pytest.raises(OwnerError, match="organization"):
                        await ask
        await budget.close()
        looks = [entry for entry in box.journal[calls:] if entry.path == "/core/organizations/me"]
        assert len(looks) == len(box.journal) - calls == units
    assert held(path, "offices") == before
