"""The tables of a store in PostgreSQL, as this version makes them, and which version a schema has."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from psycopg import errors

from tonicdm.errors import StoreError
from tonicdm.store.database import Lock
from tonicdm.store.schema import SCHEMA_VERSION

VERSION_NOTE: Final = "schema_version"
"""The note of the store that tells the version of its tables."""

OWN_TABLES: Final = frozenset({"record", "checkpoint", "watermark", "meta"})

LOCKS: Final = {Lock.WRITE: 0x746F6E69, Lock.LEASE: 0x746F6E6A}
"""The first half of an advisory lock's key; the second one is made of the schema's name."""


def lock_key(schema: str) -> int:
    """Return the second half of the keys of a schema's advisory locks."""
    return int.from_bytes(hashlib.sha256(schema.encode()).digest()[:4], signed=True)


_TEXT: Final = 'text COLLATE "C"'
"""Texts compare by their bytes, as in SQLite: times, IDs and positions of a list are ordered by them."""

TABLES: Final = f"""
CREATE TABLE record (
    type {_TEXT} NOT NULL, id {_TEXT} NOT NULL, raw jsonb NOT NULL, updated {_TEXT}, quality {_TEXT} NOT NULL,
    status {_TEXT}, deleted_at {_TEXT}, reason {_TEXT}, change_seq bigint NOT NULL, checked double precision,
    doubted double precision, read_number bigint NOT NULL DEFAULT 0, read_at double precision NOT NULL DEFAULT 0,
    dissent {_TEXT}, doubted_number bigint NOT NULL DEFAULT 0, quarantined {_TEXT},
    PRIMARY KEY (type, id)
);
CREATE INDEX record_change ON record (change_seq);
CREATE INDEX record_updated ON record (type, updated);
CREATE TABLE checkpoint (
    type {_TEXT} PRIMARY KEY, stage {_TEXT} NOT NULL, next_page bigint NOT NULL, since {_TEXT}, started {_TEXT},
    progress {_TEXT}
);
CREATE TABLE scan (
    type {_TEXT} NOT NULL, id {_TEXT} NOT NULL, page bigint NOT NULL, stale integer NOT NULL, updated {_TEXT},
    PRIMARY KEY (type, id)
);
CREATE TABLE watermark (
    type {_TEXT} PRIMARY KEY, until {_TEXT}, audited {_TEXT}, changes double precision, listed double precision
);
CREATE TABLE history (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type {_TEXT} NOT NULL, finished {_TEXT} NOT NULL,
    changed bigint NOT NULL, deleted bigint NOT NULL, units bigint NOT NULL, records bigint
);
CREATE TABLE capability (
    type {_TEXT} NOT NULL, name {_TEXT} NOT NULL, value {_TEXT} NOT NULL, PRIMARY KEY (type, name)
);
CREATE TABLE field (
    type {_TEXT} NOT NULL, name {_TEXT} NOT NULL, known integer NOT NULL,
    number bigint GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (type, name)
);
CREATE TABLE meta (name {_TEXT} PRIMARY KEY, value {_TEXT} NOT NULL);
CREATE TABLE counter (name {_TEXT} PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE quarantine (
    type {_TEXT} NOT NULL, key {_TEXT} NOT NULL, id {_TEXT}, updated {_TEXT}, page bigint, reason {_TEXT} NOT NULL,
    raw bytea NOT NULL, quality {_TEXT} NOT NULL, origin {_TEXT} NOT NULL, read_number bigint NOT NULL,
    read_at double precision NOT NULL, PRIMARY KEY (type, key)
);
CREATE TABLE event (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, key {_TEXT} NOT NULL UNIQUE, type {_TEXT} NOT NULL,
    signed integer NOT NULL, received double precision NOT NULL, body bytea, copies bigint NOT NULL DEFAULT 0,
    read_number bigint NOT NULL DEFAULT 0, content {_TEXT}
);
CREATE INDEX event_received ON event (received);
CREATE TABLE job (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event bigint NOT NULL REFERENCES event (number),
    record_type {_TEXT} NOT NULL, id {_TEXT} NOT NULL, updated {_TEXT}, state {_TEXT} NOT NULL DEFAULT 'received',
    examined integer NOT NULL DEFAULT 0, outcome {_TEXT}, attempts bigint NOT NULL DEFAULT 0,
    due double precision NOT NULL, owner {_TEXT}, lease_until double precision, error {_TEXT}, ended double precision
);
CREATE INDEX job_record ON job (record_type, id, number);
CREATE INDEX job_event ON job (event);
CREATE INDEX job_state ON job (state, due);
CREATE INDEX job_owner ON job (owner) WHERE owner IS NOT NULL;
CREATE INDEX job_examined ON job (number) WHERE examined = 0;
CREATE INDEX job_ready ON job (number) WHERE state = 'received' AND outcome IS NOT NULL;
CREATE TABLE gap (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, type {_TEXT} NOT NULL, finished double precision NOT NULL,
    changed bigint NOT NULL, missed bigint NOT NULL, recent bigint NOT NULL, units bigint NOT NULL
);
CREATE TABLE tally (name {_TEXT} PRIMARY KEY, value bigint NOT NULL);
"""
"""The tables of this version, with the names and the meanings of those in SQLite (`tonicdm.store.schema`)."""

