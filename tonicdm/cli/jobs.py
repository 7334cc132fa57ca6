"""``tonicdm jobs``, ``tonicdm tenants`` and ``tonicdm worker``: many tenants on one PostgreSQL database."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import attrs
import click

from tonicdm.cli import logs
from tonicdm.cli.inbox import load_handlers
from tonicdm.cli.output import Output, Table, output_options
from tonicdm.cli.signals import LastEnd, stop_event
from tonicdm.cli.text import Column, number
from tonicdm.errors import ConfigError
from tonicdm.jobs import QUEUES, JobQueue, Kind, RhythmAccess, Schedule, Tenant, run_worker
from tonicdm.jobs.worker import GRACE_SECONDS

T = TypeVar("T")

CLOSING_SECONDS: Final = 15.0
"""Seconds that a worker may take beyond its jobs to end."""
SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

DATABASE: Final = click.option(
    "--database", envvar="TONICDM_DATABASE", required=True, help="postgresql://…, else TONICDM_DATABASE."
)


def _seconds(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise click.BadParameter("give a number and s, m, h or d, such as 1h")
    return int(found[1]) * SECONDS[found[2]]


def _in_queue(database: str, work: Callable[[JobQueue], Awaitable[T]]) -> T:
    async def run() -> T:
        async with JobQueue(database) as queue:
            return await work(queue)

    return asyncio.run(run())


# --- jobs -------------------------------------------------------------------------------------------------------------


@click.group()
def jobs() -> None:
    """Submit jobs to the workers, and look after them."""


@jobs.group()
def submit() -> None:
    """Submit a job now, or again and again with --every or --cron."""


def _submitting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* what all submissions share; it returns the kind and the rest of what is to be done."""

    @functools.wraps(command)
    def run(*, database: str, tenant: str, every: int | None, cron: str | None, output: Output, **given: Any) -> None:
        kind, what = command(**given)
        if every is None and cron is None:
            added = _in_queue(database, lambda queue: queue.submit(kind, tenant, what))
            many = "1 job" if added == 1 else f"{added} jobs"
            note = f"{many} submitted." if added else "The same waits already; nothing was submitted."
            output.show({"tenant": tenant, "submitted": added}, note)
            return
        schedule = Schedule(tenant=tenant, kind=kind, what=what, every=every, cron=cron)
        kept = _in_queue(database, lambda queue: queue.add_schedule(schedule))
        output.show({"tenant": tenant, "schedule": kept}, f"Schedule {kept}: {schedule.rhythm}.")

    options = (
        DATABASE,
        click.option("--tenant", required=True, help="Whose; see tonicdm tenants list."),
        click.option("--every", callback=_seconds, help="Now and then again in this interval, such as 1h."),
        click.option("--cron", help="At these times, UTC, as cron has them: '30 2 * * *' is half past two each night."),
        output_options,
    )
    whole: Callable[..., Any] = run
    for option in reversed(options):
        whole = option(whole)
    return whole


@submit.command("sync")
@click.argument("types", nargs=-1)
@_submitting
def submit_sync(*, types: tuple[str, ...]) -> tuple[Kind, str]:
    """Bring TYPES of a tenant's copy up to date; without TYPES those of the tenant. A worker makes a job of each."""
    return Kind.SYNC, ",".join(types)


@submit.command("gap-repair")
@click.argument("types", nargs=-1)
@_submitting
def submit_gap_repair(*, types: tuple[str, ...]) -> tuple[Kind, str]:
    """Look in TYPES for changes that no webhook named, and let the handlers hear of them."""
    return Kind.GAP_REPAIR, ",".join(types)


@submit.command("webhooks")
@_submitting
def submit_webhooks() -> tuple[Kind, str]:
    """Work off the events in a tenant's inbox."""
    return Kind.WEBHOOKS, ""


@submit.command("rhythm-sync")
@click.argument("types", nargs=-1)
@_submitting
def submit_rhythm_sync(*, types: tuple[str, ...]) -> tuple[Kind, str]:
    """Bring Rhythm's contacts and organizations of a tenant up to date, or those of both that TYPES name."""
    return Kind.RHYTHM_SYNC, ",".join(types)


@submit.command("export")
@click.argument("destination")
@_submitting
def submit_export(*, destination: str) -> tuple[Kind, str]:
    """Bring DESTINATION (duckdb:FILE, parquet:DIR, csv:DIR) up to date with a tenant's copy."""
    return Kind.EXPORT, destination


