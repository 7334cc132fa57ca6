"""``tonicdm sync`` and ``tonicdm plan``: copy a tenant into a file, and show what that will cost."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import pathlib
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import attrs
import click

from tonicdm.budget import UnitBudget
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.display import progress
from tonicdm.cli.durations import seconds_of
from tonicdm.cli.groups import meant
from tonicdm.cli.job import Job, job_options
from tonicdm.cli.output import Output, output_options
from tonicdm.cli.plan import COUNT, counts_of, show_plan
from tonicdm.cli.signals import settings_from_options, stop_event
from tonicdm.cli.store_argument import store_argument
from tonicdm.cli.summary import in_the_file, long_notes, summary
from tonicdm.cli.text import echo
from tonicdm.client import TonicDM
from tonicdm.clock import SystemClock
from tonicdm.errors import ConfigError
from tonicdm.ids import record_id
from tonicdm.sandbox import Sandbox
from tonicdm.store import TYPES as RECORD_TYPES
from tonicdm.store import RecordType, Store, choose
from tonicdm.store.database import Location
from tonicdm.store.sqlite import SqliteFile
from tonicdm.sync import RunReport, estimate_run, synchronize
from tonicdm.sync.engine import Audit
from tonicdm.sync.facts import SyncOptions
from tonicdm.types import RecordID

NEXT_RUN: Final = "next_run"
"""Name in the file's table `meta`: when `--every` runs again."""
DRIFT_SHOWN: Final = "drift_told"
"""Name in the file's table `meta`: the fields that were named already."""
MAX_NAMES: Final = 6
"""Fields that are named on the terminal."""

TYPES = click.option("--types", help="Only these record types, with commas; some are taken only when named.")
AUDIT = click.option(
    "--audit-deletions",
    "audit",
    type=click.Choice(["never", "daily", "weekly", "always"]),
    default="weekly",
    show_default=True,
    help="How often to look for records that are gone.",
)


@attrs.frozen(kw_only=True)
class SyncRun:
    """What a run of the command is to do."""

    file: Location
    types: list[RecordType]
    audit: Audit
    confirmed: bool = False
    projects: Sequence[RecordID] = ()
    counts: Mapping[str, int] = attrs.field(factory=dict)
    new_owner: bool = False
    read_ahead: bool = False
    job: Job = attrs.field(factory=Job)
    output: Output = attrs.field(factory=Output)

    @property
    def options(self) -> SyncOptions:
        """The same, as the plan takes it."""
        return SyncOptions(audit=self.audit, confirmed=self.confirmed, projects=self.projects, counts=self.counts)


@click.command()
@store_argument()
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Sync a made-up firm from a sandbox started for it.")
@click.option("--records", default=20_000, show_default=True, help="Size of that firm.")
@TYPES
@AUDIT
@click.option("--projects", help="Only of these projects, by ID with commas, for types that can be asked so.")
@COUNT
@click.option("--every", help="Run again after this time, such as 30m or 1h; the next run is kept in FILE.")
@click.option("--dry-run", is_flag=True, help="Show the plan and its price; send nothing.")
@click.option("--confirm-deletions", "confirmed", is_flag=True, help="Let more than a fifth of a type vanish at once.")
@click.option("--new-owner", is_flag=True, help="Let FILE go over to the organization of this token.")
@click.option("--read-ahead", is_flag=True, help="Ask for a page while the one before it is stored.")
@job_options
@output_options
@connected
def sync(
    connection: Connection,
    *,
    file: Location,
    in_sandbox: bool,
    records: int,
    types: str | None,
    audit: Any,
    projects: str | None,
    count: str | None,
    every: str | None,
    dry_run: bool,
    confirmed: bool,
    new_owner: bool,
    read_ahead: bool,
    job: Job,
    output: Output,
) -> None:
    """Fetch all records that can be listed into FILE, a SQLite database with a view for each type.

    The first run loads everything, later ones only what changed. A run that was interrupted goes on where it ended.
    """
    record_types = chosen(types)
    run = SyncRun(
        file=file,
        types=record_types,
        audit=audit,
        confirmed=confirmed,
        counts=counts_of(count, record_types),
        new_owner=new_owner,
        read_ahead=read_ahead,
        projects=_projects(projects),
        job=job,
        output=output,
    )
    if in_sandbox and (dry_run or every):
        raise ConfigError("--sandbox starts a server for one run; it goes neither with --every nor with --dry-run")
    if dry_run:
        asyncio.run(_show_plan(connection, run))
    elif every:
        asyncio.run(_repeat(connection, run, seconds_of(every, "--every")))
    else:
        asyncio.run(_once(connection, run, records if in_sandbox else None))


@click.command()
@store_argument()
@TYPES
@AUDIT
@click.option("--projects", help="Only of these projects, by ID with commas, for types that can be asked so.")
@COUNT
@output_options
@connected
def plan(
    connection: Connection,
    *,
    file: Location,
    types: str | None,
    audit: Any,
    projects: str | None,
    count: str | None,
    output: Output,
) -> None:
    """Show what a sync of FILE would do and cost; send nothing."""
    record_types = chosen(types)
    run = SyncRun(
        file=file,
        types=record_types,
        audit=audit,
        projects=_projects(projects),
        counts=counts_of(count, record_types),
        output=output,
    )
    asyncio.run(_show_plan(connection, run))


