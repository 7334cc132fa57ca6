"""``tonicdm rhythm query``: save everything that matches in one file."""

from __future__ import annotations

import asyncio
import json
import pathlib
from typing import Any

import click

from tonicdm.cli.durations import seconds_of
from tonicdm.cli.output import Line, Output, output_options
from tonicdm.cli.rhythm_connection import RhythmConnection, rhythm_connected
from tonicdm.errors import ConfigError
from tonicdm.rhythm import RhythmClient
from tonicdm.rhythm.fetch import default_fields
from tonicdm.rhythm.query.polling import PollRules
from tonicdm.rhythm.query.running import QueryResult
from tonicdm.rhythm.query.spec import QuerySpec


@click.command()
@click.argument("target", metavar="OUTPUT", type=click.Path(dir_okay=False, path_type=pathlib.Path))
@click.option("--type", "query_type", help="What to query, such as rolodex:contacts.")
@click.option("--fields", help="What to return, with commas; else what the type returns of itself.")
@click.option("--criteria", help="JSON, or @FILE with JSON, in the form of Rhythm's console.")
@click.option("--sort", help="Fields to sort by, with commas; a minus before a name turns its order.")
@click.option("--limit", type=click.IntRange(min=0), help="Most rows.")
@click.option("--output-format", default="json", show_default=True, help="Form of OUTPUT: json, csv, excel or another.")
@click.option("--deadline", default="1h", show_default=True, help="How long to wait before giving up.")
@click.option(
    "--lenient", is_flag=True, help="Accept CSV in an odd form: UTF-16, inch marks, lone returns, blank lines."
)
@click.option("--resume", metavar="ID", help="Fetch the result of this query, started here or elsewhere.")
@output_options
@rhythm_connected
def query(
    connection: RhythmConnection,
    *,
    target: pathlib.Path,
    query_type: str | None,
    fields: str | None,
    criteria: str | None,
    sort: str | None,
    limit: int | None,
    output_format: str,
    deadline: str,
    lenient: bool,
    resume: str | None,
    output: Output,
) -> None:
    """Run a query into OUTPUT.

    The query's id is kept in OUTPUT.job until OUTPUT is whole: after a crash or --deadline the same command goes on
    with it and starts no other. What came whole and is no result is kept as OUTPUT.part.
    """
    rules = PollRules(deadline=seconds_of(deadline, "--deadline"))
    if (resume is None) == (query_type is None):
        raise ConfigError("give --type to start a query, or --resume ID to go on with one")
    parsed = None if criteria is None else _criteria(criteria)

    async def run() -> QueryResult:
        async with connection.client() as rhythm:
            if resume is not None:
                return await rhythm.queries.resume(resume, output_format=output_format, rules=rules).save(
                    target, lenient=lenient
                )
            spec = QuerySpec(
                type=str(query_type),
                fields=await _fields(rhythm, str(query_type), fields),
                criteria=parsed,
                sort=_names(sort),
                limit=limit,
            )
            return await rhythm.queries.run(spec, target, output_format=output_format, rules=rules, lenient=lenient)

    result = asyncio.run(run())
    rows = "an unknown number of" if result.rows is None else f"{result.rows:,}"
    where = "nothing was found, so no file was written" if result.path is None else f"{result.size:,} bytes in {target}"
    path = None if result.path is None else str(result.path)
    document = {"rows": result.rows, "size": result.size, "path": path, "format": output_format}
    output.show(document, Line(f"{rows} rows, {where}"))


async def _fields(rhythm: RhythmClient, query_type: str, fields: str | None) -> Any:
    return await default_fields(rhythm.queries, query_type) if fields is None else _names(fields)


def _names(text: str | None) -> tuple[str, ...]:
    return () if text is None else tuple(name.strip() for name in text.split(","))


def _criteria(text: str) -> dict[str, Any]:
    try:
        content = pathlib.Path(text[1:]).read_text(encoding="utf-8") if text.startswith("@") else text
        criteria = json.loads(content)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--criteria can't be read as JSON: {error}") from None
    if not isinstance(criteria, dict):
        raise ConfigError("--criteria must be a JSON object. Nothing was sent.")
    return criteria
