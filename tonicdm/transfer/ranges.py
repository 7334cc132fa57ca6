"""Judge the response behind a link, and decide from where a download goes on. Pure (RFC 9110)."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from typing import Final

import attrs

from tonicdm.budget.headers import http_date
from tonicdm.transfer.digests import digests_of

_CONTENT_RANGE: Final = re.compile(r"bytes (?:([0-9]{1,19})-([0-9]{1,19})|\*)/([0-9]{1,19}|\*)", re.IGNORECASE)
REFUSED: Final = frozenset({400, 401, 403, 404, 410})
"""Statuses of a link that is no longer good, or never was."""
_LATER: Final = frozenset({408, 425, 429})


@attrs.frozen(kw_only=True)
class Representation:
    """The bytes behind a link as one answer described them, so that a later one can be told from it."""

    etag: str | None = None
    """A strong entity tag; a weak one does not promise the same bytes (RFC 9110, 8.8.3)."""
    last_modified: str | None = None
    """The time of the last change, where it is strong enough to stand for the bytes (RFC 9110, 8.8.2.2)."""
    size: int | None = None
    """Bytes of the whole as they are sent."""
    encoding: str = ""
    """The Content-Encoding that has to be undone; empty for none."""
    digests: Mapping[str, str] = attrs.field(factory=dict)
    """Hashes of the whole as it is sent: hex by name."""

    @property
    def validator(self) -> str | None:
        """What If-Range may carry; None where a download can only begin anew."""
        return self.etag or self.last_modified

    @classmethod
    def of(cls, status: int, headers: Mapping[str, str], now: float) -> Representation:
        """Read an answer of 200 or 206.

        Args:
            status: Its status.
            headers: Its headers.
            now: Unix time here, for answers without a Date.
        """
        etag = headers.get("ETag", "").strip()
        total = _range_of(headers)[2] if status == 206 else _integer(headers.get("Content-Length"))
        coding = headers.get("Content-Encoding", "").strip().lower()
        return cls(
            etag=etag if etag.startswith('"') and etag.endswith('"') and len(etag) > 1 else None,
            last_modified=_strong_time(headers, now),
            size=None if status == 200 and "Transfer-Encoding" in headers else total,
            encoding="" if coding == "identity" else coding,
            digests=digests_of(headers, whole=status == 200),
        )

    def is_other_than(self, known: Representation) -> bool:
        """Return whether an answer surely describes other bytes than *known*; what either leaves out proves nothing."""
        pairs = ((self.etag, known.etag), (self.last_modified, known.last_modified), (self.size, known.size))
        if any(mine is not None and theirs is not None and mine != theirs for mine, theirs in pairs):
            return True
        shared = self.digests.keys() & known.digests.keys()
        return self.encoding != known.encoding or any(self.digests[name] != known.digests[name] for name in shared)

    def is_same_as(self, known: Representation) -> bool:
        """Return whether an answer surely describes the bytes of *known*."""
        return self.validator is not None and self.validator == known.validator and not self.is_other_than(known)


class Step(enum.Enum):
    """What a download does with an answer."""

    START = "start"
    """Its body is the whole: what was received before is dropped."""
    APPEND = "append"
    """Its body goes on where the download is."""
    SKIP = "skip"
    """Its body is the whole, and the same: what is there already is skipped."""
    COMPLETE = "complete"
    """Nothing is missing."""
    AGAIN = "again"
    """It fits nothing: the whole is asked for anew."""
    LATER = "later"
    """The server can't serve now."""
    REFUSED = "refused"
    """The link does not lead to a file."""


def range_headers(known: Representation | None, received: int) -> dict[str, str]:
    """Return the headers that ask for what is missing, if the bytes are still the same (RFC 9110, 13.1.5).

    Args:
        known: What was received so far; None for nothing.
        received: How many bytes of it.
    """
    headers = {"Accept-Encoding": "identity"}
    if known is not None and received and known.validator is not None:
        headers |= {"Range": f"bytes={received}-", "If-Range": known.validator}
    return headers


def judge(
    status: int, headers: Mapping[str, str], representation: Representation, known: Representation | None, received: int
) -> Step:
    """Say what an answer is good for.

    Args:
        status: Its status.
        headers: Its headers.
        representation: What they say of the bytes, for 200 and 206.
        known: What was received before; None for nothing.
        received: How many bytes of it.
    """
    if status == 200:
        return Step.SKIP if known is not None and received and representation.is_same_as(known) else Step.START
    if status == 206:
        return _judge_part(headers, representation, known, received)
    if status == 416 and received:
        whole = known is not None and known.size in {None, received} and _range_of(headers)[2] == received
        return Step.COMPLETE if whole else Step.AGAIN
    if status >= 500 or status in _LATER:
        return Step.LATER
    return Step.REFUSED


def _judge_part(
    headers: Mapping[str, str], representation: Representation, known: Representation | None, received: int
) -> Step:
    first, last, _ = _range_of(headers)
    length = _integer(headers.get("Content-Length"))
    if length is not None and length != last - first + 1:
        return Step.AGAIN
    if known is None:
        # Nobody asked for a part; what is missing behind it is asked for next.
        return Step.START if first == 0 else Step.AGAIN
    return Step.AGAIN if first != received or representation.is_other_than(known) else Step.APPEND


def _range_of(headers: Mapping[str, str]) -> tuple[int, int, int | None]:
    """Return first, last and total of a Content-Range; -1 where it names no range."""
    match = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if match is None:
        return -1, -1, None
    total = _integer(match[3])
    first, last = (-1, -1) if match[1] is None else (int(match[1]), int(match[2]))
    return (-1, -1, None) if last < first or (total is not None and last >= total) else (first, last, total)


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch("[0-9]{1,19}", text) else None


def _strong_time(headers: Mapping[str, str], now: float) -> str | None:
    text = headers.get("Last-Modified", "").strip()
    changed, date = http_date(text), headers.get("Date")
    seen = now if date is None else http_date(date)
    if changed is None or seen is None:
        return None
    # A file that changed in the second in which it was read may change again within it.
    return text if seen - changed >= 1 else None
