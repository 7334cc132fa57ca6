"""A file of any size takes the same memory, whatever happens to its connections."""

from __future__ import annotations

import hashlib
import pathlib
import re
import tracemalloc

import pytest

from tests.hostile import CUT, Hostile, Piece, Request, Step, head
from tonicdm import TonicDM

from .conftest import link

BLOCK = bytes(range(256)) * 256
PEAK = 8_000_000
"""Bytes that client and server together may hold at once."""


class Big:
    """A file of blocks that is never in memory as a whole; its first three connections are cut."""

    def __init__(self, blocks: int) -> None:
        self.size = blocks * len(BLOCK)
        self.cuts = [self.size // 4, self.size // 3, self.size // 5]
        self.starts: list[int] = []

    def __call__(self, request: Request) -> Step:
        found = re.fullmatch(r"bytes=(\d+)-", request.header("Range") or "bytes=0-")
        assert found is not None
        first = int(found[1])
        self.starts.append(first)
        end = min(self.size, first + self.cuts.pop(0)) if self.cuts else self.size
        lines = [("ETag", '"big"'), ("Content-Length", str(self.size - first))]
        if first:
            lines.append(("Content-Range", f"bytes {first}-{self.size - 1}/{self.size}"))
        pieces: list[Piece] = [head(206 if first else 200, lines)]
        while first < end:
            piece = BLOCK if first % len(BLOCK) == 0 else BLOCK[first % len(BLOCK) :]
            pieces.append(piece[: end - first])
            first += len(pieces[-1])  # type: ignore[arg-type]
        return pieces if end == self.size else [*pieces, CUT]

    def digest(self) -> str:
        whole = hashlib.sha256()
        for _ in range(self.size // len(BLOCK)):
            whole.update(BLOCK)
        return whole.hexdigest()


@pytest.mark.parametrize("blocks", [500, pytest.param(16_384, marks=pytest.mark.thorough)], ids=["32 MB", "1 GB"])
async def test_a_file_of_any_size_takes_the_same_memory(tonic: TonicDM, tmp_path: pathlib.Path, blocks: int):
    """Through three cuts, with a hash counted on the way; each byte is sent once."""
    big = Big(blocks)
    expected = big.digest()
    async with Hostile(otherwise=big) as server:
        tracemalloc.start()
        try:
            found = await tonic.download(
                link(server), tmp_path / "big", checksum=f"sha256:{expected}", allow_private=True
            )
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert found.size == big.size
    assert len(big.starts) == 4
    assert peak < PEAK
