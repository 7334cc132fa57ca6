"""The tables of a store in SQLite, as steps from each version to the next."""

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
ALTER TABLE watermark ADD COLUMN changes REAL;
ALTER TABLE watermark ADD COLUMN listed REAL;
"""
"""Up to when a record, the changes of a type and the list of it are known, and since when a record is in doubt: Unix
time by this machine's clock."""

_INBOX: Final = """
CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    type TEXT NOT NULL,
    signed INTEGER NOT NULL,
    received REAL NOT NULL,
    body BLOB,
    copies INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX event_received ON event (received);
CREATE TABLE errand (
    number INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES event (number),
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    updated TEXT,
    state TEXT NOT NULL DEFAULT 'received',
    looked INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    owner TEXT,
    lease_until REAL,
    error TEXT,
    ended REAL
);
CREATE INDEX errand_record ON errand (kind, id, number);
CREATE INDEX errand_event ON errand (event);
CREATE INDEX errand_state ON errand (state, due);
CREATE INDEX errand_owner ON errand (owner) WHERE owner IS NOT NULL;
CREATE INDEX errand_looked ON errand (number) WHERE looked = 0;
CREATE INDEX errand_ready ON errand (number) WHERE state = 'received' AND outcome IS NOT NULL;
CREATE TABLE gap (
    number INTEGER PRIMARY KEY, type TEXT NOT NULL, finished REAL NOT NULL, changed INTEGER NOT NULL,
    missed INTEGER NOT NULL, recent INTEGER NOT NULL, units INTEGER NOT NULL
);
CREATE TABLE tally (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
"""Webhooks: an event as it arrived, and an errand for each record that it names. Times are Unix seconds."""

_ORDER: Final = """
CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
ALTER TABLE record ADD COLUMN read_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN read_at REAL NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN dissent TEXT;
ALTER TABLE record ADD COLUMN doubted_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN quarantined TEXT;
ALTER TABLE event ADD COLUMN read_number INTEGER NOT NULL DEFAULT 0;
CREATE TABLE quarantine (
    type TEXT NOT NULL, key TEXT NOT NULL, id TEXT, updated TEXT, page INTEGER, reason TEXT NOT NULL, raw BLOB NOT NULL,
    quality TEXT NOT NULL, origin TEXT NOT NULL, read_number INTEGER NOT NULL, read_at REAL NOT NULL,
    PRIMARY KEY (type, key)
);
INSERT OR IGNORE INTO meta VALUES ('identity', lower(hex(randomblob(16))))
"""
"""Which read a version comes from (`versions`), and what came that is no record. A record that is held while a newer
version of it is in quarantine bears the reason."""

_PROGRESS: Final = "ALTER TABLE checkpoint ADD COLUMN progress TEXT"
"""All that an interrupted run knew of itself (`tonicdm.plan.progress`); the other columns are its place alone."""

_JOBS: Final = """
CREATE TABLE job (
    number INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES event (number),
    record_type TEXT NOT NULL,
    id TEXT NOT NULL,
    updated TEXT,
    state TEXT NOT NULL DEFAULT 'received',
    examined INTEGER NOT NULL DEFAULT 0,
    outcome TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    owner TEXT,
    lease_until REAL,
    error TEXT,
    ended REAL
);
INSERT INTO job
SELECT number, event, kind, id, updated, state, looked, outcome, attempts, due, owner, lease_until, error, ended
FROM errand;
DROP TABLE errand;
CREATE INDEX job_record ON job (record_type, id, number);
CREATE INDEX job_event ON job (event);
CREATE INDEX job_state ON job (state, due);
CREATE INDEX job_owner ON job (owner) WHERE owner IS NOT NULL;
CREATE INDEX job_examined ON job (number) WHERE examined = 0;
CREATE INDEX job_ready ON job (number) WHERE state = 'received' AND outcome IS NOT NULL;
CREATE VIEW errand AS
SELECT number, event, record_type AS kind, id, updated, state, examined AS looked, outcome, attempts, due, owner,
    lease_until, error, ended
FROM job
"""
"""The table `errand` is named `job`. A view has the old names for one version; to write to it is refused."""

_CONTENT: Final = "ALTER TABLE event ADD COLUMN content TEXT"
"""A digest of what an event tells of records: two events may come with one ID."""

_RECORDS: Final = "ALTER TABLE history ADD COLUMN records INTEGER"
"""The records of the type when a run ended; None for a run of an earlier version."""

MIGRATIONS: Final = (_FIRST, _FRESHNESS, _INBOX, _ORDER, _PROGRESS, _JOBS, _CONTENT, _RECORDS)
"""Entry n leads from version n to n + 1."""

SCHEMA_VERSION: Final = len(MIGRATIONS)
