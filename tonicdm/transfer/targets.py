"""The protocol of targets, which take the bytes of a download, and the digests they are compared with."""

from __future__ import annotations

import asyncio
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

import attrs

from tonicdm.errors import DownloadError, IntegrityError, InvalidOptionError
from tonicdm.transfer.digests import Hashes
from tonicdm.transfer.encodings import Decoder, EncodingError, decoder_of
from tonicdm.transfer.ranges import Representation

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Promise:
    """What the caller says the file is."""

    size: int | None = None
    """Bytes."""
    checksums: Mapping[str, str] = attrs.field(factory=dict)
    """Hashes: hex by name."""

    def check(self, size: int, hashes: Hashes) -> None:
        """Compare the whole.

        Raises:
            IntegrityError: It is another file.
        """
        self.check_size(size)
        if wrong := hashes.mismatch(self.checksums):
            raise IntegrityError(f"the file has another {wrong} than was expected. No file was made of it.")

    def check_size(self, size: int) -> None:
        """Compare the size of the whole.

        Raises:
            IntegrityError: It is another one.
        """
        if self.size not in {None, size}:
            raise IntegrityError(f"the file has {size:,} bytes where {self.size:,} were expected. No file was made.")

    def check_growth(self, size: int) -> None:
        """Compare what there is so far: a stream that tells no length must end somewhere.

        Raises:
            IntegrityError: It is more than the whole.
        """
        if self.size is not None and size > self.size:
            self.check_size(size)


@runtime_checkable
class Writer(Protocol):
    """Something that takes bytes: a binary file, a buffer, an asyncio stream, a file of aiofiles."""

    def write(self, data: bytes, /) -> Any:
        """Take bytes; what is returned is awaited if it can be."""
        ...


class Target(Protocol):
    """Takes the bytes of one download as they are sent."""

    @property
    def received(self) -> int:
        """Bytes that are there, as they were sent."""
        ...

    @property
    def name(self) -> str:
        """The file's path; empty where there is none."""
        ...

    async def begin(self, representation: Representation, proposed: str, /) -> Representation | None:
        """Take the first bytes of *found*; what was there before is dropped.

        Returns:
            What is there already of the same bytes, from an earlier try; nothing is dropped then.
        """
        ...

    async def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        ...

    def flush(self, piece: bytes) -> None:
        """Take the last bytes of a download that is being cancelled, without waiting."""
        ...

    async def finish(self, known: Representation) -> tuple[pathlib.Path | None, int]:
        """Check the whole, and put it where it belongs; its path and size."""
        ...

    async def reset(self) -> bool:
        """Forget what is there, as it is wrong; whether the download can begin anew."""
        ...

    async def close(self) -> None:
        """Let go of what is open."""
        ...


async def on_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Return what a function returns that may block; where the caller is cancelled, it is waited for nevertheless.

    A file must not be closed while a thread writes to it.
    """
    running = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait((running,))
        if not running.cancelled():
            running.exception()
        raise


def check_sent(known: Representation, received: int, hashes: Hashes) -> None:
    """Compare what came with what the server promised.

    Raises:
        IntegrityError: It is something else.
    """
    if known.size is not None and received != known.size:
        raise IntegrityError(f"{received:,} bytes came where the server named {known.size:,}. No file was made of it.")
    if wrong := hashes.mismatch(known.digests):
        raise IntegrityError(f"the file has another {wrong} than the server named. No file was made of it.")


def known_decoder(representation: Representation) -> Decoder:
    """Return what undoes the coding of an answer.

    Raises:
        DownloadError: It is none that is known here.
    """
    decoder = decoder_of(representation.encoding)
    if decoder is None:
        raise DownloadError(
            f"the file comes with Content-Encoding {representation.encoding[:40]!r}, which was not asked for and can't "
            "be undone here. Nothing was charged."
        )
    return decoder


def is_writer(to: object) -> bool:
    """Return whether bytes can be given to *to*.

    Raises:
        InvalidOptionError: It is neither a writer nor a path.
    """
    if isinstance(to, (str, os.PathLike)):
        if not os.fspath(to):
            raise InvalidOptionError('to= is empty; "." is the folder that the program runs in. Nothing was sent.')
        return False
    if callable(getattr(to, "write", None)):
        return True
    raise InvalidOptionError(
        f"to= takes a path, a folder, or an object with write(), not a {type(to).__name__}. Nothing was sent."
    )


def decoded(decoder: Decoder, piece: bytes) -> Iterator[bytes]:
    """Yield what a piece stands for; an IntegrityError where it is not what its coding says."""
    try:
        yield from decoder.feed(piece)
    except EncodingError:
        raise IntegrityError("the file is not what its Content-Encoding says. No file was made of it.") from None


def end_decoding(decoder: Decoder) -> None:
    """Say that there are no more bytes; an IntegrityError where some are missing."""
    try:
        decoder.end()
    except EncodingError:
        raise IntegrityError("the file breaks off inside its Content-Encoding. No file was made of it.") from None
