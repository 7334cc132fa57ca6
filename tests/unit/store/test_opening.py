"""What is no store is not made one, what is one is its owner's only, and errors of the disk say what they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pathlib
import sqlite3
import stat
import threading
from collections.abc import Callable
from typing import Any

import pytest

from tests.fixtures.before import firm
from tonicdm import TonicDM, UnitBudget
from tonicdm.errors import ConfigError, StoreError
from tonicdm.store import Store
from tonicdm.store.schema import SCHEMA_VERSION
from tonicdm.store.sqlite import SqliteDatabase, SqliteFile, described


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def modes(folder: pathlib.Path) -> dict[str, int]:
    return {path.name: mode(path) for path in folder.iterdir()}


@pytest.mark.parametrize("path", ["", ":memory:", "file:firm.db", "file:firm.db?mode=memory", "a\0b", "."])
def test_what_names_no_file_is_refused_and_nothing_is_made(
    path: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="Nothing was sent"):
        Store(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="modes mean little there")
async def test_a_store_is_its_owners_only_and_a_folder_keeps_its_mode(tmp_path: pathlib.Path) -> None:
    """Also -wal and -shm, and also where the umask would let everybody read."""
    os.chmod(tmp_path, 0o755)  # noqa: PTH101 - nothing else waits
    before = os.umask(0o000)
    try:
        async with Store(tmp_path / "firm.db") as store:
            await store.set_meta("a", "b")
            found = modes(tmp_path)
    finally:
        os.umask(before)
    assert found == {"firm.db": 0o600, "firm.db-wal": 0o600, "firm.db-shm": 0o600}
    assert mode(tmp_path) == 0o755


@pytest.mark.skipif(os.name == "nt", reason="modes mean little there")
async def test_a_file_of_an_earlier_version_is_closed_to_others_and_a_mode_set_since_is_kept(
    tmp_path: pathlib.Path,
) -> None:
    file = firm.opened("synced", tmp_path)
    file.chmod(0o644)
    async with Store(file):
        pass
    assert mode(file) == 0o600
    file.chmod(0o640)
    async with Store(file):
        pass
    assert mode(file) == 0o640, "whoever lets a group read it does so on purpose"


@pytest.mark.parametrize("version", [0, 3, 7])
async def test_a_database_of_another_program_is_refused_and_stays_as_it_is(
    version: int, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "music.db"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.executescript(f"CREATE TABLE meta (song TEXT); PRAGMA user_version = {version};")
    before = file.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        await Store(file).open()
    assert file.read_bytes() == before
    assert list(modes(tmp_path)) == ["music.db"]


async def test_a_newer_versions_store_is_refused_with_both_versions(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "firm.db"
    async with Store(file):
        pass
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 5}")
    with pytest.raises(StoreError, match=f"version {SCHEMA_VERSION + 5}, this one knows {SCHEMA_VERSION}"):
        await Store(file).open()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
async def test_a_file_that_is_no_database_or_damaged_is_said_so(content: bytes, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "firm.db"
    file.write_bytes(content)
    with pytest.raises(StoreError, match=r"no SQLite file|damaged"):
        await Store(file).open()
    assert file.read_bytes() == content


@pytest.mark.parametrize(
    ("text", "says", "never"),
    [
        ("database or disk is full", "the disk is full", "reported an error"),
        ("disk I/O error", "the disk reported an error", "full"),
        ("database is locked", "locked by another program", "full"),
        ("database disk image is malformed", "damaged", "full"),
        ("attempt to write a readonly database", "for writing", "full"),
    ],
)
def test_an_error_of_the_disk_is_the_one_that_it_is(text: str, says: str, never: str) -> None:
    said = described(sqlite3.OperationalError(text))
    assert says in said and never not in said


async def test_closing_waits_for_an_opening_that_was_given_up(tmp_path: pathlib.Path) -> None:
    """Whoever waited for it is cancelled; its connection must not stay open."""
    store = Store(tmp_path / "firm.db")
    opening = asyncio.ensure_future(store.open())
    await asyncio.sleep(0)
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await opening
    await store.close()
    assert store._database is None


@pytest.mark.parametrize("opens", [Store, lambda path: TonicDM("t", store=path, zone="us", budget=UnitBudget.memory())])
async def test_an_opening_that_is_given_up_at_the_head_of_a_block_leaves_no_connection(
    opens: Callable[[pathlib.Path], Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody else closes it, as the block was never entered; the connection stayed for as long as the process did."""
    begun, go = threading.Event(), threading.Event()
    open_, opened, closed = SqliteFile.open, list[SqliteDatabase](), list[SqliteDatabase]()

    def slowly(file: SqliteFile) -> SqliteDatabase:
        begun.set()
        go.wait(60)
        opened.append(database := open_(file))
        return database

    monkeypatch.setattr(SqliteFile, "open", slowly)
    monkeypatch.setattr(SqliteDatabase, "close", lambda self: (closed.append(self), self.connection.close()))
    whole = opens(tmp_path / "firm.db")
    entering = asyncio.ensure_future(whole.__aenter__())
    await asyncio.to_thread(begun.wait, 60)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    go.set()
    store = whole if isinstance(whole, Store) else whole.store
    await asyncio.to_thread(store._thread.shutdown)
    assert opened == closed != []
    await whole.close()
