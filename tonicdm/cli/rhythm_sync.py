"""``tonicdm rhythm sync``: copy contacts and organizations into a file."""

from __future__ import annotations

import asyncio
import datetime
import json
import time
from typing import Any

import click

from tonicdm.cli.durations import seconds_of
from tonicdm.cli.output import Output, Table, output_options
from tonicdm.cli.rhythm_connection import RhythmConnection, rhythm_connected
from tonicdm.cli.store_argument import store_argument
from tonicdm.cli.text import Column, number
from tonicdm.rhythm.query.polling import PollRules
from tonicdm.rhythm.sync import MODELS, SyncRules, TypeSynced, as_line, synchronize
from tonicdm.store import Store
from tonicdm.store.database import Location


@click.command()
@store_argument()
@click.option("--types", default=",".join(MODELS), show_default=True, help="What to sync, with commas.")
@click.option("--lookback", default="3d", show_default=True, help="How far behind the last run to look again.")
@click.option(
    "--compare",
    type=click.Choice(["never", "daily", "weekly", "always"]),
    default="weekly",
    show_default=True,
    help="How often to read all ids and mark as deleted what is gone.",
)
@click.option("--fields", help="Only these fields, with commas; else all that the query type names.")
@click.option("--deadline", default="1h", show_default=True, help="How long to wait for a query before giving up.")
@click.option("--confirm-deletions", "confirmed", is_flag=True, help="Let more than a fifth of a type vanish at once.")
@output_options
@rhythm_connected
def sync(
    connection: RhythmConnection,
    *,
    file: Location,
    types: str,
    lookback: str,
    compare: Any,
    fields: str | None,
    deadline: str,
    confirmed: bool,
    output: Output,
) -> None:
    """Bring contacts and organizations in FILE up to date; a TonicDM copy may be in the same file.

    The first run reads everything by one query a type, later ones what changed since the last, less --lookback. A run
    that was interrupted goes on with the query it had started. The types are rhythm_contacts and
    rhythm_organizations.
    """
    rules = SyncRules(
        lookback=datetime.timedelta(seconds=seconds_of(lookback, "--lookback")),
        compare=compare,
        confirmed=confirmed,
        fields=None if fields is None else [name.strip() for name in fields.split(",")],
        poll=PollRules(deadline=seconds_of(deadline, "--deadline")),
    )
    began = time.monotonic()
    reports = asyncio.run(_run(connection, file, [name.strip() for name in types.split(",")], rules))
    output.show(json.loads(as_line(reports, time.monotonic() - began)), _table(reports, file))


async def _run(connection: RhythmConnection, file: Location, types: list[str], rules: SyncRules) -> list[TypeSynced]:
    async with connection.client() as rhythm, Store(file) as store:
        return await synchronize(rhythm, store, types, rules=rules)


def _table(reports: list[TypeSynced], file: Location) -> Table:
    rows = []
    for report in reports:
        what = "everything" if report.since is None else f"changes since {report.since[:19]}Z"
        what += "; ids compared" if report.compared else ""
        rows.append((report.type, report.rows, report.changed, report.deleted, what))
    counts = [number(name) for name in ("rows read", "changed", "gone")]
    return Table([Column("type", whole=True), *counts, "what"], rows, title=f"Synced into {file.name}")
