"""The decision which records of a cache to look at and which to read, without a server."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from tonicdm.endpoints.many import RecordBatch
from tonicdm.endpoints.refreshing import refresh
from tonicdm.models import Office, RecordStub
from tonicdm.types import RecordID

OLD = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NEW = datetime.datetime(2026, 2, 1, tzinfo=datetime.UTC)
SIZE = 10
QUICK = settings(max_examples=200, deadline=None, database=None)


@attrs.define
class Server:
    """Has the records that are not gone, with their times; counts units, and what it was asked twice for."""

    times: dict[RecordID, datetime.datetime | None]
    timed_stubs: bool = True
    units: int = 0
    looked: list[RecordID] = attrs.field(factory=list)
    read: list[RecordID] = attrs.field(factory=list)

    async def stubs(self, ids: Sequence[RecordID]) -> tuple[RecordBatch[RecordStub], bool]:
        self.units += -(-len(ids) // SIZE)
        self.looked += ids
        there = [one for one in ids if one in self.times]
        stubs = [RecordStub(id=one, updated=self.times[one] if self.timed_stubs else None) for one in there]
        return RecordBatch(stubs, [one for one in ids if one not in self.times]), True

    async def records(self, ids: Sequence[RecordID]) -> RecordBatch[Office]:
        self.units += 5 * -(-len(ids) // SIZE)
        self.read += ids
        there = [one for one in ids if one in self.times]
        offices = [Office(id=one, datetime_updated=self.times[one]) for one in there]
        return RecordBatch(offices, [one for one in ids if one not in self.times])


def batches(count: int) -> int:
    return -(-count // SIZE)


STATES = st.lists(st.sampled_from(["same", "same", "same", "changed", "unknown", "gone"]), max_size=60)


@QUICK
@given(states=STATES, timed=st.booleans())
async def test_whatever_has_become_of_the_records_each_ends_in_its_place_for_bounded_units(
    states: list[str], timed: bool
):
    """No record is read or looked at twice, and the worst guess costs a look at each more than reading all at once."""
    ids = [RecordID(f"{number:032x}") for number in range(len(states))]
    cache = {one: None if state == "unknown" else OLD for one, state in zip(ids, states, strict=True)}
    there = {one: NEW if state == "changed" else OLD for one, state in zip(ids, states, strict=True) if state != "gone"}
    server = Server(dict(there), timed_stubs=timed)
    found = await refresh(server, cache, size=SIZE)

    expected = {state: [one for one, is_ in zip(ids, states, strict=True) if is_ == state] for state in set(states)}
    changed = sorted([*expected.get("changed", []), *expected.get("unknown", [])])
    assert [record.id for record in found.changed] == changed
    assert list(found.unchanged) == expected.get("same", [])
    assert list(found.missing) == expected.get("gone", [])
    assert found.updated == there

    assert len(server.read) == len(set(server.read))
    assert len(server.looked) == len(set(server.looked))
    assert server.units <= 6 * batches(len(ids))
    if timed and set(states) == {"same"}:
        assert server.units == batches(len(ids))
