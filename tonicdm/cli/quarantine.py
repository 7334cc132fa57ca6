"""``tonicdm quarantine``: answers that could not be stored as records."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tonicdm.store import Quarantined, Store

SHOWN = 100
"""Elements that the table lists; --json gives all, with their timestamps and texts."""


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True))
@click.option("--retry", is_flag=True, help="First decode all of it anew, for 0 units.")
@click.option("--json", "json_lines", is_flag=True, help="Print a line of JSON for each, with its text.")
def quarantine(*, file: str, retry: bool, json_lines: bool) -> None:
    """Show what a sync of FILE got that is no record: its type, page, ID and what is wrong with it.

    What is in quarantine is not fetched again before it changes. Where FILE holds an earlier version of a record, that
    one is kept, and marked in the column quarantined. Sends nothing.
    """
    asyncio.run(_run(file, retry=retry, json_lines=json_lines))


async def _run(file: str, *, retry: bool, json_lines: bool) -> None:
    console = Console(stderr=json_lines)
    async with Store(file) as store:
        if retry:
            taken, count = await store.retry_quarantine()
            console.print(f"{taken:,} of {count:,} are records now. Nothing was sent.", highlight=False)
        entries = await store.quarantine()
    if json_lines:
        for entry in entries:
            click.echo(json.dumps(_as_json(entry)))
    elif entries:
        console.print(_table(entries))
        if len(entries) > SHOWN:
            console.print(f"… and {len(entries) - SHOWN:,} more; --json gives all.", highlight=False)
    else:
        console.print("Nothing is in quarantine.", highlight=False)


def _as_json(entry: Quarantined) -> dict[str, Any]:
    return {
        "type": entry.type,
        "id": entry.id,
        "updated": entry.updated,
        "page": entry.page,
        "reason": entry.reason,
        # The text may be no UTF-8; what is not stands as an escape, as a Python literal has it.
        "raw": entry.raw.decode(errors="backslashreplace"),
    }


def _table(entries: Sequence[Quarantined]) -> Table:
    table = Table(title="In quarantine")
    for name in ("type", "page", "id"):
        table.add_column(name, no_wrap=True)
    table.add_column("reason")
    for entry in entries[:SHOWN]:
        page = "by ID" if entry.page is None else str(entry.page)
        table.add_row(entry.type, page, entry.id or "unreadable", entry.reason)
    return table
