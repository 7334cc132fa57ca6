"""Content codings: whatever pieces the bytes come in, the content is the same, or it is no such coding."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.transfer.encodings import PIECE, EncodingError, decoder_of

CONTENT = bytes(range(256)) * 40


def raw_deflate(content: bytes) -> bytes:
    """Compress without zlib's frame, as some servers do."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(content) + packer.flush()


PACKED = {
    "": CONTENT,
    "gzip": gzip.compress(CONTENT),
    "x-gzip": gzip.compress(CONTENT[:99]) + gzip.compress(CONTENT[99:]) + b"\0" * 8,
    "deflate": zlib.compress(CONTENT),
    "deflate, raw": raw_deflate(CONTENT),
    "deflate, more behind": zlib.compress(CONTENT) + b"more",
}


def unpacked(coding: str, packed: bytes, size: int) -> bytes:
    decoder = decoder_of(coding.partition(",")[0])
    assert decoder is not None
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]
    content = b"".join(part for piece in pieces for part in decoder.feed(piece))
    decoder.end()
    return content


@for_each("coding", PACKED)
@for_each("size", [1, 7, 100_000])
def test_the_content_is_the_same_whatever_pieces_it_comes_in(coding: str, size: int) -> None:
    assert unpacked(coding, PACKED[coding], size) == CONTENT


@for_each("coding", ["gzip", "deflate"])
@given(st.binary(min_size=1, max_size=40))
def test_whatever_bytes_come_they_are_content_or_an_encoding_error(coding: str, packed: bytes) -> None:
    decoder = decoder_of(coding)
    assert decoder is not None
    try:
        parts = list(decoder.feed(packed))
        decoder.end()
    except EncodingError:
        return
    assert all(len(part) <= PIECE for part in parts)


@for_each("coding", ["gzip", "deflate"])
def test_what_ends_in_the_middle_is_no_whole_content(coding: str) -> None:
    with pytest.raises(EncodingError):
        unpacked(coding, PACKED[coding][:-3], 50)


@for_each("coding", ["gzip", "deflate"])
def test_what_breaks_in_the_middle_is_no_content(coding: str) -> None:
    """What came before may have been handed out already; the rest never is."""
    packed = PACKED[coding]
    broken = packed[:60] + bytes(byte ^ 255 for byte in packed[60:])
    with pytest.raises(EncodingError):
        unpacked(coding, broken, 20)


def test_a_bomb_is_unpacked_in_pieces() -> None:
    decoder = decoder_of("gzip")
    assert decoder is not None
    sizes = [len(part) for part in decoder.feed(gzip.compress(bytes(3 * PIECE)))]
    assert sum(sizes) == 3 * PIECE
    assert max(sizes) <= PIECE


def test_nothing_at_all_is_an_empty_content() -> None:
    assert unpacked("gzip", b"", 10) == b""


def test_a_coding_that_is_not_known_has_no_decoder() -> None:
    assert decoder_of("br") is None
