"""Fetches whole types into a store, page by page, within the budget."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import attrs

from tonicdm.client import TonicDM
from tonicdm.endpoints.base import ALL_STATUSES
from tonicdm.endpoints.listing import Listing
from tonicdm.errors import APIError, EndpointNotFoundError, PermissionDeniedError
from tonicdm.sync.store import Checkpoint, Store
from tonicdm.sync.types import RecordType
from tonicdm.types import DataQuantity

QUALITY: Final = DataQuantity.BASIC
"""References come as stubs; in the store they are joins. ``complete`` would cost four times as much."""


@attrs.frozen
class Progress:
    """How far the load of one type has come."""

    type: str
    records: int
    """Records read in this run."""
    changed: int
    """How many of them were new or changed in the store."""
    pages: int
    done: bool = False
    refused: APIError | None = None
    """Why the server does not give this type: no right, no licence, no such endpoint."""


async def load(
    tonic: TonicDM,
    store: Store,
    types: Sequence[RecordType],
    *,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> list[Progress]:
    """Read all records of *types* into *store*, the types side by side.

    A load that was interrupted goes on behind the last page that was stored.

    Args:
        tonic: Where to read.
        store: Where to write.
        types: What to read.
        on_progress: Told after each page.

    Returns:
        How it ended, by type. A type that the server refuses is reported, not raised.

    Raises:
        TonicDMError: A call or the store failed; the pages stored before are kept.
    """
    marks = [await store.checkpoint(kind.name) for kind in types]
    if all(mark is not None and mark.done for mark in marks):
        # The last load was finished: this one begins anew.
        await store.forget_checkpoints(kind.name for kind in types)
        marks = [None] * len(types)
    tasks: list[asyncio.Task[Progress]] = []
    try:
        async with asyncio.TaskGroup() as group:
            for kind, mark in zip(types, marks, strict=True):
                tasks.append(group.create_task(_load_type(tonic, store, kind, mark, on_progress), name=kind.name))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        with contextlib.suppress(Exception):
            await store.refresh_views()
    return [task.result() for task in tasks]


async def _load_type(
    tonic: TonicDM,
    store: Store,
    kind: RecordType,
    mark: Checkpoint | None,
    on_progress: Callable[[Progress], None],
) -> Progress:
    progress = Progress(kind.name, 0, 0, 0)
    if mark is not None and mark.done:
        progress = attrs.evolve(progress, done=True)
        on_progress(progress)
        return progress
    start = 1 if mark is None else mark.next_page
    try:
        async with contextlib.aclosing(_pages(tonic, kind, start)) as pages:
            async for page in pages:
                records = [item for item in page.records if isinstance(item, dict)]
                changed = await store.write_page(
                    kind.name, records, QUALITY, Checkpoint(kind.name, page.number + 1, done=False)
                )
                progress = attrs.evolve(
                    progress,
                    records=progress.records + len(records),
                    changed=progress.changed + changed,
                    pages=progress.pages + 1,
                )
                on_progress(progress)
    except (PermissionDeniedError, EndpointNotFoundError) as error:
        progress = attrs.evolve(progress, refused=error)
    await store.write_page(kind.name, [], QUALITY, Checkpoint(kind.name, start + progress.pages, done=True))
    progress = attrs.evolve(progress, done=True)
    on_progress(progress)
    return progress


def _pages(tonic: TonicDM, kind: RecordType, start: int) -> Any:
    listing = kind.listing
    options: dict[str, Any] = {}
    if "filter_statuses" in listing.operation.options:
        options["filter_statuses"] = ALL_STATUSES
    source: Listing[Any] = Listing(tonic._caller, listing, options, QUALITY, raw=True)
    return source(start)
