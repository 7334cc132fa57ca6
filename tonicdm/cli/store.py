"""``tonicdm store``: care of a copy."""

from __future__ import annotations

import asyncio
import datetime
import pathlib
from collections.abc import Mapping
from typing import Final

import attrs
import click

from tonicdm.cli.durations import seconds_of
from tonicdm.cli.groups import Entry, LazyGroup
from tonicdm.cli.output import Facts, Output, Table, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.clock import SystemClock
from tonicdm.report.page import size_text
from tonicdm.store import Store, upkeep
from tonicdm.store.database import Location
from tonicdm.store.retention import prune_tombstones
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.rules import InboxRules

COMMANDS: Final[Mapping[str, Entry]] = {
    "backup": Entry("store:backup", "Copy a copy into a file as it is, while others write it."),
    "check": Entry("store:check", "Tell whether a copy is sound."),
    "compact": Entry("store:compact", "Give free space back to the disk."),
    "prune": Entry("store:prune", "Remove old tombstones and events."),
}

FILE: Final = store_argument(exists=True)


@click.group(cls=LazyGroup, entries=COMMANDS)
def store() -> None:
    """Take care of a copy."""


@click.command()
@FILE
@output_options
def check(*, file: Location, output: Output) -> None:
    """Read all of FILE and tell whether it is sound. Exit code 6 where it is not.

    Nothing is changed, and others may write it meanwhile.
    """
    result = upkeep.check(file)
    state = "sound" if result.is_sound else f"damaged: {len(result.problems)} problems"
    log = f"; {size_text(result.log_size)} in the log beside it" if file.schema is None else ""
    pairs = [
        ("File", f"{file.name}, {size_text(result.size)}, tables of version {result.version}"),
        ("State", state),
        ("Records", f"{result.records:,} and {result.tombstones:,} tombstones, change {result.position:,}"),
        ("Free", size_text(result.free) + log),
    ]
    problems = [Table(["problem"], [[problem] for problem in result.problems])] if result.problems else []
    document = attrs.asdict(result) | {"sound": result.is_sound}
    output.show(document, Facts(pairs), *problems, *(f"Note: {remark}." for remark in result.remarks))
    if not result.is_sound:
        output.remark("Restore it from a backup, or sync into a new file.")
        click.get_current_context().exit(6)


@click.command()
@FILE
@click.argument("to", type=click.Path(dir_okay=False, path_type=pathlib.Path))
@click.option("--overwrite", is_flag=True, help="Replace TO if it is there, once the new copy is whole.")
@output_options
def backup(*, file: Location, to: pathlib.Path, overwrite: bool, output: Output) -> None:
    """Copy FILE to TO as it is at this moment, while syncs and receivers go on.

    To restore it, stop what uses FILE and put the copy in its place. Readers of the change feed and exports which have
    seen later changes than the copy has are told so then. A copy in PostgreSQL becomes a file that every command takes.
    """
    size = upkeep.backup(file, to, overwrite=overwrite)
    output.show({"file": file.name, "to": str(to), "bytes": size}, f"Copied {size_text(size)} to {to}")


@click.command()
@FILE
@output_options
def compact(*, file: Location, output: Output) -> None:
    """Write FILE anew without what was deleted from it.

    Needs free space of its size beside it. A sync can't run meanwhile, and events are stored late. In PostgreSQL
    readers wait, too.
    """
    before, after = upkeep.compact(file)
    document = {"file": file.name, "bytes_before": before, "bytes": after}
    output.show(document, Facts([("File", file.name), ("Size", f"{size_text(after)}, before {size_text(before)}")]))


@click.command()
@FILE
@click.option("--older-than", required=True, metavar="AGE", help="Such as 90d or 12h.")
@click.option("--only", type=click.Choice(["tombstones", "events"]), help="Leave the other ones.")
@output_options
def prune(*, file: Location, older_than: str, only: str | None, output: Output) -> None:
    """Remove tombstones and done events from FILE that are older than an age.

    Dead letters and soft deleted records stay. Exports that have not run for so long write all anew.
    """
    age = seconds_of(older_than, "--older-than")
    tombstones, events = asyncio.run(_prune(file, age, only))
    output.show(
        {"file": file.name, "tombstones": tombstones, "events": events},
        Facts([("Tombstones", f"{tombstones:,} removed"), ("Events", f"{events:,} removed")]),
        "The space is free in the copy; tonicdm store compact gives it back to the disk.",
    )


async def _prune(file: Location, age: float, only: str | None) -> tuple[int, int]:
    tombstones = events = 0
    async with Store(file) as opened:
        before = datetime.datetime.fromtimestamp(opened.clock(SystemClock()).now() - age, datetime.UTC)
        if only != "events":
            tombstones = await opened.write(lambda db: prune_tombstones(db, before.isoformat()))
        if only != "tombstones":
            _, events = await Inbox(opened, rules=InboxRules(keep_bodies=age, keep_keys=age)).cleanup()
    return tombstones, events
