"""``tonicdm sandbox``: a local server to develop against."""

from __future__ import annotations

import asyncio

import click
from click.core import ParameterSource

from tonicdm.cli.signals import stop_event
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.sandbox.rhythm import RhythmSandbox

_TYPED = ParameterSource.COMMANDLINE


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8300, show_default=True, help="Port; 0 for any free one.")
@click.option(
    "--records", default=10_000, show_default=True, help="Size of the firm, in records of all types; Rhythm: contacts."
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same firm.")
@click.option("--limit", default=3600, show_default=True, help="Units of a window.")
@click.option("--window", default=3600.0, show_default=True, help="Length of a window in seconds.")
@click.option("--rhythm", is_flag=True, help="Run a local Rhythm instead; it has no units.")
def sandbox(*, host: str, port: int, records: int, seed: int, limit: int, window: float, rhythm: bool) -> None:
    """Run a local TonicDM with made-up data that charges units as the real one does."""
    if rhythm:
        context = click.get_current_context()
        if given := [name for name in ("limit", "window") if context.get_parameter_source(name) is _TYPED]:
            raise click.UsageError(f"Rhythm has no units: --{' and --'.join(given)} can't go with --rhythm.")
        asyncio.run(_serve_rhythm(host, port, records, seed))
        return
    asyncio.run(_serve(host, port, records, seed, SandboxSettings(limit=limit, window_seconds=window)))


async def _serve(host: str, port: int, records: int, seed: int, settings: SandboxSettings) -> None:
    stop = stop_event()
    async with Sandbox(records=records, seed=seed, settings=settings, host=host, port=port) as box:
        click.echo(f"Sandbox with {records:,} records on {box.url}; stop it with Ctrl-C. To use it:")
        click.echo(f"  export TONICDM_BASE_URL={box.url} TONICDM_TOKEN={box.token}")
        await stop.wait()


async def _serve_rhythm(host: str, port: int, records: int, seed: int) -> None:
    stop = stop_event()
    async with RhythmSandbox(records=records, seed=seed, host=host, port=port) as box:
        click.echo(f"Rhythm sandbox with {records:,} contacts on {box.url}; stop it with Ctrl-C. To use it:")
        click.echo(f"  export RHYTHM_BASE_URL='{box.service_url}' RHYTHM_AUTH_DOMAIN={box.auth_url}")
        click.echo(f"  export RHYTHM_TENANT_ID={box.tenant_id} RHYTHM_CLIENT_ID={box.client_id}")
        click.echo(f"  export RHYTHM_CLIENT_SECRET={box.client_secret}")
        await stop.wait()
