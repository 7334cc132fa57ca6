"""A cache of one's own brought up to date: what it costs, and what it says (concepts page, "Rate Limiting")."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest

from tonicdm import InvalidIDError, InvalidOptionError, TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox

NOBODY = "0" * 32
Times = dict[str, datetime.datetime | None]


async def times(tonic: TonicDM, box: Sandbox, count: int, noun: str = "email_addresses") -> Times:
    """Return what a cache of the first records would hold."""
    stubs = await getattr(tonic, noun).get_many(box.world.ids(noun)[:count], data_quantity="id_only")
    return {stub.id: stub.updated for stub in stubs}


@pytest.mark.parametrize(("held", "changed", "units"), [
    (1, 0, 1), (240, 0, 1), (241, 0, 2), (426, 0, 2),
    (1, 1, 6), (240, 1, 6), (426, 3, 6), (426, 426, 11),
])  # fmt: skip
async def test_a_refresh_costs_stubs_and_what_has_changed(
    tonic: TonicDM, box: Sandbox, clock: VirtualClock, held: int, changed: int, units: int
):
    """1 unit for 240 IDs and 5 for 240 changed records. The rest of a cache is read at once where the first stubs show
    that most has changed, or where the call that reads what has changed has room for it.
    """
    cache = await times(tonic, box, held)
    clock.advance(3600)
    for one in list(cache)[:changed]:
        box.world.update("email_addresses", one, title="Head of Beams")
    before = box.units()
    found = await tonic.email_addresses.refresh(cache)
    assert box.units() - before == units
    assert [record.id for record in found.changed] == list(cache)[:changed]
    assert {record.title for record in found.changed} <= {"Head of Beams"}
    assert found.unchanged == tuple(list(cache)[changed:])
    assert found.missing == ()


async def test_what_a_refresh_tells_is_what_the_next_one_needs(tonic: TonicDM, box: Sandbox, clock: VirtualClock):
    cache = await times(tonic, box, 30)
    clock.advance(3600)
    box.world.update("email_addresses", next(iter(cache)), title="Head of Beams")
    cache.update((await tonic.email_addresses.refresh(cache)).updated)
    before = box.units()
    again = await tonic.email_addresses.refresh(cache)
    assert (again.changed, len(again.unchanged), box.units() - before) == ((), 30, 1)


async def test_what_the_server_does_not_return_is_missing_and_paid_for_once(tonic: TonicDM, box: Sandbox):
    cache: Times = {**await times(tonic, box, 3), NOBODY: datetime.datetime.now(datetime.UTC)}
    before = box.units()
    found = await tonic.email_addresses.refresh(cache)
    assert found.missing == (NOBODY,)
    assert NOBODY not in found.updated
    assert box.units() - before == 1


async def test_a_record_of_unknown_time_is_read_and_few_known_ones_beside_it_as_well(tonic: TonicDM, box: Sandbox):
    """One call of 5 units holds them all; stubs would cost 1 more and spare nothing."""
    cache = await times(tonic, box, 100)
    first, *others = cache
    cache[first] = None
    before = box.units()
    found = await tonic.email_addresses.refresh(cache)
    assert box.units() - before == 5
    assert [record.id for record in found.changed] == [first]
    assert found.unchanged == tuple(others)


async def test_nothing_is_sent_for_an_empty_cache(tonic: TonicDM, box: Sandbox):
    before = box.units()
    found = await tonic.persons.refresh({})
    assert (found.changed, found.unchanged, found.missing, box.units()) == ((), (), (), before)


async def test_an_id_in_two_spellings_is_one_record_of_the_earlier_time(tonic: TonicDM, box: Sandbox):
    ((one, time),) = (await times(tonic, box, 1, "persons")).items()
    assert time is not None
    same: dict[Any, datetime.datetime | None] = {one: time, one.upper(): time, uuid.UUID(one): time}
    assert (await tonic.persons.refresh(same)).unchanged == (one,)
    found = await tonic.persons.refresh({one: time, one.upper(): time - datetime.timedelta(days=1)})
    assert [record.id for record in found.changed] == [one]


@pytest.mark.parametrize(
    ("cache", "error"),
    [
        ({"nobody": None}, InvalidIDError),
        ({str(uuid.UUID(NOBODY)): None}, InvalidIDError),
        ({NOBODY: datetime.datetime(2026, 2, 3)}, InvalidOptionError),  # noqa: DTZ001 - that it is naive is the point
        ({NOBODY: "2026-02-03T00:00:00Z"}, InvalidOptionError),
        ([NOBODY], InvalidOptionError),
    ],
    ids=["no ID", "hyphens", "a naive time", "a text", "a list"],
)
async def test_what_can_not_be_compared_is_refused_before_anything_is_sent(
    tonic: TonicDM, box: Sandbox, cache: Any, error: type[Exception]
):
    before = box.units()
    with pytest.raises(error, match="Nothing was sent"):
        await tonic.persons.refresh(cache)
    assert box.units() == before


@pytest.mark.parametrize("noun", ["persons", "projects", "rfis", "files", "conversations", "notes", "filesets"])
async def test_every_noun_with_get_has_a_refresh(tonic: TonicDM, box: Sandbox, clock: VirtualClock, noun: str):
    """Also those whose reference lists neither a timestamp nor data_quantity."""
    cache = await times(tonic, box, 3, noun)
    clock.advance(3600)
    first = next(iter(cache))
    assert (await getattr(tonic, noun).refresh(cache)).unchanged == tuple(cache)
    cache[first] = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    found = await getattr(tonic, noun).refresh(cache)
    assert [record.id for record in found.changed] == [first]
