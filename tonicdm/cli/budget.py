"""``tonicdm budget``: the units left, as this machine knows them."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Mapping
from typing import Any, Final

import attrs
import click
from click.core import ParameterSource

from tonicdm.budget import Snapshot
from tonicdm.cli.budget_history import show_history
from tonicdm.cli.budget_pause import pause_end
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.context import OUTPUT
from tonicdm.cli.groups import Entry, LazyGroup
from tonicdm.cli.output import Facts, Output, Part, Table, output_options
from tonicdm.cli.text import number
from tonicdm.cli.watching import watch_parts

MAX_LABELS: Final = 12
"""Endpoints shown, those that cost most."""


COMMANDS: Final[Mapping[str, Entry]] = {
    "pause": Entry("budget_pause:pause", "Let no process send anything."),
    "resume": Entry("budget_pause:resume", "Take back a pause."),
}


@click.group(cls=LazyGroup, entries=COMMANDS, invoke_without_command=True)
@click.option("--history", is_flag=True, help="Show the windows that are over instead.")
@click.option("--windows", type=click.IntRange(min=1), default=48, show_default=True, help="With --history: how many.")
@click.option("--watch", is_flag=True, help="Go on showing it until Ctrl-C.")
@click.option("--interval", default=1.0, show_default=True, help="Seconds between two looks.")
@output_options
@connected
def budget(
    connection: Connection, *, history: bool, windows: int, watch: bool, interval: float, output: Output
) -> None:
    """Show the budget of the token as the shared ledger has it; sends nothing and spends nothing.

    Calls that wait are those of other processes' own queues, which the ledger does not hold; what they have reserved
    or sent is shown.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
        if given:
            raise click.UsageError(f"options stand behind {context.invoked_subcommand}, not before it")
        del context.meta[OUTPUT]  # the command has options of its own for how to print
        return
    if history and watch:
        raise click.UsageError("--history shows what is over; there is nothing to --watch")
    if history:
        asyncio.run(_show_history(connection, output, windows))
    else:
        asyncio.run(_show(connection, output, interval if watch else None))


async def _show_history(connection: Connection, output: Output, windows: int) -> None:
    async with connection.client() as tonic:
        show_history(output, tonic.budget.history(), windows)


async def _show(connection: Connection, output: Output, interval: float | None) -> None:
    async with connection.client() as tonic:
        if interval is None:
            snapshot = tonic.budget.snapshot()
            output.show(document(snapshot), facts(snapshot))
            return

        async def read() -> tuple[Any, list[Part]]:
            snapshot = tonic.budget.snapshot()
            return document(snapshot), [_bar(snapshot), facts(snapshot), *_accounts(snapshot)]

        await watch_parts(output, read, interval)


def document(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot as JSON has it: spent and under way are lists, one object for each lane and endpoint."""
    values = attrs.asdict(snapshot, recurse=False)
    for name in ("spent", "under_way"):
        values[name] = [
            {"lane": lane, "endpoint": label, "calls": calls, "units": units}
            for (lane, label), (calls, units) in values[name].items()
        ]
    for name in ("waiting", "by_label"):
        values[name] = {key: {"calls": calls, "units": units} for key, (calls, units) in values[name].items()}
    values["waits_for"] = {lane: None if reason is None else str(reason) for lane, reason in snapshot.waits_for.items()}
    for name, value in values.items():
        if isinstance(value, datetime.datetime):
            values[name] = value.isoformat(timespec="seconds")
    return {**values, "available": snapshot.available}


def facts(snapshot: Snapshot) -> Facts:
    """Describe a snapshot."""
    pairs = [
        ("Units    ", f"{snapshot.remaining:,} of {snapshot.limit:,} left, {snapshot.reserved:,} of them reserved"),
        ("Unknown", f"{snapshot.unknown:,} units of calls that ended without an answer"),
        ("Foreign", f"{snapshot.foreign:,} units at least were spent by others; {snapshot.guard:,} are left to them"),
        ("Ledger", snapshot.ledger),
    ]
    if snapshot.reset_at is None:
        pairs.append(("Window", "unknown: the next call goes first, alone"))
    else:
        pairs.append(("Reset", f"{snapshot.reset_at:%H:%M:%S} UTC ({_until(snapshot.reset_at)})"))
    if snapshot.paused_until is not None:
        pairs.append(("Paused", f"until {pause_end(snapshot) or 'tonicdm budget resume'}"))
    if snapshot.limited:
        pairs.append(("429s", f"{snapshot.limited:,} in this window"))
    if snapshot.blocked_until is not None:
        until = snapshot.blocked_until
        pairs.append(("Blocked", f"until {until:%H:%M:%S} UTC ({_until(until)}), after a 429"))
    return Facts(pairs)


def _bar(snapshot: Snapshot) -> str:
    held = min(snapshot.limit, snapshot.limit - snapshot.remaining + snapshot.reserved)
    filled = round(60 * held / max(1, snapshot.limit))
    return f"[{'#' * filled}{'.' * (60 - filled)}]"


def _accounts(snapshot: Snapshot) -> list[Part]:
    return [
        _account("Spent in this window", snapshot.spent),
        _account("Reserved or under way", snapshot.under_way),
        *([_labels(snapshot.by_label)] if snapshot.by_label else []),
    ]


def _labels(by_label: Mapping[str, tuple[int, int]]) -> Table:
    rows = [(label, calls, units) for label, (calls, units) in by_label.items()]
    return Table(["label", number("calls"), number("units")], rows, title="Spent in this window by label")


def _account(title: str, accounts: Mapping[tuple[str, str], tuple[int, int]]) -> Table:
    by_units = sorted(accounts.items(), key=lambda item: -item[1][1])[:MAX_LABELS]
    rows = [(label, lane, calls, units) for (lane, label), (calls, units) in by_units]
    return Table(["endpoint", "lane", number("calls"), number("units")], rows, title=title)


def _until(moment: datetime.datetime) -> str:
    seconds = (moment - datetime.datetime.now(datetime.UTC)).total_seconds()
    return f"in {seconds / 60:.0f} min" if seconds > 90 else f"in {max(0.0, seconds):.0f} s"
