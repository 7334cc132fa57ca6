"""``tonicdm schema``: the columns of a copy, their types, and what they mean."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

import attrs
import click

from tonicdm.cli.output import Facts, Output, Part, Table, output_options
from tonicdm.cli.store_argument import store_argument
from tonicdm.errors import ConfigError
from tonicdm.store import Store
from tonicdm.store.database import Location
from tonicdm.store.meaning import TableMeaning, schema_of
from tonicdm.store.sqlite import SqliteFile

INTERNAL = (
    *("record", "checkpoint", "scan", "watermark", "history", "capability", "field", "meta", "counter", "quarantine"),
    *("event", "job", "errand", "gap", "tally"),
)
"""Tables of a store that are hidden in Datasette: its views are what people read."""


@click.command()
@store_argument(exists=True)
@click.option("--types", metavar="A,B", help="Only these record types.")
@click.option("--datasette", is_flag=True, help="Print a metadata.json for Datasette.")
@output_options
def schema(*, file: Location, types: str | None, datasette: bool, output: Output) -> None:
    """Show the views of FILE: each column with its type and its meaning.

    Sends nothing.
    """
    wanted = [name.strip() for name in types.split(",")] if types else None
    tables = asyncio.run(_read(file, wanted))
    if wanted and (absent := [name for name in wanted if name not in {table.name for table in tables}]):
        raise ConfigError(f"{file.name} has no records of {', '.join(absent)}. Nothing was sent.")
    if datasette:
        if not isinstance(file, SqliteFile):
            raise ConfigError("Datasette shows files: name a copy in a file. Nothing was sent.")
        click.echo(json.dumps(datasette_metadata(file.path.stem, tables), indent=2))
        return
    output.show({table.name: attrs.asdict(table) for table in tables}, *_parts(tables, output))


def _parts(tables: Sequence[TableMeaning], output: Output) -> list[Part]:
    """Return what is printed: sentences on a terminal, where a cell would be cut, and a table elsewhere."""
    if output.form == "table" or (not output.form and sys.stdout.isatty()):
        parts: list[Part] = []
        for table in tables:
            parts.append(f"{table.name}: {table.meaning}" if table.meaning else table.name)
            parts.append(Facts([(column.name, f"{column.type}. {column.meaning}") for column in table.columns]))
        return parts
    titles = ["view", "column", "type", "meaning", "field"]
    columns = [(table.name, column) for table in tables for column in table.columns]
    return [Table(titles, [(name, column.name, column.type, column.meaning, column.field) for name, column in columns])]


async def _read(file: Location, wanted: Sequence[str] | None) -> list[TableMeaning]:
    async with Store(file) as store:
        return await store.read(lambda db: schema_of(db, wanted))


def datasette_metadata(name: str, tables: Sequence[TableMeaning]) -> dict[str, Any]:
    """Return what Datasette shows beside the views of a store.

    Args:
        name: The file's name without its ending, which is Datasette's name of the database.
        tables: The views.
    """
    shown: dict[str, Any] = {
        table.name: {
            "description": table.meaning,
            "columns": {column.name: column.meaning for column in table.columns if column.meaning},
            "size": 100,
        }
        for table in tables
    }
    hidden = {table: {"hidden": True} for table in INTERNAL}
    return {"databases": {name: {"source": "TonicDM", "tables": {**shown, **hidden}}}}
