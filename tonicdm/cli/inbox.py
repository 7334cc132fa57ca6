"""``tonicdm webhooks work``, and the inbox by hand: list, show, replay, purge, stats."""

from __future__ import annotations

import asyncio
import datetime
import importlib
import json
import os
import re
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tonicdm.cli import logs
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.signals import stop_event
from tonicdm.cli.sync import TYPES, seconds_of
from tonicdm.errors import ConfigError
from tonicdm.store import Store, choose
from tonicdm.webhooks.gaps import keep_repairing
from tonicdm.webhooks.handlers import Handlers
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.listing import Entry, Filter, InboxStats
from tonicdm.webhooks.rules import InboxRules, State, WorkerRules
from tonicdm.webhooks.worker import Worker

FILE: Final = click.argument("file", type=click.Path(exists=True, dir_okay=False))
JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
WATCH: Final = click.option("--watch", is_flag=True, help="Go on showing it until Ctrl-C.")
INTERVAL: Final = click.option("--interval", default=1.0, show_default=True, help="Seconds between two refreshes.")
_FILTERS: Final = (
    click.option(
        "--state", "states", multiple=True, type=click.Choice([state.value for state in State]), help="State."
    ),
    click.option("--type", "event_type", help="Type of the event, such as persons.updated or 'persons.*'."),
    click.option("--since", help="Received at this time or later: 2026-01-31T12:00 (UTC), or an age such as 2h."),
    click.option("--before", help="Received before this time."),
)


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options that choose jobs."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


# --- working ----------------------------------------------------------------------------------------------------------


@click.command()
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--every", help="Also look for what webhooks missed, in this interval, such as 1h or 1d.")
@TYPES
@click.option("--trust-signed", is_flag=True, help="Believe signed events that carry whole records, without a fetch.")
@click.option("--handlers", metavar="MODULE:NAME", help="Your handlers: an object Handlers in a module.")
@click.option("--batch-window", default=2.0, show_default=True, help="Seconds without a further event before a fetch.")
@click.option("--max-delay", default=60.0, show_default=True, help="Seconds after which a fetch is made all the same.")
@click.option("--gather", type=float, hidden=True, help="The name of --batch-window until 0.1.")
@click.option("--patience", type=float, hidden=True, help="The name of --max-delay until 0.1.")
@click.option(
    "--lease", default=60.0, show_default=True, help="Seconds until the events of a worker that died are free."
)
@click.option("--attempts", default=8, show_default=True, help="Attempts at an event before it is a dead letter.")
@connected
def work(
    connection: Connection,
    *,
    file: str,
    every: str | None,
    types: str | None,
    trust_signed: bool,
    handlers: str | None,
    batch_window: float,
    max_delay: float,
    gather: float | None,
    patience: float | None,
    lease: float,
    attempts: int,
) -> None:
    """Work off the events in FILE until SIGTERM or Ctrl-C: fetch their records into FILE, and call handlers.

    Events of the same type share a call. While no units are left, events gather; nothing is lost in the meantime.
    """
    chosen = choose([name.strip() for name in types.split(",")] if types else None)
    if types and not every:
        raise ConfigError("--types says what --every looks for; events of all types are worked off in any case")
    try:
        rules = WorkerRules(
            batch_window=_renamed(batch_window, "--batch-window", gather, "--gather"),
            max_delay=_renamed(max_delay, "--max-delay", patience, "--patience"),
        )
        inbox_rules = InboxRules(lease=lease, attempts=attempts)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    known = _handlers(handlers) if handlers else Handlers()
    interval = seconds_of(every, "--every") if every else None

    async def run() -> None:
        logs.configure(logs.level_of_option(), default="info")
        stop = stop_event()
        async with connection.client() as tonic, Store(file) as store:
            inbox = Inbox(store, handlers=known, rules=inbox_rules)
            worker = Worker(tonic, inbox, trust_signed=trust_signed, rules=rules)
            click.echo(f"Working off {file}; stop it with Ctrl-C.")
            async with asyncio.TaskGroup() as group:
                if interval is not None:
                    repairs = group.create_task(keep_repairing(tonic, inbox, chosen, interval, stop))
                    stopper = group.create_task(_cancel_at(stop, repairs))
                    stopper.set_name("tonicdm-webhooks-stop")
                report = await worker.run(stop)
        click.echo(
            f"Stopped: {report.done:,} done, {report.failed:,} attempts failed, {report.dead:,} dead letters, "
            f"{report.meter.units:,} units in {report.meter.calls:,} calls."
        )

    try:
        asyncio.run(run())
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


