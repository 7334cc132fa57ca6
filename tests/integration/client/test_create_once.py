"""A create whose answer was lost: the error says what it leaves open, and looking back makes one record of it."""

from __future__ import annotations

import datetime
import pickle

import pytest

from tests.cases import for_each
from tonicdm import (
    InvalidOptionError,
    MayExistError,
    ProtocolError,
    RequestTimeoutError,
    RetryPolicy,
    ServerError,
    SeveralFoundError,
    TonicDM,
)
from tonicdm.errors import ConnectError
from tonicdm.sandbox import Sandbox

from .conftest import Make, drive

NAIVE = datetime.datetime(2026, 1, 1)  # noqa: DTZ001


class NoOffset(datetime.tzinfo):
    """A zone that knows no offset, which Python calls naive."""

    def utcoffset(self, _: datetime.datetime | None) -> None:
        return None


AFTER, BEFORE = "drop_after", "drop_before"
"""The record is made and its answer lost; or the connection is cut before the server serves it."""


def named(box: Sandbox, name: str) -> list[str]:
    return [record["id"] for record in box.world.records("offices") if record.get("name") == name]


def posts(box: Sandbox) -> int:
    return len(box.calls(method="POST"))


@pytest.mark.parametrize(
    ("fault", "kind", "made"),
    [(AFTER, ProtocolError, 1), (BEFORE, ProtocolError, 0), ("server_error", ServerError, 0),
     ("bad_gateway", ServerError, 0)],
)  # fmt: skip
async def test_a_lost_create_says_that_the_record_may_exist(fault, kind, made, tonic: TonicDM, box: Sandbox):
    """It is still the error that it was, it is not sent again, and it survives pickle."""
    await tonic.offices.list().first()
    box.faults.next(fault, method="POST")
    with pytest.raises(MayExistError, match=r"may have been created.*create_or_find") as found:
        await tonic.offices.create(name="Lisbon")
    assert isinstance(found.value, kind)
    assert found.value.request_id
    assert str(pickle.loads(pickle.dumps(found.value))) == str(found.value)
    assert (posts(box), len(named(box, "Lisbon"))) == (1, made)


async def test_a_create_that_had_no_answer_in_time_may_exist_too(make: Make, box: Sandbox):
    tonic = make()
    await tonic.offices.list().first()
    tonic = tonic.with_options(timeout=0.5)
    box.faults.next("slow", method="POST", seconds=5.0)
    with pytest.raises(MayExistError) as found:
        await tonic.offices.create(name="Lisbon")
    assert isinstance(found.value, RequestTimeoutError)


async def test_a_create_that_was_surely_not_sent_and_a_change_leave_nothing_open(make: Make, box: Sandbox):
    unreachable = make(base_url="http://127.0.0.1:9", retry=RetryPolicy(attempts=1))
    with pytest.raises(ConnectError) as refused:
        await unreachable.offices.create(name="Lisbon")
    assert not isinstance(refused.value, MayExistError)
    tonic = make()
    office = await tonic.offices.list().first()
    assert office is not None and office.id is not None
    box.faults.next(AFTER, method="PATCH")
    with pytest.raises(ProtocolError) as changed:
        await tonic.offices.update(office.id, name="Porto")
    assert not isinstance(changed.value, MayExistError)


@pytest.mark.parametrize(("faults", "sent"), [((), 1), ((AFTER,), 1), ((BEFORE,), 2), ((BEFORE, AFTER), 2)])
async def test_the_record_is_there_once_whatever_was_lost(faults, sent, tonic: TonicDM, box: Sandbox, clock):
    """Looking back costs a page of what changed since, not of all offices."""
    for number in range(30):
        box.world.create("offices", name=f"Branch {number}")
    await tonic.offices.list().first()
    clock.advance(60)
    for fault in faults:
        box.faults.next(fault, method="POST")
    async with tonic.meter() as spent:
        office = await drive(clock, tonic.offices.create_or_find(name="Lisbon", address="Rua Augusta 1"), tonic)
    assert named(box, "Lisbon") == [office.id]
    assert office.name == "Lisbon"
    assert posts(box) == sent
    looks = [call for call in box.calls(method="GET", path="/core/offices") if "updated_after" in call.options]
    assert len(looks) <= 2 * len(faults) + 2
    assert spent.units <= 20 * sent + 7 * 2 * len(faults)


async def test_a_server_that_is_slow_to_create_is_waited_for(tonic: TonicDM, box: Sandbox, clock):
    """The record appears between the two looks: it is found and not sent again."""
    await tonic.offices.list().first()
    box.faults.next(BEFORE, method="POST")
    began = clock.monotonic()

    async def late() -> None:
        await clock.sleep_until(began + 10)
        box.world.create("offices", name="Lisbon")

    import asyncio

    appears = asyncio.create_task(late())
    office = await drive(clock, tonic.offices.create_or_find(name="Lisbon"), tonic)
    await appears
    assert named(box, "Lisbon") == [office.id]
    assert posts(box) == 1


