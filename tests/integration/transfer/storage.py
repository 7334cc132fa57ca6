"""A storage service of raw bytes, as well and as badly behaved as a test wants it."""

from __future__ import annotations

import email.utils
import pathlib
import re
from collections.abc import Iterable
from typing import Final

import attrs

from tests.hostile import CUT, Request, Step, head

OLD: Final = "Wed, 01 Jan 2025 00:00:00 GMT"


@attrs.define(kw_only=True)
class Storage:
    """Answers GETs of one file, with Range and If-Range (RFC 9110)."""

    content: bytes
    etag: str | None = '"v1"'
    last_modified: str | None = OLD
    ranges: bool = True
    """Whether Range is heeded."""
    cuts: list[int] = attrs.field(factory=list)
    """Bytes after which the next answers are cut."""
    headers: list[tuple[str, str]] = attrs.field(factory=list)
    """More header lines."""
    chunked: bool = False
    """Whether the length is told by chunks alone."""
    asked: list[str | None] = attrs.field(factory=list)
    """The Range of each request."""

    def __call__(self, request: Request) -> Step:
        wanted = request.header("Range")
        self.asked.append(wanted)
        lines: list[tuple[str, str]] = [("Date", email.utils.formatdate(usegmt=True)), *self.headers]
        if self.etag is not None:
            lines.append(("ETag", self.etag))
        if self.last_modified is not None:
            lines.append(("Last-Modified", self.last_modified))
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        same = request.header("If-Range") in {None, self.etag, self.last_modified}
        first = int(found[1]) if found and same and self.ranges else 0
        if found and same and self.ranges and first >= len(self.content):
            return head(416, [*lines, ("Content-Range", f"bytes */{len(self.content)}"), ("Content-Length", "0")])
        body = self.content[first:]
        if first:
            lines.append(("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}"))
        return self._sent(206 if first else 200, lines, body)

    def _sent(self, status: int, lines: list[tuple[str, str]], body: bytes) -> Step:
        cut = self.cuts.pop(0) if self.cuts else None
        if self.chunked:
            lines.append(("Transfer-Encoding", "chunked"))
            pieces = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in _pieces(body)]
            whole = b"".join([*pieces, b"0\r\n\r\n"])
        else:
            lines.append(("Content-Length", str(len(body))))
            whole = body
        if cut is None:
            return [head(status, lines), whole]
        return [head(status, lines), whole[:cut], CUT]


def _pieces(body: bytes) -> Iterable[bytes]:
    return (body[at : at + 1000] for at in range(0, len(body), 1000))


def left(folder: pathlib.Path) -> list[str]:
    """Return the names in a folder."""
    return sorted(path.name for path in folder.iterdir())
