"""What can't be read as a record costs nothing again, and a plan counts with it."""

from __future__ import annotations

import pathlib

import pytest

from tests.listserver import ListServer
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.store import Store, choose
from tonicdm.sync import RunReport, SyncOptions, estimate_run, synchronize

from .conftest import drive

KINDS = ("persons", "offices", "files", "rfis")
STAMP = "2020-01-01T00:00:00Z"
PATHS = {"persons": "/core/persons", "offices": "/core/offices", "files": "/fileset/files", "rfis": "/workflow/rfis"}


async def planned_and_run(
    server: ListServer, tonic: TonicDM, clock: VirtualClock, path: pathlib.Path, audit: str
) -> tuple[int, int, int | None, RunReport]:
    """Return the units that the plan expects, those that the server's journal shows, the most, and the report."""
    async with Store(path) as store:
        plan = await estimate_run(tonic, store, choose(list(KINDS)), SyncOptions(audit=audit))
        before = server.units
        report = await drive(clock, synchronize(tonic, store, choose(list(KINDS)), audit=audit), tonic)  # type: ignore[arg-type]
    return plan.expected, server.units - before, plan.max_units, report


@pytest.mark.parametrize("aside", [0, 1, 100])
async def test_records_in_quarantine_count_as_known(aside: int, clock: VirtualClock, path: pathlib.Path) -> None:
    """Nothing changed still costs a unit for each type; an audit sees them; the plan is what is spent."""
    async with ListServer(clock) as server:
        for first, kind in enumerate(KINDS, 1):
            for number in range(130 + first):
                broken = {"number": float("nan")} if number < aside else {}
                one = {"id": f"{first:02x}{number:030x}", "name": kind, "datetimeUpdated": STAMP, **broken}
                server.put(PATHS[kind], [one])
        budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
        async with TonicDM("token", base_url=server.url, budget=budget) as tonic:
            _, _, _, report = await planned_and_run(server, tonic, clock, path, "weekly")
            assert [one.quarantined for one in report.types] == [aside] * len(KINDS)
            for audit in ("never", "always", "never"):
                clock.advance(3_600)
                expected, spent, most, report = await planned_and_run(server, tonic, clock, path, audit)
                assert expected == spent, audit
                assert most is not None
                assert spent <= most
                assert report.changed == 0
                assert sum(one.deleted for one in report.types) == 0
        await budget.close()
