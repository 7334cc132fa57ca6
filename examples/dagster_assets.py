"""A nightly copy with Dagster: the copy and its export as assets, with what they cost as metadata.

TONICDM_TOKEN and TONICDM_ZONE come from the environment, TONICDM_FILE says where the copy is. Run it with
``dagster dev -f dagster_assets.py``.
"""

import asyncio
import os

import dagster

from tonicdm import TonicDM
from tonicdm.export import ExportReport, export
from tonicdm.store import Store, choose
from tonicdm.sync import RunReport, synchronize

FILE = os.environ.get("TONICDM_FILE", "/var/lib/tonicdm/firm.db")


@dagster.asset(retry_policy=dagster.RetryPolicy(max_retries=3, delay=1200))
def tonicdm_copy() -> dagster.MaterializeResult:
    """The records of the firm in a SQLite file; a run that fails goes on behind its last page."""

    async def run() -> RunReport:
        async with TonicDM(priority="bulk") as tonic, Store(FILE) as store:
            return await synchronize(tonic, store, choose(None))

    report = asyncio.run(run())
    return dagster.MaterializeResult(metadata={"records": report.changed, "units": report.units})


@dagster.asset(deps=[tonicdm_copy])
def tonicdm_tables() -> dagster.MaterializeResult:
    """The same as CSV, a folder for each record type."""

    async def run() -> ExportReport:
        return await export(Store(FILE), f"csv:{FILE}.tables")

    return dagster.MaterializeResult(metadata={"rows": asyncio.run(run()).written})


nightly = dagster.ScheduleDefinition(
    name="tonicdm_nightly",
    target=dagster.AssetSelection.assets(tonicdm_copy, tonicdm_tables),
    cron_schedule="17 3 * * *",
)
definitions = dagster.Definitions(assets=[tonicdm_copy, tonicdm_tables], schedules=[nightly])
