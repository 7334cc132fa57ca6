"""The check that a list still shows something new, so that an endless one does not cost a window's units."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from tonicdm.errors import EndlessListError

STALLED_PAGES: Final = 2
"""Pages running without a new record, after which a list goes in circles. One may be: records move meanwhile."""

_BITS: Final = 2**24
"""Of the map in which seen records are marked: 2 MB. With a million marked, a page of three looks known by chance once
in five thousand times, and two such pages running do not occur."""


class Progress:
    """Follows a list page by page in little memory.

    Args:
        max_pages: Pages that it may have.
    """

    def __init__(self, max_pages: int) -> None:
        self._max_pages = max_pages
        self._pages = 0
        self._stalled = 0
        self._first: set[str] = set()
        """The records of the first page: most lists have no other, and need no map."""
        self._seen = bytearray()

    def take(self, label: str, names: Iterable[str]) -> None:
        """Take in a page that is not empty.

        Args:
            label: The call, for the error.
            names: What tells its records apart.

        Raises:
            EndlessListError: The list goes in circles, or on for too long.
        """
        self._pages += 1
        if self._pages > self._max_pages:
            raise EndlessListError(
                f"{label} has gone on for {self._max_pages:,} pages, which is as many as max_pages= allows", self._pages
            )
        if self._pages == 1:
            self._first = set(names)
            return
        if not self._seen:
            self._seen = bytearray(_BITS // 8)
            self._mark(self._first)
            self._first = set()
        new = self._mark(names)
        self._stalled = 0 if new else self._stalled + 1
        if self._stalled >= STALLED_PAGES:
            raise EndlessListError(
                f"{label} goes in circles: its last {STALLED_PAGES} pages held only records of earlier ones",
                self._pages,
            )

    def _mark(self, names: Iterable[str]) -> int:
        """Mark records as seen, and return how many were not."""
        new = 0
        for name in names:
            place = int.from_bytes(hashlib.blake2b(name.encode(errors="surrogatepass"), digest_size=8).digest()) % _BITS
            byte, bit = place >> 3, 1 << (place & 7)
            new += not self._seen[byte] & bit
            self._seen[byte] |= bit
        return new
