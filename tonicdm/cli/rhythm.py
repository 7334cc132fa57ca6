"""``tonicdm rhythm``: the commands of the Rhythm API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import click

from tonicdm.cli.groups import Entry, LazyGroup

COMMANDS: Final[Mapping[str, Entry]] = {
    "query": Entry("rhythm_query:query", "Run a query into a file."),
    "sync": Entry("rhythm_sync:sync", "Bring contacts and organizations in a file up to date."),
    "tokens": Entry("rhythm_tokens:tokens", "Show the machine tokens of this month."),
}


@click.group(cls=LazyGroup, entries=COMMANDS)
def rhythm() -> None:
    """Work with a Rhythm tenant."""
