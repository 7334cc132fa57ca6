"""DuckDB: its settings, its errors, and the file of rows that it reads."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sys
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from tonicdm.errors import ConfigError, ExportError
from tonicdm.export.source import Source
from tonicdm.store.columns import OWN_COLUMNS, OWN_VALUES, Column, SqlType
from tonicdm.store.database import literal, quoted

if TYPE_CHECKING:
    import duckdb

MEMORY_LIMIT: Final = "512MB"
"""What DuckDB may use, whatever the number of records; beyond that it writes to disk."""

SEPARATOR: Final = "\x1f"
"""Between the two values of a line: JSON has it and line breaks only escaped."""

MIN_LINE_BYTES: Final = 2**21
"""Bytes that a line may have in any case: the default limit of DuckDB."""


def connect(where: str, file: str | os.PathLike[str] | None = None) -> duckdb.DuckDBPyConnection:
    """Open a database, by default one in memory.

    Args:
        where: The destination, for the errors.
        file: The database.

    Raises:
        ConfigError: DuckDB is not installed.
        ExportError: The file is in use, or no database.
    """
    try:
        import duckdb
    except ModuleNotFoundError as error:
        raise ConfigError(
            "an export to duckdb: or parquet: needs DuckDB, the extra duckdb: pip install duckdb. "
            "Nothing was written; csv: needs no extra"
        ) from error
    with map_errors(where):
        # Nothing is fetched from the network: all that is needed is built in.
        config: Any = {"memory_limit": MEMORY_LIMIT, "autoinstall_known_extensions": "false"}
        connection = duckdb.connect(":memory:" if file is None else str(file), config=config)
        try:
            connection.execute("SET TimeZone = 'UTC'")  # a time without a zone is UTC
            connection.execute("SET enable_progress_bar = false")  # it would write into the output of a command
        except BaseException:
            connection.close()
            raise
    return connection


@contextlib.contextmanager
def map_errors(where: str) -> Generator[None]:
    """Turn DuckDB's errors and the file system's into the export's; their texts may hold values, so they go no further.

    Raises:
        ExportError: Something failed.
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, (OSError, *_duckdb_errors())):
            raise
        what = _describe_error(str(error))
        if what is None and isinstance(error, OSError):
            what = f"could not be written: {error.strerror}. It holds what it held before"
        exc_type = type(error).__name__
        raise ExportError(where, what or f"failed in DuckDB ({exc_type}). It holds what it held before") from None


def _duckdb_errors() -> tuple[type[Exception], ...]:
    """Return DuckDB's error class; nothing where it is not in use, as for CSV."""
    loaded = sys.modules.get("duckdb")
    return () if loaded is None else (loaded.Error,)


def _describe_error(text: str) -> str | None:
    if "lock on file" in text or "different configuration" in text:
        return "is open in another program, and DuckDB allows one at a time; close it there. Nothing was changed"
    if "not a valid DuckDB" in text:
        return "is no DuckDB file; choose another name"
    if "Cannot open file" in text:
        return "can't be opened for writing: does its folder exist?"
    if "No space left" in text or "disk is full" in text:
        return "could not be written: the disk is full. It holds what it held before"
    if "newer version" in text or "different version" in text:
        return "was made by another version of DuckDB, which this one can't read"
    return None


@attrs.frozen
class Staged:
    """The rows of a type in a file that DuckDB reads: two JSON values a line, the store's columns and the record."""

    file: pathlib.Path
    columns: tuple[Column, ...]
    longest: int
    """Bytes of the longest line."""

    @property
    def select(self) -> str:
        """The statement that reads them, with a column for each field."""
        own = [f"CAST(o[{n}] AS {type_}) AS {quoted(name)}" for n, (name, type_) in enumerate(OWN_COLUMNS.items(), 1)]
        plain = [column for column in self.columns if column.type is not SqlType.JSON]
        place = {column.wire: number for number, column in enumerate(plain, 1)}
        fields = [f"{_value(column, place)} AS {quoted(column.name)}" for column in self.columns]
        return (
            f"SELECT {', '.join([*own, *fields])} FROM (SELECT raw, "  # noqa: S608 - quoted above
            f"json_extract_string(own, {_list(f'/{n}' for n in range(len(own)))}) AS o, "
            f"json_extract_string(raw, {_list(pointer(column.wire) for column in plain)}) AS f "
            f"FROM read_csv({literal(str(self.file))}, delim = {literal(SEPARATOR)}, quote = '', escape = '', "
            "header = false, auto_detect = false, columns = {'own': 'VARCHAR', 'raw': 'VARCHAR'}, "
            f"max_line_size = {max(MIN_LINE_BYTES, self.longest + 1)}))"
        )


def stage(
    source: Source, record_type: str, file: pathlib.Path, columns: Sequence[Column], *,
    after: int | None, on_progress: Callable[[int], None],
) -> Staged:  # fmt: skip
    """Write the rows of *record_type* to *file*, a batch at a time.

    Args:
        source: The store.
        record_type: The record type.
        file: Is written anew.
        columns: Those that will be read.
        after: As in `Source.rows`.
        on_progress: Called with the number of rows written so far, from this thread; may raise to end it.
    """
    longest = rows = 0
    with file.open("wb") as out:
        line = source.db.dialect.line(OWN_VALUES, SEPARATOR)
        for batch in source.rows(record_type, line, after=after):
            lines = [line.encode() for (line,) in batch]
            out.writelines(lines)
            longest = max(longest, *map(len, lines))
            rows += len(lines)
            on_progress(rows)
    return Staged(file, tuple(columns), longest)


def types_of(columns: Sequence[Column]) -> dict[str, str]:
    """Return the type of each column of a table, the store's own included, by name."""
    return {**OWN_COLUMNS, **{column.name: column.type or SqlType.TEXT for column in columns}}


def pointer(wire: str) -> str:
    """Return the JSON pointer of a field (RFC 6901)."""
    return "/" + wire.replace("~", "~0").replace("/", "~1")


def _value(column: Column, place: dict[str, int]) -> str:
    if column.type is SqlType.JSON:
        # Only here texts keep their quotation marks, or they would be no JSON; and null is no value.
        return f"CAST(nullif(CAST(json_extract(raw, {literal(pointer(column.wire))}) AS VARCHAR), 'null') AS JSON)"
    return f"CAST(f[{place[column.wire]}] AS {column.type or SqlType.TEXT})"


def _list(texts: Any) -> str:
    # The cast is for an empty list, whose type would be unknown.
    return f"CAST([{', '.join(map(literal, texts))}] AS VARCHAR[])"
