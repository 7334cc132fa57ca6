"""``tonicdm conformance``: find out how a server answers where the documents are silent."""

from __future__ import annotations

import asyncio
import datetime
import sys
from typing import Any

import click

from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.output import Line, Output, Table, output_options, readable_lines
from tonicdm.cli.text import Column, echo
from tonicdm.conformance import MAX_RECORDED_UNITS, MAX_UNITS, Exchange, Profile, Recording, check, contradictions
from tonicdm.http.retry import RetryPolicy


@click.command()
@output_options
@connected
@click.option("--yes", is_flag=True, help="Do not ask first.")
@click.option(
    "--units",
    type=click.IntRange(min=1),
    help=f"Most units to spend; {MAX_UNITS} unless given, {MAX_RECORDED_UNITS} with --record.",
)
@click.option("--profile", "known", type=click.Path(), help="Go on from an earlier run: ask only what it left open.")
@click.option(
    "--output", "target", type=click.Path(), help="Write the profile here; else to --profile, else to the terminal."
)
@click.option(
    "--record",
    type=click.Path(dir_okay=False),
    help="Write what was asked and what came, values replaced by their shapes; reads a page of every list, too.",
)
@click.option(
    "--replay",
    type=click.Path(dir_okay=False, exists=True),
    help="Call nothing; name what in this recording contradicts what is assumed. Exit code 1 where something does.",
)
def conformance(
    connection: Connection,
    *,
    yes: bool,
    units: int | None,
    known: str | None,
    target: str | None,
    record: str | None,
    replay: str | None,
    output: Output,
) -> None:
    """Find out, by reading only, how the server answers where the API's documents are silent."""
    if replay is not None:
        _replay(Recording.read(replay), output)
        return
    before = None if known is None else Profile.read(known)
    allowance = units or (MAX_UNITS if record is None else MAX_RECORDED_UNITS)
    exchanges: list[Exchange] = []

    async def run() -> Profile:
        async with connection.client(priority="interactive", retry=RetryPolicy(attempts=1)) as tonic:
            server = tonic.caller.base_url
            if not yes:
                click.confirm(
                    f"Read from {server} for at most {allowance} units? Nothing is changed.", abort=True, err=True
                )
            state = await check(
                tonic,
                allowance=allowance,
                known=None if before is None else before.answers,
                progress=_asking,
                record=None if record is None else exchanges.append,
            )
            if record is not None:
                Recording.of(state, exchanges).write(record)
                echo(f"{len(exchanges)} exchanges recorded in {record}.", err=True)
            return Profile.of(state, server=server, checked_at=datetime.datetime.now(datetime.UTC))

    profile = asyncio.run(run())
    if output.form:
        output.show(_document(profile), _table(profile))
    else:
        for line in readable_lines([_table(profile)]):
            echo(line, err=True)
    target = target or known
    if target is not None:
        profile.write(target)
        echo(f"Written to {target}.", err=True)
    elif not output.form:
        echo(profile.to_toml())


def _asking(question: str) -> None:
    """Name the question that is asked, on a terminal; a log gets none of it."""
    if sys.stderr.isatty():
        echo(f"  asking: {question}", err=True)


def _replay(recording: Recording, output: Output) -> None:
    contradicted = [str(assumption) for assumption in contradictions(recording)]
    document = {"exchanges": len(recording.exchanges), "contradicted": contradicted}
    output.show(document, *(Line(assumption) for assumption in contradicted))
    echo(f"{len(recording.exchanges)} exchanges, {len(contradicted)} assumptions contradicted.", err=True)
    if contradicted:
        click.get_current_context().exit(1)


def _document(profile: Profile) -> dict[str, Any]:
    return {
        "server": profile.server,
        "checked_at": profile.checked_at.isoformat(timespec="seconds"),
        "calls": profile.calls,
        "units": profile.units,
        "answers": dict(profile.answers),
        "unsettled": dict(profile.unsettled),
    }


def _table(profile: Profile) -> Table:
    rows = [
        *((name, value, "") for name, value in profile.answers.items()),
        *((name, "not settled", why) for name, why in profile.unsettled.items()),
    ]
    title = f"{profile.server}: {profile.calls} calls, {profile.units} units at most"
    return Table([Column("question", whole=True), "answer", "why not"], rows, title=title)
