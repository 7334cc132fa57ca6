"""``tonicdm export``: bring DuckDB, Parquet or CSV up to date with a store."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import sys
from collections.abc import Callable, Generator

import attrs
import click

from tonicdm.cli.output import Output, Table, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.cli.sync import TYPES, chosen
from tonicdm.cli.text import Column, number
from tonicdm.export import ExportProgress, ExportReport, export
from tonicdm.store import RecordType, Store
from tonicdm.store.database import Location


@attrs.frozen(kw_only=True)
class ExportOptions:
    """The options of one run of the command."""

    file: Location
    to: str
    types: list[RecordType] | None
    full: bool
    keep_deleted: bool
    output: Output


@click.command("export")
@store_argument(exists=True)
@click.option(
    "--to", required=True, metavar="FORM:PATH", help="duckdb:FILE, parquet:DIR, csv:DIR or postgresql://...#SCHEMA."
)
@TYPES
@click.option("--full", is_flag=True, help="Write everything anew, also over the export of another file.")
@click.option("--keep-deleted", is_flag=True, help="Keep deleted records, with deleted_at and reason.")
@output_options
def export_command(
    *, file: Location, to: str, types: str | None, full: bool, keep_deleted: bool, output: Output
) -> None:
    """Bring DuckDB, PostgreSQL, or a folder of Parquet or CSV files up to date with FILE, which a sync has made.

    Only what changed since the last export is looked at. Sends nothing. DuckDB and Parquet need the extra duckdb.
    """
    options = ExportOptions(
        file=file,
        to=to,
        types=chosen(types) if types else None,
        full=full,
        keep_deleted=keep_deleted,
        output=output,
    )
    asyncio.run(_run(options))


async def _run(options: ExportOptions) -> None:
    with _progress() as on_progress:
        # Not opened: an export reads by a connection of its own, also a store that can't be written.
        report = await export(
            Store(options.file), options.to, types=options.types, full=options.full, keep_deleted=options.keep_deleted,
            on_progress=on_progress,
        )  # fmt: skip
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    document = {"finished": moment, "to": options.to, **json.loads(report.as_json())}
    options.output.show(document, _summary(report, options.to))


@contextlib.contextmanager
def _progress() -> Generator[Callable[[ExportProgress], None] | None]:
    """Show how far an export has come, on stderr, where that is a terminal; a log gets nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(bar_width=20),
        TextColumn("{task.fields[state]}", markup=False), TimeElapsedColumn(), console=Console(stderr=True),
        transient=True,
    )  # fmt: skip
    task = bar.add_task("opening", total=None, state="")

    def show(progress: ExportProgress) -> None:
        state = f"{progress.rows:,} rows read"
        bar.update(task, description=progress.record_type, completed=progress.done, total=progress.types, state=state)

    with bar:
        yield show
        bar.update(task, description="done", completed=1, total=1, state="")


def _summary(report: ExportReport, to: str) -> Table:
    rows = [(done.record_type, done.written, done.removed, done.mode.value) for done in report.types]
    caption = f"change {report.position:,}, in {report.seconds:,.1f} s"
    return Table(
        [Column("type", whole=True), number("rows written"), number("rows removed"), "mode"],
        rows,
        title=f"Exported to {to}",
        caption=caption,
    )