_DATE: Final = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT: Final = (
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?"
    "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?$"
)
FUNCTIONS: Final = f"""
CREATE OR REPLACE FUNCTION text_form(value text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF value ~ '{_DATE}' THEN
        PERFORM value::date;
        RETURN 'date';
    END IF;
    IF value ~ '{_MOMENT}' THEN
        PERFORM value::timestamptz;
        RETURN 'moment';
    END IF;
    RETURN 'text';
EXCEPTION WHEN data_exception THEN
    RETURN 'text';
END $$;
CREATE OR REPLACE FUNCTION as_time(value text) RETURNS timestamptz LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF value ~ '{_MOMENT}' THEN
        RETURN (value || CASE WHEN value ~ '(Z|[+-][0-9]{{2}}:[0-9]{{2}})$' THEN '' ELSE 'Z' END)::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION as_date(value text) RETURNS date LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN CASE WHEN value ~ '{_DATE}' THEN value::date END;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
"""
"""What the views and the types of columns ask of a text; the rules are those of `columns.text_form`.

None calls another one: who reads a view by its full name has another search path, or an empty one.
"""
FUNCTIONS_NOTE: Final = "functions"
"""The note of the store with a digest of its functions: those of an earlier version are replaced."""

MIGRATIONS: Final[Mapping[int, str]] = {7: "ALTER TABLE history ADD COLUMN records bigint"}
"""Entry n leads the tables from version n to n + 1; version 7 was the first in PostgreSQL."""


def version_of(db: psycopg.Connection[Any], schema: str, name: str) -> int:
    """Return the version whose tables a schema has; 0 where it is empty, or not there."""
    sql = (
        "SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
        "WHERE nspname = %s AND relkind IN ('r', 'p')"
    )
    tables = {table for (table,) in db.execute(sql, (schema,))}
    if not tables:
        return 0
    row = None
    if tables >= OWN_TABLES:
        with contextlib.suppress(errors.UndefinedColumn):
            row = db.execute("SELECT value FROM meta WHERE name = %s", (VERSION_NOTE,)).fetchone()
    if row is None or not str(row[0]).isdecimal():
        raise StoreError(name, "is a schema of another program; choose another name. It was not changed")
    return int(row[0])


def check_version(row: Sequence[Any] | None, name: str) -> None:
    """Refuse tables of another version.

    Args:
        row: What the store's note of its version holds.
        name: Of the store, for the error.

    Raises:
        StoreError: They are of another one; both are named.
    """
    version = 0 if row is None else int(row[0])
    if version > SCHEMA_VERSION:
        raise StoreError(
            name,
            f"was written by a newer tonicdm: its tables have version {version}, this one knows {SCHEMA_VERSION}. "
            "Upgrade tonicdm; nothing was changed",
        )
    if version < SCHEMA_VERSION:
        raise StoreError(
            name,
            f"was made by an earlier tonicdm: its tables have version {version}, this one needs {SCHEMA_VERSION}. "
            "Stop the programs of the earlier version, and bring the tables up to date: tonicdm db upgrade",
        )
