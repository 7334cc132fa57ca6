"""An export reads a store that another program writes to, or that can't be written; else it says why not."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import sqlite3
import sys
from collections.abc import Iterator

import pytest

from tests import places
from tests.fixtures.before import firm
from tonicdm.errors import StoreError
from tonicdm.export import WriteMode, export
from tonicdm.store import Store

from .conftest import PERSONS, Run

NOBODY = 65_534


@contextlib.contextmanager
def written(file: pathlib.Path) -> Iterator[None]:
    """Another program is in the middle of a long change."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE record SET raw = '{}'")
        yield
        db.execute("ROLLBACK")


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tonicdm.export.source.NOTE_SECONDS", 0.05)


async def test_a_store_that_another_program_writes_is_exported_as_it_was_before_and_goes_on_later(
    run: Run, server, file: pathlib.Path, tmp_path: pathlib.Path, clock
) -> None:
    to = f"duckdb:{tmp_path / 'out.duckdb'}"
    await run("persons")
    with written(file):
        (done,) = (await export(Store(file), to)).types
    assert done.written == firm.COUNTS["persons"]
    clock.advance(86_400)
    server.put(PERSONS, [firm.record("persons", 1, clock.now() - 60)])
    clock.advance(3600)
    await run("persons")
    (done,) = (await export(Store(file), to)).types
    assert (done.mode, done.written) == (WriteMode.CHANGES, 1)
    with written(file):
        (done,) = (await export(Store(file), to)).types
    assert done.mode is WriteMode.UNCHANGED


@contextlib.contextmanager
def unwritable(folder: pathlib.Path) -> Iterator[None]:
    """Nobody may write to a folder; an administrator, who may all the same, is somebody else meanwhile."""
    files = [folder, *folder.iterdir()]
    administrator = os.geteuid() == 0
    for path in files:
        path.chmod(0o555)
    if administrator:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if administrator:
            os.seteuid(0)
        for path in files:
            path.chmod(0o755)


@pytest.fixture
def public() -> Iterator[pathlib.Path]:
    """A folder that everybody may reach."""
    with places.open_folder(0o777) as folder:
        yield folder


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean little there")
@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("as it is", ""),
        ("open elsewhere", ""),
        ("copied while it was open", "Copy both to where they can be written"),
        ("of an earlier version", "Copy it, or open it once where it can be written"),
    ],
)
async def test_a_store_that_cannot_be_written_is_exported_or_it_is_said_why_not(
    state: str, says: str, run: Run, public: pathlib.Path
) -> None:
    folder = public / "firm"
    folder.mkdir()
    file = folder / "firm.db"
    if state == "of an earlier version":
        firm.opened("synced", folder).rename(file)
    else:
        await run("persons", at=file)
    async with contextlib.AsyncExitStack() as stack:
        if "open" in state:
            store = await stack.enter_async_context(Store(file))
            await store.set_meta("a", "b")
        if "copied" in state:
            folder = public / "copy"
            folder.mkdir()
            for name in ("firm.db", "firm.db-wal"):
                shutil.copy(file.with_name(name), folder / name)
            file = folder / "firm.db"
        with unwritable(folder):
            if says:
                with pytest.raises(StoreError, match=says):
                    await export(Store(file), f"csv:{public / 'out'}")
            else:
                for mode in (WriteMode.WHOLE, WriteMode.UNCHANGED):
                    (done,) = (await export(Store(file), f"csv:{public / 'out'}")).types
                    assert done.mode is mode


async def test_what_is_no_store_is_no_source(tmp_path: pathlib.Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "music.db")) as db:
        db.execute("CREATE TABLE song (name TEXT)")
    with pytest.raises(StoreError, match="another program"):
        await export(Store(tmp_path / "music.db"), f"csv:{tmp_path / 'out'}")
