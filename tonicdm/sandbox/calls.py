"""A call and its answer without any HTTP library, so that the server's rules can be read and tested alone."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Call:
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

    @property
    def token(self) -> str | None:
        """The bearer token, None when there is none."""
        for name, value in self.headers:
            if name.lower() == "authorization":
                scheme, _, token = value.partition(" ")
                return token.strip() or None if scheme.lower() == "bearer" else None
        return None


@attrs.define(kw_only=True)
class Answer:
    """One response before it is sent; faults may still change it."""

    status: int
    """HTTP status."""
    body: bytes = b""
    """Body."""
    content_type: str = "application/json"
    """Media type of the body."""
    headers: dict[str, str] = attrs.field(factory=dict)
    """Other headers: the three of the rate limit, Date."""
    records: int = 0
    """Records in the body."""


class Refusal(Exception):  # noqa: N818 - an answer, not an error of ours
    """A call that cannot be served, with the reason the client reads."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message


def json_answer(status: int, value: Any, records: int) -> Answer:
    """Return an answer with a JSON body in UTF-8."""
    return Answer(status=status, body=to_json(value), records=records)


def rows_answer(rows: Iterable[Any]) -> Answer:
    """Return a 200 with an array, encoded some records at a time.

    They are dropped as soon as they are text: a page of a thousand then takes no more memory than twenty, no letter
    beyond ASCII makes the whole page twice as slow, and an encoder is set up fifty times instead of a thousand.
    """
    texts: list[bytes] = []
    records, source = 0, iter(rows)
    while some := list(itertools.islice(source, _AT_ONCE)):
        records += len(some)
        texts.append(_ENCODE(some)[1:-1].encode())
    return Answer(status=200, body=b"[" + b",".join(texts) + b"]", records=records)


def refusal_answer(refusal: Refusal) -> Answer:
    """Return the answer to a refused call: {"message": ...}; the envelope of errors is not documented."""
    return json_answer(refusal.status, {"message": refusal.message}, 0)


def to_json(value: Any) -> bytes:
    """Return compact JSON text in UTF-8."""
    return _ENCODE(value).encode()


_AT_ONCE = 20

# One encoder for all answers: json.dumps with arguments would build a new one each time.
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
