"""``tonicdm db``: the tables of a store."""

from __future__ import annotations

import click

from tonicdm.cli.groups import LazyGroup
from tonicdm.cli.output import Output, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.store.database import Location


@click.group(cls=LazyGroup)
def db() -> None:
    """Make the tables of a store, or bring them up to date."""


@db.command()
@store_argument()
@output_options
def upgrade(*, file: Location, output: Output) -> None:
    """Make the tables of FILE (or postgresql://...), or bring them to this version.

    Programs of an earlier version refuse a store after that, so stop them before. Sends nothing to the server of the
    records.
    """
    with file.errors():
        before, now = file.upgrade()
    output.show({"store": file.name, "before": before, "now": now})
    if before == now:
        output.remark(f"{file.name} has the tables of this version ({now}) already.")
    elif before:
        output.remark(f"{file.name} has tables of version {now} now; they were of version {before}.")
    else:
        output.remark(f"{file.name} is made, with tables of version {now}.")
