"""What a plan prints holds on the server's journal: expected <= spent <= most, and equal where nothing changed."""

from __future__ import annotations

import pathlib
import random
import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tonicdm import TonicDM, UnitBudget
from tonicdm.cli.plan import as_json
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.store import Store, choose
from tonicdm.sync import SyncOptions, SyncStoppedError, TypeReport, estimate_run, synchronize

from .conftest import drive

MUTABLE = {"offices": "address", "persons": "title", "projects": "projectNameKnownAs", "brands": "nameShort"}

SETTINGS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "updated_after_supported": st.booleans(),
        "updated_after_inclusive": st.booleans(),
        "id_only_timestamps": st.booleans(),
        "advanced_contacts": st.booleans(),
        "workflow_paging": st.booleans(),
        "filter_ids_override": st.booleans(),
        "header_limit": st.sampled_from([2_000, 4_000, 8_190]),
        "header_limit_response": st.sampled_from(["400", "431"]),
        "timestamps": st.sampled_from(["seconds", "milliseconds"]),
    },
)


class _Interrupted(Exception):  # noqa: N818 - a signal
    """Ends a run, as Ctrl-C does."""


class Firm:
    """A firm, its server, and a file that is kept of it."""

    def __init__(self, box: Sandbox, tonic: TonicDM, clock: VirtualClock, file: pathlib.Path) -> None:
        self.box, self.tonic, self.clock, self.file = box, tonic, clock, file

    async def run(self, audit: str, *, loaded: bool, after: int | None = None) -> tuple[int, int, int | None]:
        """Plan and run all types; return the units expected, spent, and at most."""
        counts = {} if loaded else {kind.name: self.box.world.count(kind.name) for kind in choose(None)}
        options = SyncOptions(audit=audit, counts=counts)
        seen = 0

        def note_progress(_report: TypeReport) -> None:
            nonlocal seen
            seen += 1
            if seen == after:
                raise _Interrupted

        async with Store(self.file) as store:
            plan = await estimate_run(self.tonic, store, choose(None), options)
            assert as_json(plan)["expected"] == plan.expected
            before = self.box.units()
            work = synchronize(self.tonic, store, choose(None), audit=audit, counts=counts, on_progress=note_progress)  # type: ignore[arg-type]
            try:
                await drive(self.clock, work, self.tonic)
            except (_Interrupted, SyncStoppedError):
                # It ended early: what it spent is no measure of what it would have cost at least.
                return 0, self.box.units() - before, plan.max_units
        return plan.expected, self.box.units() - before, plan.max_units


async def check(seed: int, records: int, given: dict[str, Any], audits: list[str], after: int | None) -> None:
    """A first load, perhaps cut and resumed, then runs with and without changes in between."""
    chance, clock = random.Random(seed), VirtualClock()
    with tempfile.TemporaryDirectory() as folder:
        settings_ = SandboxSettings(**{"limit": 1_000_000, **given})
        box = Sandbox(records=records, seed=seed, settings=settings_, clock=clock)
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        async with box, TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
            firm = Firm(box, tonic, clock, pathlib.Path(folder) / "firm.db")
            if after is not None:
                _, spent, most = await firm.run("weekly", loaded=False, after=after)
                assert most is not None
                assert spent <= most
            expected, spent, most = await firm.run("weekly", loaded=False)
            assert most is not None
            assert expected <= spent <= most
            for audit in audits:
                clock.advance(chance.choice((1, 3_600, 700_000)))
                expected, spent, most = await firm.run(audit, loaded=True)
                assert most is not None
                assert expected <= spent <= most
                for kind, field in MUTABLE.items():
                    ids = list(box.world.ids(kind))
                    for one in chance.sample(ids, min(len(ids), chance.choice((0, 1, 30, 1_000)))):
                        box.world.update(kind, one, **{field: f"word {chance.random()}"})
                clock.advance(chance.choice((0, 2, 3_600)))
                expected, spent, most = await firm.run(audit, loaded=True)
                assert most is not None
                assert expected <= spent <= most
        await budget.close()


AUDITS = st.lists(st.sampled_from(["never", "weekly", "always"]), min_size=1, max_size=2)


@pytest.mark.parametrize(
    ("seed", "given", "audits", "after"),
    [
        (1, {}, ["never", "always"], None),
        (2, {"updated_after_supported": False, "header_limit": 2_000}, ["always"], 9),
        (3, {"id_only_timestamps": False, "workflow_paging": False}, ["weekly"], 25),
    ],
)
async def test_a_plan_holds_for_these_firms(
    seed: int, given: dict[str, Any], audits: list[str], after: int | None
) -> None:
    await check(seed, 2_000, given, audits, after)


@pytest.mark.thorough
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.integers(0, 10_000),
    st.integers(600, 6_000),
    SETTINGS,
    AUDITS,
    st.none() | st.integers(1, 60),
)
async def test_a_plan_holds_for_any_firm(
    seed: int, records: int, given: dict[str, Any], audits: list[str], after: int | None
) -> None:
    await check(seed, records, given, audits, after)