@jobs.command()
@DATABASE
@click.option("--tenant", help="Of this tenant only.")
@output_options
def schedules(*, database: str, tenant: str | None, output: Output) -> None:
    """Show what is submitted again and again, and when next."""
    rows = _in_queue(database, lambda queue: queue.schedules(tenant))
    table = [[row.id, row.tenant, row.kind.value, row.what, row.rhythm, row.due] for row in rows]
    names: list[Column | str] = [number("id"), "tenant", "job", "what", "when", "next"]
    output.show([_schedule(row) for row in rows], Table(names, table, caption=f"{len(rows):,} schedules"))


def _schedule(row: Schedule) -> dict[str, Any]:
    due = None if row.due is None else row.due.isoformat()
    return {**attrs.asdict(row), "kind": row.kind.value, "due": due}


@jobs.command()
@DATABASE
@click.argument("schedule", type=int)
@output_options
def unschedule(*, database: str, schedule: int, output: Output) -> None:
    """Forget a SCHEDULE; jobs that it has submitted stay."""
    _in_queue(database, lambda queue: queue.remove_schedule(schedule))
    output.show({"schedule": schedule}, f"Schedule {schedule} is forgotten.")


@jobs.command("list")
@DATABASE
@click.option("--tenant", help="Of this tenant only.")
@click.option("--status", type=click.Choice(["todo", "doing", "failed", "cancelled", "aborted"]), help="In this state.")
@output_options
def list_jobs(*, database: str, tenant: str | None, status: str | None, output: Output) -> None:
    """Show jobs that wait, run or failed; those that are done are deleted."""
    rows = _in_queue(database, lambda queue: queue.jobs(tenant=tenant, status=status))
    table = [
        [row.id, row.status, row.tenant, row.task.removeprefix("tonicdm."), row.what, row.scheduled_at, row.reason]
        for row in rows
    ]
    names: list[Column | str] = [number("id"), "status", "tenant", "job", "what", "not before", "reason"]
    output.show([_shown(row) for row in rows], Table(names, table, caption=f"{len(rows):,} jobs"))


def _shown(row: Any) -> dict[str, Any]:
    values = attrs.asdict(row)
    at = values["scheduled_at"]
    return values | {"scheduled_at": None if at is None else at.isoformat()}


@jobs.command()
@DATABASE
@output_options
def upgrade(*, database: str, output: Output) -> None:
    """Make the tables of jobs, tenants, schedules, budgets and Rhythm's clients in a database."""
    made = _in_queue(database, lambda queue: queue.upgrade())
    output.show({"made": made}, "The tables are made." if made else "The tables are there already.")


@jobs.command()
@DATABASE
@click.argument("job", type=int)
@output_options
def retry(*, database: str, job: int, output: Output) -> None:
    """Let a failed JOB run again, as soon as a worker is free."""
    _in_queue(database, lambda queue: queue.retry(job))
    output.show({"job": job}, f"Job {job} waits again.")


@jobs.command()
@DATABASE
@click.argument("job", type=int)
@output_options
def cancel(*, database: str, job: int, output: Output) -> None:
    """Take a waiting JOB out of the queue, or end a running one behind its step."""
    _in_queue(database, lambda queue: queue.cancel(job))
    output.show({"job": job}, f"Job {job} is cancelled.")


# --- tenants ----------------------------------------------------------------------------------------------------------


@click.group()
def tenants() -> None:
    """Keep the tenants whose copies the workers bring up to date."""


