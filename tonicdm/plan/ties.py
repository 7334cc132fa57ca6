"""Ties: two changes within one second bear the same timestamp.

These rules say what follows for a record that was read a moment after its change. Timestamps have whole seconds, and a
change becomes visible up to OVERLAP after the time that it bears. All functions take times as text, ISO 8601 in UTC, as
the store keeps them.
"""

from __future__ import annotations

import datetime
from typing import Final

OVERLAP: Final = datetime.timedelta(seconds=60)
"""Read again before the watermark: records that share its second, and changes that became visible late."""

TIE: Final = datetime.timedelta(seconds=2)
"""How far a server's timestamps may be from its Date headers, their second included."""

_SECOND: Final = datetime.timedelta(seconds=1)


def parse(text: str) -> datetime.datetime:
    """Return the time that *text* names."""
    return datetime.datetime.fromisoformat(text)


def settles_at(updated: str | None, at: datetime.datetime) -> datetime.datetime | None:
    """Return when a record that was read at *at* can no more change and keep its timestamp.

    Args:
        updated: The record's timestamp; one without is always settled.
        at: The earliest that the server's clock can have shown when it was read.

    Returns:
        None if it is settled already, or lies so far ahead that waiting for it is no use (see `is_ahead`).
    """
    if updated is None:
        return None
    time = parse(updated)
    return time + TIE if at - TIE <= time <= at + TIE else None


def is_ahead(updated: str | None, at: datetime.datetime) -> bool:
    """Tell whether a record is stamped further in the future than clocks and seconds explain."""
    return updated is not None and parse(updated) > at + TIE


def since_of(watermark: str) -> str:
    """Return the ``updated_after`` by which no change after *watermark* is missed.

    ``updated_after`` may be strict, and a change bears the beginning of its second: hence one second more.
    """
    return ((parse(watermark) - OVERLAP).replace(microsecond=0) - _SECOND).isoformat()


def seconds_until(moment: str, at: str) -> float:
    """Return how long it is from *at* to *moment*, never less than 0."""
    return max(0.0, (parse(moment) - parse(at)).total_seconds())


def latest(first: str | None, second: str | None) -> str | None:
    """Return the later of two times, None if there is none."""
    return max(filter(None, (first, second)), default=None)


def earliest(first: str | None, second: str | None) -> str | None:
    """Return the earlier of two times, None if there is none."""
    return min(filter(None, (first, second)), default=None)
