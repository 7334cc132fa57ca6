"""``tonicdm sync`` and ``tonicdm plan``: a whole tenant in a file, and what that will cost."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import attrs
import click
from rich.console import Console
from rich.table import Table

from tonicdm.budget import UnitBudget
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.display import Display
from tonicdm.cli.signals import stop_event
from tonicdm.client import TonicDM
from tonicdm.errors import ConfigError
from tonicdm.plan.planner import COLUMNS, together
from tonicdm.sandbox import Sandbox
from tonicdm.store import RecordType, Store, choose
from tonicdm.sync import RunReport, synchronize
from tonicdm.sync.engine import Audit
from tonicdm.sync.outlook import plan_run
from tonicdm.types import RecordID, record_id

UNITS_OF_TIME: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
NEXT_RUN: Final = "next_run"
DRIFT_TOLD: Final = "drift_told"
FEW_NAMES: Final = 6

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
class Wishes:
    """What a run of the command is to do."""

    file: str
    types: list[RecordType]
    audit: Audit
    confirmed: bool = False
    projects: Sequence[RecordID] = ()
    json_line: bool = False


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Sync a made-up firm from a sandbox started for it.")
@click.option("--records", default=20_000, show_default=True, help="Size of that firm.")
@TYPES
@AUDIT
@click.option("--projects", help="Only of these projects, by ID with commas, for types that can be asked so.")
@click.option("--every", help="Run again after this time, such as 30m or 1h; the next run is kept in FILE.")
@click.option("--dry-run", is_flag=True, help="Show the plan and its price; send nothing.")
@click.option("--confirm-deletions", "confirmed", is_flag=True, help="Let more than a fifth of a type vanish at once.")
@click.option("--json", "json_line", is_flag=True, help="Print one line of JSON per run instead of tables.")
@connected
def sync(
    connection: Connection,
    *,
    file: str,
    in_sandbox: bool,
    records: int,
    types: str | None,
    audit: Any,
    projects: str | None,
    every: str | None,
    dry_run: bool,
    confirmed: bool,
    json_line: bool,
) -> None:
    """Fetch all records that can be listed into FILE, a SQLite database with a view for each type.

    The first run loads everything, later ones only what changed. A run that was interrupted goes on where it ended.
    """
    wishes = Wishes(
        file=file,
        types=chosen(types),
        audit=audit,
        confirmed=confirmed,
        projects=[record_id(one.strip(), "--projects") for one in projects.split(",")] if projects else (),
        json_line=json_line,
    )
    if in_sandbox and (dry_run or every):
        raise ConfigError("--sandbox starts a server for one run; it goes neither with --every nor with --dry-run")
    if dry_run:
        asyncio.run(_show_plan(connection, wishes))
    elif every:
        asyncio.run(_repeat(connection, wishes, seconds_of(every, "--every")))
    else:
        asyncio.run(_once(connection, wishes, records if in_sandbox else None))


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@TYPES
@AUDIT
@connected
def plan(connection: Connection, *, file: str, types: str | None, audit: Any) -> None:
    """Show what a sync of FILE would do and cost; send nothing."""
    asyncio.run(_show_plan(connection, Wishes(file=file, types=chosen(types), audit=audit)))


def chosen(names: str | None) -> list[RecordType]:
    """Return the types of the option ``--types``, or the default ones."""
    return choose([name.strip() for name in names.split(",")] if names else None)


def seconds_of(text: str, option: str) -> float:
    """Return a time such as 90s, 30m, 1h or 1d in seconds.

    Raises:
        ConfigError: *text* is none; the message names *option*.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip())
    if found is None or float(found[1]) == 0:
        raise ConfigError(f"{option} takes a time such as 90s, 30m, 1h or 1d, not {text!r}")
    return float(found[1]) * UNITS_OF_TIME[found[2]]


async def _show_plan(connection: Connection, wishes: Wishes) -> None:
    async with contextlib.AsyncExitStack() as stack:
        tonic = await stack.enter_async_context(connection.client())
        # To look at a plan makes no file.
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        known = wishes.file if os.path.exists(wishes.file) else f"{folder}/empty.db"  # noqa: PTH110, ASYNC240
        store = await stack.enter_async_context(Store(known))
        plans = await plan_run(store, wishes.types, audit=wishes.audit, now=time.time())
        seen = tonic.budget.snapshot()
    whole = together(plans)
    table = Table(title=f"Plan for {wishes.file}")
    for column in COLUMNS:
        table.add_column(column, justify="right" if column in {"calls", "units", "worst"} else "left")
    for row in whole.rows():
        table.add_row(*row)
    console = Console()
    console.print(table)
    until = None if seen.reset_at is None else max(0.0, seen.reset_at.timestamp() - time.time())
    hours = whole.hours(seen.available, seen.limit, until_reset=until)
    console.print(
        f"{'At least ' if whole.at_least else ''}{whole.units:,} units; no way could do with fewer than "
        f"{whole.lower_bound:,}. With {seen.available:,} of {seen.limit:,} units left: "
        f"{'now' if hours == 0 else f'in {hours:,.1f} h'}. Nothing was sent.",
        highlight=False,
    )


