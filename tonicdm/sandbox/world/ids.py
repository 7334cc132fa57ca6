"""IDs that need no table: 32 hex digits that can be turned back into the number of their record."""

from __future__ import annotations

from tonicdm.sandbox.world.noise import MASK64, key_of, mix


class IdSpace:
    """The IDs of one record type.

    The upper 64 bits rise with the record's rank, by irregular steps, so that the order by ID is the order by
    rank and a list "by id" needs no sorting; the lower 64 bits are a checksum, so that a made-up ID is no record.

    Args:
        seed: Seed of the world.
        kind: Name of the record type.
        count: How many records the type has from the start.
    """

    def __init__(self, seed: int, kind: str, count: int) -> None:
        self.count = count
        self._step = (1 << 64) // max(1, count)
        self._key = key_of(seed, kind, "id")
        self._created_key = key_of(seed, kind, "created")

    def value(self, rank: int) -> int:
        """Return the ID of the record at *rank* as a number."""
        noise = mix(rank ^ self._key)
        return ((rank * self._step + noise % self._step) << 64) | ((noise * 0x9E3779B97F4A7C15) & MASK64)

    def text(self, rank: int) -> str:
        """Return the ID of the record at *rank*: 32 hex digits (concepts page, "Naming Conventions")."""
        return f"{self.value(rank):032x}"

    def rank(self, text: str) -> int | None:
        """Return the rank behind an ID, None when it is none of this type's."""
        value = int(text, 16)
        rank = (value >> 64) // self._step
        return rank if rank < self.count and self.value(rank) == value else None

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