def _projects(names: str | None) -> Sequence[RecordID]:
    return [record_id(name.strip(), "--projects") for name in names.split(",")] if names else ()


def chosen(names: str | None) -> list[RecordType]:
    """Return the types of the option ``--types``, or the default ones."""
    if names is None:
        return choose(None)
    wanted = [name.strip() for name in names.split(",")]
    for name in wanted:
        if name not in RECORD_TYPES and (near := meant(name, RECORD_TYPES)):
            raise ConfigError(f"--types: no such record type: {name}{near}")
    return choose(wanted)


async def _show_plan(connection: Connection, run: SyncRun) -> None:
    async with contextlib.AsyncExitStack() as stack:
        tonic = await stack.enter_async_context(connection.client())
        # Showing a plan makes no file.
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        known = run.file if run.file.exists() else SqliteFile(pathlib.Path(folder) / "empty.db")
        store = await stack.enter_async_context(Store(known))
        plan = await estimate_run(tonic, store, run.types, run.options)
        show_plan(plan, tonic.budget.snapshot(), run.file.name, run.output)


async def _once(connection: Connection, run: SyncRun, sandbox_records: int | None) -> None:
    async with _client(connection, sandbox_records) as tonic, Store(run.file) as store:
        report = await _run(tonic, store, run)
    names = [part.type for part in report.types if part.records]
    if names and (run.output.on_terminal or sandbox_records is not None):
        columns, view = ("name, address", "offices") if "offices" in names else ("*", names[0])
        run.output.remark(f"All in {run.file.name}; to try it:")
        run.output.remark(f"  {run.file.shell(f'SELECT {columns} FROM {view} LIMIT 5')}")


async def _repeat(connection: Connection, run: SyncRun, every: float) -> None:
    """Run again and again until a signal comes; the time of the next run survives a restart."""
    stop = stop_event()
    async with connection.client(priority="bulk") as tonic, Store(run.file) as store:
        clock = store.clock(SystemClock())
        stopped = asyncio.ensure_future(stop.wait())
        while not stop.is_set():
            due = float(await store.meta(NEXT_RUN) or 0.0)
            if due > clock.now():
                moment = datetime.datetime.fromtimestamp(due, datetime.UTC)
                echo(f"Next run at {moment:%Y-%m-%d %H:%M:%S} UTC; Ctrl-C stops.", err=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(stopped), max(0.0, min(due - clock.now(), every)))
            if stop.is_set():
                break
            run.output.written = False
            work = asyncio.ensure_future(_run(tonic, store, run))
            await asyncio.wait((work, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                work.cancel()
                await asyncio.wait((work,))
                break
            work.result()
            await store.set_meta(NEXT_RUN, str(clock.now() + every))
        stopped.cancel()
    echo("Stopped; the same command goes on where this one ended.", err=True)


@contextlib.asynccontextmanager
async def _client(connection: Connection, sandbox_records: int | None) -> AsyncGenerator[TonicDM]:
    if sandbox_records is None:
        async with connection.client(priority="bulk") as tonic:
            yield tonic
        return
    with settings_from_options():
        sandbox = Sandbox(records=sandbox_records, seed=1)
    async with (
        sandbox as box,
        TonicDM(box.token, base_url=box.url, budget=UnitBudget.memory(), priority="bulk") as tonic,
    ):
        yield tonic


async def _run(tonic: TonicDM, store: Store, run: SyncRun) -> RunReport:
    output = run.output
    ((before,),) = await store.query("SELECT coalesce(max(change_seq), 0) FROM record")
    try:
        with progress(tonic, len(run.types)) as on_progress:
            report = await synchronize(
                run.job.view(tonic),
                store,
                run.types,
                audit=run.audit,
                confirmed=run.confirmed,
                projects=run.projects,
                counts=run.counts,
                new_owner=run.new_owner,
                read_ahead=run.read_ahead,
                on_progress=on_progress,
            )
    except BaseException:
        with contextlib.suppress(Exception):
            kept = sum((await store.counts()).values())
            output.context["kept"] = kept
            output.consequence = f"{store.name} keeps {kept:,} records; the same command goes on where this one ended."
        raise
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    parts = summary(report, await in_the_file(store, before))
    if output.on_terminal:
        parts += long_notes(parts)
    if drift := await _drift(store):
        parts.append(drift)
    output.show({"finished": moment, **json.loads(report.as_json())}, *parts)
    sys.stdout.flush()
    return report


async def _drift(store: Store) -> str:
    """Name fields that the models do not know, once; empty where all are known or were named before."""
    drift = await store.drift()
    if await store.meta(DRIFT_SHOWN) == json.dumps(drift):
        return ""
    await store.set_meta(DRIFT_SHOWN, json.dumps(drift))
    names = [f"{record_type}.{name}" for record_type, fields in drift.items() for name in fields]
    more = f" and {len(names) - MAX_NAMES} more (table field)" if len(names) > MAX_NAMES else ""
    return f"Fields that this version does not know have columns all the same: {', '.join(names[:MAX_NAMES])}{more}"
