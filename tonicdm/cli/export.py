"""``tonicdm export``: bring DuckDB, Parquet or CSV up to date with a store."""

from __future__ import annotations

import asyncio
import datetime
import json

import attrs
import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tonicdm.cli.sync import TYPES, chosen
from tonicdm.export import ExportProgress, ExportReport, export
from tonicdm.store import RecordType, Store


@attrs.frozen(kw_only=True)
class ExportOptions:
    """The options of one run of the command."""

    file: str
    to: str
    types: list[RecordType] | None
    full: bool
    keep_deleted: bool
    json_line: bool


@click.command("export")
@click.argument("file", type=click.Path(dir_okay=False, exists=True))
@click.option("--to", required=True, metavar="FORM:PATH", help="duckdb:FILE, parquet:DIR or csv:DIR.")
@TYPES
@click.option("--full", is_flag=True, help="Write everything anew, also over the export of another file.")
@click.option("--keep-deleted", is_flag=True, help="Keep deleted records, with deleted_at and reason.")
@click.option("--json", "json_line", is_flag=True, help="Print one line of JSON instead of a table.")
def export_command(*, file: str, to: str, types: str | None, full: bool, keep_deleted: bool, json_line: bool) -> None:
    """Bring a DuckDB file, or a folder of Parquet or CSV files, up to date with FILE, which a sync has made.

    Only what changed since the last export is looked at. Sends nothing. DuckDB and Parquet need the extra duckdb.
    """
    options = ExportOptions(
        file=file,
        to=to,
        types=chosen(types) if types else None,
        full=full,
        keep_deleted=keep_deleted,
        json_line=json_line,
    )
    asyncio.run(_run(options))


async def _run(options: ExportOptions) -> None:
    console = Console(stderr=options.json_line)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip
    task = bar.add_task("opening", total=None, state="")

    def show(progress: ExportProgress) -> None:
        state = f"{progress.rows:,} rows read"
        bar.update(task, description=progress.record_type, completed=progress.done, total=progress.types, state=state)

    with bar:
        # Not opened: an export reads by a connection of its own, also a store that can't be written.
        report = await export(
            Store(options.file), options.to, types=options.types, full=options.full, keep_deleted=options.keep_deleted,
            on_progress=show,
        )  # fmt: skip
        bar.update(task, description=f"{len(report.types)} types", completed=1, total=1, state="")
    if options.json_line:
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        click.echo(f'{{"finished":"{moment}","to":{json.dumps(options.to)},{report.as_json()[1:]}')
    else:
        console.print(_summary(report, options.to))


def _summary(report: ExportReport, to: str) -> Table:
    table = Table(title=f"Exported to {to}", caption=f"change {report.position:,}, in {report.seconds:,.1f} s")
    table.add_column("type")
    for name in ("rows written", "rows removed"):
        table.add_column(name, justify="right")
    table.add_column("mode")
    for done in report.types:
        table.add_row(done.record_type, f"{done.written:,}", f"{done.removed:,}", done.mode.value)
    return table
