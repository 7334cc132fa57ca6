"""What was refused, and how often it is spoken of: a flood of forgeries must not fill the disk with lines."""

from __future__ import annotations

import collections
from typing import Final

import attrs

INTERVAL: Final = 60.0
"""Seconds between two lines about the same reason."""

MOST_PEERS: Final = 1000
"""Peers that are told apart; more are counted as that many."""


class Refused(Exception):  # noqa: N818 - a signal inside the receiver, answered and never seen outside
    """A request is not taken.

    Args:
        status: The HTTP status that says so.
        reason: For the sender and for the log; holds nothing that was sent.
        detail: Only for the log.
    """

    def __init__(self, status: int, reason: str, *, detail: str = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.detail = detail
        self.size = 0
        """Bytes of the body, as far as it was read or declared."""


@attrs.define
class _Series:
    count: int = 0
    peers: set[str] = attrs.field(factory=set)
    told: float | None = None


class Refusals:
    """Counts refusals by status, and says when one is worth a line."""

    def __init__(self) -> None:
        self.counts: collections.Counter[int] = collections.Counter()
        """Refusals so far by status."""
        self._series: dict[tuple[int, str], _Series] = {}

    def note(self, refused: Refused, *, peer: str, now: float) -> str | None:
        """Take in a refusal and return the line to log, if one is due.

        Args:
            refused: What was refused, and why.
            peer: Who sent it; counted, never told.
            now: Seconds that do not run backwards.
        """
        self.counts[refused.status] += 1
        series = self._series.setdefault((refused.status, refused.reason), _Series())
        series.count += 1
        if len(series.peers) < MOST_PEERS:
            series.peers.add(peer)
        if series.told is not None and now - series.told < INTERVAL:
            return None
        line = f"refused with {refused.status}: {refused.reason} ({refused.size:,} bytes"
        if series.count > 1:
            peers = f"{len(series.peers):,}{'' if len(series.peers) < MOST_PEERS else ' or more'}"
            line += f"; {series.count:,} such from {peers} peers since the last line"
        line += f"; {refused.detail})" if refused.detail else ")"
        series.count, series.told = 0, now
        series.peers.clear()
        return line
