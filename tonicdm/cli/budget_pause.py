"""``tonicdm budget pause`` and ``resume``: silence all processes that share a ledger."""

from __future__ import annotations

import asyncio

import click

from tonicdm.budget import Snapshot
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.durations import seconds_of
from tonicdm.cli.output import Line, Output, output_options


@click.command()
@click.option(
    "--for",
    "length",
    metavar="TIME",
    help="How long, such as 90s, 30m, 2h or 1d; else until resume.",
)
@output_options
@connected
def pause(connection: Connection, *, length: str | None, output: Output) -> None:
    """Let no process that shares the ledger send anything until `resume`, or for a time.

    Calls under way end as they would; calls that come wait, or are refused where their max_wait is over. A cooldown
    after a 429 is neither shortened nor forgotten. Nothing is sent.
    """
    seconds = None if length is None else seconds_of(length, "--for")

    async def run() -> Snapshot:
        async with connection.client() as tonic:
            await tonic.budget.pause(seconds)
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
