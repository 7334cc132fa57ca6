"""What reads through a store cost, and what they share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from tests.engines import ENGINES, place
from tonicdm import RecordNotFoundError, ServerError, TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.errors import BudgetTimeoutError, ConfigError, InvalidOptionError
from tonicdm.http.retry import RetryPolicy
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose
from tonicdm.store.database import Location
from tonicdm.sync import synchronize

from .conftest import Units, page

Make = Callable[..., TonicDM]


@pytest.fixture(params=ENGINES)
def where(request: pytest.FixtureRequest) -> Location:
    """Where the store is, on each engine."""
    return place(request, request.param)


async def test_a_page_costs_twenty_units_cold_and_none_warm(tonic: TonicDM, units: Units, rfis, clock):
    rfi = await page(tonic, rfis[0], 60)
    assert units.spent() == 20
    person = rfi.resolved["responsible_person"]
    assert rfi.resolved["project"].id == rfi.project_id
    assert person.id == rfi.responsible_person_id
    assert person.office.record == person.resolved["office"]
    assert person.office.record.name
    clock.advance(59)
    assert await page(tonic, rfis[0], 60) == rfi
    assert units.spent() == 0


async def test_a_page_beside_a_sync_costs_one_unit_at_most(make: Make, box: Sandbox, units: Units, rfis, clock, where):
    """A true delete shows in no list of changes. Between two audits an RFI, which has a DELETE, is asked for by stub;
    persons, projects and offices have none, so that the sync vouches for them.
    """
    tonic = make()
    kinds = choose(["rfis", "persons", "projects", "offices"])
    async with Store(where) as store:
        await synchronize(tonic, store, kinds)
        units.spent()
        for _ in range(5):
            clock.advance(100)
            await synchronize(tonic, store, kinds[1:], audit="never")
            units.spent()
            await page(tonic, rfis[0], 60)
            assert units.spent() == 1
            await page(tonic, rfis[0], 60)
            assert units.spent() == 0


async def test_what_has_grown_too_old_is_looked_at_for_one_unit_a_type(tonic: TonicDM, units: Units, rfis, clock):
    await page(tonic, rfis[0], 60)
    units.spent()
    clock.advance(61)
    await page(tonic, rfis[0], 60)
    assert units.spent() == 4, "stubs of the RFI, the project, the person and the office"


async def test_only_what_changed_is_read_anew(tonic: TonicDM, box: Sandbox, units: Units, rfis, clock):
    rfi = await page(tonic, rfis[0], 60)
    clock.advance(61)
    box.world.update("persons", rfi.responsible_person_id, title="Head of Beams")
    clock.advance(61)
    again = await page(tonic, rfis[0], 60)
    assert again.resolved["responsible_person"].title == "Head of Beams"
    # Stubs of the RFI, the project and the person; the person, read anew, vouches for the office.
    assert units.spent() == 20 + 3 + 5


async def test_many_old_records_are_read_at_once_when_most_will_have_changed(tonic: TonicDM, units: Units, box, clock):
    """Stubs first pay only while it is likely that none has changed (docs/explanation/plan.md, "The rules")."""
    ids = box.world.ids("persons")[:200]
    await tonic.persons.get_many(ids, max_age=60)
    assert units.spent() == 5
    clock.advance(90 * 86_400)
    assert len(await tonic.persons.get_many(ids, max_age=60)) == 200
    assert units.spent() == 5


async def test_a_record_vouched_for_by_another_costs_nothing(tonic: TonicDM, units: Units, box, rfis, clock):
    """A person read anew tells the timestamp of its office: the stored office is current if it has the same one."""
    person = await tonic.persons.get(
        box.world.get("rfis", rfis[0])["responsible_person_id"], max_age=60, resolve=["office"]
    )
    clock.advance(100)
    box.world.update("persons", person.id, title="Clerk")
    clock.advance(100)
    units.spent()
    await tonic.persons.get(person.id, max_age=60, resolve=["office"])
    assert units.spent() == 1 + 5


async def test_identical_requests_at_the_same_time_are_one_call(tonic: TonicDM, box: Sandbox, units: Units, rfis):
    pages = await asyncio.gather(*(page(tonic, rfis[0], 60) for _ in range(200)))
    assert units.spent() == 20
    assert len({rfi.our_number for rfi in pages}) == 1


async def test_requests_for_single_ids_share_a_call(tonic: TonicDM, box: Sandbox, units: Units):
    ids = box.world.ids("persons")[:50]
    people = await asyncio.gather(*(tonic.persons.get(one) for one in ids))
    assert [person.id for person in people] == ids
    assert units.spent() == 5


async def test_sharing_a_call_can_be_switched_off(make: Make, box: Sandbox, units: Units):
    tonic = make(batch_window=0)
    await asyncio.gather(*(tonic.persons.get(one) for one in box.world.ids("persons")[:3]))
    assert units.spent() == 15


async def test_requests_of_other_lanes_do_not_wait_for_each_other(tonic: TonicDM, box: Sandbox, units: Units):
    (one, *_) = box.world.ids("persons")
    bulk = tonic.with_options(priority="bulk")
    await asyncio.gather(tonic.persons.get(one), bulk.persons.get(one))
    assert units.spent() == 10


async def test_an_empty_budget_makes_fuller_calls_not_more_of_them(make: Make, box: Sandbox, clock: VirtualClock):
    """While one call waits for the reset, whatever else is asked for boards the next."""
    tonic = make()
    await tonic.offices.list().first()
    box.spend(box.window().remaining)
    spent = box.units()
    ids = box.world.ids("persons")[:100]
    work = [asyncio.ensure_future(tonic.persons.get(one, max_age=60)) for one in ids[:1]]
    await asyncio.sleep(0.02)
    work += [asyncio.ensure_future(tonic.persons.get(one, max_age=60)) for one in ids[1:]]
    await asyncio.sleep(0.02)
    while not all(task.done() for task in work):
        if (deadline := clock.next_deadline) is not None:
            clock.advance(max(0.0, deadline - clock.monotonic()))
        await asyncio.sleep(0.002)
    assert len({task.result().id for task in work}) == 100
    assert len(box.calls(path="/core/persons", status=200)) <= 2
    assert box.units() - spent <= 10


async def test_a_record_that_is_not_there_is_asked_for_once(tonic: TonicDM, units: Units, clock):
    for _ in range(3):
        with pytest.raises(RecordNotFoundError):
            await tonic.persons.get("0" * 32, max_age=60)
    assert units.spent() == 5
    clock.advance(61)
    with pytest.raises(RecordNotFoundError):
        await tonic.persons.get("0" * 32, max_age=60)
    assert units.spent() == 5


async def test_what_this_client_wrote_is_read_anew(tonic: TonicDM, box: Sandbox, units: Units):
    (one, *_) = box.world.ids("offices")
    await tonic.offices.get(one, max_age=3600)
    await tonic.offices.update(one, name="Annex")
    assert (await tonic.offices.get(one, max_age=3600)).name == "Annex"


async def test_what_this_client_deleted_is_not_served(tonic: TonicDM, box: Sandbox, rfis):
    await tonic.rfis.get(rfis[0], max_age=3600)
    await tonic.rfis.delete(rfis[0])
    with pytest.raises(RecordNotFoundError):
        await tonic.rfis.get(rfis[0], max_age=3600)


async def test_a_write_whose_answer_was_lost_counts_as_done(make: Make, box: Sandbox):
    tonic = make(retry=RetryPolicy(attempts=1))
    (one, *_) = box.world.ids("offices")
    await tonic.offices.get(one, max_age=3600)
    box.faults.next("server_error")
    with pytest.raises(ServerError):
        await tonic.offices.update(one, name="Annex")
    box.world.update("offices", one, name="Elsewhere")
    assert (await tonic.offices.get(one, max_age=3600)).name == "Elsewhere"


async def test_one_that_gives_up_does_not_end_the_call_of_the_others(tonic: TonicDM, box: Sandbox, units: Units):
    (one, *_) = box.world.ids("persons")
    first = asyncio.ensure_future(tonic.persons.get(one))
    second = asyncio.ensure_future(tonic.persons.get(one))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).id == one
    assert units.spent() == 5


async def test_a_call_that_nobody_waits_for_any_more_is_not_sent(tonic: TonicDM, box: Sandbox, units: Units):
    work = [asyncio.ensure_future(tonic.persons.get(one)) for one in box.world.ids("persons")[:3]]
    await asyncio.sleep(0)
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    assert units.spent() == 0


async def test_an_error_reaches_all_who_wait_each_as_its_own(make: Make, box: Sandbox):
    tonic = make(retry=RetryPolicy(attempts=1))
    (one, *_) = box.world.ids("persons")
    box.faults.next("server_error")
    found = await asyncio.gather(*(tonic.persons.get(one) for _ in range(3)), return_exceptions=True)
    assert [type(error) for error in found] == [ServerError] * 3
    assert len({id(error) for error in found}) == 3
    assert (await tonic.persons.get(one)).id == one


async def test_a_refusal_to_wait_is_the_business_of_each_lane(make: Make, box: Sandbox, clock: VirtualClock):
    tonic = make()
    await tonic.offices.list().first()
    box.spend(box.window().remaining)
    (one, *_) = box.world.ids("persons")
    patient = asyncio.ensure_future(tonic.persons.get(one))
    while tonic.budget.snapshot().blocked_until is None:
        await asyncio.sleep(0.002)
    with pytest.raises(BudgetTimeoutError):
        await tonic.with_options(max_wait=1).persons.get(one)
    patient.cancel()


async def test_what_needs_a_store_says_so_before_anything_is_sent(make: Make, box: Sandbox, units: Units):
    tonic = make(store=None)
    one = box.world.ids("persons")[0]
    for options in ({"max_age": 60}, {"resolve": ["office"]}):
        with pytest.raises(InvalidOptionError, match="store="):
            await tonic.persons.get(one, **options)
    with pytest.raises(ConfigError, match="store="):
        make(store=None, max_age=60)
    with pytest.raises(ConfigError, match="store="):
        tonic.with_options(max_age=60)
    with pytest.raises(ConfigError, match="store="):
        tonic.store  # noqa: B018
    assert units.spent() == 0


async def test_a_reference_that_only_the_records_show_is_followed(tonic: TonicDM, box: Sandbox, units: Units, clock):
    """The model of a person has no organization, as its reference page shows none; the records name it."""
    one = next(record["id"] for record in box.world.records("persons") if record.get("organizationId"))
    for _ in range(2):
        person = await tonic.persons.get(one, max_age=60, resolve=["office", "organization"])
        assert person.resolved["organization"].id == person["organizationId"]
    assert units.spent() <= 15


async def test_references_that_cannot_be_followed_are_refused_before_anything_is_sent(
    tonic: TonicDM, box, units: Units
):
    one = box.world.ids("persons")[0]
    await tonic.persons.get(one, resolve=["office"])
    units.spent()
    for names in (["shoe_size"], ["project"], ["office.shoe_size"], ["office.shoe_size.project"]):
        with pytest.raises(InvalidOptionError, match="Nothing was sent"):
            await tonic.persons.get(one, max_age=60, resolve=names)
    with pytest.raises(InvalidOptionError, match="complete"):
        await tonic.persons.get(one, data_quantity="complete", max_age=60)
    assert units.spent() == 0


async def test_an_age_can_be_set_for_a_whole_client(make: Make, box: Sandbox, units: Units):
    tonic = make(max_age=600)
    one = box.world.ids("persons")[0]
    await tonic.persons.get(one)
    await tonic.persons.get(one)
    assert units.spent() == 5
    await tonic.with_options(max_age=0).persons.get(one)
    assert units.spent() == 1
    await tonic.persons.get(one, max_age=0)
    assert units.spent() == 1


async def test_another_process_reads_what_this_one_paid_for(make: Make, box: Sandbox, units: Units, rfis):
    first, second = make(), make()
    await page(first, rfis[0], 60)
    units.spent()
    await page(second, rfis[0], 60)
    assert units.spent() == 0


async def test_a_server_that_charges_stubs_of_workflow_items_like_records_is_asked_for_them_once(
    tonic: TonicDM, box: Sandbox, units: Units, rfis, clock
):
    """Their pages do not show data_quantity: whether it is heeded is learned from one answer."""
    box.faults.on("ignore_data_quantity")
    for _ in range(4):
        await tonic.rfis.get(rfis[0], max_age=60)
        clock.advance(61)
    assert len(box.calls(path="/workflow/rfis", status=200)) >= 4
    assert await tonic.store.capability("rfis", "id_only") == "no"
