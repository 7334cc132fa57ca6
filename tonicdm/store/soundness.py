"""Soundness of a store: what none should hold, and what is worth knowing."""

from __future__ import annotations

from typing import Final

import attrs

from tonicdm.store import feed
from tonicdm.store.database import Database


@attrs.frozen
class Check:
    """What a look at a store has shown."""

    file: str
    """The file, or the database without its password."""
    version: int
    """Of its tables."""
    problems: tuple[str, ...]
    """What is wrong with it; none where it is sound."""
    remarks: tuple[str, ...]
    """What is worth knowing."""
    records: int
    tombstones: int
    position: int
    """The newest position of the change feed."""
    size: int
    """Bytes of the file, or of the schema."""
    log_size: int
    """Bytes of the log beside a file; 0 for a database."""
    free: int
    """Bytes in it that hold nothing; by the server's statistics for a database."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.problems


_CONTRADICTIONS: Final = (
    (
        "records share a position of the change feed",
        "SELECT count(*) - count(DISTINCT change_seq) FROM record",
    ),
    ("jobs belong to no event", "SELECT count(*) FROM job WHERE event NOT IN (SELECT number FROM event)"),
    ("tombstones have no reason", "SELECT count(*) FROM record WHERE deleted_at IS NOT NULL AND reason IS NULL"),
)
"""What no store should hold, each with the statement that counts it."""


def contradictions(db: Database) -> list[str]:
    """Return what a store of this version holds that none should hold."""
    problems: list[str] = []
    for what, sql in _CONTRADICTIONS:
        (count,) = db.execute(sql).fetchone()
        if count:
            problems.append(f"{count:,} {what}")
    if db.execute("SELECT 1 FROM meta WHERE name = 'identity'").fetchone() is None:
        problems.append("it has lost its identity, by which exports know it")
    return problems


def remarks(db: Database) -> list[str]:
    """Return what is worth knowing of a sound store."""
    noted: list[str] = []
    for what, sql in (
        ("elements in quarantine: tonicdm quarantine", "SELECT count(*) FROM quarantine"),
        ("dead letters: tonicdm webhooks list --state dead", "SELECT count(*) FROM job WHERE state = 'dead'"),
        ("types whose last sync was interrupted: the next one goes on", "SELECT count(*) FROM checkpoint"),
    ):
        (count,) = db.execute(sql).fetchone()
        if count:
            noted.append(f"{count:,} {what}")
    if gaps := feed.read_feed(db).gaps:
        noted.append(f"it comes from a backup of position {gaps[-1][0]:,}; readers of the later state are told so")
    return noted
