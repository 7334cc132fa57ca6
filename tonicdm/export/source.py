"""Read a store for an export, as of one moment, by a connection of its own, while others go on writing."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import uuid
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final, Self

from tonicdm.errors import StoreError
from tonicdm.store.columns import Column, columns_of
from tonicdm.store.observing import SINCE, WHOLE_TYPE, typed
from tonicdm.store.opening import described, open_to_read
from tonicdm.store.views import seen_fields

IDENTITY: Final = "identity"
"""The note of the store that tells it from all others."""

UNNOTED: Final = "unnoted"
"""The run of an export from a store that could not be written just then: that it was restored can't be told by it."""

NOTE_TIMEOUT_MS: Final = 2_000
"""Milliseconds to wait for another program's lock before a run goes on without a note; reading needs no lock."""

BATCH_ROWS: Final = 1000
"""Rows that are held in memory at once."""


class Source:
    """A store, opened with ``with``; made for one thread.

    Args:
        path: The store's file.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self._db: sqlite3.Connection | None = None

    def __enter__(self) -> Self:
        if not self.path.is_file():
            raise StoreError(str(self.path), "does not exist; make it with: tonicdm sync")
        with self._errors():
            self._db, _ = open_to_read(self.path)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.db.close()
        self._db = None

    @property
    def db(self) -> sqlite3.Connection:
        """The open database."""
        assert self._db is not None, "used outside of its with block"
        return self._db

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            self.close()
            raise StoreError(str(self.path), described(error)) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file, also if it could not be opened properly."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def sequence(self) -> int:
        """Return the greatest change_seq."""
        (sequence,) = self.db.execute("SELECT coalesce(max(change_seq), 0) FROM record").fetchone()
        return int(sequence)

    def identity(self) -> str:
        """Return what tells this store from all others; it is as old as its tables."""
        return str(self.db.execute("SELECT value FROM meta WHERE name = ?", (IDENTITY,)).fetchone()[0])

    def runs(self, destination: str) -> list[str]:
        """Return the last runs of the exports to *destination* that this store knows, or that it could not note."""
        result = self.db.execute("SELECT value FROM meta WHERE name = ?", (f"export {destination}",)).fetchone()
        return [UNNOTED, *([] if result is None else str(result[0]).split())]

    def note_run(self, destination: str, before: str | None) -> str:
        """Remember a run before its destination does, and return its name.

        A store that was restored from a backup does not know the run that the destination names, however far its
        change_seq has got again. One that can't be written, or that another program writes for long, notes nothing.

        Args:
            destination: The destination's own name.
            before: The run that the destination has committed last; this one may end before it has.
        """
        run = uuid.uuid4().hex
        value = " ".join(filter(None, (before, run)))
        try:
            self.db.execute(f"PRAGMA busy_timeout = {NOTE_TIMEOUT_MS}")
            self.db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (f"export {destination}", value))
        except sqlite3.OperationalError as error:
            if not any(words in str(error) for words in ("readonly", "locked")):
                raise
            return UNNOTED
        return run

    @contextlib.contextmanager
    def moment(self) -> Generator[int]:
        """Read the store as it is now, until the block ends; yield its greatest change_seq."""
        self.db.execute("BEGIN")
        try:
            yield self.sequence()
        finally:
            self.db.execute("ROLLBACK")

    def types(self) -> list[str]:
        """Return the types that have shown a record."""
        return [record_type for (record_type,) in self.db.execute("SELECT DISTINCT type FROM field ORDER BY type")]

    def changed(self, record_type: str, after: int) -> int:
        """Return how many records of *record_type* have changed after a position."""
        (count,) = self.db.execute(f"SELECT count(*) FROM record WHERE {SINCE}", (record_type, after)).fetchone()  # noqa: S608
        return int(count)

    def columns(self, record_type: str, before: Sequence[Column], *, after: int | None) -> list[Column]:
        """Return the columns of *record_type*, those that a table has first, with the types that their values need.

        Args:
            record_type: The record type.
            before: The columns of the table as it is.
            after: The position that the table has reached; None to look at all records.
        """
        return typed(
            self.db, record_type, columns_of(record_type, seen_fields(self.db, record_type), before), after=after
        )

    def rows(self, record_type: str, expressions: str, *, after: int | None) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the records of *record_type* in batches, deleted ones included.

        Args:
            record_type: The record type.
            expressions: What to select.
            after: Only those changed after this position, in the order of the changes; None for all, by ID.
        """
        if after is None:
            sql, parameters = f"{WHOLE_TYPE} ORDER BY id", (record_type,)
        else:
            sql, parameters = f"{SINCE} ORDER BY change_seq", (record_type, after)  # type: ignore[assignment]
        result = self.db.execute(f"SELECT {expressions} FROM record WHERE {sql}", parameters)  # noqa: S608
        while batch := result.fetchmany(BATCH_ROWS):
            yield batch
