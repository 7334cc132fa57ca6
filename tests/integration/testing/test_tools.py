"""The tools behind the fixtures: prices, faults, records, and the driver of the clock."""

from __future__ import annotations

import asyncio

import pytest

from tests.cases import for_each
from tonicdm import InvalidOptionError, ServerError, TonicDM, models
from tonicdm.clock import VirtualClock
from tonicdm.models import Office, Person, Project, Rfi
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.testing import Drive, FaultHelpers, Records, Units, client_of, environment, sandbox_from
from tonicdm.testing.records import RECORD_TYPES


@pytest.fixture
async def box(clock: VirtualClock):
    async with sandbox_from(clock) as box:
        yield box


@pytest.fixture
async def tonic(box: Sandbox, clock: VirtualClock):
    async with client_of(box, clock) as tonic:
        yield tonic


async def test_a_block_within_its_price_passes_and_shows_what_it_spent(box: Sandbox, tonic: TonicDM) -> None:
    units = Units(box.journal)
    with units(max=5, exactly=5, calls=1) as spent:
        await tonic.offices.list().first()
    assert spent.units == 5
    assert [call.path for call in spent.calls] == ["/core/offices"]


@pytest.mark.parametrize("limits", [{"max": 4}, {"exactly": 6}, {"calls": 2}])
async def test_a_block_beyond_its_price_fails_and_lists_its_calls(box: Sandbox, tonic: TonicDM, limits) -> None:
    units = Units(box.journal)
    with pytest.raises(AssertionError, match="GET /core/offices"), units(**limits):
        await tonic.offices.list().first()


async def test_only_the_calls_of_the_block_count(box: Sandbox, tonic: TonicDM) -> None:
    units = Units(box.journal)
    await tonic.offices.list().first()
    with units(max=0):
        pass
    units.total(exactly=5)


async def test_an_error_inside_the_block_is_not_hidden_by_the_price(box: Sandbox, tonic: TonicDM) -> None:
    async def fail() -> None:
        with Units(box.journal)(exactly=0):
            await tonic.offices.list().first()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()


@for_each("name", RECORD_TYPES)
async def test_every_type_of_record_can_be_made_and_is_active(box: Sandbox, name: str) -> None:
    records = Records(box.world)
    made = records.make(getattr(models, name))
    assert type(made).__name__ == name
    if not name.endswith("Part"):  # a part of a workflow has states of its own
        assert getattr(made, "status", "active") == "active"


async def test_a_made_record_is_what_the_client_reads(box: Sandbox, tonic: TonicDM) -> None:
    made = Records(box.world).make(Office, name="Lisbon", address="Rua 1\nLisboa")
    assert made.name == "Lisbon"
    assert await tonic.offices.get(str(made.id)) == made


async def test_a_made_record_may_refer_to_another_by_its_id(box: Sandbox, tonic: TonicDM) -> None:
    records = Records(box.world)
    project = records.make(Project, project_number="2026-1")
    rfi = records.make(Rfi, project_id=project.id, our_title="Which way up?")
    found = await tonic.rfis.list(project_id=str(project.id)).all()
    assert found == [rfi]


async def test_many_records_are_numbered(box: Sandbox) -> None:
    made = Records(box.world).make_many(Office, 3, name="Office {n}")
    assert [office.name for office in made] == ["Office 1", "Office 2", "Office 3"]


async def test_changes_and_removals_are_seen_by_the_client(box: Sandbox, tonic: TonicDM) -> None:
    records = Records(box.world)
    office, other = records.make_many(Office, 2, name="Office {n}")
    records.change(office, name="Porto")
    records.remove(other)
    found = await tonic.offices.get_many([str(office.id), str(other.id)])
    assert [one.name for one in found] == ["Porto"]
    assert list(found.missing) == [other.id]


async def test_a_wrong_field_is_refused(box: Sandbox) -> None:
    with pytest.raises(InvalidOptionError):
        Records(box.world).make(Office, name=5)
    with pytest.raises(TypeError, match="no record of the sandbox"):
        Records(box.world).make(models.Me)


def test_records_need_no_server() -> None:
    """A factory without a world makes records for tests that call nothing."""
    records = Records()
    assert records.make(Person, name="Ada").name == "Ada"
    assert records.make(Person).id != records.make(Person).id


async def test_a_fault_lasts_as_long_as_its_block(box: Sandbox, tonic: TonicDM, clock: VirtualClock) -> None:
    drive, faults = Drive(clock, tonic), FaultHelpers(box)
    with faults.during("server_error"), pytest.raises(ServerError):
        await drive(tonic.me.get())
    assert await drive(tonic.me.get())
    with faults.outage(), pytest.raises(ServerError):
        await drive(tonic.me.get())
    faults.next("server_error")
    assert await drive(tonic.me.get())


async def test_a_window_can_be_left_with_few_units(box: Sandbox, tonic: TonicDM, clock: VirtualClock) -> None:
    await tonic.me.get()
    FaultHelpers(box).leave_units(3)
    assert box.window().remaining == 3
    begun = clock.now()
    await Drive(clock, tonic)(tonic.offices.list().first())
    assert clock.now() - begun >= 3000


async def test_the_driver_stops_at_the_most_time_it_is_given(clock: VirtualClock) -> None:
    with pytest.raises(TimeoutError, match="virtual time"):
        await Drive(clock)(clock.sleep_until(clock.monotonic() + 100), max_seconds=99)
    assert clock.next_deadline is None


async def test_the_driver_hands_out_errors(clock: VirtualClock) -> None:
    async def fail() -> None:
        await clock.sleep_until(clock.monotonic() + 10)
        raise LookupError

    with pytest.raises(LookupError):
        await Drive(clock)(fail())


async def test_settings_of_one_sandbox_do_not_reach_the_next(clock: VirtualClock) -> None:
    """A marker's settings object is shared by the tests that carry it."""
    shared = SandboxSettings()
    async with sandbox_from(clock, settings=shared, limit=7) as box:
        assert box.settings.limit == 7
    assert shared.limit == 3600
    with pytest.raises(ValueError, match="unknown settings"):
        async with sandbox_from(clock, speed="fast"):
            pass


async def test_a_sandbox_with_a_prefix_and_query_options_is_found(clock: VirtualClock) -> None:
    async with (
        sandbox_from(clock, path_prefix="/v1.0", option_source="query") as box,
        client_of(box, clock) as tonic,
    ):
        await tonic.offices.list().first()
        assert box.journal[-1].placement == "query"
        assert environment(box)["TONICDM_TOKEN"] == box.token
        await asyncio.sleep(0)
