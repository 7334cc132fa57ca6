"""``tonicdm forget``: erase what a copy holds of one person."""

from __future__ import annotations

import asyncio
import datetime
import re

import attrs
import click

from tonicdm.cli.output import Facts, Output, Table, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.errors import ConfigError
from tonicdm.store import upkeep
from tonicdm.store.database import Location
from tonicdm.store.forgetting import Forgotten
from tonicdm.types import normalise_id


@click.command()
@store_argument(exists=True)
@click.option("--person", required=True, metavar="ID", help="The person's ID, as tonicdm list persons shows it.")
@click.option("--dry-run", is_flag=True, help="Show what would be erased, and leave it.")
@output_options
def forget(*, file: Location, person: str, dry_run: bool, output: Output) -> None:
    """Erase all that FILE holds of a person, and all references to them.

    Records, tombstones, quarantine and event bodies are overwritten and the copy is written anew, so that nothing is
    left in free pages. The next export takes the person out of its destination. Sends nothing: erase the person in
    TonicDM first, or the next sync brings the record back.
    """
    person_id = normalise_id(person)
    if not re.fullmatch(r"[0-9a-f]{32}", person_id):
        raise ConfigError(f"--person takes an ID of 32 hexadecimal digits, not {person!r}. Nothing was erased.")
    at = datetime.datetime.now(datetime.UTC).isoformat()
    forgotten = asyncio.run(asyncio.to_thread(upkeep.erase_person, file, person_id, at, dry_run=dry_run))
    _show(forgotten, file, dry_run=dry_run, output=output)


def _show(forgotten: Forgotten, file: Location, *, dry_run: bool, output: Output) -> None:
    would = "would be " if dry_run else ""
    pairs = [
        ("Records", f"{forgotten.records:,} {would}erased"),
        ("References", f"{forgotten.references:,} {would}taken out of other records"),
        ("Quarantine", f"{forgotten.quarantined:,} elements {would}removed"),
        ("Events", f"{forgotten.bodies:,} bodies and {forgotten.jobs:,} jobs {would}removed"),
    ]
    parts: list[Facts | Table | str] = [Facts(pairs)]
    if not forgotten.anything:
        parts.append(f"{file.name} holds nothing of this person.")
    if forgotten.mentions:
        rows = [[name, count] for name, count in sorted(forgotten.mentions.items())]
        parts.append(Table(["type", "records"], rows, title="Texts that still mention a name or an address:"))
        parts.append("Change these texts in TonicDM: what is part of a sentence is left as it is.")
    if forgotten.anything and not dry_run:
        parts.append(
            "Run your exports now, so that the person leaves them, too. Erase backups and other copies as well."
        )
    if forgotten.in_pages:
        parts.append(f"Another program reads {file.name}, so old pages may hold texts: run tonicdm store compact.")
    document = attrs.asdict(forgotten) | {"file": file.name, "dry_run": dry_run}
    output.show(document, *parts)
