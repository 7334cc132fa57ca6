"""``tonicdm quarantine``: answers that could not be stored as records."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import click

from tonicdm.cli.output import Output, Part, Table, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.cli.text import Column, number
from tonicdm.store import Quarantined, Store
from tonicdm.store.database import Location

MAX_SHOWN: Final = 100
"""Elements that a terminal's table lists; --json gives all, with their timestamps and texts."""


@click.command()
@store_argument(exists=True)
@click.option("--retry", is_flag=True, help="First decode all of it anew, for 0 units.")
@output_options
def quarantine(*, file: Location, retry: bool, output: Output) -> None:
    """Show what a sync of FILE got that is no record: its type, page, ID and what is wrong with it.

    What is in quarantine is not fetched again before it changes. Where FILE holds an earlier version of a record, that
    one is kept, and marked in the column quarantined. JSON has the texts, too. Sends nothing.
    """
    asyncio.run(_run(file, output, retry=retry))


async def _run(file: Location, output: Output, *, retry: bool) -> None:
    async with Store(file) as store:
        if retry:
            taken, count = await store.retry_quarantine()
            output.remark(f"{taken:,} of {count:,} are records now. Nothing was sent.")
        entries = await store.quarantine()
    document = [_as_json(entry) for entry in entries]
    if output.is_text and not entries:
        output.remark("Nothing is in quarantine.")
    else:
        output.show(document, *_parts(entries, output))


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


def _parts(entries: Sequence[Quarantined], output: Output) -> list[Part]:
    shown = entries[:MAX_SHOWN] if output.on_terminal else entries
    rows = [
        (entry.type, "by ID" if entry.page is None else entry.page, entry.id or "unreadable", entry.reason)
        for entry in shown
    ]
    table = Table([Column("type", whole=True), number("page"), Column("id", whole=True), "reason"], rows)
    more = len(entries) - len(shown)
    return [table, f"and {more:,} more; --json gives all."] if more else [table]
