"""``tonicdm whoami``: whose token this is, and whether its home zone is the server's."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from tonicdm.cli.connection import Connection, connected
from tonicdm.config import ZONES
from tonicdm.models import CODEC


@click.command()
@connected
def whoami(connection: Connection) -> None:
    """Show the user behind the token, and the home zone of the organization."""

    async def run() -> tuple[dict[str, Any], str, str]:
        async with connection.client(priority="interactive") as tonic:
            me = await tonic.me.get()
            seen = tonic.budget.snapshot()
            return CODEC.write(me), tonic._caller.base_url, f"{seen.remaining:,} of {seen.limit:,} units left"

    me, server, units = asyncio.run(run())
    home = next((str(value) for name, value in me.items() if "zone" in name.lower() and name != "timezone"), None)
    addresses = [one.get("emailAddress", "") for one in me.get("emailAddresses") or []]
    click.echo(f"User      {me.get('name') or me.get('id')}")
    click.echo(f"Addresses {', '.join(addresses) or '-'}")
    click.echo(f"Server    {server}")
    click.echo(f"Home zone {home or 'not told by the server'}")
    click.echo(f"Budget    {units}")
    host = next((zone for zone, url in ZONES.items() if url == server), None)
    if host is not None and home is not None and home.lower() != host:
        click.echo(
            f"The data of this organization live in {home}, and this server is in {host}: they pass through it. "
            f"Use --zone {home.lower()} to keep them in their zone.",
            err=True,
        )
