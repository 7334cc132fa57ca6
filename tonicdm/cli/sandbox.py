"""``tonicdm sandbox``: a local server to develop against."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import shlex
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final

import click
from click.core import ParameterSource

from tonicdm.cli.signals import PORT, listening_on, settings_from_options, stop_event
from tonicdm.cli.text import echo
from tonicdm.errors import ConfigError
from tonicdm.sandbox import Sandbox, SandboxSettings
from tonicdm.sandbox.rhythm import RhythmSandbox

_TYPED = ParameterSource.COMMANDLINE

MAX_START_SECONDS: Final = 15.0
"""How long ``--env`` waits for a sandbox that was started just before it."""

POLL_SECONDS: Final = 0.1


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=PORT, default=8300, show_default=True, help="Port; 0 for any free one.")
@click.option(
    "--records", default=10_000, show_default=True, help="Size of the firm, in records of all types; Rhythm: contacts."
)
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same firm.")
@click.option("--limit", default=3600, show_default=True, help="Units of a window.")
@click.option("--window", default=3600.0, show_default=True, help="Length of a window in seconds.")
@click.option("--rhythm", is_flag=True, help="Run a local Rhythm instead; it has no units.")
@click.option("--env", "show_env", is_flag=True, help="Start none; print the export lines of the one that runs there.")
def sandbox(
    *, host: str, port: int, records: int, seed: int, limit: int, window: float, rhythm: bool, show_env: bool
) -> None:
    r"""Run a local TonicDM with made-up data that charges units as the real one does.

    It prints what a client needs to find it. With --env, a shell takes that from the sandbox that runs already:

    \b
      tonicdm sandbox &
      eval "$(tonicdm sandbox --env)"
    """
    if show_env:
        echo("\n".join(_exports(_running(host, port))))
        return
    if rhythm:
        context = click.get_current_context()
        if given := [name for name in ("limit", "window") if context.get_parameter_source(name) is _TYPED]:
            raise click.UsageError(f"Rhythm has no units: --{' and --'.join(given)} can't go with --rhythm.")
        asyncio.run(_serve_rhythm(host, port, records, seed))
        return
    asyncio.run(_serve(host, port, records, seed, SandboxSettings(limit=limit, window_seconds=window)))


async def _serve(host: str, port: int, records: int, seed: int, settings: SandboxSettings) -> None:
    stop = stop_event()
    with settings_from_options():
        sandbox = Sandbox(records=records, seed=seed, settings=settings, host=host, port=port)
    async with contextlib.AsyncExitStack() as stack:
        with listening_on(host, port):
            box = await stack.enter_async_context(sandbox)
        _announce(f"Sandbox with {records:,} records on {box.url}; Ctrl-C stops it.", box.environment)
        await stop.wait()


async def _serve_rhythm(host: str, port: int, records: int, seed: int) -> None:
    stop = stop_event()
    with settings_from_options():
        sandbox = RhythmSandbox(records=records, seed=seed, host=host, port=port)
    async with contextlib.AsyncExitStack() as stack:
        with listening_on(host, port):
            box = await stack.enter_async_context(sandbox)
        _announce(f"Rhythm sandbox with {records:,} contacts on {box.url}; Ctrl-C stops it.", box.environment)
        await stop.wait()


def _announce(line: str, environment: Mapping[str, str]) -> None:
    echo(f"{line}\nTo use it, paste this into another terminal:\n")
    echo("\n".join(_exports(environment)))


def _exports(environment: Mapping[str, str]) -> list[str]:
    if sys.platform == "win32":  # as PowerShell reads it
        doubled = {name: value.replace("'", "''") for name, value in environment.items()}
        return [f"$env:{name} = '{value}'" for name, value in doubled.items()]
    return [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]


def _running(host: str, port: int) -> Mapping[str, str]:
    """Return the variables of the sandbox that runs on *host* and *port*; wait for one that is just starting.

    Raises:
        ConfigError: None answers there.
    """
    url = f"http://{host}:{port}/__health"
    # Addresses of this machine are asked without a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    until = time.monotonic() + MAX_START_SECONDS
    while True:
        try:
            with opener.open(url, timeout=MAX_START_SECONDS) as response:
                health: Mapping[str, Any] = json.load(response)
                return dict(health["environment"])
        except (urllib.error.HTTPError, http.client.HTTPException, ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"what answers at http://{host}:{port} is no sandbox of this version") from error
        except OSError as error:
            if time.monotonic() > until:
                raise ConfigError(
                    f"no sandbox answers at http://{host}:{port}; start one with: tonicdm sandbox --port {port} &"
                ) from error
        time.sleep(POLL_SECONDS)
