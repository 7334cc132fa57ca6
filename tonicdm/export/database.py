"""A DuckDB file: a table for each type, brought up to date in one transaction."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Self

from tonicdm.errors import ExportError
from tonicdm.export import duck
from tonicdm.export.manifest import Manifest, Step
from tonicdm.store.columns import Column
from tonicdm.store.database import literal, quoted
from tonicdm.store.meaning import meanings

if TYPE_CHECKING:
    import duckdb

TABLE: Final = "tonicdm_export"
"""Holds the manifest."""

LIVE: Final = "reason IS NULL"

_busy: Final[set[pathlib.Path]] = set()
"""Files that this process exports to: DuckDB keeps out other processes only."""


class DuckDBFile:
    """A database, opened with ``with``; whoever has it open excludes all others, in this program and elsewhere.

    Args:
        path: The file; made if absent.
    """

    form: str = "duckdb"
    takes_changes: bool = True

    def __init__(self, path: str) -> None:
        self.where = path
        self.staging: pathlib.Path = pathlib.Path(f"{path}.rows")
        self._file = pathlib.Path(path).resolve()
        self._opened: duckdb.DuckDBPyConnection | None = None

    def __enter__(self) -> Self:
        if self._file in _busy:
            raise ExportError(self.where, "is being written by another export. Nothing was changed")
        _busy.add(self._file)
        try:
            self._opened = duck.connect(self.where, self.where)
            with duck.map_errors(self.where):
                self._opened.execute("BEGIN")
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.staging.unlink(missing_ok=True)
        self._close()

    def _close(self) -> None:
        if self._opened is not None:
            with contextlib.suppress(ExportError), duck.map_errors(self.where):
                self._opened.close()  # what was not committed is undone
        self._opened = None
        _busy.discard(self._file)

    @property
    def _db(self) -> duckdb.DuckDBPyConnection:
        assert self._opened is not None, "used outside of its with block"
        return self._opened

    def interrupt(self) -> None:
        """End the statement under way; from another thread."""
        if self._opened is not None:
            self._opened.interrupt()

    def manifest(self) -> Manifest | None:
        """Return what the file says of itself; None for a new one."""
        with duck.map_errors(self.where):
            if not self._exists(TABLE):
                return None
            row = self._db.execute(f"SELECT manifest FROM {TABLE}").fetchone()  # noqa: S608
        if row is None:
            raise ExportError(self.where, f"has an empty table {TABLE}; export to another file")
        return Manifest.read(str(row[0]), self.where)

    def intact_types(self, manifest: Manifest) -> set[str]:
        """Return the types whose tables have the columns that the manifest says."""
        sql = "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = ? AND schema_name = 'main'"
        with duck.map_errors(self.where):
            return {
                record_type
                for record_type, exported in manifest.types.items()
                if dict(self._db.execute(sql, [record_type]).fetchall()) == duck.types_of(exported.columns)
            }

    def claim(self, record_type: str) -> None:
        """Make sure that the table of *record_type* can be made.

        Raises:
            ExportError: There is one that no export has made.
        """
        with duck.map_errors(self.where):
            taken = self._exists(record_type)
        if taken:
            raise ExportError(
                self.where, f"has a table or view {record_type} of its own; rename it or export to another file"
            )

    def write(self, step: Step, staged: duck.Staged, *, keep_deleted: bool) -> tuple[int, int]:
        """Put the staged rows into the table of a type; return how many were written, and how many were deleted.

        Args:
            step: What is to be done; its columns are those of the table as it is.
            staged: The rows.
            keep_deleted: Whether deleted records stay.
        """
        table = quoted(step.record_type)
        where = "" if keep_deleted else f" WHERE {LIVE}"
        with duck.map_errors(self.where):
            if step.after is None:
                count = self._count(f"CREATE OR REPLACE TABLE {table} AS FROM ({staged.select}){where}")
                self._comment(step.record_type, staged.columns)
                return count, 0
            self._db.execute(f"CREATE OR REPLACE TEMP TABLE staged AS {staged.select}")
            self._widen(table, step, staged)
            if len(staged.columns) > len(step.columns):
                self._comment(step.record_type, staged.columns)
            self._db.execute(f"DELETE FROM {table} WHERE id IN (SELECT id FROM staged)")  # noqa: S608
            written = self._count(f"INSERT INTO {table} BY NAME FROM staged{where}")
            (staged_rows,) = self._db.execute("SELECT count(*) FROM staged").fetchone() or (0,)
            self._db.execute("DROP TABLE staged")
            return written, staged_rows - written

    def _comment(self, record_type: str, columns: Sequence[Column]) -> None:
        """Write what the table and its columns mean beside them, where tools show it."""
        table, meaning = quoted(record_type), meanings(record_type, columns)
        if meaning.meaning:
            self._db.execute(f"COMMENT ON TABLE {table} IS {literal(meaning.meaning)}")
        for column in meaning.columns:
            self._db.execute(f"COMMENT ON COLUMN {table}.{quoted(column.name)} IS {literal(column.meaning)}")

    def _widen(self, table: str, step: Step, staged: duck.Staged) -> None:
        before = {column.wire: column for column in step.columns}
        types = duck.types_of(staged.columns)
        for column in staged.columns:
            name, exported = quoted(column.name), before.get(column.wire)
            if exported is None:
                self._db.execute(f"ALTER TABLE {table} ADD COLUMN {name} {types[column.name]}")
            elif exported.type is not column.type:
                # It had no type because it had no value: nothing is converted.
                self._db.execute(f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {types[column.name]}")

    def drop(self, record_type: str) -> None:
        """Remove the table of a type."""
        with duck.map_errors(self.where):
            self._db.execute(f"DROP TABLE IF EXISTS {quoted(record_type)}")

    def commit(self, manifest: Manifest) -> None:
        """Make all that was written visible, with the manifest, in one step."""
        with duck.map_errors(self.where):
            self._db.execute(f"CREATE OR REPLACE TABLE {TABLE} AS SELECT {literal(manifest.as_json())} AS manifest")
            self._db.execute("COMMIT")

    def _exists(self, name: str) -> bool:
        sql = "SELECT 1 FROM information_schema.tables WHERE table_schema = 'main' AND lower(table_name) = lower(?)"
        return self._db.execute(sql, [name]).fetchone() is not None

    def _count(self, sql: str) -> int:
        row = self._db.execute(sql).fetchone()
        return 0 if row is None else int(row[0])
