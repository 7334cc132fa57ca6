"""IDs that need no table: 32 hex digits that can be turned back into the number of their record."""

from __future__ import annotations

from tonicdm.sandbox.world.noise import MASK64, key_of, mix

REMEMBERED = 65_536
"""Types of up to this many records keep their IDs once made: they are what the large types
refer to."""


class IdSpace:
    """The IDs of one record type.

    The upper 64 bits rise with the record's rank, by irregular steps, so that the order by ID is the order by
    rank and a list "by id" needs no sorting; the lower 64 bits are a checksum, so that a made-up ID is no record.

    Args:
        seed: Seed of the world.
        record_type: Name of the record type.
        count: How many records the type has from the start.
    """

    def __init__(self, seed: int, record_type: str, count: int) -> None:
        self.count = count
        self._step = (1 << 64) // max(1, count)
        self._key = key_of(seed, record_type, "id")
        self._created_key = key_of(seed, record_type, "created")
        nothing_yet: list[str | None] = [None]
        self._texts = nothing_yet * count if count <= REMEMBERED else None

    def text(self, rank: int) -> str:
        """Return the ID of the record at *rank*: 32 hex digits (concepts page, "Naming Conventions")."""
        texts = self._texts
        if texts is not None and (text := texts[rank]) is not None:
            return text
        # One round of `mix`, written out: a page of a thousand records asks for some thousand IDs.
        noise = ((rank ^ self._key) * 0xBF58476D1CE4E5B9) & MASK64
        noise ^= noise >> 29
        step = self._step
        text = f"{rank * step + noise % step:016x}{noise:016x}"
        if texts is not None:
            texts[rank] = text
        return text

    def rank(self, text: str) -> int | None:
        """Return the rank behind an ID in lower case, None when it is none of this type's."""
        try:
            rank = int(text[:16], 16) // self._step
        except ValueError:
            return None
        return rank if rank < self.count and self.text(rank) == text else None

    def created(self, number: int) -> str:
        """Return the ID of the *number*-th record that was created later: anywhere in the order, as real ones are."""
        upper = mix(self._created_key ^ number)
        return f"{upper:016x}{mix(upper ^ self._key):016x}"


def hyphenated(text: str) -> str:
    """Return an ID the way the reference shows those of format uuid (notes, filesets, conversations)."""
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def compact(text: str) -> str:
    """Return an ID as 32 lower-case hex digits, however it was written."""
    return text.replace("-", "").lower()
