"""Download from a signed URI to a file: streamed, counted, and renamed when it is whole. No error shows the URI."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator
from typing import Final

import attrs
import yarl

from tonicdm.errors import StoreError, TransportError, UnsafeLinkError
from tonicdm.http.addresses import is_public
from tonicdm.http.plain import Plain
from tonicdm.rhythm.query.forms import Form, Named, OddFormError
from tonicdm.rhythm.query.rows import BrokenOffError, ErrorPageError, MalformedError
from tonicdm.transfer.links import redirect_of
from tonicdm.transfer.part import PartFile
from tonicdm.types import Secret

BATCH_BYTES: Final = 1 << 18
"""Bytes that are gathered before they are written and counted, on a thread."""

MAX_REDIRECTS: Final = 3
"""Redirects of a signed host that are followed; storage services send one, to the region of the file."""


class NotWholeError(Exception):
    """A download ended without a whole file; a fresh URI may give one."""

    def __init__(self, what: str, *, stale: bool = False, kept: pathlib.Path | None = None) -> None:
        super().__init__(what)
        self.stale = stale
        """Whether the URI was refused, as one is after its end."""
        self.kept = kept
        """Where what came was left, if it came whole and is no result."""


class OddResultError(NotWholeError):
    """A file came whole and in an odd form: another try brings the same."""


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
    form: Form,
    *,
    named: Named,
    renew_on: frozenset[int],
    timeout: float,
    lenient: bool = False,
    keep_refused: bool = True,
) -> Downloaded:
    """Stream what *uri* leads to into a file.

    What came whole and is no result stays beside the file, as ``PATH.part``.

    Args:
        plain: Sends the request; no bearer header goes with it (a storage service refuses two ways to be known).
        uri: The signed URI.
        path: The file; it is replaced when the new one is whole.
        form: Looks at what comes.
        named: What the server said of the result.
        renew_on: Statuses of a URI that is no longer good.
        timeout: Seconds without a byte after which the connection is given up.
        lenient: Whether CSV in an odd form is accepted.
        keep_refused: Whether what came whole and is no result stays.

    Raises:
        NotWholeError: The URI was refused, the stream broke off, rows are missing, or it is no result.
        OddResultError: It is whole, and odd.
        StoreError: The file can't be written.
    """
    with PartFile(path, StoreError) as part:
        await _fetch(plain, uri, part, form, renew_on=renew_on, timeout=timeout)
        try:
            rows = await asyncio.to_thread(form.rows, part.part, named)
        except BrokenOffError as error:
            raise NotWholeError(str(error)) from None
        except OddFormError as error:
            if not lenient:
                raise OddResultError(str(error), kept=await _left(part, keep=keep_refused)) from None
            rows = error.rows
        except MalformedError as error:
            error_type = NotWholeError if isinstance(error, ErrorPageError) else OddResultError
            raise error_type(str(error), kept=await _left(part, keep=keep_refused)) from None
        await asyncio.to_thread(part.keep)
    return Downloaded(path=path, size=part.size, rows=rows)


async def _left(part: PartFile, *, keep: bool) -> pathlib.Path | None:
    """Leave what came under the name that it has, if it is to be kept; return that name."""
    if not keep:
        return None
    await asyncio.to_thread(part.keep, part.part)
    return part.part


async def _fetch(
    plain: Plain, uri: Secret, part: PartFile, form: Form, *, renew_on: frozenset[int], timeout: float
) -> None:
    """Stream the answer into *part*; a redirect is followed where its target is no worse than the URI itself."""
    for _ in range(1 + MAX_REDIRECTS):
        try:
            async with plain.stream(uri, timeout=timeout) as answer:
                target = redirect_of(answer.status, Secret(answer.headers.get("Location", "")), uri)
                if target is None and answer.status != 200:
                    raise NotWholeError(f"was refused with {answer.status}", stale=answer.status in renew_on)
                if target is None:
                    await _stream(answer.chunks, part, form)
                    return
        except TransportError as error:
            # Its text names the host and path of the URI.
            raise NotWholeError(f"broke off ({type(error).__name__})") from None
        except UnsafeLinkError as error:
            raise NotWholeError(f"is not safe to fetch: {error}") from None
        _check_host(uri, target)
        uri = target
    raise NotWholeError(f"was redirected more than {MAX_REDIRECTS} times")


async def _stream(chunks: AsyncIterator[bytes], part: PartFile, form: Form) -> None:
    batch: list[bytes] = []
    async for piece in chunks:
        batch.append(piece)
        if sum(map(len, batch)) >= BATCH_BYTES:
            await asyncio.to_thread(_take, part, form, b"".join(batch))
            batch.clear()
    await asyncio.to_thread(_take, part, form, b"".join(batch))


def _check_host(link: Secret, target: Secret) -> None:
    """Refuse a target inside a network that the signed URI was not in: a redirect must not read what is private.

    Raises:
        NotWholeError: It leads there.
    """
    if _is_odd(target) or (_is_inside(target) and not _is_inside(link)):
        raise NotWholeError("was redirected to a place that a signed host has no business with")


def _is_odd(link: Secret) -> bool:
    url = yarl.URL(link.reveal(), encoded=True)
    return url.user is not None or url.scheme not in {"http", "https"}


def _is_inside(link: Secret) -> bool:
    host = yarl.URL(link.reveal(), encoded=True).host or ""
    try:
        return not is_public(host)
    except ValueError:
        name = host.rstrip(".").lower()
        # Resolvers take 127.1 and 0x7f.1 for addresses, which the line above does not.
        last = name.rpartition(".")[2]
        is_number = last.isdigit() or last.startswith("0x")
        return is_number or "." not in name or name.endswith((".local", ".internal", ".localhost"))


def _take(part: PartFile, form: Form, piece: bytes) -> None:
    part.write(piece)
    form.feed(piece)
