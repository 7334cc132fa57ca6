"""``tonicdm webhooks work``, and the inbox by hand: list, show, replay, purge, stats."""

from __future__ import annotations

import asyncio
import datetime
import functools
import importlib
import os
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import attrs
import click

from tonicdm.cli import logs
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.durations import seconds_of
from tonicdm.cli.failures import CommandError
from tonicdm.cli.output import Facts, Line, Output, Part, Table, output_options
from tonicdm.cli.signals import stop_event
from tonicdm.cli.store_argument import store_argument
from tonicdm.cli.sync import TYPES
from tonicdm.cli.text import Column, echo, number, printable
from tonicdm.cli.watching import watch_parts
from tonicdm.errors import ConfigError
from tonicdm.store import Store, choose
from tonicdm.store.database import Location
from tonicdm.webhooks.gaps import keep_repairing
from tonicdm.webhooks.handlers import Handlers
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.listing import Entry, Filter, InboxStats
from tonicdm.webhooks.rules import InboxRules, State, WorkerRules
from tonicdm.webhooks.worker import Worker

FILE: Final = store_argument(exists=True)
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


@attrs.frozen(kw_only=True)
class Filters:
    """What the options say of the jobs that are meant."""

    states: tuple[str, ...]
    event_type: str | None
    since: str | None
    before: str | None

    def chosen(self, keys: tuple[str, ...] = (), default: State | None = None) -> Callable[[Inbox], Filter]:
        """Return what makes the filter of an open inbox, by whose clock the ages are.

        Args:
            keys: Of events; none for all.
            default: The state that is meant where none is named; None for any.

        Raises:
            ConfigError: A time can't be read.
        """
        states = [State(state) for state in self.states]
        since, before = _moment(self.since, "--since"), _moment(self.before, "--before")

        def of(inbox: Inbox) -> Filter:
            now = inbox.clock.now()
            return Filter(
                states=states or ([] if default is None else [default]),
                type=self.event_type,
                since=since(now),
                before=before(now),
                keys=keys,
            )

        return of


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give *command* the options that choose jobs, as one argument ``filters``."""

    @functools.wraps(command)
    def with_filters(
        *args: Any,
        states: tuple[str, ...],
        event_type: str | None,
        since: str | None,
        before: str | None,
        **options: Any,
    ) -> Any:
        filters = Filters(states=states, event_type=event_type, since=since, before=before)
        return command(*args, filters=filters, **options)

    filtered_command: Callable[..., Any] = with_filters
    for option in reversed(_FILTERS):
        filtered_command = option(filtered_command)
    return filtered_command


# --- working ----------------------------------------------------------------------------------------------------------


@click.command()
@store_argument()
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
    file: Location,
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
    known = load_handlers(handlers) if handlers else Handlers()
    interval = seconds_of(every, "--every") if every else None

    async def run() -> None:
        logs.configure(logs.level_of_option(), default="info")
        stop = stop_event()
        async with connection.client() as tonic, Store(file) as store:
            inbox = Inbox(store, handlers=known, rules=inbox_rules)
            worker = Worker(tonic, inbox, trust_signed=trust_signed, rules=rules)
            echo(f"Working off {file.name}; stop it with Ctrl-C.")
            async with asyncio.TaskGroup() as group:
                if interval is not None:
                    repairs = group.create_task(keep_repairing(tonic, inbox, chosen, interval, stop))
                    stopper = group.create_task(_cancel_at(stop, repairs))
                    stopper.set_name("tonicdm-webhooks-stop")
                report = await worker.run(stop)
        echo(
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
    echo(f"Warning: {old_name} is called {name} now. The old name works in this version only.", err=True)
    return old_value


async def _cancel_at(stop: asyncio.Event, task: asyncio.Task[None]) -> None:
    await stop.wait()
    task.cancel()


def load_handlers(text: str) -> Handlers:
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
@output_options
@WATCH
@INTERVAL
def list_jobs(
    *,
    file: Location,
    filters: Filters,
    limit: int,
    output: Output,
    watch: bool,
    interval: float,
) -> None:
    """List what is in the inbox of FILE: a line for each event and record that it names."""
    chosen = filters.chosen()

    async def entries(inbox: Inbox) -> list[Entry]:
        return await inbox.find(chosen(inbox), limit=limit)

    _show(file, entries, lambda listed: [_entries(listed)], output, interval if watch else None)


@click.command()
@FILE
@click.argument("key")
@click.option("--body", is_flag=True, help="Print the event's body, which may hold personal data.")
@output_options
def show(*, file: Location, key: str, body: bool, output: Output) -> None:
    """Show one event of FILE by its KEY, with a job for each record that it names."""

    async def run() -> tuple[list[Entry], bytes | None]:
        async with Store(file) as store:
            inbox = Inbox(store)
            return await inbox.find(Filter(keys=[key]), limit=10_000), await inbox.body(key) if body else None

    entries, content = asyncio.run(run())
    if not entries:
        raise CommandError(f"there is no event {key} in {file.name}.")
    listed = _plain(entries)
    document: dict[str, Any] = {"jobs": listed, "errands": listed}  # the old name, for this version
    if body:
        document["body"] = None if content is None else content.decode("utf-8", "replace")
    first = entries[0]
    facts = Facts([
        ("Event    ", f"{first.key}, {first.type or 'of no type'}"),
        ("Received", f"{_utc(first.received)}, {'signed' if first.signed else 'not signed'}"),
        ("Copies", f"{first.copies} more came"),
        ("Body", "deleted" if first.size is None else f"{first.size:,} bytes"),
    ])  # fmt: skip
    output.show(document, facts, _entries(entries))
    if body and content is not None and output.is_text:
        echo(printable(content.decode("utf-8", "replace")))


@click.command()
@FILE
@output_options
@WATCH
@INTERVAL
def stats(*, file: Location, output: Output, watch: bool, interval: float) -> None:
    """Show how many events wait, are done or dead, what they have cost, and what webhooks missed."""
    _show(file, Inbox.stats, _sums, output, interval if watch else None)


# --- acting -----------------------------------------------------------------------------------------------------------


@click.command()
@FILE
@click.argument("keys", nargs=-1)
@filtered
@output_options
def replay(*, file: Location, keys: tuple[str, ...], filters: Filters, output: Output) -> None:
    """Try dead letters of FILE again, all or those chosen; with --state done also what was done already."""
    chosen = filters.chosen(keys, State.DEAD)
    count = asyncio.run(_act(file, lambda inbox: inbox.replay(chosen(inbox))))
    output.show({"replayed": count}, Line(f"{count:,} to be tried again."))


@click.command()
@FILE
@click.argument("keys", nargs=-1)
@filtered
@output_options
def purge(*, file: Location, keys: tuple[str, ...], filters: Filters, output: Output) -> None:
    """Forget what is done in FILE, all or what is chosen; with --state dead also dead letters.

    What waits is never purged. An event that is forgotten and comes again is new.
    """
    chosen = filters.chosen(keys, State.DONE)
    count = asyncio.run(_act(file, lambda inbox: inbox.purge(chosen(inbox))))
    output.show({"purged": count}, Line(f"{count:,} forgotten."))


async def _act(file: Location, act: Callable[[Inbox], Awaitable[int]]) -> int:
    async with Store(file) as store:
        return await act(Inbox(store))


def _moment(text: str | None, option: str) -> Callable[[float], float | None]:
    """Return what makes Unix time of a time, or of an age, which is before the time that it is given."""
    if text is None:
        return lambda _now: None
    if re.fullmatch(r"\d+(\.\d+)?[smhd]", text.strip()):
        age = seconds_of(text, option)
        return lambda now: now - age
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"{option} takes a time such as 2026-01-31T12:00, or an age such as 2h, not {text!r}"
        ) from None
    at = (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()
    return lambda _now: at


# --- showing ----------------------------------------------------------------------------------------------------------


def _show(
    file: Location,
    read: Callable[[Inbox], Awaitable[Any]],
    view: Callable[[Any], list[Part]],
    output: Output,
    interval: float | None,
) -> None:
    """Show what *read* returns, once or again and again."""

    async def run() -> None:
        async with Store(file) as store:
            inbox = Inbox(store)

            async def read_parts() -> tuple[Any, list[Part]]:
                shown = await read(inbox)
                return _plain(shown), view(shown)

            if interval is not None:
                await watch_parts(output, read_parts, interval)
            document, parts = await read_parts()
            output.show(document, *parts)

    asyncio.run(run())


def _plain(shown: list[Entry] | InboxStats) -> Any:
    """Return what is printed as JSON; `kind` is the old name of `record_type`, for this version."""
    if isinstance(shown, list):
        return [attrs.asdict(entry) | {"kind": entry.record_type} for entry in shown]
    return attrs.asdict(shown)


def _entries(entries: list[Entry]) -> Table:
    rows = []
    for entry in entries:
        state = entry.state.value
        if entry.state is State.RECEIVED and entry.attempts:
            state += f" until {datetime.datetime.fromtimestamp(entry.due, datetime.UTC):%H:%M:%S}"
        rows.append((
            _utc(entry.received), state, entry.type, entry.key, entry.attempts, entry.error or "", entry.id,
            entry.outcome or "",
        ))  # fmt: skip
    columns: list[Column | str] = [
        Column("received", whole=True),
        Column("state", whole=True),
        "type",
        "key",
        number("tries"),
        "why",
        Column("record", whole=True),
        "how",
    ]
    return Table(columns, rows, caption=f"{len(entries):,} shown")


def _sums(totals: InboxStats) -> list[Part]:
    rows = [
        (record_type, *(counts.get(state.value, 0) for state in State)) for record_type, counts in totals.types.items()
    ]
    rows.append(("total", *(totals.states[state.value] for state in State)))
    table = Table(
        ["type", *(number(state.value) for state in State)],
        rows,
        title="Jobs by record type",
    )
    wait = "nothing waits" if totals.oldest is None else f"the oldest waits for {totals.oldest:,.0f} s"
    outcomes = ", ".join(f"{count:,} {name}" for name, count in sorted(totals.outcomes.items())) or "none"
    tallies = totals.tallies
    pairs = [
        ("Events   ", f"{totals.events:,} and {totals.duplicates:,} duplicates; {wait}"),
        ("Records", outcomes),
        ("Cost", f"{tallies.get('units', 0):,} units in {tallies.get('calls', 0):,} calls"),
    ]
    for gap in totals.gaps:
        recent = f", {gap['recent']:,} may still come" if gap["recent"] else ""
        missed = f"{gap['missed']:,} of {gap['changed']:,} changed {gap['type']}{recent}"
        pairs.append(("Missed", f"{missed} (looked for at {_utc(gap['finished'])})"))
    return [table, Facts(pairs)]


def _utc(seconds: float) -> str:
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%d %H:%M:%S}"
