"""``tonicdm budget``: what is left, as this machine knows it."""

from __future__ import annotations

import asyncio
import datetime

import click

from tonicdm.budget import Snapshot
from tonicdm.cli.connection import Connection, connected


@click.command()
@connected
def budget(connection: Connection) -> None:
    """Show the budget of the token as the shared ledger has it; sends nothing and spends nothing."""

    async def run() -> Snapshot:
        async with connection.client() as tonic:
            return tonic.budget.snapshot()

    seen = asyncio.run(run())
    for line in lines(seen):
        click.echo(line)


def lines(seen: Snapshot) -> list[str]:
    """Describe a snapshot."""
    out = [
        f"Units     {seen.remaining:,} of {seen.limit:,} left, {seen.reserved:,} of them reserved",
        f"Unknown   {seen.unknown:,} units of calls that ended without an answer",
        f"Others    {seen.foreign:,} units at least were spent by others in this window",
        f"Ledger    {seen.ledger}",
    ]
    if seen.reset_at is None:
        out.append("Window    unknown: the next call goes first, alone")
    else:
        out.append(f"Reset     {seen.reset_at:%H:%M:%S} UTC ({_until(seen.reset_at)})")
    if seen.blocked_until is not None:
        out.append(f"Blocked   until {seen.blocked_until:%H:%M:%S} UTC ({_until(seen.blocked_until)}), after a 429")
    return out


def _until(moment: datetime.datetime) -> str:
    seconds = (moment - datetime.datetime.now(datetime.UTC)).total_seconds()
    return f"in {seconds / 60:.0f} min" if seconds > 90 else f"in {max(0.0, seconds):.0f} s"
