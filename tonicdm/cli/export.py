"""``tonicdm export``: what changed in a file of records, put into DuckDB, Parquet or CSV."""

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
from tonicdm.export import ExportReport, export
from tonicdm.export import Progress as Come
from tonicdm.store import RecordType, Store


@attrs.frozen(kw_only=True)
class Wishes:
    """What a run of the command is to do."""

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

    Only what changed since the last export is looked at. Sends nothing; needs the extra duckdb.
    """
    wishes = Wishes(
        file=file,
        to=to,
        types=chosen(types) if types else None,
        full=full,
        keep_deleted=keep_deleted,
        json_line=json_line,
    )
    asyncio.run(_run(wishes))


async def _run(wishes: Wishes) -> None:
    console = Console(stderr=wishes.json_line)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(), console=console,
    )  # fmt: skip
    task = bar.add_task("opening", total=None, state="")

    def tell(come: Come) -> None:
        bar.update(task, description=come.type, completed=come.done, total=come.types, state=f"{come.rows:,} rows read")

    with bar:
        # Not opened: an export reads by a connection of its own, also a store that can't be written.
        report = await export(
            Store(wishes.file), wishes.to, types=wishes.types, full=wishes.full, keep_deleted=wishes.keep_deleted,
            tell=tell,
        )  # fmt: skip
        bar.update(task, description=f"{len(report.types)} types", completed=1, total=1, state="")
    if wishes.json_line:
        moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        click.echo(f'{{"finished":"{moment}","to":{json.dumps(wishes.to)},{report.as_json()[1:]}')
    else:
        console.print(_summary(report, wishes.to))


def _summary(report: ExportReport, to: str) -> Table:
    table = Table(title=f"Exported to {to}", caption=f"change {report.position:,}, in {report.seconds:,.1f} s")
    table.add_column("type")
    for name in ("rows written", "rows removed"):
        table.add_column(name, justify="right")
    table.add_column("how")
    for one in report.types:
        table.add_row(one.type, f"{one.written:,}", f"{one.removed:,}", one.way.value)
    return table
