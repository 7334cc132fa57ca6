"""``tonicdm conformance``: how a server answers where the documents are silent."""

from __future__ import annotations

import asyncio
import datetime

import click

from tonicdm.cli.connection import Connection, connected
from tonicdm.conformance import ALLOWANCE, Profile, check
from tonicdm.http.retry import RetryPolicy


@click.command()
@connected
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option("--units", default=ALLOWANCE, show_default=True, type=click.IntRange(min=1), help="Most units to spend.")
@click.option("--profile", "known", type=click.Path(), help="Go on from an earlier run: ask only what it left open.")
@click.option("--output", type=click.Path(), help="Write the profile here; else to --profile, else to the terminal.")
def conformance(connection: Connection, *, yes: bool, units: int, known: str | None, output: str | None) -> None:
    """Find out, by reading only, how the server answers where the API's documents are silent."""
    before = None if known is None else Profile.read(known)

    async def run() -> Profile:
        async with connection.client(priority="interactive", retry=RetryPolicy(attempts=1)) as tonic:
            server = tonic._caller.base_url
            if not yes:
                click.confirm(
                    f"Read from {server} for at most {units} units? Nothing is changed.", abort=True, err=True
                )
            state = await check(
                tonic,
                allowance=units,
                known=None if before is None else before.answers,
                progress=lambda name: click.echo(f"  asking: {name}", err=True),
            )
            return Profile.of(state, server=server, checked_at=datetime.datetime.now(datetime.UTC))

    found = asyncio.run(run())
    _report(found)
    target = output or known
    if target is None:
        click.echo(found.to_toml())
    else:
        found.write(target)
        click.echo(f"Written to {target}.", err=True)


def _report(found: Profile) -> None:
    click.echo(f"{found.server}: {found.calls} calls, {found.units} units at most", err=True)
    for name, value in found.answers.items():
        click.echo(f"  {name:<26} {value}", err=True)
    for name, why in found.unsettled.items():
        click.echo(f"  {name:<26} not settled: {why}", err=True)
