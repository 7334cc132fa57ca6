"""A schema of PostgreSQL: a table for each type, brought up to date in one transaction."""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import tempfile
from collections.abc import Generator
from typing import Any, Final, Self

import psycopg
from psycopg import errors

from tonicdm.errors import ExportError
from tonicdm.export import csvfile, duck
from tonicdm.export.manifest import Manifest, Step
from tonicdm.store.columns import OWN_COLUMNS, Column, SqlType
from tonicdm.store.database import quoted
from tonicdm.store.postgresql import READING_TIMEOUT, PostgresqlSchema, described, short_name

TABLE: Final = "tonicdm_export"
"""Holds the manifest."""

DEFAULT_SCHEMA: Final = "tonicdm_export"
SEPARATOR: Final = "#"
"""Between the URL and the schema."""

_TYPES: Final = {
    SqlType.BOOLEAN: "boolean",
    SqlType.BIGINT: "bigint",
    SqlType.DOUBLE: "double precision",
    SqlType.TIMESTAMP: "timestamp with time zone",
    SqlType.DATE: "date",
    SqlType.TEXT: "text",
    SqlType.JSON: "jsonb",
}

_EXPORTS: Final = 0x746F6E65
"""The first half of an advisory lock's key; the second one is made of the schema's name."""


class PostgresqlTables:
    """A schema, opened with ``with``, by one export at a time.

    Args:
        to: The URL of the database; behind ``#`` the schema, unless it is to be ``tonicdm_export``. Made if absent.

    Raises:
        ConfigError: It is none.
    """

    form: str = "postgresql"
    takes_changes: bool = True

    def __init__(self, to: str) -> None:
        url, _, schema = to.partition(SEPARATOR)
        self._location = PostgresqlSchema(url, schema or DEFAULT_SCHEMA)
        self.where: str = self._location.name
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._opened: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="tonicdm-export-")
        try:
            with self._errors():
                self._opened = self._location.connect()
                self._begin()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    def _begin(self) -> None:
        schema = self._location.schema
        # Rows are made ready between two statements, which may take longer than a role is given.
        self._run(f"BEGIN; SET LOCAL idle_in_transaction_session_timeout = '{READING_TIMEOUT}'")
        half = int.from_bytes(hashlib.sha256(schema.encode()).digest()[:4], signed=True)
        if self._db.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", (_EXPORTS, half)).fetchone() != (True,):
            raise ExportError(self.where, "is being written by another export. Nothing was changed")
        if self._db.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None:
            self._run(f"CREATE SCHEMA {quoted(schema)}")

    def _close(self) -> None:
        if self._opened is not None:
            self._opened.close()  # what was not committed is undone
            self._opened = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def _db(self) -> psycopg.Connection[Any]:
        assert self._opened is not None, "used outside of its with block"
        return self._opened

    @property
    def staging(self) -> pathlib.Path:
        """The file for the rows of a type."""
        assert self._folder is not None, "used outside of its with block"
        return pathlib.Path(self._folder.name, "rows")

    def interrupt(self) -> None:
        """End the statement under way; from another thread."""
        if self._opened is not None:
            self._opened.cancel_safe()

    def manifest(self) -> Manifest | None:
        """Return what the schema says of itself; None for a new one."""
        with self._errors():
            if not self._columns(TABLE):
                return None
            row = self._db.execute("SELECT manifest FROM tonicdm_export").fetchone()
        if row is None:
            raise ExportError(self.where, f"has an empty table {TABLE}; export to another schema")
        return Manifest.read(str(row[0]), self.where)

    def intact_types(self, manifest: Manifest) -> set[str]:
        """Return the types whose tables have the columns that the manifest says."""
        with self._errors():
            return {
                record_type
                for record_type, exported in manifest.types.items()
                if self._columns(record_type) == _types_of(exported.columns)
            }

    def claim(self, record_type: str) -> None:
        """Make sure that the table of *record_type* can be made.

        Raises:
            ExportError: There is one that no export has made.
        """
        with self._errors():
            taken = self._columns(record_type)
        if taken:
            raise ExportError(
                self.where, f"has a table or view {record_type} of its own; rename it or export to another schema"
            )

    def write(self, step: Step, staged: duck.Staged, *, keep_deleted: bool) -> tuple[int, int]:
        """Put the staged rows into the table of a type; return how many were written, and how many were deleted.

        Args:
            step: What is to be done; its columns are those of the table as it is.
            staged: The rows.
            keep_deleted: Whether deleted records stay.
        """
        table, types = quoted(step.record_type), _types_of(staged.columns)
        with self._errors():
            if step.after is None:
                self._empty(step.record_type, types)
                return self._copy(step.record_type, staged, keep_deleted=keep_deleted), 0
            self._widen(step.record_type, types)
            self._run(f"CREATE TEMP TABLE staged (LIKE {table}) ON COMMIT DROP")
            count = self._copy("staged", staged, keep_deleted=True)
            self._run(f"DELETE FROM {table} WHERE id IN (SELECT id FROM staged)")  # noqa: S608 - quoted
            names, live = ", ".join(map(quoted, types)), "" if keep_deleted else " WHERE reason IS NULL"
            sql = f"INSERT INTO {table} ({names}) SELECT {names} FROM staged{live}"  # noqa: S608 - quoted
            written = self._db.execute(sql.encode()).rowcount
            self._run("DROP TABLE staged")
            return written, count - written

    def _empty(self, record_type: str, types: dict[str, str]) -> None:
        """Make the table of a type, or empty it: views of others and rights on it stay where its columns do."""
        table = quoted(record_type)
        if self._columns(record_type) == types:
            self._run(f"DELETE FROM {table}")  # noqa: S608 - quoted
            return
        columns = ", ".join(f"{quoted(name)} {type_}" for name, type_ in types.items())
        self._run(f"DROP TABLE IF EXISTS {table}; CREATE TABLE {table} ({columns}, PRIMARY KEY (id))")

    def _widen(self, record_type: str, types: dict[str, str]) -> None:
        table, before = quoted(record_type), self._columns(record_type)
        for name, type_ in types.items():
            if name not in before:
                self._run(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} {type_}")
            elif before[name] != type_:
                # It had no type because it had no value: nothing is converted.
                self._run(f"ALTER TABLE {table} ALTER COLUMN {quoted(name)} TYPE {type_} USING NULL")

    def _copy(self, table: str, staged: duck.Staged, *, keep_deleted: bool) -> int:
        file = self.staging.with_suffix(".csv")
        count = csvfile.write(staged, file, keep_deleted=keep_deleted, check=lambda: None)
        names = ", ".join(map(quoted, _types_of(staged.columns)))
        sql = f"COPY {quoted(table)} ({names}) FROM STDIN (FORMAT csv, HEADER, ENCODING 'UTF8')"
        with file.open("rb") as rows, self._db.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            for line in rows:
                # PostgreSQL holds no NUL: here it becomes the sign for an unknown character.
                copy.write(line.replace(b"\0", "\ufffd".encode()).replace(rb"\u0000", rb"\ufffd"))
        return count

    def drop(self, record_type: str) -> None:
        """Remove the table of a type."""
        with self._errors():
            self._run(f"DROP TABLE IF EXISTS {quoted(record_type)}")

    def commit(self, manifest: Manifest) -> None:
        """Make all that was written visible, with the manifest, in one step."""
        with self._errors():
            self._run(f"CREATE TABLE IF NOT EXISTS {TABLE} (manifest text NOT NULL); DELETE FROM {TABLE}")  # noqa: S608
            self._db.execute(f"INSERT INTO {TABLE} VALUES (%s)".encode(), (manifest.as_json(),))  # noqa: S608
            self._db.execute("COMMIT")

    def _run(self, sql: str) -> None:
        self._db.execute(sql.encode())

    def _columns(self, table: str) -> dict[str, str]:
        sql = (
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"
        )
        return dict(self._db.execute(sql, (self._location.schema, table)).fetchall())

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except errors.DependentObjectsStillExist:
            what = (
                "has views of others on a table that has to be made anew: drop them first. It holds what it held before"
            )
            raise ExportError(self.where, what) from None
        except psycopg.Error as error:
            raise ExportError(self.where, f"{described(error)}. It holds what it held before") from None


def _types_of(columns: tuple[Column, ...]) -> dict[str, str]:
    """Return the type of each column of a table, the store's own included, by name."""
    types, taken = {name: _TYPES[type_] for name, type_ in OWN_COLUMNS.items()}, set(OWN_COLUMNS)
    return types | {short_name(column.name, taken): _TYPES[column.type or SqlType.TEXT] for column in columns}
