"""Stubs by ID through a store: what they cost, share, confirm and make stale."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.engines import ENGINES, place
from tonicdm import DataQuantity, DecodeError, TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.endpoints.many import BatchReader, RawRecords
from tonicdm.sandbox import Sandbox
from tonicdm.store.database import Location
from tonicdm.types import InvalidRecord

from .conftest import Units

Make = Callable[..., TonicDM]
NOBODY = "0" * 32


@pytest.fixture(params=ENGINES)
def where(request: pytest.FixtureRequest) -> Location:
    """Where the store is, on each engine."""
    return place(request, request.param)


async def test_a_stub_asks_the_server_unless_an_age_is_given(make: Make, box: Sandbox, units: Units, clock):
    """The client's own max_age is for records: who asks for a stub asks whether something has changed."""
    tonic = make(max_age=60)
    (one, *_) = box.world.ids("persons")
    person = await tonic.persons.get(one)
    units.spent()
    assert (await tonic.persons.get(one, data_quantity="id_only")).updated == person.updated
    assert units.spent() == 1
    stub = await tonic.persons.get(one, data_quantity="id_only", max_age=60)
    assert units.spent() == 0
    assert (stub.id, stub.updated, stub.data_quantity) == (one, person.updated, DataQuantity.ID_ONLY)


async def test_a_stub_confirms_the_stored_record(tonic: TonicDM, box: Sandbox, units: Units, clock: VirtualClock):
    (one, *_) = box.world.ids("persons")
    await tonic.persons.get(one)
    clock.advance(1000)
    await tonic.persons.get(one, data_quantity="id_only")
    units.spent()
    assert (await tonic.persons.get(one, max_age=60)).data_quantity is DataQuantity.BASIC
    assert units.spent() == 0, "the stub proved it"


async def test_a_stub_makes_a_stored_record_stale_that_has_changed(
    tonic: TonicDM, box: Sandbox, units: Units, clock: VirtualClock
):
    (one, *_) = box.world.ids("persons")
    await tonic.persons.get(one)
    clock.advance(10)
    box.world.update("persons", one, title="Head of Beams")
    clock.advance(10)
    await tonic.persons.get(one, data_quantity="id_only")
    units.spent()
    assert (await tonic.persons.get(one, max_age=3600)).title == "Head of Beams"
    assert units.spent() == 5, "no second stub for what the first has told"


async def test_a_stub_that_does_not_come_is_remembered(tonic: TonicDM, box: Sandbox, units: Units):
    found = await tonic.persons.get_many([NOBODY], data_quantity="id_only")
    assert (len(found), found.missing) == (0, (NOBODY,))
    assert units.spent() == 1
    assert (await tonic.persons.get_many([NOBODY], max_age=60)).missing == (NOBODY,)
    assert units.spent() == 0


async def test_stubs_asked_for_at_the_same_time_share_a_call(tonic: TonicDM, box: Sandbox, units: Units):
    ids = box.world.ids("persons")[:50]
    stubs = await asyncio.gather(*(tonic.persons.get(one, data_quantity="id_only") for one in [*ids, *ids]))
    assert [stub.id for stub in stubs] == [*ids, *ids]
    assert units.spent() == 1


async def test_a_record_and_its_stub_asked_for_at_the_same_time_are_paid_for_once(
    tonic: TonicDM, box: Sandbox, units: Units, clock: VirtualClock
):
    (one, *_) = box.world.ids("persons")
    for first, second in (("basic", "id_only"), ("id_only", "basic")):
        got = await asyncio.gather(*(tonic.persons.get(one, data_quantity=quantity) for quantity in (first, second)))
        assert got[0].updated == got[1].updated
        clock.advance(10)
        box.world.update("persons", one, title=f"After {first}")
        clock.advance(10)
    # A record that the store lacks tells its timestamp; one that it has, and that has changed, costs a look besides.
    assert units.spent() == 5 + (1 + 5)


async def test_stubs_of_what_is_not_stored_leave_no_record_behind(tonic: TonicDM, box: Sandbox, units: Units):
    ids = box.world.ids("persons")[:3]
    await tonic.persons.get_many(ids, data_quantity="id_only")
    assert await tonic.store.counts() == {}


async def test_a_refresh_through_a_store_pays_for_no_fact_twice(
    tonic: TonicDM, box: Sandbox, units: Units, clock: VirtualClock
):
    """Stubs confirm what is stored: of what the caller's cache has outdated, that is served for nothing."""
    ids = box.world.ids("persons")[:50]
    old = {stub.id: stub.updated for stub in await tonic.persons.get_many(ids, data_quantity="id_only")}
    clock.advance(3600)
    for one in ids[:2]:
        box.world.update("persons", one, title="Head of Beams")
    clock.advance(3600)
    await tonic.persons.get_many(ids)
    clock.advance(3600)
    units.spent()
    found = await tonic.persons.refresh(old)
    assert {record.id for record in found.changed} == set(ids[:2])
    assert units.spent() == 1, "the store has what changed, as its stubs have shown"
    box.world.update("persons", ids[0], title="Head of Slabs")
    clock.advance(3600)
    found = await tonic.persons.refresh({**old, **found.updated})
    assert [record.title for record in found.changed] == ["Head of Slabs"]
    assert units.spent() == 1 + 5
    assert (await tonic.persons.get(ids[0], max_age=60)).title == "Head of Slabs"
    assert units.spent() == 0


async def test_a_stub_that_can_not_be_read_is_not_missing(
    tonic: TonicDM, box: Sandbox, units: Units, monkeypatch: pytest.MonkeyPatch
):
    """The server has the record: it is told as what is no record is, by an error or in ``.skipped``."""
    one, other = box.world.ids("persons")[:2]
    bad = InvalidRecord(0, "expected a date-time", b"{}", {"id": one})
    monkeypatch.setattr(BatchReader, "read_raw", _half(BatchReader.read_raw, bad))
    found = await tonic.persons.get_many([one, other], data_quantity="id_only", on_invalid="skip")
    assert [stub.id for stub in found] == [other]
    assert found.missing == ()
    assert [bad.id for bad in found.skipped] == [one]
    with pytest.raises(DecodeError):
        await tonic.persons.get(one, data_quantity="id_only")


def _half(fetch: Any, bad: InvalidRecord) -> Any:
    async def fetch_half(*args: Any) -> RawRecords:
        found = await fetch(*args)
        return RawRecords({one: item for one, item in found.items() if one != bad.id}, [bad])

    return fetch_half


async def test_a_record_of_the_store_knows_how_it_was_read(tonic: TonicDM, box: Sandbox):
    (one, *_) = box.world.ids("persons")
    fetched = await tonic.persons.get(one)
    (kept,) = [record async for record in tonic.store.records("persons")]
    again = await tonic.persons.get(one, max_age=60)
    assert kept == fetched == again
    assert {record.data_quantity for record in (kept, fetched, again)} == {DataQuantity.BASIC}
    assert kept.updated == fetched.updated is not None
