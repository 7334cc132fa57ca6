"""INVENTED: how files are linked, served and taken. No document shows it; it is off until `file_links` is set.

The reference maps no file to a link and shows no address for an upload. What stands here is made up in the manner of a
storage service, so that downloads and uploads can be tried: it proves nothing about the real server.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

from tonicdm.sandbox.messages import Refusal, Request, Response
from tonicdm.sandbox.routes import IDS, Operation
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.world import World
from tonicdm.sandbox.world.firm import Record
from tonicdm.sandbox.world.ids import compact

PREFIX: Final = "/invented/"
"""Before the path of everything that stands here."""
LINKS: Final = Operation(
    method="GET", path=f"{PREFIX}file-links", action="list", record_type="files", options=IDS, required=IDS
)
"""Gives the links of files by their IDs, where file_links is "operation"."""
FIELD: Final = "downloadUrl"
"""The field of a file that holds its link."""
UPLOAD_FIELD: Final = "url"
"""The field of a started upload that holds its address."""

_RANGE: Final = re.compile(r"bytes=([0-9]+)-([0-9]*)")
_PIXEL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc330000"
    "000049454e44ae426082"
)
"""A picture of one point."""


class Storage:
    """Serves the bytes behind signed links, and takes uploads.

    Args:
        worlds: Gives the records of all tenants.
        settings: The choices.
        seed: The key of the signatures.
    """

    def __init__(self, worlds: Callable[[], Iterable[World]], settings: SandboxSettings, seed: int) -> None:
        self._worlds = worlds
        self._settings = settings
        self._key = f"{seed}/invented".encode()
        self._begun: dict[str, float] = {}
        self.uploads: dict[str, bytes] = {}
        """What was uploaded, by the signature of the upload."""

    def link(self, base: str, path: str, now: float) -> str:
        """Return a link that opens *path* until its time is over."""
        end = int(now + self._settings.file_link_seconds)
        return f"{base}{PREFIX}{path}?expires={end}&signature={self._signature(path, str(end))}"

    def linked(self, rows: Iterable[Record], base: str, now: float) -> Iterator[Record]:
        """Give files the field with their link."""
        return ({**row, FIELD: self.link(base, f"files/{row['id']}", now)} for row in rows)

    def with_pictures(self, rows: Iterable[Record], base: str, now: float) -> Iterator[Record]:
        """Give thumbnails links that lead somewhere."""
        for row in rows:
            pictures = row.get("thumbnailArray") or []
            made = [{**picture, "url": self.link(base, f"thumbnails/{row['fileId']}", now)} for picture in pictures]
            yield {**row, "thumbnailArray": made} if made else row

    def begin_upload(self, started: Record, base: str, now: float) -> Record:
        """Give a started upload the address that its signature is for."""
        name = str(started["X-Amz-Signature"])
        self._begun[name] = now + float(started["X-Amz-Expires"])
        return {**started, UPLOAD_FIELD: f"{base}{PREFIX}uploads/{name}"}

    def serve(self, request: Request, path: str, now: float) -> Response:
        """Answer a request for bytes, or with some: no token, no units.

        Raises:
            Refusal: 400 with an Authorization header, 403 with a wrong or expired signature, 404, 405, 416.
        """
        if request.header("Authorization") is not None:
            raise Refusal(400, "only one way to be known is allowed: the signature or an Authorization header")
        what = path.removeprefix(PREFIX)
        query = dict(request.query)
        area, _, name = what.partition("/")
        if area == "uploads":
            return self._uploaded(request, name, query.get("X-Amz-Signature"), now)
        end = query.get("expires", "")
        right = self._signature(what, end)
        if not hmac.compare_digest(right.encode(), query.get("signature", "").encode()):
            raise Refusal(403, "the signature does not match")
        if now >= float(end):
            raise Refusal(403, "the link has expired")
        if request.method != "GET" or area not in {"files", "thumbnails"}:
            raise Refusal(405, "a link is read with GET")
        return self._file(request, name) if area == "files" else self._bytes(request, _PIXEL, f"{name}.png", None)

    def _uploaded(self, request: Request, name: str, signature: str | None, now: float) -> Response:
        if request.method != "PUT":
            raise Refusal(405, "an upload's address is written with PUT")
        if signature != name or now >= self._begun.get(name, 0.0):
            raise Refusal(403, "the signature does not match, or its time is over")
        self.uploads[name] = request.body
        return Response(status=200, headers={"ETag": f'"{_md5(request.body).hex()}"'})

    def content(self, file_id: str) -> bytes:
        """Return the bytes of a file: the same until its record changes.

        Raises:
            Refusal: 404.
        """
        record = self._record(file_id)
        text = f"{file_id}/{record['datetimeUpdated']}"
        return hashlib.shake_256(text.encode()).digest(int(record.get("sizeBytes") or 0))

    def _record(self, file_id: str) -> Record:
        for world in self._worlds():
            if (record := world.get("files", compact(file_id))) is not None:
                return record
        raise Refusal(404, "there is no such file")

    def _file(self, request: Request, file_id: str) -> Response:
        record = self._record(file_id)
        name = str(record.get("filePathNameExt") or file_id).rpartition("/")[2]
        return self._bytes(request, self.content(file_id), name, str(record["datetimeUpdated"]))

    def _bytes(self, request: Request, content: bytes, name: str, changed: str | None) -> Response:
        etag = f'"{zlib.crc32(content):08x}-{len(content)}"'
        headers = {
            "Accept-Ranges": "bytes",
            "ETag": etag,
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}",
        }
        if changed is not None:
            headers["Last-Modified"] = formatdate(datetime.fromisoformat(changed).timestamp(), usegmt=True)
        wanted = _RANGE.fullmatch(request.header("Range") or "")
        if wanted is None or request.header("If-Range") not in {None, etag, headers.get("Last-Modified")}:
            headers["Content-MD5"] = b64encode(_md5(content)).decode()
            return Response(status=200, body=content, headers=headers, content_type="application/octet-stream")
        first = int(wanted[1])
        last = min(int(wanted[2] or len(content)), len(content) - 1)
        if first > last:
            headers["Content-Range"] = f"bytes */{len(content)}"
            return Response(status=416, headers=headers)
        headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
        body = content[first : last + 1]
        return Response(status=206, body=body, headers=headers, content_type="application/octet-stream")

    def _signature(self, path: str, end: str) -> str:
        return hmac.digest(self._key, f"{path}\n{end}".encode(), hashlib.sha256).hex()


def base_of(request: Request) -> str:
    """Return scheme, host and port under which a request came."""
    return f"http://{request.header('Host') or '127.0.0.1'}"


def _md5(content: bytes) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()
