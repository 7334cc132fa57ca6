"""The queue: jobs, tenants and schedules in a PostgreSQL database, by procrastinate."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
import re
import urllib.parse
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString, Self, TypeVar

import attrs

from tonicdm._version import __version__
from tonicdm.clock import ClockWatch, SystemClock
from tonicdm.databases import (
    check_encoding,
    checked,
    connect,
    connection_settings,
    conninfo_of,
    creating,
    first_line,
    form_of,
    is_lent_to_others,
    is_url,
)
from tonicdm.errors import ConfigError, StoreError
from tonicdm.jobs import tables
from tonicdm.jobs.kinds import QUEUES, Job, Kind
from tonicdm.jobs.rules import MAX_FAILURES, MAX_RETRY_SECONDS, PutBack
from tonicdm.jobs.schedules import Schedule
from tonicdm.jobs.tables import SCHEMA
from tonicdm.jobs.tenants import Tenant, UnknownTenantError
from tonicdm.rhythm.database import RhythmDatabase
from tonicdm.rhythm.sync import MODELS as RHYTHM_TYPES
from tonicdm.store import choose

if TYPE_CHECKING:
    import procrastinate
    import psycopg

T = TypeVar("T")

logger: Final = logging.getLogger("tonicdm")

CLAIM_SECONDS: Final = 60.0
"""Seconds for which a worker has what is due to itself, to submit it."""
AHEAD_SECONDS: Final = 5.0
"""Seconds that a time may lie further ahead than any that is written, before the clock counts as set back."""
MAX_DESTINATION: Final = 1000
"""Characters of an export's destination."""
MAX_CLAIMED: Final = 200
"""Schedules that are submitted in one go."""


@attrs.frozen
class JobRow:
    """A job as the queue knows it."""

    id: int
    task: str
    tenant: str
    what: str
    """A record type, or several that are still to be planned; the destination of an export."""
    status: str
    """``todo``, ``doing``, ``failed``, ``cancelled``, ``aborted`` or ``succeeded``."""
    scheduled_at: datetime.datetime | None
    """Not before this time, UTC; None for as soon as a worker is free."""
    failures: int
    """Failures in a row."""
    reason: str
    """Why it waits or failed."""


@attrs.frozen
class QueueFigures:
    """How many jobs of one queue are in one state."""

    queue: str
    status: str
    jobs: int
    late: float
    """Seconds for which the one that could have run for longest has waited; 0 where none waits."""


