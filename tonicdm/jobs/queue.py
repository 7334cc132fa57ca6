"""The queue: jobs and tenants in a PostgreSQL database, by procrastinate."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString, Self

import attrs

from tonicdm.databases import is_url, shown
from tonicdm.errors import ConfigError, StoreError
from tonicdm.jobs.tenants import Tenant
from tonicdm.store import choose

if TYPE_CHECKING:
    import procrastinate

SCHEMA: Final = "tonicdm_jobs"
"""The schema of the queue and of the tenants."""
SYNC: Final = "tonicdm.sync"
EXPORT: Final = "tonicdm.export"
QUEUE: Final = "tonicdm"

_TENANTS: Final = f"""
CREATE TABLE IF NOT EXISTS {SCHEMA}.tonicdm_tenant (
    name text PRIMARY KEY, schema text NOT NULL UNIQUE, token text NOT NULL, zone text, base_url text,
    types text NOT NULL, every integer, due timestamptz
)
"""
_PUT_TENANT: Final = f"""
INSERT INTO {SCHEMA}.tonicdm_tenant (name, schema, token, zone, base_url, types, every, due)
VALUES (%(name)s, %(schema)s, %(token)s, %(zone)s, %(base_url)s, %(types)s, %(every)s,
        CASE WHEN %(every)s::integer IS NULL THEN NULL ELSE now() END)
