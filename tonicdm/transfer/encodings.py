"""Content codings that are undone while the bytes pass; stored files may have one that nobody asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

PIECE: Final = 1 << 20
"""Bytes that a piece is unpacked to at most, so that no answer can fill the memory."""


class Decoder(Protocol):
    """Undoes a content coding."""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield what the next bytes stand for, in pieces of bounded size.

        Raises:
            EncodingError: They are not what the coding says.
        """
        ...

    def end(self) -> None:
        """Say that there are no more bytes.

        Raises:
            EncodingError: Some are missing.
        """
        ...


class EncodingError(ValueError):
    """Bytes are not what their Content-Encoding says."""


class _Identity:
    def feed(self, piece: bytes) -> Iterator[bytes]:
        yield piece

    def end(self) -> None:
        pass


class _Zlib:
    """gzip, of one member or several (RFC 1952, 2.2), and deflate, which some servers send without zlib's frame."""

    def __init__(self, *, gzip: bool) -> None:
        self._gzip = gzip
        self._window = 16 + zlib.MAX_WBITS if gzip else zlib.MAX_WBITS
        self._running = zlib.decompressobj(self._window)
        self._begun = False
        self._held = b""

    def feed(self, piece: bytes) -> Iterator[bytes]:
        piece, self._held = self._held + piece, b""
        if len(piece) < 2 and not self._begun:
            # It takes two bytes to tell whether deflate has zlib's frame.
            self._held = piece
            return
        while piece:
            if self._running.eof:
                # Padding behind the last member is none (as gzip itself has it).
                piece = piece.lstrip(b"\0")
                if not piece or not self._gzip:
                    return
                self._running, self._begun = zlib.decompressobj(self._window), False
            yield self._decompressed(piece)
            piece = self._running.unused_data if self._running.eof else self._running.unconsumed_tail

    def _decompressed(self, piece: bytes) -> bytes:
        try:
            output = self._running.decompress(piece, PIECE)
        except zlib.error:
            if self._begun or self._gzip:
                raise EncodingError from None
            self._running = zlib.decompressobj(-zlib.MAX_WBITS)
            try:
                output = self._running.decompress(piece, PIECE)
            except zlib.error:
                raise EncodingError from None
        self._begun = True
        return output

    def end(self) -> None:
        if self._held or (self._begun and not self._running.eof):
            raise EncodingError


def decoder_of(encoding: str) -> Decoder | None:
    """Return what undoes a Content-Encoding; None where it is not known here.

    Args:
        encoding: In lower case; empty for none.
    """
    if not encoding:
        return _Identity()
    if encoding in {"gzip", "x-gzip", "deflate"}:
        return _Zlib(gzip=encoding != "deflate")
    return None
