"""Positions of the change feed: which ones a reader may go on from, after records were removed or a backup restored.

A position is given to one change, ever. Three things would break that:

- The newest row is removed. So the position that was given last is noted before rows are removed.
- The file is replaced by a backup: it would give positions anew that readers of the lost state have passed. So the feed
  of a backup goes on far behind them, and what lies between is a gap: whoever stands in it has read a lost state.
- Tombstones are pruned: whoever stands before them would never hear of the deletions.
"""

from __future__ import annotations

import json
from typing import Final

import attrs

from tonicdm.store import rows
from tonicdm.store.database import Database

GAPS: Final = "feed gaps"
"""The note of the store with its gaps."""

PRUNED: Final = "pruned"
"""The counter with the last position of a tombstone that was removed."""

GAP: Final = 10**9
"""Positions that a state may have given which is lost when its backup is restored."""


@attrs.frozen
class Feed:
    """What is known of the positions of a feed."""

    newest: int
    """The position that was given last; 0 for none."""
    gaps: tuple[tuple[int, int], ...] = ()
    """Ranges of positions that only a lost state has given: the last one before it, and the last one in it."""
    pruned: int = 0
    """Up to here tombstones may be missing."""

    def is_lost(self, position: int) -> bool:
        """Tell whether only a state that is lost has given a position."""
        return position > self.newest or any(low < position < high for low, high in self.gaps)

    def is_pruned(self, position: int) -> bool:
        """Tell whether tombstones behind a position were removed."""
        return position < self.pruned

    def objection(self, position: int) -> str | None:
        """Return why a reader can't go on from a position; None where it can.

        Args:
            position: The last one that the reader has read; 0 for none.
        """
        if self.is_lost(position):
            return (
                f"was replaced by an earlier state of itself: position {position:,} of its change feed belongs to the "
                "later one. Read it anew from position 0, and drop what is not in it"
            )
        if position and self.is_pruned(position):
            return (
                f"has lost its tombstones up to position {self.pruned:,} by pruning, and the reader stands before, at "
                f"{position:,}. Read it anew from position 0, and drop what is not in it"
            )
        return None


def read_feed(db: Database) -> Feed:
    """Return what is known of the positions of a feed."""
    gaps = tuple((int(low), int(high)) for low, high in json.loads(rows.note(db, GAPS) or "[]"))
    row = db.execute("SELECT value FROM counter WHERE name = ?", (PRUNED,)).fetchone()
    return Feed(rows.newest_change(db), gaps, 0 if row is None else int(row[0]))


def keep_newest(db: Database) -> None:
    """Note the position that was given last, before rows are removed."""
    _raise_counter(db, rows.GIVEN, rows.newest_change(db))


def note_pruned(db: Database, position: int) -> None:
    """Note that tombstones up to a position are removed."""
    _raise_counter(db, PRUNED, position)


def begin_gap(db: Database) -> None:
    """Let the feed of a backup go on far behind whatever the state that it was taken from will give."""
    feed = read_feed(db)
    high = feed.newest + GAP
    _raise_counter(db, rows.GIVEN, high)
    rows.put_note(db, GAPS, json.dumps([*feed.gaps, (feed.newest, high)]))


def _raise_counter(db: Database, name: str, value: int) -> None:
    db.execute(
        "INSERT INTO counter VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value "
        "WHERE excluded.value > counter.value",
        (name, value),
    )
