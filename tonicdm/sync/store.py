"""The local store: every record as plain JSON in one SQLite file, with views to query it by."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import os
import pathlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, Self, TypeVar

import attrs

from tonicdm.codec.scalars import Refused, read_datetime
from tonicdm.errors import StoreError
from tonicdm.sync import views
from tonicdm.sync.schema import MIGRATIONS, SCHEMA_VERSION
from tonicdm.types import DataQuantity, normalise_id

T = TypeVar("T")

UPDATED_FIELDS: Final = ("datetimeUpdated", "datetime_updated")


@attrs.frozen
class Checkpoint:
    """How far the load of one type has come."""

    type: str
    next_page: int
    done: bool


class Store:
    """A file of records; opened with ``async with``. All its work happens on one thread of its own.

    Args:
        path: The file; made if absent.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = pathlib.Path(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tonicdm-store")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        await self._do(self._connect)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Bring the views up to date and close the file; twice is once."""
        if self._connection is not None:
            await self._do(self._disconnect)
            self._thread.shutdown(wait=False)

    # --- what a sync does -----------------------------------------------------------------------------------------

    async def write_page(
        self, kind: str, records: Sequence[dict[str, Any]], quality: DataQuantity, checkpoint: Checkpoint
    ) -> int:
        """Store a page and the checkpoint that paid for it, in one transaction.

        Args:
            kind: The record type.
            records: As they came.
            quality: The data_quantity they came in.
            checkpoint: How far the load has come with them.

        Returns:
            How many records are new or changed.

        Raises:
            StoreError: The disk is full or the file is locked; nothing of the page is stored.
        """
        return await self._do(lambda db: _write_page(db, kind, records, quality, checkpoint))

    async def checkpoint(self, kind: str) -> Checkpoint | None:
        """Return how far the load of *kind* had come, None if it was never begun."""
        return await self._do(lambda db: _checkpoint(db, kind))

    async def forget_checkpoints(self, kinds: Iterable[str]) -> None:
        """Let the next load of *kinds* begin at its first page."""
        names = list(kinds)
        await self._do(lambda db: _in_transaction(db, lambda: db.executemany(_FORGET, [(kind,) for kind in names])))

    async def counts(self) -> dict[str, int]:
        """Return the number of records by type."""
        return await self._do(lambda db: dict(db.execute(_COUNTS).fetchall()))

    async def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Run a query on the views or tables.

        Args:
            sql: One SELECT.
            parameters: Values for its placeholders.
        """
        return await self._do(lambda db: db.execute(sql, parameters).fetchall())

    async def refresh_views(self) -> None:
        """Make the views anew from the fields that the models know and the records really have."""
        await self._do(lambda db: _in_transaction(db, lambda: views.refresh(db)))

    # --- on the store's thread --------------------------------------------------------------------------------------

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            with self._errors():
                return work(self._connection or self._open())

        # A caller that is cancelled does not leave a transaction half done: the thread finishes it.
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, run))

    def _connect(self, connection: sqlite3.Connection) -> None:
        del connection  # opening it is all there is to do

    def _open(self) -> sqlite3.Connection:
        if not self.path.parent.exists():
            raise StoreError(str(self.path), "can't be made: its folder does not exist")
        connection = sqlite3.connect(self.path, timeout=30.0, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > SCHEMA_VERSION:
            connection.close()
            raise StoreError(str(self.path), "was written by a newer tonicdm; upgrade this one, nothing was changed")
        for number in range(version, SCHEMA_VERSION):
            connection.executescript(f"BEGIN; {MIGRATIONS[number]}; PRAGMA user_version = {number + 1}; COMMIT;")
        self._connection = connection
        return connection

    def _disconnect(self, connection: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):  # views are remade at the next open; a full disk must not hide more
            _in_transaction(connection, lambda: views.refresh(connection))
        connection.close()
        self._connection = None

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise StoreError(str(self.path), _said(error)) from error


_COUNTS: Final = "SELECT type, count(*) FROM record WHERE deleted_at IS NULL GROUP BY type"
_FORGET: Final = "DELETE FROM checkpoint WHERE type = ?"
_UPSERT: Final = """
INSERT INTO record (type, id, raw, updated, quality, status, change_seq) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (type, id) DO UPDATE SET
    raw = excluded.raw, updated = excluded.updated, quality = excluded.quality, status = excluded.status,
    deleted_at = NULL, reason = NULL, change_seq = excluded.change_seq
WHERE raw <> excluded.raw OR quality <> excluded.quality OR deleted_at IS NOT NULL
"""


def _write_page(
    db: sqlite3.Connection,
    kind: str,
    records: Sequence[dict[str, Any]],
    quality: DataQuantity,
    checkpoint: Checkpoint,
) -> int:
    def write() -> int:
        (sequence,) = db.execute("SELECT coalesce(max(change_seq), 0) FROM record").fetchone()
        before = db.total_changes
        rows = (_row(kind, item, quality, sequence + number) for number, item in enumerate(records, 1))
        db.executemany(_UPSERT, rows)
        changed = db.total_changes - before
        views.note_fields(db, kind, records)
        db.execute(
            "INSERT OR REPLACE INTO checkpoint (type, next_page, done) VALUES (?, ?, ?)",
            (kind, checkpoint.next_page, checkpoint.done),
        )
        return changed

    return _in_transaction(db, write)


def _row(kind: str, item: dict[str, Any], quality: DataQuantity, sequence: int) -> tuple[Any, ...]:
    raw = json.dumps(item, ensure_ascii=False, separators=(",", ":"))
    identity = item.get("id")
    key = normalise_id(identity) if isinstance(identity, str) else raw
    status = item.get("status")
    return kind, key, raw, _updated(item), quality.value, None if status is None else str(status), sequence


def _updated(item: dict[str, Any]) -> str | None:
    """Return the record's timestamp in UTC, so that texts compare as times do."""
    for name in UPDATED_FIELDS:
        with contextlib.suppress(Refused):
            if item.get(name) is not None:
                return read_datetime(item[name]).astimezone(datetime.UTC).isoformat()
    return None


def _checkpoint(db: sqlite3.Connection, kind: str) -> Checkpoint | None:
    row = db.execute("SELECT type, next_page, done FROM checkpoint WHERE type = ?", (kind,)).fetchone()
    return None if row is None else Checkpoint(row["type"], row["next_page"], bool(row["done"]))


def _in_transaction(db: sqlite3.Connection, work: Callable[[], T]) -> T:
    db.execute("BEGIN IMMEDIATE")
    try:
        result = work()
        db.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):  # some errors, such as a full disk, have rolled back already
            db.execute("ROLLBACK")
        raise
    return result


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
