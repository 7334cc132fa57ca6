"""The work of each kind of job: it ends done, put back, or given up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import attrs

from tonicdm.budget import budget_key
from tonicdm.client import TonicDM
from tonicdm.errors import BudgetTimeoutError, ConfigError, TonicDMError
from tonicdm.jobs.kinds import Job, Kind
from tonicdm.jobs.opening import OpenTenants
from tonicdm.jobs.rules import SLICE_SECONDS, PutBack, put_back
from tonicdm.jobs.tenants import RhythmAccess, Tenant, UnknownTenantError
from tonicdm.plan.order import Beginning, beginnings
from tonicdm.plan.owner import Ownership
from tonicdm.plan.refresh import RECORD_UNITS
from tonicdm.rhythm import RhythmClient
from tonicdm.rhythm import sync as rhythm_sync
from tonicdm.rhythm.query.polling import PollRules
from tonicdm.store import choose
from tonicdm.store.lock import Hold
from tonicdm.store.owner import fingerprint_of
from tonicdm.store.types import TYPES
from tonicdm.sync import synchronize
from tonicdm.sync.engine import look_at_owner
from tonicdm.sync.report import OwnerReport
from tonicdm.types import Secret
from tonicdm.webhooks.gaps import repair
from tonicdm.webhooks.handlers import Handlers
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.jobs import waits
from tonicdm.webhooks.worker import Worker

logger: Final = logging.getLogger("tonicdm")

LEASE_SECONDS: Final = 20.0
"""After which the run of a worker that shows no sign of life is taken to be gone, wherever it ran.

