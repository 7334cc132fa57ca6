"""``tonicdm get`` and ``tonicdm list``: records as a table, as JSON or as CSV."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from tonicdm.cli.columns import record_table
from tonicdm.cli.connection import Connection, connected
from tonicdm.cli.groups import meant
from tonicdm.cli.output import Output, output_options
from tonicdm.cli.text import echo
from tonicdm.client import TonicDM
from tonicdm.endpoints.base import Listed, Readable
from tonicdm.endpoints.listing import ListOperation
from tonicdm.endpoints.options import UPDATED_AFTER
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.errors import InvalidOptionError
from tonicdm.models import CODEC, Record
from tonicdm.types import DataQuantity

# Of click only the later versions let it be subscripted.
if TYPE_CHECKING:
    _TextType = click.ParamType[str]
else:
    _TextType = click.ParamType


class ResourceType(_TextType):
    """The name of a record type, completed by shells."""

    name = "resource"

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str:  # noqa: ARG002
        """Say what is missing."""
        return f"It is one of {', '.join(_fetchable(_ability(ctx)))}"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the name of a record type that the command can fetch."""
        del param
        return [CompletionItem(name) for name in _fetchable(_ability(ctx)) if name.startswith(incomplete)]


RESOURCE = click.argument("resource", type=ResourceType())
QUANTITY = click.option(
    "--data-quantity", type=click.Choice(["id_only", "basic", "complete"]), default="basic", show_default=True
)


@click.command()
@RESOURCE
@click.argument("ids", nargs=-1, required=True)
@QUANTITY
@output_options
@connected
def get(connection: Connection, *, resource: str, ids: tuple[str, ...], data_quantity: Any, output: Output) -> None:
    """Fetch records by ID: tonicdm get persons ID ID ...

    With --data-quantity id_only: when each was last changed, for 1 unit for 240 IDs.
    """

    async def run() -> tuple[list[Record], tuple[str, ...]]:
        async with connection.client(priority="interactive") as tonic:
            records = await _endpoint(tonic, resource, Readable).get_many(ids, data_quantity=data_quantity)
            return list(records), records.missing

    records, missing = asyncio.run(run())
    if records or not output.is_text:
        show(output, resource, data_quantity, records)
    if missing:
        echo(f"Not returned by the server: {', '.join(missing)}", err=True)
        click.get_current_context().exit(1)


@click.command("list")
@RESOURCE
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
@output_options
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
    output: Output,
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

    show(output, resource, data_quantity, asyncio.run(run()))


def show(output: Output, resource: str, data_quantity: str, records: Sequence[Record]) -> None:
    """Print records: JSON and CSV have all their fields, a table has the type's columns."""
    record_type = _record_type(resource)
    rows = [CODEC.write(record) for record in records]
    listing: ListOperation[Any] = getattr(endpoint_class(record_type), "_listing")  # noqa: B009 - not of all classes
    model = listing.model_under(DataQuantity(data_quantity))
    output.show(rows, record_table(record_type, model, rows))


def _record_type(resource: str) -> str:
    return resource.replace("-", "_").lower()


def _ability(context: click.Context | None) -> type[Any]:
    return Listed if context is not None and context.info_name == "list" else Readable


def _fetchable(ability: type[Any]) -> list[str]:
    return sorted(name for name in RECORD_TYPES if issubclass(endpoint_class(name), ability))


def _endpoint(tonic: TonicDM, resource: str, ability: type[Listed[Any]]) -> Any:
    name = _record_type(resource)
    if name not in RECORD_TYPES or not issubclass(endpoint_class(name), ability):
        names = _fetchable(ability)
        near = meant(name, names) or f"; there are {', '.join(names)}"
        raise InvalidOptionError(f"no such resource here: {resource}{near}. Nothing was sent.".replace("?.", "?"))
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