@tenants.command()
@DATABASE
@click.argument("name")
@click.option(
    "--token", required=True, help="Where the token is, never the token: env:NAME, file:/path or command:program."
)
@click.option("--schema", help="The schema of the copy; by default the tenant's name.")
@click.option("--zone", type=click.Choice(["us", "de", "ie"]), help="Zone of the server, else TONICDM_ZONE.")
@click.option("--base-url", help="A server instead of a zone, else TONICDM_BASE_URL.")
@click.option("--type", "types", multiple=True, help="Sync this type; may be repeated. By default the usual ones.")
@click.option("--every", callback=_seconds, help="Sync by itself in this interval, such as 1h.")
@click.option("--rhythm-tenant", "tenant_id", help="Its name in Rhythm; gives it access to Rhythm.")
@click.option("--rhythm-client-id", "client_id", help="Rhythm's application.")
@click.option("--rhythm-secret", "secret", help="Where its secret is, as for --token.")
@click.option("--rhythm-auth-domain", "auth_domain", help="The tenant's Auth0 domain.")
@click.option("--rhythm-base-url", "rhythm_url", help="Where Rhythm's services are, with {service} in it.")
@output_options
def add(
    *,
    database: str,
    name: str,
    token: str,
    schema: str | None,
    zone: str | None,
    base_url: str | None,
    types: tuple[str, ...],
    every: int | None,
    rhythm_url: str | None,
    output: Output,
    **rhythm: str | None,
) -> None:
    """Keep a tenant NAME."""
    given: dict[str, Any] = {} if schema is None else {"schema": schema}
    if any(value is not None for value in (*rhythm.values(), rhythm_url)):
        given["rhythm"] = RhythmAccess(**rhythm, base_url=rhythm_url)
    if zone is None and base_url is None:
        zone, base_url = os.environ.get("TONICDM_ZONE"), os.environ.get("TONICDM_BASE_URL")
    tenant = Tenant(name=name, token=token, zone=zone, base_url=base_url, types=types, every=every, **given)
    _in_queue(database, lambda queue: queue.add_tenant(tenant))
    output.show(_tenant(tenant), f"Tenant {name}: its copy goes into the schema {tenant.schema}.")


def _tenant(tenant: Tenant) -> dict[str, Any]:
    return {**tenant.to_row(), "rhythm": None if tenant.rhythm is None else json.loads(tenant.rhythm.to_json())}


@tenants.command("list")
@DATABASE
@output_options
def list_tenants(*, database: str, output: Output) -> None:
    """Show the tenants."""
    rows = _in_queue(database, lambda queue: queue.tenants())
    table = [
        [tenant.name, tenant.schema, tenant.base_url or tenant.zone, tenant.every, tenant.token.text.partition(":")[0]]
        for tenant in rows
    ]
    output.show(
        [_tenant(tenant) for tenant in rows],
        Table(["tenant", "schema", "server", number("every s"), "token from"], table, caption=f"{len(rows):,} tenants"),
    )


@tenants.command()
@DATABASE
@click.argument("name")
@output_options
def remove(*, database: str, name: str, output: Output) -> None:
    """Forget the tenant NAME, its schedules and its waiting jobs; its copy stays."""
    if not _in_queue(database, lambda queue: queue.remove_tenant(name)):
        raise ConfigError(f"no tenant {name}; tonicdm tenants list shows them")
    output.show({"tenant": name}, f"Tenant {name} is forgotten; its copy stays in its schema.")


# --- worker -----------------------------------------------------------------------------------------------------------


@click.command()
@DATABASE
@click.option("--concurrency", default=4, show_default=True, type=click.IntRange(1, 200), help="Jobs at once.")
@click.option("--queue", "queues", multiple=True, type=click.Choice(QUEUES), help="Only this queue; may be repeated.")
@click.option("--handlers", metavar="MODULE:NAME", help="Your handlers of webhooks: an object Handlers in a module.")
@click.option("--read-ahead", is_flag=True, help="Ask for a page while the one before it is stored.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where /healthz and /metrics are served.")
@click.option("--port", type=click.IntRange(0, 65_535), help="The same; by default nowhere.")
@click.option("--until-empty", is_flag=True, help="End when no job is left that may run now.")
def worker(
    *,
    database: str,
    concurrency: int,
    queues: tuple[str, ...],
    handlers: str | None,
    read_ahead: bool,
    host: str,
    port: int | None,
    until_empty: bool,
) -> None:
    """Work jobs off. SIGTERM ends it: what a running job has paid for is stored, and another worker goes on."""
    known = load_handlers(handlers) if handlers else None

    async def run() -> None:
        logs.configure(logs.level_of_option(), default="info")
        stop = stop_event()
        watching = last_end.watch(stop)
        await run_worker(
            database,
            concurrency=concurrency,
            queues=queues,
            handlers=known,
            read_ahead=read_ahead,
            host=host,
            port=port,
            wait=not until_empty,
            stop=stop,
        )
        watching.cancel()

    with LastEnd(GRACE_SECONDS + CLOSING_SECONDS) as last_end:
        asyncio.run(run())
