"""Paginators, which fetch the pages of a list as they are read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

import attrs

from tonicdm import display
from tonicdm.codec import Record
from tonicdm.codec.records import Substitute, shown_values
from tonicdm.errors import DecodeError, EndlessListError, InvalidOptionError
from tonicdm.types import InvalidRecord

T = TypeVar("T")


@attrs.frozen(repr=False)
class Page(Generic[T]):
    """One page of a list."""

    number: int
    """Its number, from 1."""
    records: tuple[T, ...]
    """Its records, without those that an earlier page held already."""
    invalid: tuple[InvalidRecord, ...] = ()
    """What else it held, and is no record; empty unless the list was asked to skip that."""

    def __repr__(self) -> str:
        skipped = f", {len(self.invalid)} skipped" if self.invalid else ""
        return f"<Page {self.number}: {len(self.records)} records{skipped}>"

    def _repr_html_(self) -> str:
        return html_of(self.records)


READ_BY: Final = (
    "await .all() returns every record, await .first() one or None, .pages() reads page by page, and "
    "'async for record in ...' record by record. Nothing was sent."
)


class Records(list[T]):
    """A list of records that notebooks show as a table."""

    def _repr_html_(self) -> str:
        return html_of(self)


class Paginator(Generic[T]):
    """A list of records that is fetched page by page.

    ``async for record in paginator`` reads records, ``paginator.pages()`` whole pages, ``await paginator.all()`` all
    at once. Nothing is sent before the first record is asked for; each new iteration starts anew and pays anew.

    Args:
        source: Fetches the pages.
        start_page: The first page to fetch, from 1.
        prefetch: Pages to fetch ahead while the caller works on one; each is paid for, read or not.
        label: What is listed, for its repr.
    """

    def __init__(
        self,
        source: Callable[[int], AsyncGenerator[Page[T], None]],
        *,
        start_page: int = 1,
        prefetch: int = 0,
        label: str = "",
    ) -> None:
        for name, value, least in (("start_page", start_page, 1), ("prefetch", prefetch, 0)):
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InvalidOptionError(f"{name} must be a whole number of at least {least}. Nothing was sent.")
        self._source = source
        self._start_page = start_page
        self._prefetch = prefetch
        self._label = label
        self.skipped: list[InvalidRecord] = []
        """What the last iteration left out because it is no record, with ``on_invalid="skip"``."""

    def __repr__(self) -> str:
        what = f" of {self._label}" if self._label else ""
        start = f" from page {self._start_page} on" if self._start_page > 1 else ""
        return f"<Paginator{what}{start}: async for, .all(), .first() or .pages() read it>"

    if not TYPE_CHECKING:  # type checkers refuse all of these by themselves

        def __await__(self) -> NoReturn:
            raise TypeError(f"a list can't be awaited as it stands; {READ_BY}")

        def __iter__(self) -> NoReturn:
            raise TypeError(f"a list is fetched as it is read, so a plain for can't read it; {READ_BY}")

        def __len__(self) -> NoReturn:
            raise TypeError(f"how long a list is shows when it was read; {READ_BY}")

        def __getitem__(self, index: object) -> NoReturn:
            raise TypeError(f"a list has no elements before it was read; {READ_BY}")

        def __bool__(self) -> bool:
            return True

    async def __aiter__(self) -> AsyncIterator[T]:
        async with contextlib.aclosing(self.pages()) as pages:
            async for page in pages:
                for record in page.records:
                    yield record

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """Iterate over the pages."""
        source = self._source(self._start_page)
        if self._prefetch:
            source = _ahead(source, self._prefetch)
        self.skipped = []
        async with contextlib.aclosing(source) as pages:
            async for page in pages:
                self.skipped += page.invalid
                yield page

    async def all(self, *, limit: int | None = None) -> list[T]:
        """Return the records.

        Args:
            limit: At most so many; no page beyond them is fetched.

        Raises:
            EndlessListError: The list does not end; the error carries what was read.
            DecodeError: An element is no record; the error carries the others.
        """
        if limit is not None and limit < 0:
            raise InvalidOptionError(f"limit must not be negative, it is {limit}. Nothing was sent.")
        records: Records[T] = Records()
        if limit == 0:
            return records
        try:
            async with contextlib.aclosing(self.pages()) as pages:
                async for page in pages:
                    records.extend(page.records)
                    if limit is not None and len(records) >= limit:
                        return Records(records[:limit])
        except EndlessListError as error:
            error.records = records
            raise
        except DecodeError as error:
            error.records = [*records, *error.records]
            raise
        return records

    async def first(self) -> T | None:
        """Return the first record, None if there is none; fetches one page."""
        records = await self.all(limit=1)
        return records[0] if records else None


COLUMNS_SHOWN: Final = 8


def html_of(records: Sequence[Any]) -> str:
    """Return a table of records, with the plain fields that most of the first of them have."""
    rows = [shown_values(record) for record in records[: display.MAX_ROWS] if isinstance(record, Record)]
    counts: dict[str, int] = {}
    for row in rows:
        for name, value in row.items():
            plain = not isinstance(value, (tuple, Record, Substitute)) and name != "extra"
            counts[name] = counts.get(name, 0) + plain
    chosen = sorted(counts, key=lambda name: -counts[name])[:COLUMNS_SHOWN]
    columns = [name for name in counts if name in chosen and counts[name]]
    names = sorted({type(record).__name__ for record in records[: display.MAX_ROWS]})
    caption = f"{len(records):,} records ({', '.join(names)})" if names else "no records"
    left_out = f"; {len(counts) - len(columns)} columns are left out" if len(counts) > len(columns) else ""
    values = [[row.get(name) for name in columns] for row in rows]
    return display.table(caption + left_out, columns, values, more=len(records) - len(rows))


async def _ahead(source: AsyncGenerator[Page[T], None], depth: int) -> AsyncGenerator[Page[T], None]:
    """Read *source* in a task, at most *depth* pages ahead; it ends with the iteration."""
    queue: asyncio.Queue[Page[T] | None] = asyncio.Queue(depth)

    async def read() -> None:
        async with contextlib.aclosing(source) as pages:
            async for page in pages:
                await queue.put(page)
        await queue.put(None)

    reader = asyncio.create_task(read(), name="tonicdm-prefetch")
    try:
        while True:
            getter = asyncio.ensure_future(queue.get())
            await asyncio.wait((getter, reader), return_when=asyncio.FIRST_COMPLETED)
            if not getter.done() and queue.empty():
                getter.cancel()
                reader.result()  # raises: a list that was read to its end has None in the queue
            page = await getter
            if page is None:
                return
            yield page
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await reader
