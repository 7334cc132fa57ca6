"""``tonicdm budget pause`` and ``resume``: silence all processes that share a ledger."""

from __future__ import annotations

import asyncio
import re
from typing import Final

import click

from tonicdm.budget import Snapshot
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.output import Line, Output, output_options

SECONDS_PER_UNIT: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds_of(context: click.Context, option: click.Parameter, text: str | None) -> float | None:
    """Return the seconds that ``--for`` names; None where it is not given.

    Raises:
        BadParameter: It is no length of time.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if match is None or not (seconds := float(match[1]) * SECONDS_PER_UNIT[match[2]]):
        raise click.BadParameter(f"{text!r} is no length of time such as 90s, 30m, 2h or 1d", context, option)
    return seconds


@click.command()
@click.option(
    "--for",
    "length",
    callback=seconds_of,
    metavar="TIME",
    help="How long, such as 90s, 30m, 2h or 1d; else until resume.",
)
@output_options
@connected
def pause(connection: Connection, *, length: float | None, output: Output) -> None:
    """Let no process that shares the ledger send anything until `resume`, or for a time.

    Calls under way end as they would; calls that come wait, or are refused where their max_wait is over. A cooldown
    after a 429 is neither shortened nor forgotten. Nothing is sent.
    """

    async def run() -> Snapshot:
        async with connection.client() as tonic:
            await tonic.budget.pause(length)
            return tonic.budget.snapshot()

    show_pause(output, asyncio.run(run()))


@click.command()
@output_options
@connected
def resume(connection: Connection, *, output: Output) -> None:
    """Take back a pause; waiting calls of all processes go on within a second or so."""

    async def run() -> tuple[bool, Snapshot]:
        async with connection.client() as tonic:
            return await tonic.budget.resume(), tonic.budget.snapshot()

    was_paused, snapshot = asyncio.run(run())
    text = "Calls go on." if was_paused else "The budget was not paused."
    if snapshot.blocked_until is not None:
        text += f" After a 429, none is sent before {snapshot.blocked_until:%H:%M:%S} UTC."
    output.show({"paused": False, "was_paused": was_paused, "ledger": snapshot.ledger}, Line(text))


def show_pause(output: Output, snapshot: Snapshot) -> None:
    """Print that the budget is paused, and until when."""
    until = pause_end(snapshot)
    output.show(
        {"paused": True, "until": until, "ledger": snapshot.ledger},
        Line(f"Paused {f'until {until}' if until else 'until resumed'}: {snapshot.ledger}"),
    )


def pause_end(snapshot: Snapshot) -> str | None:
    """Return until when a pause lasts; None where only ``resume`` ends it."""
    if snapshot.paused_until is None or not snapshot.pause_ends:
        return None
    return f"{snapshot.paused_until:%Y-%m-%d %H:%M:%S}Z"