async def _once(connection: Connection, wishes: Wishes, sandbox_records: int | None) -> None:
    async with _client(connection, sandbox_records) as tonic, Store(wishes.file) as store:
        report = await _run(tonic, store, wishes)
    found = [one.type for one in report.types if one.records]
    if not wishes.json_line and found:
        columns, kind = ("name, address", "offices") if "offices" in found else ("*", found[0])
        console = Console()
        console.print(f"All in {wishes.file}; to try it:", highlight=False)
        console.print(f'  sqlite3 {wishes.file} "SELECT {columns} FROM {kind} LIMIT 5"', highlight=False)


async def _repeat(connection: Connection, wishes: Wishes, every: float) -> None:
    """Run again and again until a signal comes; the time of the next run survives a restart."""
    stop = stop_event()
    async with connection.client(priority="bulk") as tonic, Store(wishes.file) as store:
        stopped = asyncio.ensure_future(stop.wait())
        while not stop.is_set():
            due = float(await store.meta(NEXT_RUN) or 0.0)
            if due > time.time():
                moment = datetime.datetime.fromtimestamp(due, datetime.UTC)
                click.echo(f"Next run at {moment:%Y-%m-%d %H:%M:%S} UTC; Ctrl-C stops.", err=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(stopped), max(0.0, min(due - time.time(), every)))
            if stop.is_set():
                break
            run = asyncio.ensure_future(_run(tonic, store, wishes))
            await asyncio.wait((run, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not run.done():
                run.cancel()
                await asyncio.wait((run,))
                break
            run.result()
            await store.set_meta(NEXT_RUN, str(time.time() + every))
        stopped.cancel()
    click.echo("Stopped; the same command goes on where this one ended.", err=True)


@contextlib.asynccontextmanager
async def _client(connection: Connection, sandbox_records: int | None) -> AsyncGenerator[TonicDM]:
    if sandbox_records is None:
        async with connection.client(priority="bulk") as tonic:
            yield tonic
        return
    async with (
        Sandbox(records=sandbox_records, seed=1) as box,
        TonicDM(box.token, base_url=box.url, budget=UnitBudget.memory(), priority="bulk") as tonic,
    ):
        yield tonic


async def _run(tonic: TonicDM, store: Store, wishes: Wishes) -> RunReport:
    console = Console(stderr=wishes.json_line)
    display = Display(tonic, console, len(wishes.types))
    try:
        with display:
            report = await synchronize(
                tonic,
                store,
                wishes.types,
                audit=wishes.audit,
                confirmed=wishes.confirmed,
                projects=wishes.projects,
                tell=display.update,
            )
    except BaseException:
        with contextlib.suppress(Exception):
            kept = sum((await store.counts()).values())
            console.print(f"Stopped; {store.path} keeps {kept:,} records. The same command goes on where this ended.")
        raise
    if wishes.json_line:
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        click.echo(f'{{"finished":"{moment}",{report.as_json()[1:]}')
    else:
        console.print(_summary(report, await store.counts()))
        await _tell_drift(store, console)
    return report


async def _tell_drift(store: Store, console: Console) -> None:
    """Name fields that the models do not know, once."""
    drift = await store.drift()
    if await store.meta(DRIFT_TOLD) != json.dumps(drift):
        names = [f"{kind}.{name}" for kind, found in drift.items() for name in found]
        more = f" and {len(names) - FEW_NAMES} more (table field)" if len(names) > FEW_NAMES else ""
        console.print(
            f"Fields that this version does not know have columns all the same: {', '.join(names[:FEW_NAMES])}{more}",
            highlight=False,
        )
        await store.set_meta(DRIFT_TOLD, json.dumps(drift))


def _summary(report: RunReport, counts: dict[str, int]) -> Table:
    table = Table(title="Synced", caption=f"{report.units:,} units in {report.seconds:,.0f} s")
    table.add_column("type")
    for name in ("in the file", "new or changed", "gone", "calls", "units", "at least"):
        table.add_column(name, justify="right")
    table.add_column("note")
    for one in report.types:
        note = "; ".join(one.why) if one.refused is None else f"refused by the server ({one.refused.status})"
        figures = (
            counts.get(one.type, 0), one.changed, one.deleted, one.meter.calls, one.meter.units, one.lower_bound,
        )  # fmt: skip
        table.add_row(one.type, *(f"{number:,}" for number in figures), note)
    return table
