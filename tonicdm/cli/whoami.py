"""``tonicdm whoami``: whose token this is, and whether its home zone is the server's."""

from __future__ import annotations

import asyncio

import click

from tonicdm.cli.connection import Connection, connected
from tonicdm.config import ZONES
from tonicdm.models import Me


@click.command()
@connected
def whoami(connection: Connection) -> None:
    """Show the user behind the token, and the home zone of the organization."""

    async def run() -> tuple[Me, str, str]:
        async with connection.client(priority="interactive") as tonic:
            me = await tonic.me.get()
            snapshot = tonic.budget.snapshot()
            return me, tonic.caller.base_url, f"{snapshot.remaining:,} of {snapshot.limit:,} units left"

    me, server, units = asyncio.run(run())
    home = me.home_zone
    addresses = [address.email_address for address in me.email_addresses or () if address.email_address]
    click.echo(f"User      {me.name or me.id}")
    click.echo(f"Addresses {', '.join(addresses) or '-'}")
    click.echo(f"Server    {server}")
    click.echo(f"Home zone {home or 'not named by the server'}")
    click.echo(f"Budget    {units}")
    host = next((zone for zone, url in ZONES.items() if url == server), None)
    if host is not None and home is not None and home.lower() != host:
        click.echo(
            f"The data of this organization live in {home}, and this server is in {host}: they pass through it. "
            f"Use --zone {home.lower()} to keep them in their zone.",
            err=True,
        )
