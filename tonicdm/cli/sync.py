"""``tonicdm sync``: a whole tenant in a file."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from tonicdm.budget import UnitBudget
from tonicdm.cli.connection import Connection, connected
from tonicdm.client import TonicDM
from tonicdm.sandbox import Sandbox
from tonicdm.sync import Progress as TypeProgress
from tonicdm.sync import Store, choose, load
from tonicdm.sync.types import RecordType


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Sync a made-up firm from a sandbox started for it.")
@click.option("--records", default=20_000, show_default=True, help="Size of that firm.")
@click.option("--types", help="Only these record types, with commas.")
@connected
def sync(connection: Connection, *, file: str, in_sandbox: bool, records: int, types: str | None) -> None:
    """Fetch all records that can be listed into FILE, a SQLite database with a view for each type."""
    chosen = choose([name.strip() for name in types.split(",")] if types else None)
    asyncio.run(_run(connection, file, chosen, records if in_sandbox else None))


async def _run(connection: Connection, file: str, types: list[RecordType], sandbox_records: int | None) -> None:
    console = Console()
    async with _client(connection, sandbox_records) as tonic, Store(file) as store:
        display = Display(tonic, console)
        try:
            with display:
                results = await load(tonic, store, types, on_progress=display.update)
        except BaseException:
            kept = sum((await store.counts()).values())
            console.print(
                f"Stopped; {kept:,} records are kept in {file}. The same command goes on where this one ended."
            )
            raise
        counts = await store.counts()
        console.print(_summary(results, counts, display.units))
    console.print(f"All in {file}; to try it:", highlight=False)
    console.print(f'  sqlite3 {file} "SELECT name, address FROM offices LIMIT 5"', highlight=False)


@contextlib.asynccontextmanager
async def _client(connection: Connection, sandbox_records: int | None) -> AsyncIterator[TonicDM]:
    if sandbox_records is None:
        async with connection.client(priority="bulk") as tonic:
            yield tonic
        return
    async with (
        Sandbox(records=sandbox_records, seed=1) as box,
        TonicDM(box.token, base_url=box.url, budget=UnitBudget.memory(), priority="bulk") as tonic,
    ):
        yield tonic


class Display:
    """The progress of a sync on a terminal: records, units spent and left, time to the next window."""

    def __init__(self, tonic: TonicDM, console: Console) -> None:
        self._tonic = tonic
        self._records: dict[str, int] = {}
        self._done: set[str] = set()
        self._started = tonic.budget.snapshot()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[state]}"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._bar.add_task("connecting", total=None, state="")
        self._ticker: asyncio.Task[None] | None = None
        self.units = 0
        self._last_used = 0
        self._last_reset: object = None

    def __enter__(self) -> Self:
        self._bar.start()
        self._ticker = asyncio.create_task(self._tick())
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        self._refresh()
        self._bar.stop()

    def update(self, progress: TypeProgress) -> None:
        """Take in how far a type has come."""
        self._records[progress.type] = progress.records
        if progress.done:
            self._done.add(progress.type)
        self._refresh()

    async def _tick(self) -> None:
        while True:
            self._refresh()
            await asyncio.sleep(0.5)

    def _refresh(self) -> None:
        seen = self._tonic.budget.snapshot()
        used = seen.limit - seen.remaining
        if seen.reset_at != self._last_reset and used < self._last_used:
            self._last_used = 0
        self.units += max(0, used - self._last_used)
        self._last_used, self._last_reset = max(used, self._last_used), seen.reset_at
        blocked = seen.blocked_until or seen.reset_at
        left = f"reset in {max(0.0, blocked.timestamp() - time.time()):,.0f} s" if blocked else "window unknown"
        self._bar.update(
            self._task,
            description=f"{len(self._done)} of {max(len(self._records), 1)} types",
            total=max(len(self._records), 1),
            completed=len(self._done),
            state=f"{sum(self._records.values()):,} records, {self.units:,} units used, "
            f"{seen.remaining:,} left, {left}",
        )


def _summary(results: list[TypeProgress], counts: dict[str, int], units: int) -> Table:
    table = Table(title="Synced", caption=f"{units:,} units")
    table.add_column("type")
    for name in ("in the file", "read now", "new or changed", "pages"):
        table.add_column(name, justify="right")
    table.add_column("note")
    for one in results:
        note = "" if one.refused is None else f"refused by the server ({one.refused.status})"
        row = (counts.get(one.type, 0), one.records, one.changed, one.pages)
        table.add_row(one.type, *(f"{number:,}" for number in row), note)
    return table
