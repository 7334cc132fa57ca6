"""How the version before read and wrote a ledger file: its statements and its forms, frozen as of commit 9befda4.

It decided by the same rules as today, so only what it stored is here; a step is whatever a test does to it.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import attrs

SCHEMA = """
CREATE TABLE IF NOT EXISTS window (
    key TEXT PRIMARY KEY, version INTEGER NOT NULL, boot TEXT NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS entry (
    key TEXT NOT NULL, number INTEGER NOT NULL, cost INTEGER NOT NULL, state TEXT NOT NULL,
    until REAL NOT NULL, sent_at REAL, closed_at REAL, lane TEXT NOT NULL, label TEXT NOT NULL, holder TEXT NOT NULL,
    PRIMARY KEY (key, number)
) WITHOUT ROWID;
"""
COLUMNS = ("number", "cost", "state", "until", "sent_at", "closed_at", "lane", "label", "holder")


@attrs.define
class OldClock:
    low: float | None = None
    high: float | None = None
    at: float = 0.0
    wall: float = 0.0


@attrs.define
class OldSilence:
    until: float | None = None
    limited_at: float | None = None
    strikes: int = 0
    slack: float = 0.0


@attrs.define
class OldOthers:
    own: int = 0
    spent: int = 0
    rate: float = 0.0
    since: float = 0.0
    seen_at: float = 0.0


@attrs.define
class OldWindow:
    clock: OldClock = attrs.field(factory=OldClock)
    silence: OldSilence = attrs.field(factory=OldSilence)
    others: OldOthers = attrs.field(factory=OldOthers)
    limit: int = 3600
    used: int = 0
    reset: float | None = None
    assumed: bool = False
    previous_reset: float | None = None
    previous_used: int = 0
    opened_at: float | None = None
    rolled_at: float = float("-inf")
    renewed_at: float = float("-inf")
    headers_seen: bool = False
    first: int | None = None
    accounts: dict[tuple[str, str], tuple[int, int]] = attrs.field(factory=dict)
    entries: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    next_number: int = 1
    next_sweep: float = float("inf")
    touched: set[int] = attrs.field(factory=set)

    @property
    def held(self) -> int:
        return sum(entry["cost"] for entry in self.entries.values())

    def hold(self, cost: int, state: str, until: float, sent_at: float | None = None) -> int:
        """Reserve units, or note that a call with them was sent."""
        number, self.next_number = self.next_number, self.next_number + 1
        self.entries[number] = dict(
            zip(COLUMNS, (number, cost, state, until, sent_at, None, "normal", "GET /old", "pid 1"), strict=True)
        )
        self.touched.add(number)
        return number


PARTS = {"clock": OldClock, "silence": OldSilence, "others": OldOthers}
SCALARS = (
    "limit",
    "used",
    "reset",
    "assumed",
    "previous_reset",
    "previous_used",
    "opened_at",
    "rolled_at",
    "renewed_at",
    "headers_seen",
    "first",
)


class VersionBefore:
    """A process of the version before, with one budget of the file."""

    def __init__(self, path, key: str, boot: str) -> None:
        self.key, self.boot = key, boot
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        (version,) = self.connection.execute("PRAGMA user_version").fetchone()
        assert version <= 1, "it refuses the file as a newer version's"
        if version < 1:
            self.connection.executescript(SCHEMA)
            self.connection.execute("PRAGMA user_version = 1")

    def look(self) -> OldWindow:
        return self._read()[1]

    @contextlib.contextmanager
    def step(self) -> Iterator[OldWindow]:
        self.connection.execute("BEGIN IMMEDIATE")
        version, window = self._read()
        yield window
        state: dict[str, Any] = {name: getattr(window, name) for name in SCALARS}
        for name in PARTS:
            state[name] = attrs.astuple(getattr(window, name))
        state["accounts"] = [[*key, *sums] for key, sums in window.accounts.items()]
        state["next"] = [window.next_number, window.next_sweep]
        self.connection.execute(
            "INSERT OR REPLACE INTO window (key, version, boot, state) VALUES (?, ?, ?, ?)",
            (self.key, version + 1, self.boot, json.dumps(state)),
        )
        for number in window.touched:
            if number in window.entries:
                marks = ", ?" * len(COLUMNS)
                self.connection.execute(
                    f"INSERT OR REPLACE INTO entry (key, {', '.join(COLUMNS)}) VALUES (?{marks})",
                    (self.key, *window.entries[number].values()),
                )
            else:
                self.connection.execute("DELETE FROM entry WHERE key = ? AND number = ?", (self.key, number))
        self.connection.execute("COMMIT")

    def _read(self) -> tuple[int, OldWindow]:
        row = self.connection.execute("SELECT version, boot, state FROM window WHERE key = ?", (self.key,)).fetchone()
        if row is None:
            return 0, OldWindow()
        version, boot, text = row
        assert boot == self.boot, "it takes the machine for restarted"
        state = json.loads(text)
        rows = self.connection.execute(f"SELECT {', '.join(COLUMNS)} FROM entry WHERE key = ?", (self.key,))
        number, sweep = state["next"]
        known = {name: value for name, value in state.items() if name in SCALARS}
        known |= {name: kind(*state[name]) for name, kind in PARTS.items()}
        return version, OldWindow(
            **known,
            accounts={(lane, label): (calls, units) for lane, label, calls, units in state["accounts"]},
            entries={row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows},
            next_number=number,
            next_sweep=sweep,
        )

    def close(self) -> None:
        self.connection.close()
