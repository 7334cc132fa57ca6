"""The port to the database engine: what a store needs of it, and the SQL that engines write differently.

Statements elsewhere stand in the common subset of SQLite and PostgreSQL, with ``?`` for their values. Whatever the two
write differently is a method of `Dialect`; an adapter for each engine has it (`tonicdm.store.sqlite`,
`tonicdm.store.postgresql`).
"""

from __future__ import annotations

import abc
import enum
import pathlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from tonicdm.store.columns import Column, SqlType


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """Rows that the statement has changed."""
        ...

    @property
    def description(self) -> Sequence[Any] | None:
        """A sequence for each column of the result, its name first; None for a statement without a result."""
        ...

    def fetchone(self) -> Any:
        """Return the next row; None at the end."""
        ...

    def fetchall(self) -> list[Any]:
        """Return the remaining rows."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Lock(enum.Enum):
    """What a transaction may do beside others of the same store."""

    WRITE = "write"
    """It may write anything. One at a time, until the commit: positions of the change feed become visible in order."""
    LEASE = "lease"
    """It takes jobs of the inbox, and waits for no writer; one of its kind at a time."""


class Dialect(Protocol):
    """The SQL that engines write differently. Each method returns an expression or a clause."""

    insertion_order: str
    """The column of the table ``field`` that tells in which order its rows came."""

    def skip_locked(self, table: str) -> str:
        """Return what ends a SELECT of rows to be changed: those that another transaction is changing are left out."""
        ...

    def type_is(self, *, after: bool) -> str:
        """Return the condition ``type = ?``, with ``change_seq > ?`` where *after* is set."""
        ...

    def text_of(self, wire: str) -> str:
        """Return the text or number in a field of ``raw``; NULL where it is not there."""
        ...

    def json_type(self, wire: str) -> str:
        """Return the JSON type of a field: ``true``, ``integer``, ``real``, ``text``, ``array`` and so on."""
        ...

    def exact_type(self, wire: str) -> str:
        """Return the JSON type, with numbers told apart by their size, and texts by their form."""
        ...

    def cell(self, wire: str, type_: SqlType | None) -> str:
        """Return a field as a value of a column of *type_*; times as texts."""
        ...

    def distinct_texts(self, expression: str) -> str:
        """Return the distinct values of *expression* as one text with commas."""
        ...

    def fields_of_raw(self) -> str:
        """Return the number of fields of a record."""
        ...

    def seconds(self, expression: str) -> str:
        """Return the Unix time of an ISO 8601 text; NULL where it is none."""
        ...

    def line(self, values: Sequence[str], separator: str) -> str:
        """Return one line: an array of *values* as JSON, the separator, and the record."""
        ...


class Database(Protocol):
    """An open database, for one thread."""

    dialect: Dialect

    @property
    def is_lost(self) -> bool:
        """Whether the connection has ended, so that another one is to be opened."""
        ...

    def now(self) -> float | None:
        """Return the database's time, Unix seconds, which all hosts share; None where the machine's own is that time.

        It was read when the connection or the last transaction began, behind the wait for its lock, and goes on by this
        machine's monotonic clock.
        """
        ...

    def moved(self, seconds: float) -> float:
        """Return by how many seconds that time was seen to be set within the last *seconds*; negative for back.

        What stands in the database was written before, and `tonicdm.clock.lease_end` says what it means now.
        """
        ...

    def is_unusable_after(self, error: Exception) -> bool:
        """Tell whether an exception means that the database itself can't be used now: it is full, locked or away."""
        ...

    def execute(self, sql: str, parameters: Sequence[Any] = ..., /) -> Rows:
        """Run a statement.

        Args:
            sql: With ``?`` for each value.
            parameters: The values.
        """
        ...

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> int:
        """Run a statement for each of *parameters*; return how many rows it has changed in all."""
        ...

    def insert(self, sql: str, rows: Iterable[Sequence[Any]], /) -> int:
        """Insert *rows*, at once where the engine gains by that; return how many rows were changed.

        Args:
            sql: ``INSERT INTO table (columns) VALUES (?, …)``, and what follows, such as ON CONFLICT.
            rows: The values of the columns; no two rows have the same key.
        """
        ...

    def update(self, sql: str, parameters: Sequence[Any], rows: Sequence[Sequence[str | None]], /) -> int:
        """Change the rows of one table that *rows* name in the same way, by its primary key; return how many.

        Args:
            sql: ``UPDATE table SET … WHERE …``; the last ``?`` are for the values of a row.
            parameters: The values before these.
            rows: Texts for one row each: its whole key, as far as *parameters* has it not, and what else is to hold of
                it. No other condition is one that an index could serve.
        """
        ...

    def look_up(self, sql: str, parameters: Sequence[Any], keys: Sequence[str], /) -> Iterator[Any]:
        """Return what a SELECT finds for each of *keys*, by the primary key of its table however that has grown.

        Args:
            sql: It ends with ``IN (?)`` of the last column of that key, and says before what the others are. No other
                condition is one that an index could serve.
            parameters: The values before it.
            keys: How many there are is not bounded.
        """
        ...

    def transaction(self, *, durable: bool = False, lock: Lock = Lock.WRITE) -> AbstractContextManager[None]:
        """Commit what is done in the block as a whole, or nothing of it where the block raises.

        Args:
            durable: Whether the commit has to survive the loss of power; else it survives the end of the process.
            lock: What may be done.
        """
        ...

    def moment(self) -> AbstractContextManager[None]:
        """Let the block read the database as it is now, whatever others write meanwhile."""
        ...

    def stream(self, sql: str, parameters: Sequence[Any], size: int) -> Iterator[list[Any]]:
        """Yield the rows of a SELECT, *size* at a time, without holding all of them; inside `moment`."""
        ...

    def note_if_free(self, sql: str, parameters: Sequence[Any], seconds: float) -> bool:
        """Run one writing statement, unless the database can't be written or is locked for so many seconds.

        Returns:
            Whether it was run.
        """
        ...

    def size(self) -> int:
        """Return the bytes that the store takes on the disk."""
        ...

    def is_same(self, held: str, coming: str) -> bool:
        """Tell whether a record as the database holds it is the one that comes, both as JSON."""
        ...

    def refuses_any(self, keys: Sequence[str], items: Sequence[Mapping[str, Any]], texts: Sequence[str]) -> bool:
        """Tell whether `refusal` has a reason for any of a page's records; each argument holds one of its for each."""
        ...

    def refusal(self, key: str, item: Mapping[str, Any], raw: str) -> str | None:
        """Return why a record can't be held, without its values; None where it can.

        Args:
            key: What names it in the store.
            item: The record.
            raw: The same as JSON.
        """
        ...

    def make_view(self, record_type: str, own: Mapping[str, str], columns: Sequence[Column]) -> None:
        """Make the view of a type, in place of the one there is.

        Args:
            record_type: The record type; the view has its name.
            own: The store's own columns: their names, and what they are in the table ``record``.
            columns: The fields.
        """
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class Location(abc.ABC):
    """Where a store is."""

    name: str
    """For people; without a password."""
    schema: str | None = None
    """The schema of the database; None for a file."""

    @abc.abstractmethod
    def exists(self) -> bool:
        """Tell whether a store may be there already; a server is not asked."""
        ...

    @abc.abstractmethod
    def shell(self, sql: str) -> str:
        """Return the command for a shell that runs a query."""
        ...

    @abc.abstractmethod
    def open(self) -> Database:
        """Open the store, or make it.

        Raises:
            StoreError: It can't be opened, or is none.
        """
        ...

    @abc.abstractmethod
    def open_to_read(self) -> Database:
        """Open a store that must be there, also where it can't be written.

        Raises:
            StoreError: It is not there, can't be read, or is none.
        """
        ...

    def open_beside(self) -> Database | None:
        """Open a second connection to an open store, whose reads wait for nobody; None where there is no such thing.

        It is opened and closed on one thread and used on another.

        Raises:
            StoreError: It can't be opened.
        """
        return None

    @abc.abstractmethod
    def open_to_watch(self) -> Database:
        """Open a store of any version to read figures of it, without writing or waiting for long.

        Raises:
            StoreError: It can't be read.
        """
        ...

    @abc.abstractmethod
    def upgrade(self) -> tuple[int, int]:
        """Make the store, or bring its tables to this version.

        Returns:
            The version that its tables had, 0 for none, and the one that they have.

        Raises:
            StoreError: It is another program's, or a newer version's.
        """
        ...

    @abc.abstractmethod
    def errors(self) -> AbstractContextManager[None]:
        """Turn the engine's errors into the store's."""
        ...

    @abc.abstractmethod
    def beside(self, name: str) -> pathlib.Path:
        """Return the path of a file that belongs to the store, for what a run keeps until the next one."""
        ...


def quoted(name: str) -> str:
    """Return *name* as an SQL identifier."""
    escaped = name.replace('"', '""')
    return f'"{escaped}"'


def literal(text: str) -> str:
    """Return *text* as an SQL string."""
    escaped = text.replace("'", "''")
    return f"'{escaped}'"
