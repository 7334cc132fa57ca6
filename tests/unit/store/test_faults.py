"""A store whose disk, file or upgrade fails: what was there stays, and the error says what to do."""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import sys
from types import SimpleNamespace

import pytest

from tests.cases import for_each
from tonicdm.errors import ConfigError, StoreError
from tonicdm.plan.owner import Ownership
from tonicdm.store import Store, care, erasing, sqlite
from tonicdm.store.database import Database
from tonicdm.store.forgetting import Forgotten
from tonicdm.store.opening import locate
from tonicdm.store.owner import Owner, read_owner
from tonicdm.store.ownership import _id_of, _note
from tonicdm.store.sqlite import SCHEMA_VERSION, SqliteFile, upgrade


@pytest.fixture
def firm(tmp_path: pathlib.Path) -> pathlib.Path:
    SqliteFile(tmp_path / "firm.db").open().close()
    return tmp_path / "firm.db"


# --- upgrades ---------------------------------------------------------------------------------------------------------


def test_a_step_of_an_upgrade_that_fails_leaves_the_tables_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps before it stay: each has a transaction of its own."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    broken = (*sqlite.MIGRATIONS[:2], "CREATE TABLE half (x); NO STATEMENT", *sqlite.MIGRATIONS[3:])
    with monkeypatch.context() as patch:
        patch.setattr(sqlite, "MIGRATIONS", broken)
        with pytest.raises(sqlite3.OperationalError):
            upgrade(db, 0)
    assert db.execute("PRAGMA user_version").fetchone() == (2,)
    assert not db.execute("SELECT * FROM sqlite_master WHERE name = 'half'").fetchall()
    upgrade(db, 2)
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)


def test_a_step_that_another_process_has_made_meanwhile_is_not_made_twice() -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    upgrade(db, 0)
    before = db.execute("SELECT * FROM sqlite_master").fetchall()
    upgrade(db, 0)  # seen before the other one's
    assert db.execute("SELECT * FROM sqlite_master").fetchall() == before


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_store_in_postgresql_names_the_extra_that_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("tonicdm.store.postgresql")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match="the extra postgres"):
        locate("postgresql://localhost/firm")


def test_a_schema_is_for_a_database_and_not_for_a_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ConfigError, match="a schema is for a store in PostgreSQL"):
        locate(tmp_path / "firm.db", "firm")


# --- care -------------------------------------------------------------------------------------------------------------


def test_a_backup_into_a_folder_that_is_not_there_makes_nothing(firm: pathlib.Path) -> None:
    with pytest.raises(StoreError, match="its folder does not exist"):
        care.backup(firm, firm.parent / "none" / "copy.db")


def test_a_backup_that_the_disk_refuses_leaves_no_part_of_it(
    firm: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_part: pathlib.Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StoreError, match="No space left on device"):
        care.make_backup(firm.with_name("copy.db"), full, overwrite=False)
    assert [path.name for path in firm.parent.iterdir() if "copy" in path.name] == []


def test_a_file_is_not_written_anew_where_the_disk_has_no_room_for_it_twice(
    firm: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _path: SimpleNamespace(free=1_000))
    with pytest.raises(StoreError, match="the disk has 1,000"):
        care.compact(firm)


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_others_can_read_is_told(firm: pathlib.Path) -> None:
    assert not [remark for remark in care.check(firm).remarks if "chmod" in remark]
    firm.chmod(0o644)
    assert [remark for remark in care.check(firm).remarks if "chmod 600" in remark]


def test_a_file_of_an_earlier_version_is_checked_without_being_changed(tmp_path: pathlib.Path) -> None:
    db = sqlite3.connect(tmp_path / "old.db", isolation_level=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite, "SCHEMA_VERSION", 5)
        upgrade(db, 0)
    db.close()
    before = (tmp_path / "old.db").read_bytes()
    found = care.check(tmp_path / "old.db")
    assert found.version == 5
    assert [remark for remark in found.remarks if f"brings them to {SCHEMA_VERSION}" in remark]
    assert (tmp_path / "old.db").read_bytes() == before


# --- erasing ----------------------------------------------------------------------------------------------------------


def test_an_erasure_that_fails_half_way_leaves_all_as_it_was(
    firm: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(db: Database, person: str, _at: str) -> Forgotten:
        db.execute("INSERT INTO capability (type, name, value) VALUES ('persons', 'half', ?)", (person,))
        raise RuntimeError("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "forget_person", half)
        with pytest.raises(RuntimeError, match="interrupted"):
            erasing.erase_person(firm, "a" * 32, "2026-01-01T00:00:00+00:00")
    with contextlib.closing(SqliteFile(firm).open()) as db:
        assert db.execute("SELECT * FROM capability").fetchall() == []
    assert not erasing.erase_person(firm, "a" * 32, "2026-01-01T00:00:00+00:00").in_pages


@for_each(("error", "in_pages"), [("database is locked", True), ("disk I/O error", None)])
def test_what_is_erased_stays_so_where_another_reader_keeps_old_pages(
    error: str, in_pages: bool | None, firm: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its free pages are left, which is said; an error of the disk is an error of the store."""

    def fails(_db: object) -> bool:
        raise sqlite3.OperationalError(error)

    monkeypatch.setattr(care, "rewrite", fails)
    if in_pages is None:
        with pytest.raises(StoreError, match="the disk reported an error"):
            erasing.erase_person(firm, "a" * 32, "2026-01-01T00:00:00+00:00")
    else:
        assert erasing.erase_person(firm, "a" * 32, "2026-01-01T00:00:00+00:00").in_pages


# --- whose it is ------------------------------------------------------------------------------------------------------


@for_each(
    ("body", "identity"),
    [
        (b'{"id": "%s"}' % (b"A" * 32), "a" * 32),
        (b'[{"id": "%s"}]' % (b"a" * 32), "a" * 32),
        (b"[]", None),
        (b'[{"id": "x"}, {"id": "y"}]', None),
        (b'{"id": ""}', None),
        (b'{"id": 5}', None),
        (b"5", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_only_one_object_with_an_id_says_whose_records_they_are(body: bytes, identity: str | None) -> None:
    assert _id_of(body) == identity


async def test_a_second_token_of_the_owner_is_remembered_beside_the_first(firm: pathlib.Path) -> None:
    """Those of another server are not: they prove nothing of this one."""
    owner = Owner("a" * 32, "tonicdm")
    async with Store(firm) as store:
        assert await _note(store, None, owner, "first", Ownership.FIRST) == ""
        known = await store.read(read_owner)
        assert await _note(store, known, owner, "second", Ownership.SAME) == ""
        known = await store.read(read_owner)
        assert known is not None
        assert set(known.fingerprints) == {"first", "second"}
        why = await _note(store, known, Owner("a" * 32, "proxy.example"), "third", Ownership.SAME)
        assert "on another server (proxy.example; before tonicdm)" in why
        moved = await store.read(read_owner)
    assert moved is not None
    assert moved.fingerprints == ("third",)
