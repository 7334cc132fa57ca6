"""Stubs by ID: which records of a client-side cache are outdated, for the fewest units."""

from __future__ import annotations

import pickle

import pytest

from tests.cases import for_each
from tonicdm import BudgetTimeoutError, DataQuantity, InvalidIDError, InvalidOptionError, RecordNotFoundError, TonicDM
from tonicdm.models import RecordStub
from tonicdm.sandbox import Sandbox

NOBODY = "0" * 32


async def test_a_stub_by_id_costs_one_unit_and_says_when_the_record_changed(tonic: TonicDM, box: Sandbox):
    (one, *_) = box.world.ids("persons")
    person = await tonic.persons.get(one)
    before = box.units()
    stub = await tonic.persons.get(one, data_quantity="id_only")
    assert box.units() - before == 1
    assert type(stub) is RecordStub
    assert (stub.id, stub.updated) == (one, person.updated)


async def test_stubs_of_many_cost_one_unit_for_240_known_ids_in_the_order_asked_for(tonic: TonicDM, box: Sandbox):
    ids = box.world.ids("email_addresses")[:479][::-1]
    before = box.units()
    stubs = await tonic.email_addresses.get_many([*ids[:100], NOBODY, *ids[100:]], data_quantity=DataQuantity.ID_ONLY)
    assert box.units() - before == 2
    assert [stub.id for stub in stubs] == ids
    assert stubs.missing == (NOBODY,)
    assert all(stub.updated is not None for stub in stubs)


@pytest.mark.parametrize("noun", ["persons", "offices", "projects", "rfis", "files", "filesets", "conversations"])
async def test_stubs_are_there_for_every_noun_that_has_get(tonic: TonicDM, box: Sandbox, noun: str):
    ids = box.world.ids(noun)[:3]
    endpoint = getattr(tonic, noun)
    stubs = await endpoint.get_many(ids, data_quantity="id_only")
    assert [stub.id for stub in stubs] == [one.replace("-", "") for one in ids]
    assert {type(stub) for stub in stubs} == {RecordStub}


async def test_stubs_come_whatever_the_status_as_records_do(tonic: TonicDM, box: Sandbox):
    (one, *_) = box.world.ids("persons")
    await tonic.persons.soft_delete(one)
    assert (await tonic.persons.get(one, data_quantity="id_only")).id == one


async def test_a_stub_of_nobody_is_the_same_error_as_its_record(tonic: TonicDM):
    with pytest.raises(RecordNotFoundError):
        await tonic.persons.get(NOBODY, data_quantity="id_only")


async def test_what_makes_no_sense_for_a_stub_is_refused_before_anything_is_sent(tonic: TonicDM, box: Sandbox):
    (one, *_) = box.world.ids("persons")
    before = box.units()
    with pytest.raises(InvalidOptionError, match="no references"):
        await tonic.persons.get(one, data_quantity="id_only", resolve=["office"])
    with pytest.raises(InvalidOptionError, match="store="):
        await tonic.persons.get(one, data_quantity="id_only", max_age=60)
    with pytest.raises(InvalidIDError):
        await tonic.persons.get("nobody", data_quantity="id_only")
    with pytest.raises(InvalidOptionError, match="data_quantity"):
        await tonic.persons.get(one, data_quantity="stub")  # type: ignore[call-overload]
    assert box.units() == before


@for_each("noun", ["persons", "projects", "rfis", "brands", "files", "offices", "notes"])
@for_each("quantity", ["id_only", "basic", "complete"])
async def test_every_record_knows_when_it_changed_and_how_it_was_read(
    tonic: TonicDM, box: Sandbox, noun: str, quantity: str
):
    """Whatever the reference lists of the noun's fields, and whatever a record is copied through."""
    record = await getattr(tonic, noun).list(data_quantity=quantity).first()
    stub = await getattr(tonic, noun).get(record.id, data_quantity="id_only")
    assert record.updated is not None
    assert record.updated.tzinfo is not None
    assert record.updated == stub.updated
    assert record.data_quantity is DataQuantity(quantity)
    assert pickle.loads(pickle.dumps(record)).data_quantity is DataQuantity(quantity)


async def test_the_same_content_is_the_same_record_however_it_was_read(tonic: TonicDM, box: Sandbox):
    (one, *_) = box.world.ids("offices")
    basic = await tonic.offices.get(one)
    complete = await tonic.offices.get(one, data_quantity="complete")
    assert basic == complete
    assert basic.data_quantity is not complete.data_quantity


async def test_what_a_write_gives_back_knows_how_it_was_read(tonic: TonicDM):
    made = await tonic.offices.create(name="London", data_quantity="complete")
    assert made is not None
    assert made.data_quantity is DataQuantity.COMPLETE
    assert made.updated is not None
    changed = await tonic.offices.update(made.id or "", name="Leeds", data_quantity="id_only")
    assert changed is not None
    assert (changed.id, changed.data_quantity) == (made.id, DataQuantity.ID_ONLY)


async def test_a_write_reserves_20_units_whatever_it_asks_back(tonic: TonicDM, box: Sandbox):
    """No document tells the price of a write; what a snapshot says after it is what the server charged."""
    box.spend(box.window().remaining - 24)
    await tonic.offices.list().first()
    with pytest.raises(BudgetTimeoutError, match="20 units"):
        await tonic.with_options(max_wait=0).offices.create(name="London", data_quantity="id_only")


async def test_your_own_records_take_a_data_quantity_as_every_endpoint_does(tonic: TonicDM, box: Sandbox):
    for read in (tonic.me.get, tonic.persons.me, tonic.organizations.me):
        stub = await read(data_quantity="id_only")
        assert type(stub) is RecordStub
        record = await read(data_quantity="complete")
        assert record.id == stub.id
        assert record.data_quantity is DataQuantity.COMPLETE
    people = await tonic.organizations.staff(data_quantity="id_only").all()
    assert {type(one) for one in people} == {RecordStub}
