"""From a signed URI to a file: streamed, counted, renamed when it is whole. The URI shows itself nowhere."""

from __future__ import annotations

import asyncio
import pathlib
from typing import Final

import attrs

from tonicdm.errors import StoreError, TransportError
from tonicdm.http.plain import Plain
from tonicdm.rhythm.rows import MalformedError, NoCounter, RowCounter
from tonicdm.transfer.part import PartFile
from tonicdm.types import Secret

BATCH: Final = 1 << 18
"""Bytes that are gathered before they are written and counted, on a thread."""


class NotWholeError(Exception):
    """A download ended without a whole file; a fresh URI may give one."""

    def __init__(self, what: str, *, stale: bool = False) -> None:
        super().__init__(what)
        self.stale = stale
        """Whether the URI was refused, as one is after its end."""


@attrs.frozen(kw_only=True)
class Downloaded:
    """A file that is in place."""

    path: pathlib.Path
    size: int
    """Bytes."""
    rows: int | None
    """Rows that were counted in it; None for formats whose rows can't be told."""


async def download(
    plain: Plain,
    uri: Secret,
    path: pathlib.Path,
    counter: RowCounter | NoCounter,
    *,
    promised: int | None,
    renew_on: frozenset[int],
    timeout: float,
) -> Downloaded:
    """Stream what *uri* leads to into a file.

    Args:
        plain: Sends the request; no bearer header goes with it (a storage service refuses two ways to be known).
        uri: The signed URI.
        path: The file; it is replaced when the new one is whole.
        counter: Counts the rows.
        promised: Rows that the server named; None where it named none.
        renew_on: Statuses of a URI that is no longer good.
        timeout: Seconds without a byte after which the connection is given up.

    Raises:
        NotWholeError: The URI was refused, the stream broke off, or rows are missing.
        StoreError: The file can't be written.
    """
    with PartFile(path, StoreError) as part:
        try:
            async with plain.stream(uri, timeout=timeout) as answer:
                if answer.status != 200:
                    raise NotWholeError(f"was refused with {answer.status}", stale=answer.status in renew_on)
                batch: list[bytes] = []
                async for piece in answer.chunks:
                    batch.append(piece)
                    if sum(map(len, batch)) >= BATCH:
                        await asyncio.to_thread(_take, part, counter, b"".join(batch))
                        batch.clear()
                await asyncio.to_thread(_take, part, counter, b"".join(batch))
            rows = await asyncio.to_thread(counter.end)
        except TransportError as error:
            # Its text names the host and path of the URI.
            raise NotWholeError(f"broke off ({type(error).__name__})") from None
        except MalformedError as error:
            raise NotWholeError(str(error)) from None
        if rows is not None and promised is not None and rows != promised:
            raise NotWholeError(f"has {rows:,} rows where the server named {promised:,}")
        await asyncio.to_thread(part.keep)
    return Downloaded(path=path, size=part.size, rows=rows)


def _take(part: PartFile, counter: RowCounter | NoCounter, piece: bytes) -> None:
    part.write(piece)
    counter.feed(piece)
