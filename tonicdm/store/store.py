"""The local store: every record as plain JSON in one SQLite file, with views to query it by."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import os
import pathlib
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

from tonicdm.errors import StoreError
from tonicdm.store import rows, views
from tonicdm.store.reading import Readable
from tonicdm.store.rows import Checkpoint, TypeState
from tonicdm.store.schema import SCHEMA_VERSION, upgrade
from tonicdm.types import DataQuantity

T = TypeVar("T")

LEASE: Final = 120.0
"""Seconds after which a sync that shows no sign of life is taken to be gone, on another host or in a container."""


class Store(Readable):
    """A file of records; opened with ``async with``. All its work happens on one thread of its own.

    Args:
        path: The file; made if absent.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: pathlib.Path = pathlib.Path(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-store")
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the file, which the first use does as well.

        Raises:
            StoreError: It can't be opened, or was written by a newer version.
        """
        await self.read(lambda _db: None)

    async def close(self) -> None:
        """Bring the views up to date and close the file; twice is once."""
        if not self._closed:
            self._closed = True
            if self._connection is not None:
                await self._do(self._disconnect)
            self._thread.shutdown(wait=False)

    # --- transactions ---------------------------------------------------------------------------------------------

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what *work* reads."""
        return await self._do(work)

    async def write(self, work: Callable[[sqlite3.Connection], T], *, durable: bool = False) -> T:
        """Run *work* in one transaction: all of it is stored, or nothing.

        Args:
            work: What to do with the open database.
            durable: Whether it has to survive the loss of power too, once this returns; else it survives the end of
                the process, and the last moments before a power cut may be missing.

        Raises:
            StoreError: The disk is full or the file is locked.
        """
        return await self._do(lambda db: _in_transaction(db, lambda: work(db), durable=durable))

    async def write_page(
        self,
        kind: str,
        records: Sequence[Mapping[str, Any]],
        quality: DataQuantity,
        mark: Checkpoint | None,
        *,
        scan_page: int | None = None,
    ) -> int:
        """Store a page and the checkpoint that paid for it, in one transaction.

        Args:
            kind: The record type.
            records: As they came.
            quality: The data_quantity they came in.
            mark: How far the pass has come with them; None for records that a scan had found stale.
            scan_page: The page's number in a whole pass, which remembers what it has seen.

        Returns:
            How many records are new or changed.
        """

        def work(db: sqlite3.Connection) -> int:
            changed = rows.write_records(db, kind, records, quality)
            if scan_page is not None:
                rows.note_scanned(db, kind, records, scan_page, [False] * len(records))
            elif mark is None:
                rows.fetched(db, kind, records)
            if mark is not None:
                rows.put_checkpoint(db, mark)
            return changed

        return await self.write(work)

    async def scan_page(
        self,
        kind: str,
        stubs: Sequence[Mapping[str, Any]],
        mark: Checkpoint,
        *,
        ties: str | None = None,
        trust: bool = False,
    ) -> int:
        """Compare a page of stubs with the store, remember what is stale, and return how many are.

        Args:
            kind: The record type.
            stubs: As they came.
            mark: How far the pass has come with them.
            ties: As for `rows.stale_flags`.
            trust: As for `rows.stale_flags`.
        """

        def work(db: sqlite3.Connection) -> int:
            flags = rows.stale_flags(db, kind, stubs, ties=ties, trust=trust)
            rows.note_scanned(db, kind, stubs, mark.next_page - 1, flags)
            current = [stub for stub, stale in zip(stubs, flags, strict=True) if not stale]
            rows.stamp(db, kind, {rows.key_of(stub): rows.updated_of(stub) for stub in current})
            rows.put_checkpoint(db, mark)
            return sum(flags)

        return await self.write(work)

    async def finish(
        self,
        kind: str,
        *,
        until: str | None,
        audited: str | None,
        changed: int | None,
        deleted: int,
        units: int,
        changes: float | None = None,
        listed: float | None = None,
    ) -> None:
        """End a run over *kind*: set the watermark, note what it found, and forget its checkpoint.

        A watermark of None leaves the one there is. A first load, which tells nothing of how often records change, is
        noted with None changed. *changes* and *listed* are the times up to which changes and deletions are known, by
        this machine's clock.
        """

        def work(db: sqlite3.Connection) -> None:
            db.execute(
                "INSERT INTO watermark (type, until, audited, changes, listed) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (type) DO UPDATE SET until = coalesce(excluded.until, until), "
                "audited = coalesce(excluded.audited, audited), changes = coalesce(excluded.changes, changes), "
                "listed = coalesce(excluded.listed, listed)",
                (kind, until, audited, changes, listed),
            )
            if changed is not None:
                db.execute(
                    "INSERT INTO history (type, finished, changed, deleted, units) VALUES (?, ?, ?, ?, ?)",
                    (kind, datetime.datetime.now(datetime.UTC).isoformat(), changed, deleted, units),
                )
            db.execute("DELETE FROM checkpoint WHERE type = ?", (kind,))
            db.execute("DELETE FROM scan WHERE type = ?", (kind,))

        await self.write(work)

    # --- what is known --------------------------------------------------------------------------------------------

    async def state(self, kind: str) -> TypeState:
        """Return what is known of *kind*."""
        return await self.read(lambda db: rows.state(db, kind))

    async def counts(self) -> dict[str, int]:
        """Return the number of records that are not deleted, by type."""
        sql = "SELECT type, count(*) FROM record WHERE deleted_at IS NULL GROUP BY type"
        return await self.read(lambda db: dict(db.execute(sql).fetchall()))

    async def meta(self, name: str) -> str | None:
        """Return a note of the store."""
        found = await self.read(lambda db: db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone())
        return None if found is None else str(found[0])

    async def set_meta(self, name: str, value: str) -> None:
        """Keep a note."""
        await self.write(lambda db: db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value)))

    async def capability(self, kind: str, name: str) -> str | None:
        """Return what a server was found to be able to do for *kind* (``""``: for all)."""
        sql = "SELECT value FROM capability WHERE type = ? AND name = ?"
        found = await self.read(lambda db: db.execute(sql, (kind, name)).fetchone())
        return None if found is None else str(found[0])

    async def set_capability(self, kind: str, name: str, value: str) -> None:
        """Remember what a server was found to be able to do."""
        await self.write(
            lambda db: db.execute("INSERT OR REPLACE INTO capability VALUES (?, ?, ?)", (kind, name, value))
        )

    async def refresh_views(self) -> None:
        """Make the views anew from the fields that the models know and the records really have."""
        await self.write(views.refresh)

    # --- one sync at a time -----------------------------------------------------------------------------------------

    async def take_turn(self, now: float) -> None:
        """Take the store for one sync.

        Raises:
            StoreError: Another one is at work.
        """

        def work(db: sqlite3.Connection) -> str | None:
            found = db.execute("SELECT value FROM meta WHERE name = 'sync'").fetchone()
            if found is not None:
                owner, _, until = found[0].partition(" ")
                if int(owner) != os.getpid() and float(until) > now and _lives(int(owner)):
                    return str(owner)
            db.execute("INSERT OR REPLACE INTO meta VALUES ('sync', ?)", (f"{os.getpid()} {now + LEASE}",))
            return None

        owner = await self.write(work)
        if owner is not None:
            raise StoreError(str(self.path), f"is being synced by another process (pid {owner}); nothing was sent")

    async def end_turn(self) -> None:
        """Give the store back."""
        await self.write(lambda db: db.execute("DELETE FROM meta WHERE name = 'sync'"))

    # --- on the store's thread --------------------------------------------------------------------------------------

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with self._errors():
                return work(self._connection or self._open())

        # A caller that is cancelled does not leave a transaction half done: the thread finishes it.
        running = asyncio.get_running_loop().run_in_executor(self._thread, run)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            running.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
            raise

    def _open(self) -> sqlite3.Connection:
        if not self.path.parent.exists():
            raise StoreError(str(self.path), "can't be made: its folder does not exist")
        connection = sqlite3.connect(self.path, timeout=30.0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            self._check_version(version)
            upgrade(connection, version)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _check_version(self, version: int) -> None:
        if version > SCHEMA_VERSION:
            raise StoreError(str(self.path), "was written by a newer tonicdm; upgrade this one, nothing was changed")

    def _disconnect(self, connection: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):  # views are remade at the next open; a full disk must not hide more
            _in_transaction(connection, lambda: views.refresh(connection))
        connection.close()
        self._connection = None

    @contextlib.contextmanager
    def _errors(self) -> Generator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(str(self.path), _said(error)) from error


def _in_transaction(db: sqlite3.Connection, work: Callable[[], T], *, durable: bool = False) -> T:
    db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    # Who waits for a durable write should not wait for the log to be moved into the file as well; a connection that
    # makes none does that sooner, and this one only when the log has grown to 40 MB.
    db.execute(f"PRAGMA wal_autocheckpoint = {10_000 if durable else 1000}")
    db.execute("BEGIN IMMEDIATE")
    try:
        result = work()
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # some errors, such as a full disk, have rolled back already
            db.execute("ROLLBACK")
        raise
    return result


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _said(error: sqlite3.DatabaseError) -> str:
    text = str(error)
    if "disk is full" in text or "disk I/O error" in text:
        return "could not be written: the disk is full. Every page stored before is kept; free some space and go on"
    if "locked" in text:
        return "is locked by another program for too long. Every page stored before is kept"
    if "not a database" in text:
        return "is no SQLite file; choose another name"
    if "readonly" in text or "unable to open" in text:
        return "can't be opened for writing"
    return f"could not be used: {text}"
