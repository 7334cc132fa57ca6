"""A nightly copy with Prefect: sync, then export; ``python prefect_flow.py`` serves it every night.

TONICDM_TOKEN and TONICDM_ZONE come from the environment, TONICDM_FILE says where the copy is.
"""

import os

from prefect import flow, task

from tonicdm import TonicDM
from tonicdm.export import export
from tonicdm.store import Store, choose
from tonicdm.sync import synchronize

FILE = os.environ.get("TONICDM_FILE", "/var/lib/tonicdm/firm.db")


@task(retries=3, retry_delay_seconds=1200)  # a run that fails goes on behind its last page
async def sync() -> int:
    """Bring the copy up to date; the number of records that changed."""
    async with TonicDM(priority="bulk") as tonic, Store(FILE) as store:
        return (await synchronize(tonic, store, choose(None))).changed


@task
async def export_tables() -> int:
    """Export what changed as CSV; the number of rows written."""
    return (await export(Store(FILE), f"csv:{FILE}.tables")).written


@flow(name="tonicdm-nightly")
async def nightly() -> tuple[int, int]:
    """Sync, then export."""
    return await sync(), await export_tables()


if __name__ == "__main__":
    nightly.serve(cron="17 3 * * *")
