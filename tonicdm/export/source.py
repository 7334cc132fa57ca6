"""Read a store for an export, as of one moment, by a connection of its own, while others go on writing."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final, Self

from tonicdm.store import rows
from tonicdm.store.columns import Column, columns_of
from tonicdm.store.database import Database, Location
from tonicdm.store.feed import Feed, read_feed
from tonicdm.store.observing import typed
from tonicdm.store.views import seen_fields

IDENTITY: Final = "identity"
"""The note of the store that tells it from all others."""

UNNOTED: Final = "unnoted"
"""The run of an export from a store that could not be written just then: that it was restored can't be told by it."""

NOTE_SECONDS: Final = 2.0
"""Seconds to wait for another program's lock before a run goes on without a note; reading needs no lock."""

BATCH_ROWS: Final = 1000
"""Rows that are held in memory at once."""


class Source:
    """A store, opened with ``with``; made for one thread.

    Args:
        location: Where it is.
    """

    def __init__(self, location: Location) -> None:
        self.location: Location = location
        self._db: Database | None = None

    def __enter__(self) -> Self:
        with self.location.errors():
            self._db = self.location.open_to_read()
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    @property
    def db(self) -> Database:
        """The open database."""
        assert self._db is not None, "used outside of its with block"
        return self._db

    def feed(self) -> Feed:
        """Return from which positions of the change feed an export may go on."""
        return read_feed(self.db)

    def sequence(self) -> int:
        """Return the newest position of the change feed."""
        return rows.newest_change(self.db)

    def identity(self) -> str:
        """Return what tells this store from all others; it is as old as its tables."""
        return str(rows.note(self.db, IDENTITY))

    def runs(self, destination: str) -> list[str]:
        """Return the last runs of the exports to *destination* that this store knows, or that it could not note."""
        return [UNNOTED, *(rows.note(self.db, f"export {destination}") or "").split()]

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
        noted = self.db.note_if_free(rows.PUT_NOTE, (f"export {destination}", value), NOTE_SECONDS)
        return run if noted else UNNOTED

    @contextlib.contextmanager
    def moment(self) -> Generator[int]:
        """Read the store as it is now, until the block ends; yield its greatest change_seq."""
        with self.db.moment():
            yield self.sequence()

    def types(self) -> list[str]:
        """Return the types that have shown a record."""
        return [record_type for (record_type,) in self.db.execute("SELECT DISTINCT type FROM field ORDER BY type")]

    def changed(self, record_type: str, after: int) -> int:
        """Return how many records of *record_type* have changed after a position."""
        sql = f"SELECT count(*) FROM record WHERE {self.db.dialect.type_is(after=True)}"  # noqa: S608 - placeholders only
        (count,) = self.db.execute(sql, (record_type, after)).fetchone()
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
        where = self.db.dialect.type_is(after=after is not None)
        order, parameters = ("id", (record_type,)) if after is None else ("change_seq", (record_type, after))
        sql = f"SELECT {expressions} FROM record WHERE {where} ORDER BY {order}"  # noqa: S608 - placeholders only
        yield from self.db.stream(sql, parameters, BATCH_ROWS)
