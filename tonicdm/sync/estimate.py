"""Estimate what a run would cost, from what the store knows. Nothing is sent or spent."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from tonicdm.client import TonicDM
from tonicdm.plan.estimate import Plan, estimate_owner, estimate_type
from tonicdm.store.ownership import owner_facts
from tonicdm.store.store import Store
from tonicdm.store.types import RecordType
from tonicdm.sync.facts import SyncOptions, facts_of


async def estimate_run(
    tonic: TonicDM, store: Store, types: Sequence[RecordType], options: SyncOptions | None = None
) -> Plan:
    """Return the plan of a run, from the steps that it would make.

    Args:
        tonic: The client that would make them; nothing is sent.
        store: What is known.
        types: What would be synced.
        options: What is wanted.
    """
    known = options_for(tonic, options or SyncOptions())
    of_owner, _, _, _ = await owner_facts(tonic.caller, store, rebind=False)
    owner = estimate_owner(of_owner)
    now = store.clock(tonic.budget.clock).now()
    estimates = [estimate_type(await facts_of(store, record_type, known, now=now)) for record_type in types]
    return Plan(types=(*([] if owner is None else [owner]), *estimates))


def options_for(tonic: TonicDM, options: SyncOptions) -> SyncOptions:
    """Return *options* with what a client knows of its server."""
    facts = tonic.caller.facts
    return attrs.evolve(
        options,
        page_limit=facts.page_limit,
        ids_per_call=facts.ids_per_call,
        ids_proven=facts.ids_proven,
        largest_page=facts.largest_page,
        paged=frozenset(facts.paged),
    )
