"""A request and its response without any HTTP library, so that the server's rules can be tested alone."""

from __future__ import annotations

import itertools
import json
import pathlib
from collections.abc import Iterable
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Request:
    """One request as it arrived."""

    method: str
    """HTTP method in capitals."""
    path: str
    """Path without query string."""
    headers: tuple[tuple[str, str], ...] = ()
    """Header lines in order, names as sent."""
    query: tuple[tuple[str, str], ...] = ()
    """Query parameters in order, decoded."""
    body: bytes = b""
    """Body."""
    zone: str = "us"
    """Zone of the server that was called."""
    raw_path: str = ""
    """Path as it was sent: a percent-encoded slash can still be told from one between segments."""

    def header(self, name: str) -> str | None:
        """Return the first header line of a name, whatever its case."""
        return next((value for sent, value in self.headers if sent.lower() == name.lower()), None)

    @property
    def token(self) -> str | None:
        """The bearer token, None when there is none."""
        scheme, _, token = (self.header("Authorization") or "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None


@attrs.frozen
class FilePart:
    """Bytes of a file that are sent without being held in memory."""

    path: pathlib.Path
    """File they are in."""
    first: int
    """Where they begin."""
    length: int
    """How many they are."""

    def read(self) -> bytes:
        """Return the bytes."""
        with self.path.open("rb") as file:
            file.seek(self.first)
            return file.read(self.length)


@attrs.define(kw_only=True)
class Response:
    """One response before it is sent; faults may still change it."""

    status: int
    """HTTP status."""
    body: bytes = b""
    """Body."""
    file: FilePart | None = None
    """Body instead of those bytes."""
    content_type: str = "application/json"
    """Media type of the body."""
    headers: dict[str, str] = attrs.field(factory=dict)
    """Other headers: the three of the rate limit, Date."""
    records: int = 0
    """Records in the body."""

    @property
    def length(self) -> int:
        """Length of the body in bytes."""
        return len(self.body) if self.file is None else self.file.length


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A call that cannot be served, with the reason the client reads."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def json_response(status: int, value: Any, records: int) -> Response:
    """Return an answer with a JSON body in UTF-8."""
    return Response(status=status, body=to_json(value), records=records)


def rows_response(rows: Iterable[Any]) -> Response:
    """Return a 200 with an array, encoded some records at a time.

    They are dropped as soon as they are text: a page of a thousand then takes no more memory than twenty, no letter
    beyond ASCII makes the whole page twice as slow, and an encoder is set up fifty times instead of a thousand.
    """
    texts: list[bytes] = []
    records, source = 0, iter(rows)
    while some := list(itertools.islice(source, _AT_ONCE)):
        records += len(some)
        texts.append(_ENCODE(some)[1:-1].encode())
    return Response(status=200, body=b"[" + b",".join(texts) + b"]", records=records)


def refusal_response(refusal: Refusal) -> Response:
    """Return the answer to a refused call: {"message": ...}; the envelope of errors is not documented."""
    return json_response(refusal.status, {"message": refusal.message}, 0)


def to_json(value: Any) -> bytes:
    """Return compact JSON text in UTF-8."""
    return _ENCODE(value).encode()


_AT_ONCE = 20

# One encoder for all answers: json.dumps with arguments would build a new one each time.
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