async def test_records_that_were_there_before_are_not_taken_for_the_new_one(tonic: TonicDM, box: Sandbox, clock):
    box.world.create("offices", name="Lisbon")
    await tonic.offices.list().first()
    clock.advance(3600)
    box.faults.next(AFTER, method="POST")
    before = named(box, "Lisbon")
    office = await drive(clock, tonic.offices.create_or_find(name="Lisbon"), tonic)
    assert office.id not in before
    assert len(named(box, "Lisbon")) == 2


async def test_a_program_that_was_interrupted_finds_what_it_had_sent(tonic: TonicDM, box: Sandbox, clock):
    """since= looks back before anything is sent."""
    began = datetime.datetime.fromtimestamp(clock.now() - 60, datetime.UTC)
    made = box.world.create("offices", name="Lisbon")
    office = await drive(clock, tonic.offices.create_or_find(name="Lisbon", since=began), tonic)
    assert office.id == made
    assert posts(box) == 0
    other = await drive(clock, tonic.offices.create_or_find(name="Porto", since=began), tonic)
    assert named(box, "Porto") == [other.id]


async def test_two_records_that_match_are_for_a_person_to_decide(tonic: TonicDM, box: Sandbox, clock):
    began = datetime.datetime.fromtimestamp(clock.now() - 60, datetime.UTC)
    twins = {box.world.create("offices", name="Lisbon", address=f"Street {number}") for number in range(2)}
    with pytest.raises(SeveralFoundError) as found:
        await drive(clock, tonic.offices.create_or_find(match=["name"], name="Lisbon", since=began), tonic)
    assert set(found.value.ids) == twins
    assert posts(box) == 0
    one = await drive(
        clock,
        tonic.offices.create_or_find(match=lambda office: office.address == "Street 1", name="Lisbon", since=began),
        tonic,
    )
    assert one.address == "Street 1"


async def test_looking_back_never_costs_more_than_allowed(tonic: TonicDM, box: Sandbox, clock):
    await tonic.offices.list().first()
    box.faults.next(AFTER, method="POST")
    with pytest.raises(MayExistError):
        await drive(clock, tonic.offices.create_or_find(name="Lisbon", max_units=4), tonic)
    assert len(box.calls(method="GET")) == 1
    assert posts(box) == 1


async def test_what_stays_unknown_is_an_error_after_the_second_sending(tonic: TonicDM, box: Sandbox, clock):
    await tonic.offices.list().first()
    box.faults.next(BEFORE, method="POST", times=2)
    with pytest.raises(MayExistError) as found:
        await drive(clock, tonic.offices.create_or_find(name="Lisbon"), tonic)
    assert isinstance(found.value, ProtocolError)
    assert posts(box) == 2


@for_each(
    "wrong",
    [{"match": []}, {"match": ["address"]}, {"match": "name"}, {"match": ["nonsense"]}, {"since": "today"},
     {"since": NAIVE}, {"max_units": 0}, {"max_units": True}, {"name": 5},
     {"match": 5}, {"match": [["name"]]}, {"wait": -1}, {"wait": "5"}, {"wait": float("nan")}, {"wait": None},
     {"since": NAIVE.replace(tzinfo=NoOffset())},
     {"nmae": "Porto"}],
)  # fmt: skip
async def test_what_can_tell_no_record_is_refused_before_anything_is_sent(wrong, tonic: TonicDM, box: Sandbox):
    with pytest.raises(InvalidOptionError):
        await tonic.offices.create_or_find(**{"name": "Lisbon", **wrong})
    assert box.journal.calls() == []


async def test_a_record_that_was_created_inactive_is_found(tonic: TonicDM, box: Sandbox, clock):
    """A list shows active records alone unless told otherwise: what is not seen would be made twice."""
    await tonic.offices.list().first()
    box.faults.next(AFTER, method="POST")
    made = await drive(clock, tonic.offices.create_or_find(match=["name"], name="Lisbon", status="inactive"), tonic)
    assert (posts(box), named(box, "Lisbon")) == (1, [made.id])


async def test_an_rfi_is_looked_for_in_its_project(tonic: TonicDM, box: Sandbox, clock):
    project = next(iter(box.world.ids("projects")))
    await tonic.projects.list(data_quantity="id_only").first()
    box.faults.next(AFTER, method="POST")
    rfi = await drive(clock, tonic.rfis.create_or_find(project_id=project, our_title="Door 12"), tonic)
    assert posts(box) == 1
    assert rfi.id in {record["id"] for record in box.world.records("rfis") if record.get("our_title") == "Door 12"}