def _renamed(value: float, name: str, old_value: float | None, old_name: str) -> float:
    """Return the value of an option that had another name in the version before."""
    if old_value is None:
        return value
    click.echo(f"Warning: {old_name} is called {name} now. The old name works in this version only.", err=True)
    return old_value


async def _cancel_at(stop: asyncio.Event, task: asyncio.Task[None]) -> None:
    await stop.wait()
    task.cancel()


def _handlers(text: str) -> Handlers:
    """Load a registry of handlers; modules beside the command are found as python -m finds them."""
    module, _, name = text.partition(":")
    if not name:
        raise ConfigError("--handlers takes MODULE:NAME, such as myapp.events:handlers")
    if (here := os.getcwd()) not in sys.path:  # noqa: PTH109 - a text, as sys.path has it
        sys.path.insert(0, here)
    try:
        registry = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ConfigError(f"--handlers: the module {module} can't be imported ({error})") from None
    if not isinstance(registry, Handlers):
        raise ConfigError(f"--handlers: {name} in {module} is no tonicdm.webhooks.Handlers")
    return registry


# --- looking ----------------------------------------------------------------------------------------------------------


@click.command("list")
@FILE
@filtered
@click.option("--limit", default=50, show_default=True, help="At most so many, the newest first.")
@JSON
@WATCH
@INTERVAL
def list_jobs(
    *,
    file: str,
    states: tuple[str, ...],
    event_type: str | None,
    since: str | None,
    before: str | None,
    limit: int,
    as_json: bool,
    watch: bool,
    interval: float,
) -> None:
    """List what is in the inbox of FILE: a line for each event and record that it names."""
    chosen = _filter(states, event_type, since, before)

    async def entries(inbox: Inbox) -> list[Entry]:
        return await inbox.find(chosen, limit=limit)

    _show(file, entries, _entries, as_json=as_json, watch=watch, interval=interval)


@click.command()
@FILE
@click.argument("key")
@click.option("--body", is_flag=True, help="Print the event's body, which may hold personal data.")
@JSON
def show(*, file: str, key: str, body: bool, as_json: bool) -> None:
    """Show one event of FILE by its KEY, with a job for each record that it names."""

    async def run() -> tuple[list[Entry], bytes | None]:
        async with Store(file) as store:
            inbox = Inbox(store)
            return await inbox.find(Filter(keys=[key]), limit=10_000), await inbox.body(key) if body else None

    entries, content = asyncio.run(run())
    if not entries:
        raise click.ClickException(f"there is no event {key} in {file}")
    if as_json:
        listed = _plain(entries)
        shown: dict[str, Any] = {"jobs": listed, "errands": listed}  # the old name, for this version
        if body:
            shown["body"] = None if content is None else content.decode("utf-8", "replace")
        click.echo(json.dumps(shown))
        return
    first = entries[0]
    click.echo(f"Event     {_safe(first.key)}, {_safe(first.type) or 'of no type'}")
    click.echo(f"Received  {_utc(first.received)}, {'signed' if first.signed else 'not signed'}")
    click.echo(f"Copies    {first.copies} more came")
    click.echo(f"Body      {'deleted' if first.size is None else f'{first.size:,} bytes'}")
    Console().print(_entries(entries))
    if body and content is not None:
        click.echo(content.decode("utf-8", "replace"))


@click.command()
@FILE
@JSON
@WATCH
@INTERVAL
def stats(*, file: str, as_json: bool, watch: bool, interval: float) -> None:
    """Show how many events wait, are done or dead, what they have cost, and what webhooks missed."""
    _show(file, Inbox.stats, _sums, as_json=as_json, watch=watch, interval=interval)


# --- acting -----------------------------------------------------------------------------------------------------------


@click.command()
@FILE
@click.argument("keys", nargs=-1)
@filtered
def replay(
    *,
    file: str,
    keys: tuple[str, ...],
    states: tuple[str, ...],
    event_type: str | None,
    since: str | None,
    before: str | None,
) -> None:
    """Try dead letters of FILE again, all or those chosen; with --state done also what was done already."""
    chosen = _filter(states or (State.DEAD.value,), event_type, since, before, keys)
    count = asyncio.run(_act(file, lambda inbox: inbox.replay(chosen)))
    click.echo(f"{count:,} to be tried again.")


