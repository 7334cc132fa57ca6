"""The store: every record as plain JSON in a database, with views to query it by."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import datetime
import logging
import os
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from tonicdm.clock import Clock, DatabaseClock, SystemClock
from tonicdm.closing import AsyncClosing
from tonicdm.errors import StoreError
from tonicdm.store import lock, quarantine, rows, views, writing
from tonicdm.store.database import Database, Location, Lock
from tonicdm.store.direct import MISSED, DirectReads
from tonicdm.store.lock import WHOLE, Hold
from tonicdm.store.opening import locate
from tonicdm.store.owner import Owner, read_owner
from tonicdm.store.quarantine import Quarantined
from tonicdm.store.reading import Readable
from tonicdm.store.rows import Checkpoint, TypeState
from tonicdm.store.versions import ReadStamp
from tonicdm.store.writing import Written
from tonicdm.types import DataQuantity

T = TypeVar("T")

logger: Final = logging.getLogger("tonicdm")

AWAY_SECONDS: Final = 60.0
"""Seconds for which a run keeps what it has in hand while the database is away."""
MIN_PAUSE_SECONDS: Final = 0.1
"""Seconds to the first new try; they double with each."""
MAX_PAUSE_SECONDS: Final = 2.0

_away_seconds: contextvars.ContextVar[float] = contextvars.ContextVar("away_seconds", default=0.0)


@contextlib.contextmanager
def outlasting(seconds: float = AWAY_SECONDS) -> Generator[None]:
    """Let what is done in the block, and in tasks that it starts, wait for a database that is away, and be done anew.

    A transaction of which it is not known whether it was committed is done a second time, too: only for what changes
    nothing then.

    Args:
        seconds: For how long, each time.
    """
    token = _away_seconds.set(seconds)
    try:
        yield
    finally:
        _away_seconds.reset(token)


class Store(Readable, AsyncClosing):
    """A database of records; opened with ``async with``.

    Its work happens on one thread of its own, but for looks at a few rows by their keys (`tonicdm.store.direct`).

    Args:
        path: A file, made if absent, for its owner alone; or a PostgreSQL database, ``postgresql://…``.
        schema: The schema of that database, made if absent; ``tonicdm`` unless given. One for each tenant.

    Raises:
        ConfigError: *path* names neither, or *schema* can't be used.
    """

    def __init__(self, path: str | os.PathLike[str] | Location, *, schema: str | None = None) -> None:
        self.location: Location = locate(path, schema)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-store")
        self._database: Database | None = None
        self._direct = DirectReads(self.location)
        self._pending: set[asyncio.Future[Any]] = set()
        """What is under way on the thread."""
        self._closed = False

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            # The block is not entered, so nobody closes it: done behind what the thread may still be opening.
            if not self._closed:
                self._closed = True
                self._thread.submit(self._disconnect)
                self._thread.shutdown(wait=False)
            raise
        return self

    async def open(self) -> None:
        """Open the store, which the first use does as well.

        Raises:
            StoreError: It can't be opened, or was written by a newer version.
        """
        await self.read(lambda _db: None)

    async def close(self) -> None:
        """Bring the views up to date and close the store; twice is once."""
        if not self._closed:
            self._closed = True
            # On the thread, behind what may still be opening there for a call that was cancelled.
            await self._run(self._disconnect)
            self._thread.shutdown(wait=False)

    def clock(self, machines: Clock) -> Clock:
        """Return the clock that leases, due times and ages of this store are measured by.

        A file is of one machine. What several hosts share goes by the database's clock, so theirs may differ.

        Args:
            machines: The clock that would do for a file; one that is not the machine's own is meant, and stays.
        """
        # That of a shared budget goes by this machine's until it has read its own database's.
        own = machines.base if isinstance(machines, DatabaseClock) else machines
        if self.location.schema is None or not isinstance(own, SystemClock):
            return machines
        return DatabaseClock(own, lambda: None if self._database is None else self._database.now())

    @property
    def name(self) -> str:
        """Where the store is, for people: its file, or its database without the password."""
        return self.location.name

    # --- transactions ---------------------------------------------------------------------------------------------

    async def read(self, work: Callable[[Database], T]) -> T:
        """Return what *work* reads."""
        return await self._do(work)

    async def read_few(self, work: Callable[[Database], T]) -> T:
        """Return what *work* reads, a few rows by their keys: in the event loop, while that is sure to be quick.

        Args:
            work: As for `read`; it may be begun twice.
        """
        if not self._pending and (found := await self._direct.look(work)) is not MISSED:
            return found
        return await self._do(work, opens=True)

    async def write(self, work: Callable[[Database], T], *, durable: bool = False, lock: Lock = Lock.WRITE) -> T:
        """Run *work* in one transaction: all of it is stored, or nothing.

        Args:
            work: What to do with the open database.
            durable: Whether it has to survive the loss of power too, once this returns; else it survives the end of
                the process, and the last moments before a power cut may be missing.
            lock: What it may do beside other transactions.

        Raises:
            StoreError: The disk is full or the file is locked.
        """
        begun = False

        def run(db: Database) -> T:
            nonlocal begun
            with db.transaction(durable=durable, lock=lock):
                begun = True
                return work(db)

        return await self._do(run, is_repeatable=lambda: not begun)

    async def draw(self, at: float) -> ReadStamp:
        """Return the stamp of a call that is about to leave, to be written with what it brings.

        Stamps order the reads of all processes that share the file, whatever their clocks show; see `versions`.

        Args:
            at: Unix time by the store's clock.
        """
        return await self.write(lambda db: rows.draw(db, at))

    async def write_page(
        self,
        record_type: str,
        records: Sequence[Mapping[str, Any]],
        data_quantity: DataQuantity,
        mark: Checkpoint | None = None,
        *,
        stamp: ReadStamp | None = None,
    ) -> Written:
        """Store records and the checkpoint that paid for them, in one transaction.

        Args:
            record_type: The record type.
            records: As they came.
            data_quantity: The data_quantity they came in.
            mark: How far a pass has come with them.
            stamp: Drawn before the call that brought them; None for what was not read by a call.
        """

        def work(db: Database) -> Written:
            drawn = stamp or rows.draw(db, self.clock(SystemClock()).now())
            written = writing.write_records(db, record_type, records, data_quantity, drawn)
            if mark is not None:
                rows.put_checkpoint(db, mark)
            return written

        return await self.write(work)

    async def finish(
        self,
        record_type: str,
        *,
        until: str | None,
        audited: str | None,
        changed: int | None,
        deleted: int,
        units: int,
        changes: float | None = None,
        listed: float | None = None,
    ) -> None:
        """End a run over *record_type*: set the watermark, note what it found, and forget its checkpoint.

        A watermark of None leaves the one there is. A first load, which tells nothing of how often records change, is
        noted with None changed. *changes* and *listed* are the times up to which changes and deletions are known, by
        this machine's clock.
        """
        finished = datetime.datetime.fromtimestamp(self.clock(SystemClock()).now(), datetime.UTC).isoformat()

        def work(db: Database) -> None:
            db.execute(
                "INSERT INTO watermark (type, until, audited, changes, listed) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (type) DO UPDATE SET until = coalesce(excluded.until, watermark.until), "
                "audited = coalesce(excluded.audited, watermark.audited), "
                "changes = coalesce(excluded.changes, watermark.changes), "
                "listed = coalesce(excluded.listed, watermark.listed)",
                (record_type, until, audited, changes, listed),
            )
            if changed is not None:
                db.execute(
                    "INSERT INTO history (type, finished, changed, deleted, units, records) SELECT ?, ?, ?, ?, ?, "
                    "(SELECT count(*) FROM record WHERE type = ? AND deleted_at IS NULL) "
                    "WHERE NOT EXISTS (SELECT 1 FROM history WHERE type = ? AND finished = ?)",
                    (record_type, finished, changed, deleted, units, record_type, record_type, finished),
                )
            if listed is not None and not rows.is_blind(db, record_type):
                quarantine.forget_unlisted(db, record_type)
            db.execute("DELETE FROM checkpoint WHERE type = ?", (record_type,))
            db.execute("DELETE FROM scan WHERE type = ?", (record_type,))

        await self.write(work)

    # --- what is known --------------------------------------------------------------------------------------------

    async def state(self, record_type: str) -> TypeState:
        """Return what is known of *record_type*."""
        return await self.read(lambda db: rows.state(db, record_type))

    async def counts(self) -> dict[str, int]:
        """Return the number of records that are not deleted, by type."""
        sql = "SELECT type, count(*) FROM record WHERE deleted_at IS NULL GROUP BY type"
        return await self.read(lambda db: dict(db.execute(sql).fetchall()))

    async def meta(self, name: str) -> str | None:
        """Return a note of the store."""
        return await self.read(lambda db: rows.note(db, name))

    async def set_meta(self, name: str, value: str) -> None:
        """Keep a note."""
        await self.write(lambda db: rows.put_note(db, name, value))

    async def capability(self, record_type: str, name: str) -> str | None:
        """Return what a server was found to be able to do for *record_type* (``""``: for all)."""
        sql = "SELECT value FROM capability WHERE type = ? AND name = ?"
        row = await self.read(lambda db: db.execute(sql, (record_type, name)).fetchone())
        return None if row is None else str(row[0])

    async def set_capability(self, record_type: str, name: str, value: str) -> None:
        """Remember what a server was found to be able to do."""
        await self.write(lambda db: db.execute(rows.PUT_CAPABILITY, (record_type, name, value)))

    async def refresh_views(self) -> None:
        """Make the views anew from the fields that the models know and the records really have."""
        await self.write(views.refresh)

    async def clean(self, record_type: str, at: str) -> int:
        """Remove rows that an earlier version had made of answers that were no records; return how many.

        Args:
            record_type: The record type.
            at: When, ISO 8601 in UTC.
        """
        return await self.write(lambda db: writing.clean(db, record_type, at))

    # --- quarantine -------------------------------------------------------------------------------------------------

    async def quarantine(self, record_type: str | None = None) -> list[Quarantined]:
        """Return what came and could not be stored as a record, the latest first.

        Args:
            record_type: Of this type only.
        """
        return await self.read(lambda db: quarantine.in_quarantine(db, record_type))

    async def retry_quarantine(self) -> tuple[int, int]:
        """Decode anew what is in quarantine, for 0 units; return how many are records now, and of how many."""
        return await self.write(writing.retry)

    async def remarks(self, record_type: str) -> list[str]:
        """Return what a run over a type should say of the copy: what is in quarantine, and what has no column."""

        def work(db: Database) -> list[str]:
            aside, fields = quarantine.count(db, record_type), len(views.without_column(db, record_type))
            remarks = []
            if aside:
                remarks.append(f"{aside:,} in quarantine: tonicdm quarantine shows them")
            if fields:
                remarks.append(f"{fields:,} fields are in raw alone, because of their names or their number")
            return remarks

        return await self.read(work)

    # --- whose it is ------------------------------------------------------------------------------------------------

    async def owner(self) -> Owner | None:
        """Return whose records these are; None where no run has said so."""
        return await self.read(read_owner)

    # --- one sync at a time -----------------------------------------------------------------------------------------

    async def acquire_lock(self, clock: Clock, hold: Hold = WHOLE) -> None:
        """Take the store, or one type of it, for one sync, or show that the one that has it is alive.

        Args:
            clock: Time, where it is not the database's; see `clock`.
            hold: What is taken.

        Raises:
            StoreError: Another run has it; nothing was sent. The error says when its lease ends.
        """
        busy = await self.write(lambda db: lock.acquire(db, self.clock(clock).now(), hold=hold))
        if busy is not None:
            raise StoreError(self.name, str(busy))

    async def release_lock(self, hold: Hold = WHOLE) -> None:
        """Give back what was taken."""
        await self.write(lambda db: lock.release(db, hold=hold))

    # --- on the store's thread --------------------------------------------------------------------------------------

    async def _do(
        self, work: Callable[[Database], T], is_repeatable: Callable[[], bool] = lambda: True, *, opens: bool = False
    ) -> T:
        def run() -> T:
            with self.location.errors():
                database = self._current()
                if opens:
                    self._direct.open()
                return work(database)

        pause, end = 0.0, time.monotonic() + _away_seconds.get()
        while True:
            try:
                return await self._run(run)
            except StoreError as error:
                # One that was never open has a wrong address, perhaps. A session that the server had ended is replaced.
                again = time.monotonic() < end or (not pause and is_repeatable())
                if not error.away or self._database is None or not again:
                    raise
                logger.info("%s; again in %g s", error, pause)
            await asyncio.sleep(pause)
            pause = min(max(MIN_PAUSE_SECONDS, 2 * pause), MAX_PAUSE_SECONDS)

    async def _run(self, run: Callable[[], T]) -> T:
        # A caller that is cancelled does not leave a transaction half done: the thread finishes it.
        running = asyncio.get_running_loop().run_in_executor(self._thread, run)
        self._pending.add(running)
        running.add_done_callback(self._pending.discard)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

    def _current(self) -> Database:
        if self._database is None or self._database.is_lost:
            self._database = self.location.open()
        return self._database

    def _disconnect(self) -> None:
        self._direct.close()
        db = self._database
        if db is None or db.is_lost:
            return
        # Views are remade at the next open; a full disk must not hide more.
        with contextlib.suppress(StoreError), self.location.errors(), db.transaction():
            views.refresh(db)
        db.close()
        self._database = None
