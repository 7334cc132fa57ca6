"""A run: all types side by side, within the budget, into one store."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Coroutine, Sequence
from typing import Any, Final, Literal, TypeAlias

from tonicdm.client import TonicDM
from tonicdm.errors import EndpointNotFoundError, PermissionDeniedError, TonicDMError
from tonicdm.store.store import Store
from tonicdm.store.types import RecordType
from tonicdm.sync.passes import TypeSync
from tonicdm.sync.reader import Reader
from tonicdm.sync.report import RunReport, Tell, TypeReport
from tonicdm.types import RecordID

Audit: TypeAlias = Literal["never", "daily", "weekly", "always"]
INTERVALS: Final[dict[str, float]] = {"daily": 86_400.0, "weekly": 7 * 86_400.0, "always": 0.0}
PAGED: Final = "paged"
"""The capability of a list to be read in pages though the reference shows none: asking anew costs 6 units."""
IDS: Final = "ids_per_call"
"""The capability of a server to read so many IDs in one header, once one was refused."""
RENEWAL: Final = 30.0
"""Seconds after which a run shows that it is alive."""


async def synchronize(
    tonic: TonicDM,
    store: Store,
    types: Sequence[RecordType],
    *,
    audit: Audit = "weekly",
    confirmed: bool = False,
    projects: Sequence[RecordID] = (),
    tell: Tell = lambda _report: None,
) -> RunReport:
    """Bring *types* of a store up to date: a first load, or what changed since.

    A run that was interrupted goes on behind the last page that was stored.

    Args:
        tonic: Where to read.
        store: Where to write.
        types: What to read.
        audit: How often to look for records that are gone; a first load always knows.
        confirmed: Whether a large part of a type may vanish at once.
        projects: Only of these projects, for the types that can be asked so.
        tell: Told after each page.

    Returns:
        What was done. A type that the server refuses is reported, not raised.

    Raises:
        SyncStoppedError: Going on could have deleted what is still there.
        StoreError: The file is full, locked, or synced by somebody else.
        TonicDMError: A call failed for good; the pages stored before are kept.
    """
    clock = tonic.budget.clock
    began = clock.monotonic()
    await store.acquire_lock(clock.now())
    facts = tonic._caller.facts
    facts.ids_per_call = min(facts.ids_per_call, int(await store.capability("", IDS) or facts.ids_per_call))
    reports = [TypeReport(type=kind.name) for kind in types]
    try:
        independent = [(kind, report) for kind, report in zip(types, reports, strict=True) if kind.parents is None]
        dependent = [(kind, report) for kind, report in zip(types, reports, strict=True) if kind.parents is not None]
        for group in (independent, dependent):
            await _side_by_side(
                [
                    _one(tonic, store, kind, report, tell, audit=audit, confirmed=confirmed, projects=projects)
                    for kind, report in group
                ],
                _renew(tonic, store),
            )
    finally:
        with contextlib.suppress(TonicDMError):
            await store.set_capability("", IDS, str(facts.ids_per_call))
            await store.refresh_views()
            await store.release_lock()
    return RunReport(types=reports, seconds=clock.monotonic() - began)


async def _side_by_side(works: Sequence[Coroutine[Any, Any, None]], renewal: Coroutine[Any, Any, None]) -> None:
    """Await all works; the first error ends the others, and is raised as itself."""
    keeper = asyncio.ensure_future(renewal)
    try:
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError, TonicDMError):
            await keeper


async def _renew(tonic: TonicDM, store: Store) -> None:
    while True:
        await tonic.budget.clock.sleep_until(tonic.budget.clock.monotonic() + RENEWAL)
        await store.acquire_lock(tonic.budget.clock.now())


async def _one(
    tonic: TonicDM,
    store: Store,
    kind: RecordType,
    report: TypeReport,
    tell: Tell,
    *,
    audit: Audit,
    confirmed: bool,
    projects: Sequence[RecordID],
) -> None:
    parents = None
    if kind.parents is not None:
        named = [row[0] for row in await store.query(kind.named_by)]
        parents = named if kind.by_own_ids or not projects else list(projects)
    reader = Reader(tonic, kind, report.meter, parents=parents, projects=projects)
    report.cleaned = await store.clean(kind.name, reader.server_time().isoformat())
    if report.cleaned:
        report.why.append(f"{report.cleaned:,} rows that were no records, stored by an earlier version, were removed")
    due = not projects and await audit_due(store, kind, audit, tonic.budget.clock.now())
    path, facts = kind.listing.operation.path, tonic._caller.facts
    if await store.capability(kind.name, PAGED) == "yes":
        facts.paged.add(path)
    try:
        exact = audit == "always"
        await TypeSync(reader, store, kind, report, tell, audit=due, confirmed=confirmed, exact=exact).run()
    except (PermissionDeniedError, EndpointNotFoundError) as error:
        report.refused, report.done = error, True
        tell(report)
    report.why += await store.remarks(kind.name)
    if path in facts.paged:
        await store.set_capability(kind.name, PAGED, "yes")


async def audit_due(store: Store, kind: RecordType, audit: Audit, now: float) -> bool:
    """Tell whether deletions of *kind* are to be looked for now."""
    if audit == "never":
        return False
    audited = (await store.state(kind.name)).audited
    if audited is None:
        return True
    return now - datetime.datetime.fromisoformat(audited).timestamp() >= INTERVALS[audit]
