"""Rules for how old a stored record may be, without a clock and without I/O."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import attrs

CHANGE_INTERVAL: Final = 30 * 86_400.0
"""Seconds between two changes of a record, as long as the store's history tells nothing better."""

TIE: Final = 2.0
"""Seconds around a read within which a timestamp of whole seconds may belong to a change before or after it."""


@attrs.frozen
class Proofs:
    """What is known of one record's age; Unix times by the store's clock, None for "never"."""

    checked: float | None = None
    """The server returned this record, or confirmed its timestamp."""
    invalidated: float | None = None
    """It was written to, or asked for and not returned: what was proven before counts no more."""
    changes: float | None = None
    """All changes of its type up to here are in the store."""
    listed: float | None = None
    """All records of its type were listed, so that true deletes before this are known."""
    deletable: bool = True
    """Whether the reference shows a DELETE for the type: then a list of changes alone proves no existence."""

    @property
    def read_at(self) -> float | None:
        """When the store last took the record over, or found it unchanged."""
        return max((time for time in (self.checked, self._by_type) if time is not None), default=None)

    @property
    def is_invalidated(self) -> bool:
        """Whether something has spoken against the record since it was last read."""
        return self.invalidated is not None and (self.read_at is None or self.read_at <= self.invalidated)

    @property
    def as_of(self) -> float | None:
        """The latest time at which the record surely was as the store holds it; None where nothing proves one."""
        return None if self.is_invalidated else self.read_at

    @property
    def _by_type(self) -> float | None:
        if self.changes is None or not self.deletable:
            return self.changes
        return None if self.listed is None else min(self.changes, self.listed)


def is_fresh(as_of: float | None, now: float, max_age: float) -> bool:
    """Tell whether what was so at *as_of* may be served at *now*.

    A time in the future comes from a clock that was set back: it proves nothing.
    """
    return as_of is not None and now - max_age <= as_of <= now and max_age > 0


def is_unchanged(held: str | None, stub: str | None, read_at: float | None, stub_time: float | None) -> bool:
    """Tell whether a stub shows that the record in the store is still current.

    Args:
        held: The stored record's timestamp.
        stub: The stub's timestamp.
        read_at: When the stored record was read, Unix time by the server's clock.
        stub_time: The stub's timestamp as Unix time.

    Either the two timestamps are the same; or the record, which has none of its own, was read after its last change.
    What was read in the second of a change may have changed again within it, so a tie proves nothing.
    """
    if stub is None or (held is not None and held != stub):
        return False
    if read_at is None or stub_time is None:
        return held is not None
    return stub_time < read_at - TIE


def stale_share(ages: Sequence[float], interval: float = CHANGE_INTERVAL) -> float:
    """Return the mean probability that a record has changed since it was read.

    Args:
        ages: Seconds since each was read.
        interval: Mean seconds between two changes of a record; changes come independently of each other.
    """
    if not ages:
        return 0.0
    return sum(-math.expm1(-max(0.0, age) / interval) for age in ages) / len(ages)
