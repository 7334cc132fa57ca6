"""What a run would do and cost, from what the store knows; it sends nothing and spends nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from tonicdm.plan.planner import Known, Plan, plan_type
from tonicdm.store.store import Store
from tonicdm.store.types import RecordType
from tonicdm.sync.engine import Audit, audit_due
from tonicdm.sync.passes import UPDATED_AFTER

_WORKS: Final = {"yes": True, "no": False}


async def plan_run(
    store: Store, types: Sequence[RecordType], *, audit: Audit, now: float, ids_per_call: int = 240
) -> list[Plan]:
    """Return the plan of each type.

    Args:
        store: What is known.
        types: What would be synced.
        audit: How often deletions are looked for.
        now: Unix time.
        ids_per_call: IDs that the server reads in one header.
    """
    return [plan_type(await _known(store, kind, audit, now, ids_per_call)) for kind in types]


async def _known(store: Store, kind: RecordType, audit: Audit, now: float, ids_per_call: int) -> Known:
    known = await known_of(store, kind, ids_per_call=ids_per_call)
    return attrs.evolve(known, audit=known.watermark and await audit_due(store, kind, audit, now))


async def known_of(store: Store, kind: RecordType, *, ids_per_call: int) -> Known:
    """Return what is known of a type, as the planner takes it.

    Args:
        store: What is known.
        kind: The type.
        ids_per_call: IDs that the server reads in one header.
    """
    state = await store.state(kind.name)
    options = kind.listing.operation.options
    works = _WORKS.get(await store.capability(kind.name, UPDATED_AFTER) or "")
    parents = None
    if kind.parents is not None:
        parents = len(await store.query(kind.named_by))
    loaded = state.until is not None
    return Known(
        name=kind.name,
        count=state.count if loaded else None,
        changed=round(sum(state.runs) / len(state.runs)) if state.runs and loaded else None,
        p_quiet=state.p_quiet,
        watermark=loaded,
        updated_after=works if UPDATED_AFTER in options and kind.stamped else False,
        stub_times=kind.stamped,
        ids_per_call=ids_per_call,
        by_id=kind.listing.own_ids and "filter_ids" in options,
        paged=kind.listing.paged,
        has_quantity=kind.listing.operation.has_quantity,
        parents=parents,
        parents_per_call=ids_per_call if kind.by_own_ids else 1,
    )
