"""Fetch records by a list, a search or a query."""

from __future__ import annotations

import asyncio
import itertools
import pathlib
import re
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterable
from typing import Any, Final, TypeVar

from tonicdm.codec import Record
from tonicdm.errors import DecodeError, InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.paging import Page, Paginator
from tonicdm.rhythm.caller import RhythmCaller
from tonicdm.rhythm.endpoints.base import Resource
from tonicdm.rhythm.endpoints.queries import Queries
from tonicdm.rhythm.errors import ResultError
from tonicdm.rhythm.models import CODEC
from tonicdm.rhythm.query.forms import read_rows
from tonicdm.rhythm.query.rows import MalformedError
from tonicdm.rhythm.query.spec import OutputField, QuerySpec
from tonicdm.rhythm.strategy import FETCHABLE, Choice, FetchOptions, Strategy, choose, query_type_of

T = TypeVar("T")
R = TypeVar("R", bound=Record)

BATCH_ROWS: Final = 1000
"""Rows of a query's result that are handed out as one page."""


class Fetched(Paginator[T]):
    """Records, fetched as they are read; made by `RhythmClient.fetch`.

    Args:
        source: Fetches the pages.
        choice: How, and why so.
        limit: Most records.
    """

    def __init__(
        self, source: Callable[[int], AsyncGenerator[Page[T], None]], choice: Choice, limit: int | None
    ) -> None:
        super().__init__(source if limit is None else lambda start: _cut(source(start), limit))
        self.strategy: Strategy = choice.strategy
        """``list``, ``search`` or ``query``."""
        self.reason: str = choice.reason
        """Why this one."""

    def __repr__(self) -> str:
        return f"<Fetched by {self.strategy}: {self.reason}>"


def fetch(caller: RhythmCaller, queries: Queries, options: FetchOptions) -> Fetched[Any]:
    """Return the records that are wished for, fetched as they are read.

    Args:
        caller: Makes the calls.
        queries: Runs queries.
        options: What is wished for.
    """
    choice = choose(options)
    if choice.strategy == "query":
        return Fetched(_query(queries, options, query_type_of(options.type, caller.dialect)), choice, options.limit)
    fetch_type = FETCHABLE[options.type]
    operation = fetch_type.list_operation if choice.strategy == "list" else fetch_type.search_operation
    assert operation is not None
    body = fetch_type.to_search(options.criteria) if choice.strategy == "search" else None
    pages = Resource(caller)._list(operation, fetch_type.model, fields=options.fields, body=body)
    return Fetched(lambda _start: pages.pages(), choice, options.limit)


def _query(
    queries: Queries, options: FetchOptions, query_type: str
) -> Callable[[int], AsyncGenerator[Page[Any], None]]:
    async def pages(_start: int) -> AsyncGenerator[Page[Any], None]:
        fields = options.fields or await default_fields(queries, query_type)
        spec = QuerySpec(type=query_type, fields=fields, criteria=options.criteria, limit=options.limit)
        with tempfile.TemporaryDirectory(prefix="tonicdm-") as folder:
            path = pathlib.Path(folder, "rows.json")
            running = await queries.start_spec(spec)
            await running.save(path, keep_refused=False)  # the folder goes, too
            model = FETCHABLE[options.type].model if options.type in FETCHABLE else None
            rows = read_rows(path)
            for number in itertools.count(1):
                part = await asyncio.to_thread(_take, rows, running.id)
                if not part:
                    return
                yield Page(number, tuple(part if model is None else [loosely(row, model) for row in part]))

    return pages


def _take(rows: Iterable[Any], query: str) -> list[Any]:
    try:
        return list(itertools.islice(rows, BATCH_ROWS))
    except MalformedError as error:
        raise ResultError(query, str(error)) from None


async def default_fields(queries: Queries, query_type: str) -> tuple[OutputField, ...]:
    """Return the fields that a query type returns unless others are asked for.

    Args:
        queries: Where to ask.
        query_type: The type.

    Raises:
        InvalidOptionError: The type names none, so they must be given.
    """
    described = await queries.describe_type(query_type)
    named = described.default_output_fields
    if not isinstance(named, list) or not named:
        raise InvalidOptionError(f"{query_type} names no fields of its own; give fields=. {NOTHING_SENT}")
    return tuple(named)


def loosely(row: Any, model: type[R]) -> R:
    """Read a row of a query's result, which is loosely typed: what has another type than documented goes to extra.

    Args:
        row: A JSON object.
        model: The record's class.

    Raises:
        DecodeError: It is no object.
    """
    try:
        return CODEC.read(row, model)
    except DecodeError as error:
        if not isinstance(row, dict):
            raise
        odd = {match[1] for path in error.paths if (match := re.match(r"\$\.([^.\[:]+)", path))}
        record = CODEC.read({name: value for name, value in row.items() if name not in odd}, model)
        return _with_extra(record, {name: row[name] for name in odd})


def _with_extra(record: R, odd: dict[str, Any]) -> R:
    import attrs

    return attrs.evolve(record, extra={**record.extra, **odd})


async def _cut(source: AsyncGenerator[Page[T], None], limit: int) -> AsyncGenerator[Page[T], None]:
    """End *source* once it has yielded *limit* records."""
    left = limit
    try:
        if not left:
            return
        async for page in source:
            yield Page(page.number, page.records[:left])
            left -= len(page.records)
            if left <= 0:
                return
    finally:
        await source.aclose()