ON CONFLICT (name) DO NOTHING RETURNING name
"""  # noqa: S608 - a name of ours
_DUE_TENANTS: Final = f"""
UPDATE {SCHEMA}.tonicdm_tenant SET due = now() + make_interval(secs => every)
WHERE due <= now() RETURNING *
"""  # noqa: S608 - a name of ours


@attrs.frozen
class JobRow:
    """A job as the queue knows it."""

    id: int
    task: str
    tenant: str
    what: str
    """The record type of a sync, the destination of an export."""
    status: str
    """``todo``, ``doing``, ``failed``, ``cancelled``, ``aborted`` or ``succeeded``."""
    scheduled_at: datetime.datetime | None
    """Not before this time, UTC; None for as soon as a worker is free."""
    failures: int
    """Failures in a row."""
    reason: str
    """Why it waits or failed."""


class JobQueue:
    """Submits, lists, retries and cancels jobs, and keeps the tenants; opened with ``async with``.

    Args:
        database: ``postgresql://…``.

    Raises:
        ConfigError: It is no such URL, or procrastinate is not installed.
    """

    def __init__(self, database: str) -> None:
        if not is_url(database):
            raise ConfigError("jobs need a PostgreSQL database: postgresql://…")
        try:
            import procrastinate
        except ImportError as error:
            raise ConfigError("jobs need procrastinate: pip install 'tonicdm[jobs]'") from error
        self.database = database
        connector = procrastinate.PsycopgConnector(
            conninfo=database, min_size=1, max_size=4, kwargs={"options": f"-c search_path={SCHEMA}"}
        )
        self.app: procrastinate.App = procrastinate.App(connector=connector)

    @property
    def where(self) -> str:
        """Host and database, without user and password."""
        return shown(self.database)

    async def __aenter__(self) -> Self:
        with self._errors():
            await self.app.open_async()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.app.close_async()

    async def upgrade(self) -> bool:
        """Make what is missing of the tables; return whether anything was.

        Raises:
            StoreError: The database refused.
        """
        with self._errors():
            made = await self._rows(f"SELECT to_regclass('{SCHEMA}.procrastinate_jobs') IS NULL AS missing")
            if made[0]["missing"]:
                await self.app.connector.execute_query_async(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
                await self.app.schema_manager.apply_schema_async()
            await self.app.connector.execute_query_async(_TENANTS)
            await asyncio.to_thread(_make_budgets, self.database)
            return bool(made[0]["missing"])

    # --- tenants --------------------------------------------------------------------------------------------------

    async def add_tenant(self, tenant: Tenant) -> None:
        """Keep a tenant; the same one twice is once.

        Raises:
            ConfigError: There is another one of this name, or another one's copy is in its schema.
        """
        choose(list(tenant.types))
        with self._errors():
            others = await self._rows(
                f"SELECT name FROM {SCHEMA}.tonicdm_tenant WHERE schema = %(schema)s AND name <> %(name)s",  # noqa: S608
                schema=tenant.schema,
                name=tenant.name,
            )
            if others:
                raise ConfigError(
                    f"the schema {tenant.schema} holds the copy of {others[0]['name']}. Nothing was kept."
                )
            if not await self._rows(_PUT_TENANT, **tenant.to_row()) and tenant not in await self.tenants():
                raise ConfigError(f"there is a tenant {tenant.name} already; remove it first. Nothing was changed.")

    async def tenants(self) -> list[Tenant]:
        """Return all tenants, by name."""
        with self._errors():
            rows = await self._rows(f"SELECT * FROM {SCHEMA}.tonicdm_tenant ORDER BY name")  # noqa: S608
        return [Tenant.from_row(row) for row in rows]

    async def tenant(self, name: str) -> Tenant:
        """Return one tenant.

        Raises:
            ConfigError: There is none of this name.
        """
        found = [tenant for tenant in await self.tenants() if tenant.name == name]
        if not found:
            raise ConfigError(f"no tenant {name}; tonicdm tenants list shows them")
        return found[0]

    async def remove_tenant(self, name: str) -> bool:
        """Forget a tenant and its waiting jobs; its copy stays. Return whether there was one."""
        with self._errors():
            await self._rows(
                f"DELETE FROM {SCHEMA}.procrastinate_jobs WHERE lock = %(name)s AND status = 'todo' RETURNING id",  # noqa: S608
                name=name,
            )
            gone = await self._rows(
                f"DELETE FROM {SCHEMA}.tonicdm_tenant WHERE name = %(name)s RETURNING name",  # noqa: S608
                name=name,
            )
        return bool(gone)

    # --- jobs -----------------------------------------------------------------------------------------------------

    async def submit_sync(self, tenant: Tenant, types: Sequence[str] = ()) -> int:
        """Submit a sync of a tenant, a job for each type; return how many were not waiting already.

        Args:
            tenant: Whose.
            types: These types; else those of the tenant, else the default ones.

        Raises:
            ConfigError: A type is unknown.
        """
        chosen = choose(list(types or tenant.types))
        # Types that are asked for by project read the projects of the copy.
        ordered = sorted(chosen, key=lambda record_type: record_type.parents is not None)
        return sum([await self.put(SYNC, tenant.name, record_type.name) for record_type in ordered])

    async def submit_export(self, tenant: Tenant, destination: str) -> int:
        """Submit an export of a tenant's copy; return 0 where one waits already."""
        return int(await self.put(EXPORT, tenant.name, destination))

    async def put(
        self,
        task: str,
        tenant: str,
        what: str,
        *,
        at: datetime.datetime | None = None,
        failures: int = 0,
        reason: str = "",
    ) -> bool:
        """Put a job into the queue; return False where the same one waits already.

        A tenant's jobs go one after another: its types share one window, so side by side they would only wait.
        """
        from procrastinate import exceptions

        deferrer = self.app.configure_task(
            task, queue=QUEUE, lock=tenant, queueing_lock=f"{task} {tenant} {what}", schedule_at=at
        )
        with self._errors():
            try:
                await deferrer.defer_async(tenant=tenant, what=what, failures=failures, reason=reason)
            except exceptions.AlreadyEnqueued:
                return False
        return True

    async def jobs(self, *, tenant: str | None = None, status: str | None = None) -> list[JobRow]:
        """Return jobs that wait, run or failed, the oldest first.

        Args:
            tenant: Of this one only.
            status: In this state only.
        """
        with self._errors():
            found = await self.app.job_manager.list_jobs_async(lock=tenant, status=status)
        return [_row(job.id or 0, job.task_name, job.task_kwargs, job.status or "", job.scheduled_at) for job in found]

    async def retry(self, job: int) -> None:
        """Let a failed job run as soon as a worker is free.

        Raises:
            ConfigError: There is no such job, or it did not fail.
        """
        rows = [row for row in await self.jobs(status="failed") if row.id == job]
        if not rows:
            raise ConfigError(f"there is no failed job {job}; tonicdm jobs list shows them")
        await self.put(rows[0].task, rows[0].tenant, rows[0].what)
        await self._delete(job)

    async def cancel(self, job: int) -> None:
        """Take a waiting job out of the queue, or ask a running one to end behind its step.

        Raises:
            ConfigError: There is no such job.
        """
        with self._errors():
            if not await self.app.job_manager.cancel_job_by_id_async(job, abort=True, delete_job=False):
                raise ConfigError(f"there is no job {job} that waits or runs")

    async def submit_due(self) -> int:
        """Submit the syncs of all tenants that are due; return how many jobs that were."""
        with self._errors():
            due = [Tenant.from_row(row) for row in await self._rows(_DUE_TENANTS)]
        return sum([await self.submit_sync(tenant) for tenant in due])

    async def rescue(self, seconds: float) -> int:
        """Put the jobs of workers that have shown no sign of life for so long back; return how many."""
        with self._errors():
            stalled = list(await self.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds))
            for job in stalled:
                await self.app.job_manager.retry_job(job)
        return len(stalled)

    async def ready(self) -> int:
        """Return how many jobs could run now, or as soon as another one of their tenant is done."""
        with self._errors():
            rows = await self._rows(
                f"SELECT count(*) AS jobs FROM {SCHEMA}.procrastinate_jobs "  # noqa: S608
                "WHERE status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now())"
            )
        return int(rows[0]["jobs"])

    async def counts(self) -> Mapping[str, int]:
        """Return the number of jobs by state."""
        with self._errors():
            rows = await self._rows(
                f"SELECT status::text AS status, count(*) AS jobs FROM {SCHEMA}.procrastinate_jobs GROUP BY 1"  # noqa: S608
            )
        return {row["status"]: row["jobs"] for row in rows}

    async def _delete(self, job: int) -> None:
        with self._errors():
            await self._rows(f"DELETE FROM {SCHEMA}.procrastinate_jobs WHERE id = %(id)s RETURNING id", id=job)  # noqa: S608

    async def _rows(self, query: LiteralString, **values: Any) -> list[dict[str, Any]]:
        return list(await self.app.connector.execute_query_all_async(query, **values))

    def _errors(self) -> contextlib.AbstractContextManager[None]:
        return _mapped(self.where)


def _make_budgets(database: str) -> None:
    from tonicdm.budget.ledgers import postgresql

    with postgresql.connect(database) as connection:
        postgresql.make_tables(connection)


@contextlib.contextmanager
def _mapped(where: str) -> Generator[None]:
    """Translate errors of the queue's library."""
    import psycopg
    from procrastinate import exceptions

    try:
        yield
    except exceptions.ConnectorException as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
            raise StoreError(where, "has no tables for jobs: run tonicdm jobs upgrade first") from None
        text = str(cause or error).strip().partition("\n")[0]
        raise StoreError(where, f"can't be used: {text}") from None


def _row(
    number: int, task: str, given: Mapping[str, Any], status: str, scheduled_at: datetime.datetime | None
) -> JobRow:
    return JobRow(
        id=number,
        task=task,
        tenant=str(given.get("tenant", "")),
        what=str(given.get("what", "")),
        status=status,
        scheduled_at=scheduled_at,
        failures=int(given.get("failures", 0)),
        reason=str(given.get("reason", "")),
    )
