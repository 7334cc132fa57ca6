"""Reservations as the ledger keeps them."""

from __future__ import annotations

import enum

import attrs


class EntryState(enum.StrEnum):
    """Where a reservation stands; settled and refunded ones are gone from the ledger."""

    RESERVED = "reserved"
    SENT = "sent"
    UNKNOWN = "unknown"


@attrs.define
class Entry:
    """Units held for one attempt of one call."""

    number: int
    cost: int
    state: EntryState
    until: float
    """Monotonic time: a reservation's lease, or the latest at which a sent call is still awaited."""
    sent_at: float | None = None
    """Monotonic time at which the call passed the gate."""
    closed_at: float | None = None
    """Monotonic time at which an unknown attempt's socket was closed."""
    holder: str = ""
    """Which process made it; for people, not for the rules."""
