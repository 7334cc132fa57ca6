"""Open tenants: the jobs of one process that work for the same tenant share its client and its copy."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

import attrs

from tonicdm.budget import UnitBudget, budget_key
from tonicdm.client import TonicDM
from tonicdm.clock import Clock, SystemClock
from tonicdm.jobs.tenants import Tenant
from tonicdm.store import Store
from tonicdm.types import Secret

MAX_WAIT_SECONDS = 2.0
"""Seconds that a call of a job waits for its units; a longer wait puts the job back, and the worker takes another."""


@attrs.define
class _Open:
    """One tenant, and how many jobs use it."""

    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    users: int = 0
    stack: contextlib.AsyncExitStack = attrs.field(factory=contextlib.AsyncExitStack)
    both: tuple[TonicDM, Store] | None = None


class OpenTenants:
    """The tenants that jobs of this process work for now.

    Side by side their jobs then use three connections in all, hear at once of units that come free, and know what one
    another has learned of the server, as the types of one run do.

    Args:
        database: ``postgresql://…``: budgets and copies are there, and what Rhythm's clients share.
        clock: Time; the machine's unless given.
        store: Makes a tenant's copy, for tests.
        budget: Makes the budget of a key, for tests.
    """

    def __init__(
        self,
        database: str,
        *,
        clock: Clock | None = None,
        store: Callable[[Tenant], Store] | None = None,
        budget: Callable[[str], contextlib.AbstractAsyncContextManager[UnitBudget]] | None = None,
    ) -> None:
        self.database = database
        self.clock: Clock = clock or SystemClock()
        self._store = store or (lambda tenant: Store(database, schema=tenant.schema))
        self._budget = budget or (lambda key: UnitBudget.shared(database, key=key, clock=clock))
        self._open: dict[Tenant, _Open] = {}

    def budgets(self) -> dict[str, UnitBudget]:
        """Return the budgets of the tenants that are open, by their names."""
        return {tenant.name: each.both[0].budget for tenant, each in self._open.items() if each.both is not None}

    @contextlib.asynccontextmanager
    async def store(self, tenant: Tenant) -> AsyncGenerator[Store]:
        """Open a tenant's copy alone, for work that sends nothing.

        Raises:
            StoreError: Its copy can't be opened.
        """
        async with self._store(tenant) as store:
            yield store

    @contextlib.asynccontextmanager
    async def use(self, tenant: Tenant) -> AsyncGenerator[tuple[TonicDM, Store]]:
        """Open a tenant's client, on the budget that all workers share, and its copy.

        Raises:
            ConfigError: Its token is not to be had on this machine.
            StoreError: Its copy can't be opened.
        """
        each = self._open.setdefault(tenant, _Open())
        each.users += 1
        try:
            async with each.lock:
                if each.both is None:
                    each.both = await self._enter(tenant, each.stack)
            yield each.both
        finally:
            each.users -= 1
            if not each.users:
                # Another job may open it anew before this one has closed it.
                self._open.pop(tenant, None)
                await asyncio.shield(each.stack.aclose())

    async def _enter(self, tenant: Tenant, stack: contextlib.AsyncExitStack) -> tuple[TonicDM, Store]:
        async with contextlib.AsyncExitStack() as opening:
            source = tenant.token.open()
            # Sealed, so that no frame which an error passes holds it as it is.
            token = source if isinstance(source, Secret) else Secret(await source())
            budget = await opening.enter_async_context(self._budget(budget_key(token.reveal(), tenant.base_url)))
            # From the first look on the budget's clock tells the database's time, whatever this machine's shows.
            await asyncio.to_thread(budget.snapshot)
            tonic = TonicDM(
                source,
                zone=tenant.zone,  # type: ignore[arg-type]  # checked when the tenant was made
                base_url=tenant.base_url,
                budget=budget,
                max_wait=MAX_WAIT_SECONDS,
                priority="bulk",
            )
            await opening.enter_async_context(tonic)
            store = await opening.enter_async_context(self._store(tenant))
            stack.push_async_exit(opening.pop_all())
            return tonic, store
