"""The tables of a store, as steps from each version to the next."""

from __future__ import annotations

import sqlite3
from typing import Final

_FIRST: Final = """
CREATE TABLE record (
    type TEXT NOT NULL,
    id TEXT NOT NULL,
    raw TEXT NOT NULL,
    updated TEXT,
    quality TEXT NOT NULL,
    status TEXT,
    deleted_at TEXT,
    reason TEXT,
    change_seq INTEGER NOT NULL,
    PRIMARY KEY (type, id)
);
CREATE INDEX record_change ON record (change_seq);
CREATE TABLE checkpoint (
    type TEXT PRIMARY KEY, stage TEXT NOT NULL, next_page INTEGER NOT NULL, since TEXT, started TEXT
);
CREATE TABLE scan (
    type TEXT NOT NULL, id TEXT NOT NULL, page INTEGER NOT NULL, stale INTEGER NOT NULL, updated TEXT,
    PRIMARY KEY (type, id)
) WITHOUT ROWID;
CREATE TABLE watermark (type TEXT PRIMARY KEY, until TEXT, audited TEXT);
CREATE TABLE history (
    number INTEGER PRIMARY KEY, type TEXT NOT NULL, finished TEXT NOT NULL, changed INTEGER NOT NULL,
    deleted INTEGER NOT NULL, units INTEGER NOT NULL
);
CREATE TABLE capability (type TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (type, name));
CREATE TABLE field (type TEXT NOT NULL, name TEXT NOT NULL, known INTEGER NOT NULL, PRIMARY KEY (type, name));
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

_FRESHNESS: Final = """
ALTER TABLE record ADD COLUMN checked REAL;
ALTER TABLE record ADD COLUMN doubted REAL;
ALTER TABLE watermark ADD COLUMN checked REAL;
"""
"""When a record was last known to be what the server has, and when that came into doubt: Unix time by this machine."""

MIGRATIONS: Final = (_FIRST, _FRESHNESS)
"""Entry n leads from version n to n + 1."""

SCHEMA_VERSION: Final = len(MIGRATIONS)


def upgrade(db: sqlite3.Connection, version: int) -> None:
    """Lead a store of *version* to the newest one, each step in a transaction of its own."""
    for number in range(version, SCHEMA_VERSION):
        db.executescript(f"BEGIN IMMEDIATE; {MIGRATIONS[number]} PRAGMA user_version = {number + 1}; COMMIT;")
