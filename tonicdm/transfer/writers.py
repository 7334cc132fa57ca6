"""Targets that are objects with a ``write``."""

from __future__ import annotations

import inspect
import pathlib
from typing import Any

from tonicdm.errors import DownloadError
from tonicdm.transfer.digests import Hashes
from tonicdm.transfer.encodings import Decoder
from tonicdm.transfer.ranges import Representation
from tonicdm.transfer.targets import Promise, check_sent, decoded, end_decoding, known_decoder


class WriterTarget:
    """Anything with a ``write``; what it was given can't be taken back.

    Args:
        writer: Its ``write`` may return an awaitable, and a ``drain`` is awaited, as asyncio's streams have it.
        promise: What the caller says the file is.
    """

    name = ""

    def __init__(self, writer: Any, promise: Promise) -> None:
        self._writer = writer
        self._promise = promise
        self._hashes = self._written = Hashes(())
        self._decoder: Decoder | None = None
        self._size = 0
        self.received: int = 0

    async def begin(self, representation: Representation, _proposed: str, /) -> Representation | None:
        """Take the first bytes; see `Target`."""
        if self.received:
            raise DownloadError(
                f"the file can't be gone on with after {self.received:,} bytes: the server serves no parts of it, or "
                "it has changed. What the writer got is not whole; give a path, where a download can begin anew."
            )
        self._decoder = known_decoder(representation)
        self._hashes, self._written = Hashes(representation.digests), Hashes(self._promise.checksums)
        return None

    async def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        assert self._decoder is not None
        self.received += len(piece)
        self._hashes.update(piece)
        for decoded_piece in decoded(self._decoder, piece):
            self._written.update(decoded_piece)
            self._size += len(decoded_piece)
            try:
                done = self._writer.write(decoded_piece)
                if inspect.isawaitable(done):
                    await done
                if hasattr(self._writer, "drain"):
                    await self._writer.drain()
            except OSError as error:
                raise DownloadError(f"the writer refused it ({error.strerror or type(error).__name__}).") from error

    def flush(self, piece: bytes) -> None:
        """Drop them: a writer can't be given anything without waiting."""

    async def finish(self, known: Representation) -> tuple[pathlib.Path | None, int]:
        """Check the whole; the writer is not closed."""
        check_sent(known, self.received, self._hashes)
        if self._decoder is not None:
            end_decoding(self._decoder)
        self._promise.check(self._size, self._written)
        return None, self._size

    async def reset(self) -> bool:
        """Say that nothing can be taken back."""
        return False

    async def close(self) -> None:
        """Do nothing: the writer is its owner's."""
