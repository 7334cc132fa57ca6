"""The journal of the server: one line per call, and sums over them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar, overload

import attrs

E = TypeVar("E")
"""What a server writes down of one call."""


def token_label(token: str | None) -> str | None:
    """Return the name a token has in the journal: a digest, so that a journal can be shown to anybody."""
    return None if token is None else hashlib.sha256(token.encode()).hexdigest()[:12]


@attrs.frozen(kw_only=True)
class JournalEntry:
    """One call as the server received, charged and answered it."""

    at: float
    """Server time of its arrival, Unix seconds."""
    token: str | None
    """Digest of the bearer token (`token_label`), None when there was none."""
    method: str
    """HTTP method."""
    path: str
    """Path without the query string."""
    options: Mapping[str, str]
    """Options that were read, by the reference's name, as text."""
    placement: str
    """Where the options were found: "header", "query", "both" or "none"."""
    client_faults: tuple[str, ...]
    """What the client did wrong though the call could be served: options in the wrong place, repeated lines."""
    status: int | None
    """Status sent; None when the connection was cut before an answer."""
    units: int
    """Units charged."""
    records: int
    """Records in the answer's body."""
    bytes: int
    """Length of the answer's body."""
    used: int
    """Units used in the window after this call."""
    limit: int
    """Units of the window."""
    remaining: int
    """Units left, by the server's books (a fault may have sent something else)."""
    reset: float
    """End of the window, by the server's books."""
    fault: str | None
    """Names of the faults that hit, joined by "+"."""
    zone: str = "us"
    """Zone of the server that was called."""

    def as_json(self) -> dict[str, Any]:
        """Return the entry as JSON values."""
        return attrs.asdict(self)


class Entries(Sequence[E]):
    """Entries in order of arrival."""

    def __init__(self) -> None:
        self._entries: list[E] = []

    @overload
    def __getitem__(self, index: int) -> E: ...
    @overload
    def __getitem__(self, index: slice) -> list[E]: ...
    def __getitem__(self, index: int | slice) -> E | list[E]:
        return self._entries[index]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[E]:
        return iter(self._entries)

    def add(self, entry: E) -> None:
        """Append an entry."""
        self._entries.append(entry)

    def clear(self) -> None:
        """Forget all entries."""
        self._entries.clear()

    def replace(self, entries: Sequence[E]) -> None:
        """Put other entries in place, as restoring a snapshot does."""
        self._entries = list(entries)


class Journal(Entries[JournalEntry]):
    """All calls of a TonicDM server; filters and sums."""

    def calls(
        self,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        token: str | None = None,
        since: float | None = None,
    ) -> list[JournalEntry]:
        """Return the entries that match all that is given.

        Args:
            method: HTTP method.
            path: Exact path.
            status: Status sent.
            token: A bearer token itself, not its digest.
            since: Earliest server time.
        """
        label = token_label(token)
        return [
            entry
            for entry in self._entries
            if (method is None or entry.method == method)
            and (path is None or entry.path == path)
            and (status is None or entry.status == status)
            and (label is None or entry.token == label)
            and (since is None or entry.at >= since)
        ]

    def units(self, token: str | None = None) -> int:
        """Return the units charged, to one bearer token or to all."""
        return sum(entry.units for entry in self.calls(token=token))
