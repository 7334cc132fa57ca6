"""The tables of a store, as steps from each version to the next."""

from __future__ import annotations

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
CREATE INDEX record_updated ON record (type, updated);
CREATE TABLE checkpoint (type TEXT PRIMARY KEY, next_page INTEGER NOT NULL, done INTEGER NOT NULL);
CREATE TABLE field (type TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (type, name));
"""

MIGRATIONS: Final = (_FIRST,)
"""Entry n leads from version n to n + 1."""

SCHEMA_VERSION: Final = len(MIGRATIONS)
