"""``tonicdm budget``: what is left, as this machine knows it."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping

import click
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tonicdm.budget import Snapshot
from tonicdm.cli.connection import Connection, connected

MOST_LABELS = 12
"""Endpoints shown, those that cost most."""


@click.command()
@click.option("--watch", is_flag=True, help="Go on showing it until Ctrl-C.")
@click.option("--interval", default=1.0, show_default=True, help="Seconds between two looks.")
@connected
def budget(connection: Connection, *, watch: bool, interval: float) -> None:
    """Show the budget of the token as the shared ledger has it; sends nothing and spends nothing.

    Calls that wait are those of other processes' own queues, which the ledger does not hold; what they have reserved
    or sent is shown.
    """
    asyncio.run(_watch(connection, max(0.1, interval)) if watch else _once(connection))


async def _once(connection: Connection) -> None:
    async with connection.client() as tonic:
        for line in lines(tonic.budget.snapshot()):
            click.echo(line)


async def _watch(connection: Connection, interval: float) -> None:
    async with connection.client() as tonic:
        with Live(_view(tonic.budget.snapshot()), refresh_per_second=4) as live:
            while True:
                await asyncio.sleep(interval)
                live.update(_view(tonic.budget.snapshot()))


def lines(seen: Snapshot) -> list[str]:
    """Describe a snapshot."""
    out = [
        f"Units     {seen.remaining:,} of {seen.limit:,} left, {seen.reserved:,} of them reserved",
        f"Unknown   {seen.unknown:,} units of calls that ended without an answer",
        f"Others    {seen.foreign:,} units at least were spent by others; {seen.guard:,} are left to them",
        f"Ledger    {seen.ledger}",
    ]
    if seen.reset_at is None:
        out.append("Window    unknown: the next call goes first, alone")
    else:
        out.append(f"Reset     {seen.reset_at:%H:%M:%S} UTC ({_until(seen.reset_at)})")
    if seen.blocked_until is not None:
        out.append(f"Blocked   until {seen.blocked_until:%H:%M:%S} UTC ({_until(seen.blocked_until)}), after a 429")
    return out


def _view(seen: Snapshot) -> Group:
    used = seen.limit - seen.remaining
    return Group(
        ProgressBar(total=seen.limit, completed=min(seen.limit, used + seen.reserved), width=60),
        Text("\n".join(lines(seen))),
        _accounts("Spent in this window", seen.spent),
        _accounts("Reserved or under way", seen.under_way),
    )


def _accounts(title: str, accounts: Mapping[tuple[str, str], tuple[int, int]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("lane", "endpoint", "calls", "units"):
        table.add_column(name, justify="right" if name in {"calls", "units"} else "left")
    dearest = sorted(accounts.items(), key=lambda item: -item[1][1])
    for (lane, label), (calls, units) in dearest[:MOST_LABELS]:
        table.add_row(lane, label, f"{calls:,}", f"{units:,}")
    return table


def _until(moment: datetime.datetime) -> str:
    seconds = (moment - datetime.datetime.now(datetime.UTC)).total_seconds()
    return f"in {seconds / 60:.0f} min" if seconds > 90 else f"in {max(0.0, seconds):.0f} s"
