"""Notes of tasks at the server in a database, so that another host goes on with what one began."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import pathlib
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import attrs

from tonicdm.clock import lease_end
from tonicdm.errors import TonicDMError
from tonicdm.rhythm.database import SCHEMA, RhythmDatabase
from tonicdm.rhythm.errors import UnderWayError
from tonicdm.rhythm.jobs import JobNote, Note, from_text, to_text
from tonicdm.store import rows
from tonicdm.store.database import Location

if TYPE_CHECKING:
    import psycopg

logger: Final = logging.getLogger("tonicdm")

LEASE_SECONDS: Final = 60.0
"""After which somebody who holds a note and shows no sign of life is taken to be gone, by the database's clock."""

_TABLE: Final = f"{SCHEMA}.note"
_MAKE: Final = f"INSERT INTO {_TABLE} (key) VALUES (%s) ON CONFLICT (key) DO NOTHING"  # noqa: S608
_READ: Final = f"SELECT document FROM {_TABLE} WHERE key = %s"  # noqa: S608
_WRITE: Final = f"UPDATE {_TABLE} SET document = %s WHERE key = %s"  # noqa: S608
_LOCK: Final = f"SELECT holder, held_until FROM {_TABLE} WHERE key = %s FOR UPDATE"  # noqa: S608
_HOLD: Final = f"UPDATE {_TABLE} SET holder = %s, held_until = %s WHERE key = %s"  # noqa: S608
_LET_GO: Final = f"UPDATE {_TABLE} SET holder = NULL, held_until = 0 WHERE key = %s AND holder = %s"  # noqa: S608
_TIDY: Final = f"DELETE FROM {_TABLE} WHERE key = %s AND document = '' AND holder IS NULL"  # noqa: S608


@attrs.frozen
class DatabaseNote(JobNote):
    """The note of one task, in the database that several hosts share.

    Args:
        place: The database.
        key: What tells the task from all others: the tenant, and the absolute path that a file would have.
    """

    place: RhythmDatabase
    key: str

    @classmethod
    def at(cls, place: RhythmDatabase, tenant: str, path: str | os.PathLike[str]) -> DatabaseNote:
        """Return the note that stands for the file at *path*."""
        return cls(place, f"{tenant} {pathlib.Path(path).absolute()}")

    @property
    def name(self) -> str:
        """The database, and the key."""
        return f"the note {self.key} in {self.place.where}"

    def read(self) -> Note | None:
        """Return the note."""
        with self.place.transaction() as (connection, _):
            (text,) = connection.execute(_READ, (self.key,)).fetchone() or ("",)
        return from_text(text, self.name) if text else None

    def write(self, note: Note) -> None:
        """Keep *note*; it is committed when this returns."""
        self._put(to_text(note))

    def remove(self) -> None:
        """Forget the task."""
        self._put("")

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncGenerator[None]:
        """Hold a lease, and renew it as long as the block takes."""
        holder, keeper = secrets.token_hex(8), None
        under_way: list[asyncio.Future[None]] = []

        async def hold() -> None:
            under_way[:] = [asyncio.ensure_future(asyncio.to_thread(self._hold, holder))]
            await asyncio.shield(under_way[0])

        try:
            await hold()
            keeper = asyncio.create_task(self._renew(hold), name="tonicdm-rhythm-note")
            yield
        finally:
            if keeper is not None:
                keeper.cancel()
            # A thread that is still at it would take the note behind our back.
            await asyncio.wait(under_way)
            with contextlib.suppress(TonicDMError):  # the lease ends by itself
                await asyncio.to_thread(self._let_go, holder)

    async def _renew(self, hold: Callable[[], Awaitable[None]]) -> None:
        while True:
            # In real time, as the database's: whatever clock the client lives by.
            await asyncio.sleep(LEASE_SECONDS / 3)
            try:
                await hold()
            except TonicDMError as error:
                logger.warning("%s could not be held for longer, and another run may begin: %s", self.name, error)

    # --- on a thread --------------------------------------------------------------------------------------------

    def _put(self, document: str) -> None:
        with self.place.transaction() as (connection, _):
            connection.execute(_MAKE, (self.key,))
            connection.execute(_WRITE, (document, self.key))
            connection.execute(_TIDY, (self.key,))

    def _hold(self, holder: str) -> None:
        with self.place.transaction() as (connection, _):
            connection.execute(_MAKE, (self.key,))
            held_by, until = self._locked(connection)
            now = self.place.time(connection)  # the lock may have taken a while
            end = lease_end(until, now, LEASE_SECONDS, self.place.watch.moved(LEASE_SECONDS))
            is_others = held_by not in {None, holder} and end > now
            if not is_others:
                connection.execute(_HOLD, (holder, now + LEASE_SECONDS, self.key))
            elif end != until:
                connection.execute(_HOLD, (held_by, end, self.key))
        if is_others:  # behind the commit, which keeps the end
            raise UnderWayError(self.name)

    def _locked(self, connection: psycopg.Connection[Any]) -> tuple[str | None, float]:
        held_by, until = connection.execute(_LOCK, (self.key,)).fetchone() or (None, 0.0)
        return held_by, until

    def _let_go(self, holder: str) -> None:
        with self.place.transaction() as (connection, _):
            connection.execute(_LET_GO, (self.key, holder))
            connection.execute(_TIDY, (self.key,))


@attrs.frozen
class StoreNote(JobNote):
    """The note of a task whose result goes into a store, in that store: its run lock keeps others out.

    Args:
        location: The store.
        task: What tells the task from others of the store.
    """

    location: Location
    task: str

    @property
    def name(self) -> str:
        """The store, and the task."""
        return f"the note {self.task} in {self.location.name}"

    def read(self) -> Note | None:
        """Return the note."""
        with self.location.errors(), contextlib.closing(self.location.open()) as db:
            text = rows.note(db, self.task)
        return None if text is None else from_text(text, self.name)

    def write(self, note: Note) -> None:
        """Keep *note*; it is committed when this returns."""
        with self.location.errors(), contextlib.closing(self.location.open()) as db, db.transaction(durable=True):
            rows.put_note(db, self.task, to_text(note))

    def remove(self) -> None:
        """Forget the task."""
        with self.location.errors(), contextlib.closing(self.location.open()) as db, db.transaction():
            rows.forget_note(db, self.task)

    @contextlib.asynccontextmanager
    async def holding(self) -> AsyncGenerator[None]:
        """Hold nothing more: a sync holds its store."""
        yield
