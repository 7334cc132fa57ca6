"""The check against sandboxes of every choice: each is named, no run costs more than it may, a low budget stops it."""

from __future__ import annotations

import datetime
import pathlib
from typing import Any

import pytest

from tests.cases import for_each
from tonicdm import AuthenticationError, RetryPolicy, TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.conformance import MAX_UNITS, Profile, State, check
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.testing import client_of, sandbox_from

NOON = 1_800_000_000.0 + 1234.0
"""No full hour, so that a window of the first call is not one of the clock."""

CHOICES: dict[str, dict[str, Any]] = {
    "the defaults": {"option_source": "header", "path_prefix": "", "cost_mode": "call", "page_base": 1},
    "options in the query": {"option_source": "query"},
    "options in both places": {"option_source": "both"},
    "a path prefix": {"path_prefix": "/v1.0"},
    "a prefix and the query": {"path_prefix": "/v1.0", "option_source": "query"},
    "a price per record": {"cost_mode": "record"},
    "a price per record, in the query": {"cost_mode": "record", "option_source": "query"},
    "strict spelling": {"strict_case": True},
    "pages from 0": {"page_base": 0},
    "pages of 500 at most": {"page_size_max": 500},
    "pages of 100 at most": {"page_size_max": 100},
    "a default page of 30": {"page_size_default": 30},
    "updated_after inclusive": {"updated_after_inclusive": True},
    "updated_after without effect": {"updated_after_supported": False},
    "no order": {"order": "unstable"},
    "the user in an array": {"me_shape": "array"},
    "IDs without timestamps": {"id_only_timestamps": False},
    "windows on the hour": {"window_start": "aligned"},
    "a smaller limit": {"limit": 500},
    "windows of twenty hours": {"window_seconds": 72_000},
    "much at once": {
        "option_source": "both",
        "path_prefix": "/v1.0",
        "page_base": 0,
        "order": "unstable",
        "me_shape": "array",
        "updated_after_inclusive": True,
        "limit": 900,
    },
}


async def examine(box: Sandbox, clock: VirtualClock, allowance: int = MAX_UNITS, **more: Any) -> State:
    """Run the check as a user does: who knows nothing of the server gives no prefix and no placement."""
    settings: dict[str, Any] = {"path_prefix": "", "option_placement": None, "retry": RetryPolicy(attempts=1)}
    async with client_of(box, clock, **settings) as tonic:
        return await check(tonic, allowance=allowance, **more)


@for_each("name", CHOICES)
async def test_each_choice_is_named_for_twenty_units(name: str) -> None:
    """What is settled is what the server is set to; the journal, not the client, counts the units."""
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000, **CHOICES[name]) as box:
        state = await examine(box, clock)
        assert {point: state.answers.get(point) for point in CHOICES[name]} == CHOICES[name]
        assert box.units() <= state.spent <= MAX_UNITS
        points = {name.replace("_data_quantity", "_quantity"): value for name, value in box.settings.as_json().items()}
        assert {
            point: value for point, value in state.answers.items() if point in points and value != points[point]
        } == {}
        assert not box.calls(status=429)
        assert {call.method for call in box.journal} == {"GET"}


@for_each("quantity", ["id_only", "basic", "complete"])
@for_each("point", ["default_quantity", "unlisted_quantity"])
async def test_the_defaults_are_named_by_runs_that_go_on(point: str, quantity: str) -> None:
    """Asking what comes unasked can cost 20 units, so it is the first call of a later run; none costs more than 20."""
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000, **{point.replace("_quantity", "_data_quantity"): quantity}) as box:
        answers = (await examine(box, clock)).answers
        assert point not in answers
        for _ in range(2):
            before = box.units()
            state = await examine(box, clock, known=answers)
            assert box.units() - before <= MAX_UNITS
            answers = state.answers
        assert answers[point] == quantity
        assert state.unsettled.keys() <= {"reset_moves"}


async def test_who_allows_more_gets_everything_in_one_run() -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000, default_data_quantity="complete") as box:
        state = await examine(box, clock, allowance=80)
        assert state.answers["default_quantity"] == "complete"
        assert state.unsettled.keys() == {"reset_moves"}
        assert box.units() == state.spent <= 80


async def test_a_run_says_what_it_could_not_settle_and_why() -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000, cost_mode="record") as box:
        state = await examine(box, clock)
        assert "charges each of them" in state.unsettled["ids_per_call"]
        assert "could cost 20 units" in state.unsettled["default_quantity"]


async def test_the_date_header_and_a_moving_reset_are_seen() -> None:
    """Virtual seconds pass between the questions; a fixed Reset stays, and no Date is no Date."""
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        box.faults.on("no_date")
        state = await examine(box, clock, progress=lambda _: clock.advance(1.0))
        assert state.answers["date_header"] is False
        assert state.answers["reset_moves"] is False
        assert state.answers["window_start"] == "first_call"


