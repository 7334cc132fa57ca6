"""A few rows are looked at in the event loop: never before what was begun earlier, and not for long."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tonicdm.errors import StoreError
from tonicdm.store import Store, rows
from tonicdm.store.database import Database
from tonicdm.store.direct import LOCKED_SECONDS, MISSED, PAUSE_FACTOR, SLICE_SECONDS, SLOW_SECONDS, DirectReads
from tonicdm.store.sqlite import SqliteFile


def where(_db: Database) -> str:
    """Name the thread that reads."""
    return "loop" if threading.current_thread() is threading.main_thread() else "thread"


def noted(db: Database) -> str | None:
    return rows.note(db, "x")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open store, whose first look has opened the connection for the others.

    No look takes long, whatever the machine does meanwhile: the time that its looks are measured by stands still.
    """
    async with Store(tmp_path / "firm.db") as store:
        store._direct._clock = lambda: 0.0
        assert await store.read_few(where) == "thread"
        assert await store.read_few(where) == "loop"
        yield store


async def test_a_look_sees_what_was_written_before_it(store: Store):
    for number in range(5):
        await store.set_meta("x", str(number))
        assert await store.read_few(noted) == str(number)
        assert await store.read_few(where) == "loop"


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_look_never_overtakes_what_was_begun_before_it(store: Store, cancelled: bool):
    """Also not what goes on for a caller that has left."""
    may_end = threading.Event()

    def work(db: Database) -> None:
        rows.put_note(db, "x", "new")
        may_end.wait(60)

    writing = asyncio.ensure_future(store.write(work))
    await asyncio.sleep(0)
    if cancelled:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing
    looking = asyncio.ensure_future(store.read_few(lambda db: (noted(db), where(db))))
    await asyncio.sleep(0)
    may_end.set()
    assert await looking == ("new", "thread")
    assert await store.read_few(where) == "loop"


async def test_a_look_sees_what_another_program_has_written(store: Store):
    with contextlib.closing(sqlite3.connect(str(store.location.name))) as other:
        other.execute("INSERT INTO meta VALUES ('x', 'theirs')")
        other.commit()
        assert await store.read_few(noted) == "theirs"
        # A transaction that is open writes to nobody yet, and keeps no reader waiting.
        other.execute("UPDATE meta SET value = 'not yet' WHERE name = 'x'")
        assert await store.read_few(lambda db: (noted(db), where(db))) == ("theirs", "loop")


async def test_nothing_is_written_in_the_event_loop(store: Store):
    """The connection can't; the thread does it."""
    await store.read_few(lambda db: rows.put_note(db, "x", "written"))
    assert await store.read(noted) == "written"


async def test_an_error_is_the_threads(store: Store):
    """It is the store's own, as of every other read."""
    with pytest.raises(StoreError):
        await store.read_few(lambda db: db.execute("SELECT * FROM nothing"))


async def test_a_closed_store_reads_nothing(tmp_path: Path):
    store = Store(tmp_path / "firm.db")
    for _ in range(2):
        await store.read_few(noted)
    await store.close()
    with pytest.raises(RuntimeError):
        await store.read_few(noted)


async def test_other_tasks_get_their_turn_between_looks(store: Store):
    turns = 0
    store._direct._clock = time.perf_counter

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    for _ in range(100_000):
        await store.read_few(noted)
        if turns > 3:
            break
    task.cancel()
    assert turns > 3


class Location(SqliteFile):
    """A place whose second connection opens where the test wants it, or not."""

    beside: Any = None
    opened_on: str = ""

    def open_beside(self) -> Any:
        self.opened_on = threading.current_thread().name
        if isinstance(self.beside, Exception):
            raise self.beside
        return self.beside


@pytest.mark.parametrize("beside", [None, sqlite3.OperationalError("unable to open database file")])
async def test_without_a_second_connection_the_thread_reads(tmp_path: Path, beside: Any):
    """A server's database has none. It is not tried anew for each read."""
    location = Location(tmp_path / "firm.db")
    location.beside = beside
    async with Store(location) as store:
        assert [await store.read_few(where) for _ in range(3)] == ["thread"] * 3
        assert location.opened_on.startswith("tonicdm-store")
        location.opened_on = ""
        await store.read_few(noted)
        assert not location.opened_on


class Reads:
    """Looks that take as long as they are told."""

    def __init__(self, tmp_path: Path) -> None:
        self.now = 100.0
        location = Location(tmp_path / "firm.db")
        location.beside = object()
        self.direct = DirectReads(location, clock=lambda: self.now)
        self.direct.open()

    async def look(self, seconds: float, *, fails: bool = False) -> Any:
        def work(_db: Database) -> str:
            self.now += seconds
            if fails:
                raise sqlite3.OperationalError("database is locked")
            return "read"

        return await self.direct.look(work)


async def test_after_a_slow_look_the_thread_reads_for_twenty_times_as_long(tmp_path: Path):
    """So of the loop's time a slow disk takes a twentieth at most."""
    reads = Reads(tmp_path)
    assert await reads.look(SLOW_SECONDS * 2) == "read"
    assert await reads.look(0) is MISSED
    reads.now += SLOW_SECONDS * 2 * PAUSE_FACTOR * 0.9
    assert await reads.look(0) is MISSED
    reads.now += SLOW_SECONDS * 2 * PAUSE_FACTOR * 0.2
    assert await reads.look(SLOW_SECONDS / 2) == "read"
    assert await reads.look(0) == "read"


async def test_after_a_lock_the_thread_reads_for_a_while(tmp_path: Path):
    reads = Reads(tmp_path)
    assert await reads.look(0, fails=True) is MISSED
    assert await reads.look(0) is MISSED
    reads.now += LOCKED_SECONDS * 1.1
    assert await reads.look(0) == "read"


async def test_quick_looks_add_up_to_a_turn_of_the_others(tmp_path: Path):
    reads, turns = Reads(tmp_path), []
    asyncio.get_running_loop().call_soon(turns.append, "turn")
    await reads.look(SLICE_SECONDS * 0.6)
    assert not turns
    await reads.look(SLICE_SECONDS * 0.6)
    assert turns
