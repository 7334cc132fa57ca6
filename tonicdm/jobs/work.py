"""The work of a tenant's jobs: a sync of one type, an export."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Any, Final

from tonicdm.budget import UnitBudget, budget_key
from tonicdm.client import TonicDM
from tonicdm.clock import Clock, SystemClock
from tonicdm.errors import TonicDMError
from tonicdm.jobs.rules import SLICE_SECONDS
from tonicdm.jobs.tenants import Tenant
from tonicdm.store import Store, choose
from tonicdm.sync import TypeReport, synchronize
from tonicdm.types import Secret

MAX_WAIT_SECONDS: Final = 2.0
"""Seconds that a call of a job waits for its units; a longer wait puts the job back, and the worker takes another."""


class YieldedError(TonicDMError):
    """A job that could go on ends behind a stored step. It never leaves the package."""


@contextlib.asynccontextmanager
async def opened(tenant: Tenant, database: str, clock: Clock | None = None) -> AsyncGenerator[tuple[TonicDM, Store]]:
    """Open a tenant's client, on the budget that all workers share, and its copy.

    Args:
        tenant: Whose.
        database: ``postgresql://…``: budget and copy are both there.
        clock: Time.

    Raises:
        ConfigError: Its token is not to be had on this machine.
        StoreError: Its copy can't be opened.
    """
    source = tenant.token.open()
    # Sealed, so that no frame which an error passes holds it as it is.
    token = source if isinstance(source, Secret) else Secret(await source())
    key = budget_key(token.reveal(), tenant.base_url)
    budget = UnitBudget.shared(database, key=key, clock=clock)
    async with (
        budget,
        TonicDM(
            source,
            zone=tenant.zone,  # type: ignore[arg-type]  # checked when the tenant was made
            base_url=tenant.base_url,
            budget=budget,
            max_wait=MAX_WAIT_SECONDS,
            priority="bulk",
        ) as tonic,
        Store(database, schema=tenant.schema) as store,
    ):
        yield tonic, store


async def sync_type(
    tenant: Tenant, record_type: str, database: str, *, stopping: Callable[[], bool], clock: Clock | None = None
) -> dict[str, Any]:
    """Bring one type of a tenant up to date, step by step.

    Args:
        tenant: Whose.
        record_type: Which type.
        database: Where budget and copy are.
        stopping: Whether the worker is about to end; asked behind each stored step.
        clock: Time.

    Returns:
        What was done, as a JSON object.

    Raises:
        YieldedError: It made way behind a stored step.
        TonicDMError: As `tonicdm.sync.synchronize`.
    """
    times = clock or SystemClock()
    end = times.monotonic() + SLICE_SECONDS

    def stored(report: TypeReport) -> None:
        if not report.done and (stopping() or times.monotonic() >= end):
            raise YieldedError("the worker ends" if stopping() else "others go first")

    async with opened(tenant, database, clock) as (tonic, store):
        report = await synchronize(tonic, store, choose([record_type]), on_progress=stored)
        return {"units": report.units, "types": [line.type for line in report.types]}


async def export_copy(tenant: Tenant, destination: str, database: str) -> dict[str, Any]:
    """Bring an export of a tenant's copy up to date.

    Args:
        tenant: Whose.
        destination: As for `tonicdm.export.export`.
        database: Where the copy is.
    """
    from tonicdm.export import export

    async with Store(database, schema=tenant.schema) as store:
        report = await export(store, destination)
        return {"rows": sum(line.written for line in report.types)}


async def wait_or(stop: asyncio.Event, seconds: float) -> None:
    """Return after *seconds*, or when *stop* is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