It has ended when the job is put back: that is a missed heartbeat later, see `worker.STALLED_SECONDS`.
"""

Stopping = Callable[[], bool]


class YieldedError(TonicDMError):
    """A job that could go on ends behind a stored step. It never leaves the package."""


class Work:
    """Does jobs.

    Args:
        tenants: Opens clients and copies.
        find: Returns a tenant by its name.
        put: Puts another job into the queue.
        handlers: Of the tenants' webhooks; without any, records are fetched all the same.
        read_ahead: Whether a sync and a gap repair ask for a page while the one before it is stored.
    """

    def __init__(
        self,
        tenants: OpenTenants,
        find: Callable[[str], Awaitable[Tenant]],
        put: Callable[[Job], Awaitable[Any]],
        *,
        handlers: Handlers | None = None,
        read_ahead: bool = False,
    ) -> None:
        self.tenants = tenants
        self._find = find
        self._put = put
        self._handlers = handlers
        self._read_ahead = read_ahead
        self._by_kind: dict[Kind, Callable[[Job, Tenant, Stopping], Awaitable[object]]] = {
            Kind.SYNC: self._type,
            Kind.GAP_REPAIR: self._type,
            Kind.WEBHOOKS: self._webhooks,
            Kind.RHYTHM_SYNC: self._rhythm,
            Kind.EXPORT: self._export,
        }

    async def do(self, job: Job, stopping: Stopping) -> PutBack | None:
        """Do a job; return how it goes back into the queue, or None where it is done.

        Args:
            job: What to do.
            stopping: Whether the worker is about to end, or the job was cancelled; asked behind each stored step.

        Raises:
            TonicDMError: It is given up.
        """
        name = f"{job.kind.value} of {job.tenant}{', ' if job.what else ''}{job.what}"
        clock = self.tenants.clock
        end = clock.monotonic() + SLICE_SECONDS

        def step() -> bool:
            return stopping() or clock.monotonic() >= end

        try:
            tenant = await self._find(job.tenant)
            done = await (self._plan(job, tenant) if job.is_plan else self._by_kind[job.kind](job, tenant, step))
        except UnknownTenantError:
            logger.info("%s is left out: its tenant was removed", name)
            return None
        except YieldedError as error:
            return PutBack(attrs.evolve(job, failures=0, reason=str(error)))  # a step is stored
        except TonicDMError as error:
            back = put_back(error, job)
            if back is None:
                logger.error("%s is given up: %s", name, error)  # noqa: TRY400 - it says all
                raise
            logger.info("%s %s; again in %.0f s", name, back.job.reason, back.seconds)
            return back
        if isinstance(done, PutBack):
            return done
        await self._follow(job, job.then, job.checked)
        logger.info("%s is done: %s", name, done)
        return None

    # --- TonicDM --------------------------------------------------------------------------------------------------

    async def _plan(self, job: Job, tenant: Tenant) -> object:
        """Look once whose records they are, and put a job for each type that waits for no other one."""
        chosen = choose([name for name in job.what.split(",") if name] or list(tenant.types))
        async with self.tenants.use(tenant) as (tonic, store):
            await look_at_owner(tonic, store)
            checked = await _name_of_token(tonic)
        names = [record_type.name for record_type in chosen]
        await self._follow(job, names, checked)
        return {"types": names}

    async def _follow(self, job: Job, names: Sequence[str], checked: str) -> None:
        for beginning in _beginnings(names):
            following = Job(
                kind=job.kind,
                tenant=job.tenant,
                what=beginning.record_type,
                then=beginning.followers,
                checked=checked,
            )
            await self._put(following)

    async def _type(self, job: Job, tenant: Tenant, stopping: Stopping) -> object:
        """Bring one type up to date, step by step; for a gap repair also compare what changed with the events."""
        more: dict[str, Any] = {
            "owner": OwnerReport(ownership=Ownership.KNOWN),
            "hold": Hold.of_type(job.what, LEASE_SECONDS),
            "estimated": False,
            "read_ahead": self._read_ahead,
            "on_progress": _yielding(stopping),
        }
        async with self.tenants.use(tenant) as (tonic, store):
            if await _name_of_token(tonic) != job.checked:
                anew = attrs.evolve(job, what=",".join((job.what, *job.then)), then=(), checked="")
                return PutBack(attrs.evolve(anew, reason="the token is another one by now"))
            if job.kind is Kind.SYNC:
                run = await synchronize(tonic, store, [TYPES[job.what]], **more)
                return {"units": run.units, "changed": run.changed}
            gaps = await repair(tonic, Inbox(store, clock=self.tenants.clock), [TYPES[job.what]], **more)
            return {"units": gaps.run.units, "missed": gaps.missed}

    async def _webhooks(self, _job: Job, tenant: Tenant, stopping: Stopping) -> object:
        """Work off what is in the inbox; several workers may be at one, which order the jobs of each record."""
        async with self.tenants.store(tenant) as store:
            if not await store.read(waits):
                return {"done": 0}
        async with self.tenants.use(tenant) as (tonic, store):
            inbox = Inbox(store, handlers=self._handlers, clock=self.tenants.clock)
            report = await Worker(tonic, inbox).drain(stopping)
            left = await inbox.waiting()
            if left and stopping():
                raise YieldedError("others go first")
            if left:
                wait = tonic.budget.forecast(RECORD_UNITS).done_in
                raise BudgetTimeoutError("the events wait for units", wait=wait)
        return {"done": report.done, "units": report.meter.units}

    async def _export(self, job: Job, tenant: Tenant, _stopping: Stopping) -> object:
        """Bring an export of the copy up to date."""
        from tonicdm.export import export

        async with self.tenants.store(tenant) as store:
            report = await export(store, job.what)
            return {"rows": sum(line.written for line in report.types)}

    # --- Rhythm ---------------------------------------------------------------------------------------------------

    async def _rhythm(self, job: Job, tenant: Tenant, _stopping: Stopping) -> object:
        """Bring one type of Rhythm's up to date. A query that takes longer than a slice is gone on with later."""
        if tenant.rhythm is None:
            raise ConfigError(f"the tenant {tenant.name} has no access to Rhythm; see tonicdm tenants add --help")
        rules = rhythm_sync.SyncRules(poll=PollRules(deadline=SLICE_SECONDS))
        hold = Hold.of_type(f"rhythm_{job.what}", LEASE_SECONDS)
        connecting = _rhythm_client(tenant.rhythm, self.tenants.database)
        async with await connecting as rhythm, self.tenants.store(tenant) as store:
            (report,) = await rhythm_sync.synchronize(rhythm, store, [job.what], rules=rules, hold=hold)
            return {"rows": report.rows, "changed": report.changed}


def _beginnings(names: Sequence[str]) -> list[Beginning]:
    return beginnings({name: TYPES[name].parents for name in names})


def _yielding(stopping: Stopping) -> Callable[[Any], None]:
    """Return what is told of each stored step: it ends the run there once that is wanted."""

    def stored(report: Any) -> None:
        if not report.done and stopping():
            raise YieldedError("made way for others")

    return stored


async def _name_of_token(tonic: TonicDM) -> str:
    token = await tonic.caller.transport.auth.token()
    return fingerprint_of(budget_key(token.reveal()))


async def _rhythm_client(access: RhythmAccess, database: str) -> RhythmClient:
    """Make a client whose pace, cooldown and tokens are those of all workers of *database*, unless another is named."""
    secret = None
    if access.secret is not None:
        source = access.secret.open()
        secret = source if isinstance(source, Secret) else Secret(await source())
    return RhythmClient(
        access.tenant_id,
        client_id=access.client_id,
        client_secret=secret,
        auth_domain=access.auth_domain,
        base_url_template=access.base_url,
        database=os.environ.get("RHYTHM_DATABASE") or database,
    )


async def wait_or(stop: asyncio.Event, seconds: float) -> None:
    """Return after *seconds*, or when *stop* is set."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
