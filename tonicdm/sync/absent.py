"""From "not in the list" to a tombstone, with all that can be said against it first (design: deletions)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tonicdm.store import rows, writing
from tonicdm.store.versions import Origin
from tonicdm.types import DataQuantity

if TYPE_CHECKING:
    from tonicdm.store.store import Store
    from tonicdm.sync.passes import TypeSync
    from tonicdm.sync.reader import Reader

LARGEST_SHARE: Final = 0.2
"""Share of a type's records that may vanish at once without being confirmed."""
FEW: Final = 5
"""Records that may vanish at once whatever their share."""
CONTROLS: Final = 3
"""Records known to be there that each question for absent ones names too: an answer without them proves nothing."""
SCANS: Final = 3
"""Lists made before it counts as settled that they do not show everything."""

DELETED: Final = "deleted"
OUT_OF_SIGHT: Final = "out of sight"


async def settle_absent(sync: TypeSync) -> None:
    """Make tombstones of the records that a whole pass has not shown and the server denies when asked by ID.

    Raises:
        SyncStoppedError: Too much would vanish at once, or the answers contradict each other.
    """
    alive: set[str] | None = set()
    for _ in range(SCANS):
        if await sync.store.read(lambda db: rows.is_blind(db, sync.kind.name)):
            sync.listed = None
            sync.report.why.append("an element whose ID can't be read was listed, so nothing was marked as deleted")
            return
        gone = await sync.store.read(lambda db: rows.vanished(db, sync.kind.name))
        if not gone:
            return
        alive = await _still_there(sync, gone)
        if alive is None:
            sync.listed = None
            sync.report.why.append("filterIDs does not return records that are there, so nothing was marked as deleted")
            return
        if not alive or not sync.reader.has_statuses:
            # Without filterStatuses a list hides inactive records, which is no contradiction.
            await _bury(sync, sorted(set(gone) - alive))
            return
        # Either records moved from page to page while they were listed, or the list hides some.
        await sync.rescan()
    raise sync.stop(
        f"{len(alive or ()):,} records are there when asked for by ID but not in the list: the server does not heed "
        "filterStatuses or pageNumber"
    )


async def _still_there(sync: TypeSync, gone: list[str]) -> set[str] | None:
    """Ask for records by ID and store those that come; None where the question itself can't be trusted."""
    reader, store, name = sync.reader, sync.store, sync.kind.name
    if not reader.has_ids:
        return set()
    sql = "SELECT id FROM scan WHERE type = ? AND NOT stale LIMIT ?"
    controls = [row[0] for row in await store.query(sql, (name, CONTROLS))]
    alive: set[str] = set()
    size = max(1, reader.facts.ids_per_call - len(controls))
    for start in range(0, len(gone), size):
        part = gone[start : start + size]
        answer = await reader.by_id(
            [*part, *controls], DataQuantity.ID_ONLY if reader.has_quantity else DataQuantity.BASIC
        )
        if controls and not any(answer.shown(one) for one in controls):
            return None
        alive |= {one for one in part if answer.shown(one)}
    if alive:
        stamp = await store.draw(reader.now())
        found = await reader.by_id(sorted(alive), DataQuantity.BASIC)
        written = await store.write_page(
            name, list(found.values()), DataQuantity.BASIC, None, stamp=stamp, origin=Origin.BY_ID,
            invalid=found.invalid,
        )  # fmt: skip
        sync.report.add(written)
    return alive


async def _bury(sync: TypeSync, gone: list[str]) -> None:
    if not gone:
        return
    store, name = sync.store, sync.kind.name
    held = (await store.counts()).get(name, 0)
    if len(gone) > max(FEW, LARGEST_SHARE * held) and not sync.confirmed:
        raise sync.stop(
            f"{len(gone):,} of {held:,} records vanished at once; if that is right, run again with --confirm-deletions"
        )
    reason = DELETED if await statuses_proven(store, sync.reader, name) else OUT_OF_SIGHT
    at = sync.reader.server_time().isoformat()
    sync.report.deleted += await store.write(
        lambda db: writing.bury(db, name, gone, reason, at, rows.draw(db, sync.reader.now()))
    )


async def statuses_proven(store: Store, reader: Reader, name: str) -> bool:
    """Tell whether the list has shown records that are not active: only then absence means more than a status."""
    if not reader.has_statuses:
        return False
    sql = "SELECT 1 FROM record WHERE type = ? AND status IN ('inactive', 'deleted', '0', '4') LIMIT 1"
    return bool(await store.query(sql, (name,)))
