"""``tonicdm whoami``: show the user behind a token, and whether the home zone is the server's."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.output import Facts, Output, output_options
from tonicdm.cli.text import echo
from tonicdm.config import ZONES


@click.command()
@output_options
@connected
def whoami(connection: Connection, *, output: Output) -> None:
    """Show the user behind the token, and the home zone of the organization."""
    document = asyncio.run(_ask(connection))
    facts = Facts([
        ("User", document["name"] or document["id"]),
        ("Addresses", ", ".join(document["addresses"]) or "-"),
        ("Server", document["server"]),
        ("Home zone", document["home_zone"] or "not named by the server"),
        ("Budget", f"{document['remaining']:,} of {document['limit']:,} units left"),
    ])  # fmt: skip
    output.show(document, facts)
    zone, home_zone = document["server_zone"], document["home_zone"]
    if zone is not None and home_zone is not None and home_zone.lower() != zone:
        echo(
            f"The data of this organization live in {home_zone}, and this server is in {zone}: they pass through it. "
            f"Use --zone {home_zone.lower()} to keep them in their zone.",
            err=True,
        )


async def _ask(connection: Connection) -> dict[str, Any]:
    async with connection.client(priority="interactive") as tonic:
        me = await tonic.me.get()
        server, snapshot = tonic.caller.base_url, tonic.budget.snapshot()
    return {
        "id": me.id,
        "name": me.name,
        "addresses": [address.email_address for address in me.email_addresses or () if address.email_address],
        "server": server,
        "server_zone": next((zone for zone, url in ZONES.items() if url == server), None),
        "home_zone": me.home_zone,
        "remaining": snapshot.remaining,
        "limit": snapshot.limit,
    }
