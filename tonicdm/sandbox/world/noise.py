"""Deterministic noise: the same (seed, name, number) gives the same value in every process and version."""

from __future__ import annotations

import hashlib
import math
import random
import sys
from array import array

MASK64 = (1 << 64) - 1


def key_of(*parts: object) -> int:
    """Return a 64-bit key for a purpose, for example `key_of(seed, "offices", "status")`."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def mix(value: int) -> int:
    """Scatter a 64-bit number over all its bits (the finalizer of splitmix64)."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK64
    return value ^ (value >> 31)


def raw(count: int, *parts: object) -> bytes:
    """Return *count* random bytes for a purpose."""
    return random.Random(key_of(*parts)).randbytes(count)


def column(count: int, *parts: object) -> array[int]:
    """Return *count* random 32-bit numbers for a purpose, made in one go: a million take a few milliseconds."""
    numbers = array("I")
    numbers.frombytes(raw(numbers.itemsize * count, *parts))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


class Shuffle:
    """A fixed permutation of 0..count-1 that needs no table: multiply and add, modulo count.

    Args:
        count: How many numbers.
        parts: What it is for, see `key_of`.
    """

    def __init__(self, count: int, *parts: object) -> None:
        self._count = max(1, count)
        key = key_of(*parts, "shuffle")
        # Near the golden section neighbours land far apart; a factor prime to count makes it a permutation.
        factor = int(self._count * 0.618) | 1
        while math.gcd(factor, self._count) != 1:
            factor += 2
        self._factor = factor % self._count or 1
        self._shift = key % self._count
        self._inverse = pow(self._factor, -1, self._count) if self._count > 1 else 0

    def __call__(self, number: int) -> int:
        """Return where *number* goes."""
        return (number * self._factor + self._shift) % self._count

    def back(self, place: int) -> int:
        """Return which number came to *place*."""
        return ((place - self._shift) * self._inverse) % self._count
