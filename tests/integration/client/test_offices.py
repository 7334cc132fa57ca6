"""One record type through all layers, over real sockets."""

from __future__ import annotations

import attrs
import pytest

from tonicdm import UNSET, DataQuantity, RecordNotFoundError, TonicDM
from tonicdm.models import Office, RecordStub
from tonicdm.sandbox import Sandbox


def ids(box: Sandbox) -> set[str]:
    return {record["id"] for record in box.world.records("offices") if record["status"] == "active"}


async def test_a_list_holds_every_active_record_once_and_costs_one_page(tonic: TonicDM, box: Sandbox) -> None:
    offices = await tonic.offices.list().all()
    assert all(isinstance(office, Office) for office in offices)
    assert [office.id for office in offices] and {office.id for office in offices} == ids(box)
    assert len(offices) == len(ids(box))


async def test_stubs_cost_one_unit_and_carry_the_timestamp(tonic: TonicDM, box: Sandbox) -> None:
    stubs = await tonic.offices.list(data_quantity="id_only").all()
    assert {stub.id for stub in stubs} == ids(box)
    assert all(isinstance(stub, RecordStub) and stub.updated is not None for stub in stubs)
    assert box.journal.calls()[0].units == 1


async def test_every_option_travels_as_one_header_line_under_its_documented_name(tonic: TonicDM, box: Sandbox) -> None:
    office = (await tonic.offices.list().all(limit=1))[0]
    await tonic.offices.list(
        filter_ids=[office.id], filter_statuses=["active", "deleted"], page_size=10, sort_direction="desc"
    ).all()
    sent = box.journal.calls()[-1]
    assert sent.options["filterIDs"] == office.id
    assert sent.options["filterStatuses"] == "active,deleted"
    assert sent.options["data_quantity"] == "basic"
    assert sent.options["pageSize"] == "10"


async def test_options_can_travel_in_the_query_string(make, box: Sandbox) -> None:
    box.settings.option_source = "query"
    tonic = make(option_placement="query")
    assert {office.id for office in await tonic.offices.list().all()} == ids(box)


async def test_get_many_keeps_the_order_and_names_what_is_missing(tonic: TonicDM, box: Sandbox) -> None:
    wanted = [*sorted(ids(box)), "f" * 32]
    found = await tonic.offices.get_many([wanted[-1], *wanted[:3], wanted[1]])
    assert [office.id for office in found] == wanted[:3]
    assert found.missing == ("f" * 32,)
    assert box.units() == 5


async def test_get_finds_inactive_and_deleted_records_too(tonic: TonicDM, box: Sandbox) -> None:
    hidden = next(record for record in box.world.records("offices") if record["status"] != "active")
    assert (await tonic.offices.get(hidden["id"])).status == hidden["status"]


async def test_get_of_an_unknown_record_is_a_lookup_error(tonic: TonicDM) -> None:
    with pytest.raises(RecordNotFoundError) as caught:
        await tonic.offices.get("0" * 32)
    assert isinstance(caught.value, LookupError)


async def test_an_update_sends_none_and_leaves_unset_out(tonic: TonicDM, box: Sandbox) -> None:
    office = await tonic.offices.create(name="Paris", address="1 Rue\nParis", phone_number=1234)
    assert office is not None and office.id is not None
    await tonic.offices.update(office.id, name="London", phone_number=None, address=UNSET)
    changed = await tonic.offices.get(office.id)
    assert (changed.name, changed.phone_number, changed.address) == ("London", None, "1 Rue<br>Paris")


async def test_a_soft_delete_hides_the_record_and_keeps_it(make, box: Sandbox) -> None:
    for value in ("deleted", 4):
        tonic = make(soft_delete_value=value)
        office = await tonic.offices.create(name="Gone")
        assert office is not None and office.id is not None
        await tonic.offices.soft_delete(office.id)
        assert office.id not in {one.id for one in await tonic.offices.list().all()}
        assert (await tonic.offices.get(office.id)).status == "deleted"


async def test_unknown_fields_are_kept_and_read_by_their_wire_name(tonic: TonicDM, box: Sandbox) -> None:
    office = (await tonic.offices.list().all(limit=1))[0]
    assert office.extra
    name = next(iter(office.extra))
    assert office[name] == office.extra[name]
    assert office["name"] == office.name


async def test_complete_costs_twenty_and_basic_five(tonic: TonicDM, box: Sandbox) -> None:
    office = next(iter(ids(box)))
    await tonic.offices.get(office)
    await tonic.offices.get(office, data_quantity=DataQuantity.COMPLETE)
    assert [call.units for call in box.journal.calls()] == [5, 20]


async def test_the_escape_hatch_is_charged_like_any_call(tonic: TonicDM, box: Sandbox) -> None:
    answer = await tonic.request("GET", "/core/offices", options={"pageSize": "2"}, data_quantity="id_only")
    assert len(answer) == 2
    assert box.units() == 1
    assert tonic.budget.snapshot().remaining == 3599


async def test_a_first_page_can_be_chosen_and_pages_prefetched(tonic: TonicDM, box: Sandbox) -> None:
    everything = [office.id for office in await tonic.offices.list(page_size=20).all()]
    tail = [office.id for office in await tonic.offices.list(page_size=20, start_page=2, prefetch=2).all()]
    assert tail == everything[20:]
    pages = [page.number async for page in tonic.offices.list(page_size=20).pages()]
    assert pages == list(range(1, -(-len(everything) // 20) + 1))


async def test_a_view_shares_session_and_budget(tonic: TonicDM, box: Sandbox) -> None:
    view = tonic.with_options(priority="bulk", timeout=5)
    await view.offices.list().all()
    assert view.budget is tonic.budget
    assert view.caller.transport is tonic.caller.transport
    assert attrs.evolve(view.caller, priority="normal", timeout=30.0) == tonic.caller