class JobQueue:
    """Submits, lists, retries and cancels jobs, and keeps tenants and schedules; opened with ``async with``.

    Args:
        database: ``postgresql://…``.

    Raises:
        ConfigError: It is no such URL, or procrastinate is not installed; or, when it is opened, a newer tonicdm has
            made its tables.
        StoreError: It can't be reached, when it is opened.
    """

    def __init__(self, database: str) -> None:
        if not is_url(database):
            raise ConfigError("jobs need a PostgreSQL database: postgresql://…")
        self.where: str = checked(database)
        """Host and database, without user and password."""
        try:
            import procrastinate
        except ImportError as error:
            raise ConfigError("jobs need procrastinate: pip install 'tonicdm[jobs]'") from error
        self.database = database
        self._conninfo = conninfo_of(database)
        connector = procrastinate.PsycopgConnector(
            conninfo=self._conninfo,
            min_size=1,
            max_size=4,
            kwargs=connection_settings(self._conninfo, "tonicdm-jobs"),
            configure=_set_up,
        )
        from tonicdm.jobs.ending import Manager

        self.app: procrastinate.App = procrastinate.App(connector=connector)
        self.endings: dict[int, PutBack | str] = {}
        """How jobs that end now go back into the queue, or why they failed, by their number."""
        self._watch = ClockWatch(SystemClock().monotonic)
        self.app.job_manager = Manager(connector, lambda job: self.endings.pop(job, None))

    async def __aenter__(self) -> Self:
        with self.errors():
            # A pool tries again and again, and then does not say why.
            await asyncio.to_thread(self._look)
            await self.app.open_async()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.app.close_async()

    async def upgrade(self) -> bool:
        """Make what is missing of the tables; return whether anything was.

        Raises:
            StoreError: The database refused.
        """
        with self.errors():
            made = await self._rows(f"SELECT to_regclass('{SCHEMA}.procrastinate_jobs') IS NULL AS missing")
            if made[0]["missing"]:
                await asyncio.to_thread(self._check_encoding)
                await self.app.connector.execute_query_async(creating(SCHEMA))
                await self.app.schema_manager.apply_schema_async()
            for statement in tables.TABLES:
                await self.app.connector.execute_query_async(statement)
            await self.app.connector.execute_query_async(tables.NOTE_FORM, form=tables.FORM)
            await asyncio.to_thread(self._make_others)
            return bool(made[0]["missing"])

    # --- tenants --------------------------------------------------------------------------------------------------

    async def add_tenant(self, tenant: Tenant) -> None:
        """Keep a tenant; the same one twice is once. One with an interval is synced by a schedule.

        Raises:
            ConfigError: There is another one of this name, or another one's copy is in its schema.
        """
        tenant.check()
        with self.errors():
            others = await self._rows(tables.OTHER_OF_SCHEMA, schema=tenant.schema, name=tenant.name)
            if others:
                raise ConfigError(
                    f"the schema {tenant.schema} holds the copy of {others[0]['name']}. Nothing was kept."
                )
            is_new = bool(await self._rows(tables.PUT_TENANT, **tenant.to_row()))
            if not is_new and tenant != await self.tenant(tenant.name):
                raise ConfigError(f"there is a tenant {tenant.name} already; remove it first. Nothing was changed.")

    async def tenants(self) -> list[Tenant]:
        """Return all tenants, by name."""
        with self.errors():
            rows = await self._rows(tables.TENANTS)
        return _readable(rows, Tenant.from_row, "tenant {name}")

    async def tenant(self, name: str) -> Tenant:
        """Return one tenant.

        Raises:
            ConfigError: There is none of this name.
        """
        with self.errors():
            rows = await self._rows(tables.TENANT, name=name)
        if not rows:
            raise UnknownTenantError(f"no tenant {name}; tonicdm tenants list shows them")
        return Tenant.from_row(rows[0])

    async def remove_tenant(self, name: str) -> bool:
        """Forget a tenant, its schedules and its waiting jobs; its copy stays. Return whether there was one."""
        with self.errors():
            await self._rows(tables.DROP_WAITING, name=name)
            return bool(await self._rows(tables.DROP_TENANT, name=name))

    # --- schedules ------------------------------------------------------------------------------------------------

    async def add_schedule(self, schedule: Schedule) -> int:
        """Keep a schedule, in place of another one for the same; return its number.

        One with an interval is due at once, one with a calendar at its next time.

        Raises:
            ConfigError: Its tenant is unknown, or a job of it could never run.
        """
        self._check(await self.tenant(schedule.tenant), schedule.kind, schedule.what)
        values = attrs.asdict(schedule, filter=attrs.filters.exclude("id", "kind"))
        if schedule.cron is not None:
            values["due"] = schedule.next_after(await self.now())
        with self.errors():
            (row,) = await self._rows(tables.PUT_SCHEDULE, **values, kind=schedule.kind.value)
        return int(row["id"])

    async def schedules(self, tenant: str | None = None) -> list[Schedule]:
        """Return the schedules, by tenant.

        Args:
            tenant: Of this one only.
        """
        with self.errors():
            rows = await self._rows(tables.SCHEDULES, tenant=tenant)
        return _readable(rows, Schedule.from_row, "schedule {id} of {tenant}")

    async def remove_schedule(self, number: int) -> None:
        """Forget a schedule; jobs that it has submitted stay.

        Raises:
            ConfigError: There is no such one.
        """
        with self.errors():
            if not await self._rows(tables.DROP_SCHEDULE, id=_number(number)):
                raise ConfigError(f"there is no schedule {number}; tonicdm jobs schedules shows them")

    async def submit_due(self) -> int:
        """Submit what the schedules say is due; return how many jobs that were.

        Of several workers one submits each. If that one dies in between, another one does so after a minute.
        """
        submitted = 0
        with self.errors():
            claimed = {"seconds": CLAIM_SECONDS, "limit": MAX_CLAIMED, "kinds": list(QUEUES)}
            for row in await self._rows(tables.CLAIM_SCHEDULES, **claimed):
                try:
                    schedule = Schedule.from_row(row)
                except ConfigError as error:
                    logger.warning("schedule %d of %s submits nothing: %s", row["id"], row["tenant"], error)
                    continue
                try:
                    submitted += await self.submit(schedule.kind, schedule.tenant, schedule.what)
                except ConfigError as error:  # the others of this look are due all the same
                    logger.warning("schedule %d of %s submits nothing: %s", schedule.id, schedule.tenant, error)
                following = schedule.next_after(row["claimed"])
                await self._rows(tables.MOVE_SCHEDULE, id=schedule.id, due=row["due"], next=following)
        return submitted

    # --- jobs -----------------------------------------------------------------------------------------------------

    async def submit(self, kind: Kind, tenant: str, what: str = "") -> int:
        """Submit work for a tenant; return how many jobs were not waiting already.

        Args:
            kind: What is to be done.
            tenant: Whose.
            what: Types with commas, or the destination of an export; by default all types of the tenant.

        Raises:
            ConfigError: The tenant or a type is unknown, or the job could never run.
        """
        self._check(await self.tenant(tenant), kind, what)
        parts = [what]
        if kind is Kind.RHYTHM_SYNC:
            parts = what.split(",") if what else list(RHYTHM_TYPES)
        return sum([await self.put(Job(kind=kind, tenant=tenant, what=part)) for part in parts])

    async def submit_sync(self, tenant: Tenant, types: Sequence[str] = ()) -> int:
        """Submit a sync: a plan, from which a worker makes a job for each type; return 0 where the same one waits.

        Args:
            tenant: Whose.
            types: These types; else those of the tenant, else the default ones.

        Raises:
            ConfigError: A type is unknown.
        """
        return await self.submit(Kind.SYNC, tenant.name, ",".join(types))

    def _check(self, tenant: Tenant, kind: Kind, what: str) -> None:
        """Refuse now what no worker could do at night."""
        if kind.has_types:
            choose([name for name in what.split(",") if name])
        elif kind is Kind.RHYTHM_SYNC:
            if tenant.rhythm is None:
                raise ConfigError(f"the tenant {tenant.name} has no access to Rhythm; see tonicdm tenants add --help")
            if unknown := [name for name in what.split(",") if name and name not in RHYTHM_TYPES]:
                raise ConfigError(f"{', '.join(unknown)} can't be synced; there are {', '.join(RHYTHM_TYPES)}")
        elif kind is Kind.EXPORT:
            from tonicdm.export.run import destination

            if not what:
                raise ConfigError("an export needs a destination, such as parquet:DIR")
            if len(what) > MAX_DESTINATION or not what.isprintable():
                raise ConfigError(f"a destination is one line of {MAX_DESTINATION:,} characters at most")
            if _holds_password(what):
                raise ConfigError(
                    "the destination holds a password, which would stand in the database. Leave it out, and give it to "
                    "the workers by a file ~/.pgpass or by PGPASSWORD. Nothing was submitted."
                )
            destination(what)

    async def put(self, job: Job, seconds: float = 0.0) -> bool:
        """Put a job into the queue; return False where the same one waits already, which then leads on to the same.

        Args:
            job: What is to be done.
            seconds: How long it waits at least, by the database's clock.
        """
        from tonicdm.jobs.ending import put_values

        with self.errors():
            return any(row["added"] for row in await self._rows(tables.PUT, **put_values(PutBack(job, seconds))))

    async def jobs(
        self, *, tenant: str | None = None, status: str | None = None, number: int | None = None
    ) -> list[JobRow]:
        """Return jobs that wait, run or failed, the oldest first.

        Args:
            tenant: Of this one only.
            status: In this state only.
            number: This one only.
        """
        chosen = None if number is None else _number(number)
        with self.errors():
            return [_row(row) for row in await self._rows(tables.JOBS, tenant=tenant, status=status, id=chosen)]

    async def retry(self, job: int) -> None:
        """Let a failed or cancelled job run as soon as a worker is free.

        Raises:
            ConfigError: There is no such job, or it neither failed nor was cancelled.
        """
        with self.errors():
            rows = await self._rows(tables.JOBS, id=_number(job), tenant=None, status=None)
            if not rows or rows[0]["status"] not in {"failed", "cancelled", "aborted"}:
                raise ConfigError(f"there is no failed job {job}; tonicdm jobs list shows them")
            again = Job.from_queue(rows[0]["task_name"], rows[0]["args"])
            await self.put(attrs.evolve(again, failures=0, reason=""))
            await self._rows(tables.DROP_JOB, id=job)

    async def cancel(self, job: int) -> None:
        """Take a waiting job out of the queue, or ask a running one to end behind its step.

        Raises:
            ConfigError: There is no such job.
        """
        with self.errors():
            if not await self.app.job_manager.cancel_job_by_id_async(_number(job), abort=True, delete_job=False):
                raise ConfigError(f"there is no job {job} that waits or runs")

    # --- workers --------------------------------------------------------------------------------------------------

    async def rescue(self, seconds: float) -> int:
        """Put the jobs of workers that have shown no sign of life for so long back; return how many.

        Where the database's clock was set forward, no living worker had a chance to show one in the time that was
        skipped; where it was set back, heartbeats lie ahead.
        """
        await self.mend_times()
        with self.errors():
            skipped = max(0.0, self._watch.moved(seconds))
            rescued = len(await self._rows(tables.RESCUE, seconds=seconds + skipped, most=MAX_FAILURES))
        if rescued:
            logger.warning("%d jobs of workers that show no sign of life go on elsewhere", rescued)
        return rescued

    async def mend_times(self) -> None:
        """Bring what waits within reach again where the database's clock was set back."""
        moved = self._watch.read((await self.now()).timestamp())
        values = {
            "back": max(0.0, -moved),
            "longest": MAX_RETRY_SECONDS,
            "claim": CLAIM_SECONDS,
            "tolerance": AHEAD_SECONDS,
        }
        with self.errors():
            await self._rows(tables.MEND_TIMES, **values)
            if moved < 0:
                for schedule in await self.schedules():
                    following = schedule.next_after(await self.now())
                    if schedule.cron is not None and schedule.due is not None and schedule.due > following:
                        await self._rows(tables.MOVE_SCHEDULE, id=schedule.id, due=schedule.due, next=following)

    async def show_life(self, workers: Collection[int]) -> None:
        """Note that workers are alive, by their numbers; those that have left stay away."""
        with self.errors():
            await self._rows(tables.SHOW_LIFE, workers=list(workers))

    async def ready(self, queues: Sequence[str]) -> bool:
        """Tell whether a worker that takes jobs of *queues* would find one now."""
        with self.errors():
            (row,) = await self._rows(tables.READY, queues=list(queues))
        return bool(row["ready"])

    async def now(self) -> datetime.datetime:
        """Return the time by the database's clock."""
        with self.errors():
            (row,) = await self._rows("SELECT now() AS now")
        return row["now"]  # type: ignore[no-any-return]

    async def figures(self) -> list[QueueFigures]:
        """Return the number of jobs by queue and state."""
        with self.errors():
            return [QueueFigures(**row) for row in await self._rows(tables.FIGURES)]

    async def counts(self) -> Mapping[str, int]:
        """Return the number of jobs by state."""
        counts: dict[str, int] = {}
        for part in await self.figures():
            counts[part.status] = counts.get(part.status, 0) + part.jobs
        return counts

    async def workers(self, seconds: float) -> int:
        """Return how many workers have shown a sign of life within so many seconds."""
        with self.errors():
            (row,) = await self._rows(tables.WORKERS, seconds=seconds)
        return int(row["workers"])

    # --- on a thread ----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        from tonicdm.store.postgresql.meanings import POOLED

        with contextlib.closing(connect(self._conninfo, "tonicdm-jobs")) as connection:
            (session,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
            if is_lent_to_others(connection, session, lambda: connect(self._conninfo, "tonicdm-jobs")):
                raise StoreError(self.where, POOLED)
            form = form_of(connection, SCHEMA)
            lacking = [] if form is None else self._lacking(connection)
        if form is not None and form > tables.FORM:
            raise ConfigError(
                f"the jobs in {self.where} were written by a newer tonicdm: they have form {form}, and tonicdm "
                f"{__version__} reads form {tables.FORM}. Nothing was changed. Upgrade this one"
            )

        if lacking:
            import procrastinate

            raise StoreError(
                self.where,
                f"has tables of another version of procrastinate than {procrastinate.__version__}, which is installed: "
                f"{lacking[0]} is missing. Install the version that made them, or apply that library's migrations in "
                f"the schema {SCHEMA}. Nothing was changed",
            )

    def _lacking(self, connection: psycopg.Connection[Any]) -> list[str]:
        """Return the functions that the queue's library calls and its tables do not have."""
        from procrastinate import sql

        called = sorted(set(re.findall(r"\b(procrastinate_\w+)\(", " ".join(sql.queries.values()))))
        return [name for (name,) in connection.execute(tables.LACKING, (called,))]

    def _check_encoding(self) -> None:
        """Refuse a database in which no tenant's copy could be made."""
        with contextlib.closing(connect(self._conninfo, "tonicdm-jobs")) as connection:
            check_encoding(connection, self.where)

    def _make_others(self) -> None:
        """Make the tables of budgets, and of what Rhythm's clients share."""
        from tonicdm.budget.ledgers import postgresql

        with contextlib.closing(connect(self._conninfo, "tonicdm-jobs")) as connection:
            postgresql.make_tables(connection)
        try:
            RhythmDatabase(self.database).upgrade()
        except StoreError as error:  # who has no tenants there needs none
            logger.warning("the tables for tenants of Rhythm were not made: %s", error)

    async def _rows(self, query: LiteralString, **values: Any) -> list[dict[str, Any]]:
        return list(await self.app.connector.execute_query_all_async(query, **values))

    def errors(self) -> contextlib.AbstractContextManager[None]:
        """Turn errors of the queue's library into ours."""
        return _mapped(self.where)


async def _set_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """Set a session of the library's pool up, by statements: what the URL says of a session's options stays."""
    import psycopg

    was_by_statement = connection.autocommit
    await connection.set_autocommit(True)
    await connection.execute(tables.SESSION)
    await connection.set_autocommit(was_by_statement)
    await connection.set_isolation_level(psycopg.IsolationLevel.READ_COMMITTED)


def _holds_password(destination: str) -> bool:
    _, _, rest = destination.partition("://")
    head, _, query = rest.partition("?")
    named = any(name.endswith("password") for name in urllib.parse.parse_qs(query, keep_blank_values=True))
    return named or ":" in head.rpartition("@")[0]


@contextlib.contextmanager
def _mapped(where: str) -> Generator[None]:
    """Translate errors of the queue's library."""
    import psycopg
    from procrastinate import exceptions

    try:
        yield
    except (exceptions.ConnectorException, psycopg.Error) as error:
        cause = error.__cause__ if isinstance(error, exceptions.ConnectorException) else error
        if isinstance(cause, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName):
            raise StoreError(where, "has no tables for jobs: run tonicdm jobs upgrade first") from None
        if isinstance(cause, psycopg.errors.UndefinedColumn):
            raise StoreError(where, "has tables of an earlier version: run tonicdm jobs upgrade first") from None
        raise StoreError(where, f"can't be used: {first_line(cause or error)}") from None
    except UnicodeEncodeError:
        raise ConfigError("a text holds bytes that are no UTF-8, and can't be kept. Nothing was changed.") from None


def _readable(rows: Sequence[dict[str, Any]], read: Callable[[dict[str, Any]], T], name: str) -> list[T]:
    """Read rows; one that only a later version can read holds up no other one."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except ConfigError as error:
            logger.warning("%s can't be read, and is left out: %s", name.format(**row), error)
    return found


def _number(number: int) -> int:
    """Return a number that the database can hold; 0, which nothing has, for another one."""
    return number if 0 < number < 2**63 else 0


def _row(row: Mapping[str, Any]) -> JobRow:
    # Also of a kind that only a later version knows.
    given = row["args"]
    return JobRow(
        id=row["id"],
        task=row["task_name"],
        tenant=str(given.get("tenant", "")),
        what=str(given.get("what", "")),
        status=row["status"],
        scheduled_at=row["scheduled_at"],
        failures=int(given.get("failures", 0)),
        reason=str(given.get("reason", "")),
    )
