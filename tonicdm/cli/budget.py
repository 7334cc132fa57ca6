"""``tonicdm budget``: the units left, as this machine knows them."""

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

MAX_LABELS = 12
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


def lines(snapshot: Snapshot) -> list[str]:
    """Describe a snapshot."""
    text = [
        f"Units     {snapshot.remaining:,} of {snapshot.limit:,} left, {snapshot.reserved:,} of them reserved",
        f"Unknown   {snapshot.unknown:,} units of calls that ended without an answer",
        f"Foreign   {snapshot.foreign:,} units at least were spent by others; {snapshot.guard:,} are left to them",
        f"Ledger    {snapshot.ledger}",
    ]
    if snapshot.reset_at is None:
        text.append("Window    unknown: the next call goes first, alone")
    else:
        text.append(f"Reset     {snapshot.reset_at:%H:%M:%S} UTC ({_until(snapshot.reset_at)})")
    if snapshot.blocked_until is not None:
        text.append(
            f"Blocked   until {snapshot.blocked_until:%H:%M:%S} UTC ({_until(snapshot.blocked_until)}), after a 429"
        )
    return text


def _view(snapshot: Snapshot) -> Group:
    used = snapshot.limit - snapshot.remaining
    return Group(
        ProgressBar(total=snapshot.limit, completed=min(snapshot.limit, used + snapshot.reserved), width=60),
        Text("\n".join(lines(snapshot))),
        _accounts("Spent in this window", snapshot.spent),
        _accounts("Reserved or under way", snapshot.under_way),
    )


def _accounts(title: str, accounts: Mapping[tuple[str, str], tuple[int, int]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in ("lane", "endpoint", "calls", "units"):
        table.add_column(name, justify="right" if name in {"calls", "units"} else "left")
    sorted_accounts = sorted(accounts.items(), key=lambda item: -item[1][1])
    for (lane, label), (calls, units) in sorted_accounts[:MAX_LABELS]:
        table.add_row(lane, label, f"{calls:,}", f"{units:,}")
    return table


def _until(moment: datetime.datetime) -> str:
    seconds = (moment - datetime.datetime.now(datetime.UTC)).total_seconds()
    return f"in {seconds / 60:.0f} min" if seconds > 90 else f"in {max(0.0, seconds):.0f} s"