@click.command()
@FILE
@click.argument("keys", nargs=-1)
@filtered
def purge(
    *,
    file: str,
    keys: tuple[str, ...],
    states: tuple[str, ...],
    event_type: str | None,
    since: str | None,
    before: str | None,
) -> None:
    """Forget what is done in FILE, all or what is chosen; with --state dead also dead letters.

    What waits is never purged. An event that is forgotten and comes again is new.
    """
    chosen = _filter(states or (State.DONE.value,), event_type, since, before, keys)
    count = asyncio.run(_act(file, lambda inbox: inbox.purge(chosen)))
    click.echo(f"{count:,} forgotten.")


async def _act(file: str, act: Callable[[Inbox], Awaitable[int]]) -> int:
    async with Store(file) as store:
        return await act(Inbox(store))


def _filter(
    states: tuple[str, ...], event_type: str | None, since: str | None, before: str | None, keys: tuple[str, ...] = ()
) -> Filter:
    return Filter(
        states=[State(state) for state in states],
        type=event_type,
        since=None if since is None else _moment(since, "--since"),
        before=None if before is None else _moment(before, "--before"),
        keys=keys,
    )


def _moment(text: str, option: str) -> float:
    """Return a time, or an age before now, as Unix time."""
    if re.fullmatch(r"\d+(\.\d+)?[smhd]", text.strip()):
        return time.time() - seconds_of(text, option)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} takes a time such as 2026-01-31T12:00, or an age such as 2h, not {text!r}"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


# --- showing ----------------------------------------------------------------------------------------------------------


def _show(
    file: str,
    read: Callable[[Inbox], Awaitable[Any]],
    view: Callable[[Any], RenderableType],
    *,
    as_json: bool,
    watch: bool,
    interval: float,
) -> None:
    """Show what *read* returns, once or again and again."""

    async def run() -> None:
        async with Store(file) as store:
            inbox = Inbox(store)
            if not watch:
                shown = await read(inbox)
                click.echo(json.dumps(_plain(shown))) if as_json else Console().print(view(shown))
                return
            with Live(view(await read(inbox)), refresh_per_second=4) as live:
                while True:
                    await asyncio.sleep(max(0.1, interval))
                    live.update(view(await read(inbox)))

    asyncio.run(run())


def _plain(shown: list[Entry] | InboxStats) -> Any:
    """Return what is printed as JSON; `kind` is the old name of `record_type`, for this version."""
    if isinstance(shown, list):
        return [attrs.asdict(entry) | {"kind": entry.record_type} for entry in shown]
    return attrs.asdict(shown)


def _entries(entries: list[Entry]) -> Table:
    table = Table(caption=f"{len(entries):,} shown")
    for name in ("received", "type", "record", "state", "tries", "how", "key", "why"):
        table.add_column(name, justify="right" if name == "tries" else "left", overflow="fold", no_wrap=name == "state")
    for entry in entries:
        state = entry.state.value
        if entry.state is State.RECEIVED and entry.attempts:
            state += f" until {datetime.datetime.fromtimestamp(entry.due, datetime.UTC):%H:%M:%S}"
        how, why = entry.outcome or "", entry.error or ""
        texts = (_utc(entry.received), entry.type, entry.id, state, str(entry.attempts), how, entry.key, why)
        table.add_row(*(Text(_safe(text)) for text in texts))
    return table


def _sums(totals: InboxStats) -> Group:
    table = Table(title="Jobs by record type", title_justify="left")
    table.add_column("type")
    for state in State:
        table.add_column(state.value, justify="right")
    for record_type, counts in totals.types.items():
        table.add_row(record_type, *(f"{counts.get(state.value, 0):,}" for state in State))
    table.add_row("total", *(f"{totals.states[state.value]:,}" for state in State))
    wait = "nothing waits" if totals.oldest is None else f"the oldest waits for {totals.oldest:,.0f} s"
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(totals.outcomes.items())) or "none"
    tallies = totals.tallies
    lines = [
        f"Events    {totals.events:,} and {totals.duplicates:,} duplicates; {wait}",
        f"Records   {outcomes}",
        f"Cost      {tallies.get('units', 0):,} units in {tallies.get('calls', 0):,} calls",
    ]
    for gap in totals.gaps:
        recent = f", {gap['recent']:,} may still come" if gap["recent"] else ""
        lines.append(
            f"Missed    {gap['missed']:,} of {gap['changed']:,} changed {gap['type']}{recent} (looked for at "
            f"{_utc(gap['finished'])})"
        )
    return Group(table, Text("\n".join(lines)))


def _safe(text: str) -> str:
    """Return what a sender wrote without characters that would steer a terminal."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _utc(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S}"
