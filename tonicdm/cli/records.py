"""``tonicdm get`` and ``tonicdm list``: records as a table, as JSON or as CSV."""

from __future__ import annotations

import asyncio
import csv
import datetime
import json
import sys
from collections.abc import Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table

from tonicdm.cli.connection import Connection, connected
from tonicdm.client import TonicDM
from tonicdm.endpoints.base import Listed, Readable
from tonicdm.endpoints.options import UPDATED_AFTER
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.errors import InvalidOptionError
from tonicdm.models import CODEC, Record

MAX_COLUMNS: Final = 8
"""Columns of a table on a terminal; JSON and CSV have all."""

FORMAT = click.option("--format", "form", type=click.Choice(["table", "json", "csv"]), default="table")
QUANTITY = click.option(
    "--data-quantity", type=click.Choice(["id_only", "basic", "complete"]), default="basic", show_default=True
)


@click.command()
@click.argument("resource")
@click.argument("ids", nargs=-1, required=True)
@QUANTITY
@FORMAT
@connected
def get(connection: Connection, *, resource: str, ids: tuple[str, ...], data_quantity: Any, form: str) -> None:
    """Fetch records by ID: tonicdm get persons ID ID ...

    With --data-quantity id_only: when each was last changed, for 1 unit for 240 IDs.
    """

    async def run() -> tuple[list[Record], tuple[str, ...]]:
        async with connection.client(priority="interactive") as tonic:
            records = await _endpoint(tonic, resource, Readable).get_many(ids, data_quantity=data_quantity)
            return list(records), records.missing

    records, missing = asyncio.run(run())
    if records or form != "table":
        show(records, form)
    if missing:
        click.echo(f"Not returned by the server: {', '.join(missing)}", err=True)
        click.get_current_context().exit(1)


@click.command("list")
@click.argument("resource")
@click.option("--project-id", help="Only records of this project, where the endpoint has the option.")
@click.option("--updated-after", type=click.DateTime(), help="Only records changed after this time, UTC.")
@click.option("-o", "--option", "pairs", multiple=True, metavar="NAME=VALUE", help="Any option, lists with commas.")
@click.option(
    "--pass",
    "unknown",
    multiple=True,
    metavar="NAME=VALUE",
    help="An option that this package does not know, by its name on the wire.",
)
@click.option(
    "--on-ignored",
    type=click.Choice(["raise", "accept"]),
    default="raise",
    show_default=True,
    help="What to do with an answer that contradicts an option.",
)
@click.option("--limit", type=click.IntRange(min=1), help="At most so many records.")
@QUANTITY
@FORMAT
@connected
def list_records(
    connection: Connection,
    *,
    resource: str,
    project_id: str | None,
    updated_after: datetime.datetime | None,
    pairs: tuple[str, ...],
    unknown: tuple[str, ...],
    on_ignored: str,
    limit: int | None,
    data_quantity: Any,
    form: str,
) -> None:
    """List records, such as: tonicdm list rfis --project-id ID -o filter_stages=open,forwarded ."""
    options: dict[str, Any] = {"on_ignored": on_ignored, **dict(_pair(text) for text in pairs)}
    passed: dict[str, Any] = dict(_split(text, "--pass") for text in unknown)
    if project_id is not None:
        options["project_id"] = project_id

    async def run() -> list[Record]:
        async with connection.client(priority="interactive") as tonic:
            endpoint: Any = _endpoint(tonic, resource, Listed)
            if updated_after is not None:
                # Where the reference shows none, the option itself asks for it.
                documented = UPDATED_AFTER in endpoint._listing.operation.options
                (options if documented else passed)[UPDATED_AFTER] = updated_after.replace(tzinfo=datetime.UTC)
            listed = endpoint.list(data_quantity=data_quantity, options=passed, **options)
            return await listed.all(limit=limit)  # type: ignore[no-any-return]

    show(asyncio.run(run()), form)


def _endpoint(tonic: TonicDM, resource: str, ability: type[Listed[Any]]) -> Any:
    name = resource.replace("-", "_").lower()
    if name not in RECORD_TYPES or not issubclass(endpoint_class(name), ability):
        fit = sorted(key for key in RECORD_TYPES if issubclass(endpoint_class(key), ability))
        raise InvalidOptionError(f"no such resource here: {resource}; there are {', '.join(fit)}. Nothing was sent.")
    return getattr(tonic, name)


def _split(text: str, flag: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise InvalidOptionError(f"{flag} takes NAME=VALUE, not {text!r}. Nothing was sent.")
    return name.strip(), value


def _pair(text: str) -> tuple[str, Any]:
    name, value = _split(text, "-o")
    name = name.replace("-", "_")
    if name in {"page_size", "start_page", "prefetch", "max_pages"} and value.isdigit():
        return name, int(value)
    is_list = "," in value or (name.startswith("filter_") and name.endswith("s"))
    return name, value.split(",") if is_list else value


# --- showing ----------------------------------------------------------------------------------------------------------


def show(records: Sequence[Record], form: str) -> None:
    """Print *records*.

    Args:
        records: What to print.
        form: ``table``, ``json`` (an array) or ``csv``.
    """
    rows = [CODEC.write(record) for record in records]
    if form == "json":
        json.dump(rows, sys.stdout, ensure_ascii=False, indent=2)
        print()
    elif form == "csv":
        writer = csv.DictWriter(sys.stdout, _columns(rows))
        writer.writeheader()
        writer.writerows({name: _cell(value) for name, value in row.items()} for row in rows)
    else:
        _table(rows)


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _table(rows: Sequence[dict[str, Any]]) -> None:
    plain = [name for name in _columns(rows) if not any(isinstance(row.get(name), (list, dict)) for row in rows)]
    table = Table(caption=f"{len(rows):,} records")
    for name in plain[:MAX_COLUMNS]:
        table.add_column(name, overflow="ellipsis", no_wrap=name == "id")
    for row in rows:
        table.add_row(*(_cell(row.get(name)) for name in plain[:MAX_COLUMNS]))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict, bool)) else str(value)