async def test_a_long_list_of_ids_that_is_cut_off_is_halved() -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000, header_limit=4_200, header_limit_response="cut") as box:
        state = await examine(box, clock)
        assert state.answers["ids_per_call"] == 120
        assert box.units() <= MAX_UNITS


@pytest.mark.parametrize("fault", ["ignore_data_quantity", "no_underscore_headers"])
async def test_a_server_that_reads_no_data_quantity_is_not_asked_further(fault: Any) -> None:
    """Whatever is asked then could cost 20 units; that is said instead."""
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        box.faults.on(fault)
        state = await examine(box, clock)
        assert state.answers["quantity_read"] is False
        assert "could cost" in state.unsettled["option_source"]
        assert box.units() <= MAX_UNITS


@pytest.mark.parametrize(
    "fault", ["ignore_updated_after", "ignore_filter_ids", "ignore_page_size", "ignore_page_number"]
)
async def test_whatever_a_server_ignores_no_run_costs_more(fault: Any) -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        box.faults.on(fault)
        state = await examine(box, clock)
        assert box.units() <= state.spent <= MAX_UNITS
        if fault == "ignore_updated_after":
            assert state.answers["updated_after_supported"] is False


@pytest.mark.parametrize("fault", ["server_error", "bad_gateway", "no_rate_headers", "truncated_body", "forbidden"])
async def test_a_broken_server_ends_the_run_with_a_reason(fault: Any) -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        box.faults.on(fault)
        state = await examine(box, clock)
        assert state.stopped
        assert len(box.journal) == 1


@pytest.mark.parametrize("others", [3_520, 3_590])
async def test_a_low_budget_stops_it_at_the_first_sign(others: int) -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        box.spend(others)
        state = await examine(box, clock)
        assert len(box.journal) == 1
        assert "units are left" in str(state.stopped)
        assert not box.calls(status=429)


async def test_a_ledger_that_knows_of_a_low_budget_asks_nothing() -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        async with client_of(box, clock, budget=budget, retry=RetryPolicy(attempts=1)) as tonic:
            box.spend(3_550)
            await tonic.me.get()
            calls = len(box.journal)
            state = await check(tonic)
        assert len(box.journal) == calls
        assert "units are left" in str(state.stopped)


async def test_a_spent_window_is_met_once_and_not_waited_for() -> None:
    """Nobody can see from outside that the window is spent; the first 429 ends the run."""
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        box.spend(3_600)
        state = await examine(box, clock)
        assert len(box.journal) == 1
        assert state.stopped
        assert state.spent <= MAX_UNITS


async def test_in_a_window_that_others_have_used_it_asks_as_much() -> None:
    """The price of the first call can't be told by difference then, but stubs show that it was 1."""
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=4_000) as box:
        box.spend(1_000)
        state = await examine(box, clock)
        assert state.answers["option_source"] == "header"
        assert state.answers["page_base"] == 1
        assert box.units() == state.spent <= MAX_UNITS


async def test_a_refused_token_is_an_error() -> None:
    clock = VirtualClock(NOON)
    async with sandbox_from(clock) as box, client_of(box, clock, token="another") as tonic:
        with pytest.raises(AuthenticationError):
            await check(tonic)


async def test_a_small_firm_is_examined_as_far_as_it_goes() -> None:
    """Of 60 persons no 240 IDs can be asked for; what needs one is not settled, and nothing wrong is said."""
    clock = VirtualClock(NOON)
    async with sandbox_from(clock, records=510) as box:
        state = await examine(box, clock)
        points = {name.replace("_data_quantity", "_quantity"): value for name, value in box.settings.as_json().items()}
        assert {
            point: value for point, value in state.answers.items() if point in points and value != points[point]
        } == {}
        assert state.answers["ids_per_call"] == 60


async def test_a_client_with_the_profile_s_prefix_and_placement_works(tmp_path: pathlib.Path) -> None:
    """Server examined, profile written, client and a second sandbox made from it, and they fit."""
    clock = VirtualClock(NOON)
    path = tmp_path / "server.toml"
    async with sandbox_from(clock, records=4_000, option_source="query", path_prefix="/v1.0") as box:
        state = await examine(box, clock)
        Profile.of(state, server="http://x", checked_at=datetime.datetime.now(datetime.UTC)).write(path)
    assert box.token not in path.read_text(encoding="utf-8")
    async with sandbox_from(clock, settings=SandboxSettings.from_profile(path)) as twin:
        assert twin.settings.option_source == "query"
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        tonic = TonicDM(
            twin.token, base_url=twin.url.removesuffix("/v1.0"), profile=path, budget=budget, option_placement=None
        )
        async with tonic:
            assert await tonic.offices.list().all()
            assert twin.journal[-1].placement == "query"
            assert tonic.caller.facts.ids_proven == 240
        await budget.close()
