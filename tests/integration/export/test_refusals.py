"""A destination takes the changes of one store only, and what is not an export's is left alone."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

import duckdb
import pytest

from tonicdm.errors import ConfigError, ExportError, StoreError
from tonicdm.export import WriteMode, dlt_source
from tonicdm.store import Store
from tonicdm.types import DataQuantity

from .conftest import Hand
from .readback import differences, from_csv, from_duckdb, from_parquet, stored

FORMS = ["duckdb", "parquet", "csv"]
READ = {"duckdb": from_duckdb, "parquet": from_parquet, "csv": from_csv}


async def keep(path: pathlib.Path, *names: str, kind: str = "offices") -> None:
    """Store records as a sync would."""
    async with Store(path) as store:
        records = [{"id": f"{name:0>32}", "name": name, "status": "active"} for name in names]
        await store.write_page(kind, records, DataQuantity.BASIC, None, stamp=await store.draw(0.0))


@pytest.fixture
def to(form: str, tmp_path: pathlib.Path) -> str:
    return f"{form}:{tmp_path / f'out.{form}'}"


def held(to: str, kind: str = "offices") -> dict:
    form, _, place = to.partition(":")
    return READ[form](pathlib.Path(place), kind)


def files(folder: pathlib.Path) -> dict[str, bytes]:
    """Return what a reader could see below a folder."""
    seen = (one for one in sorted(folder.rglob("*")) if one.is_file() and one.suffix != ".new")
    return {str(one): one.read_bytes() for one in seen if ".export" not in one.parts}


@pytest.mark.parametrize("form", FORMS)
async def test_another_store_is_refused_and_replaces_everything_when_told_to(
    form: str, to: str, hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await keep(path, "a")
    await keep(path, "p", kind="persons")
    await hand(to)
    path.rename(tmp_path / "first.db")  # noqa: ASYNC240 - nothing else waits
    await keep(path, "b", "c")
    with pytest.raises(ExportError, match="another store"):
        await hand(to)
    assert not differences(held(to), stored(tmp_path / "first.db", "offices"))
    await hand(to, full=True)
    assert not differences(held(to), stored(path, "offices"))
    with contextlib.suppress(duckdb.Error):
        assert not held(to, "persons"), "a record of the other store is left"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("later", [0, 1, 9])
async def test_a_store_restored_from_a_backup_is_noticed_however_far_it_has_got_again(
    form: str, later: int, to: str, hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """Its change_seq may be behind, the same or ahead of what the destination has seen."""
    await keep(path, "a")
    await hand(to)
    shutil.copy(path, tmp_path / "backup.db")
    await keep(path, "b", "c")
    await hand(to)
    shutil.copy(tmp_path / "backup.db", path)
    await keep(path, *(f"d{number}" for number in range(later)))
    with pytest.raises(ExportError, match="restored"):
        await hand(to)
    await hand(to, full=True)
    assert not differences(held(to), stored(path, "offices"))
    await keep(path, "e")
    await hand(to)
    assert not differences(held(to), stored(path, "offices"))


@pytest.mark.parametrize("form", FORMS)
async def test_two_destinations_and_a_choice_of_types_have_positions_of_their_own(
    form: str, to: str, hand: Hand, path: pathlib.Path
) -> None:
    await keep(path, "a")
    await keep(path, "p", kind="persons")
    await hand(to, "persons")
    await hand(f"{to}-2")
    await keep(path, "b")
    await hand(to, "persons")
    await hand(to)
    await hand(f"{to}-2")
    for one in (to, f"{to}-2"):
        for kind in ("offices", "persons"):
            assert not differences(held(one, kind), stored(path, kind))
    again = await hand(to)
    assert {one.mode for one in again.types} == {WriteMode.UNCHANGED}


@pytest.mark.parametrize("form", FORMS)
async def test_deleted_records_stay_or_go_as_the_last_run_says(
    form: str, to: str, hand: Hand, path: pathlib.Path
) -> None:
    await keep(path, "a", "b")
    async with Store(path) as store:
        soft = [{"id": f"{'c':0>32}", "status": "deleted"}]
        await store.write_page("offices", soft, DataQuantity.BASIC, None, stamp=await store.draw(0.0))
    await hand(to)
    assert not differences(held(to), stored(path, "offices"))
    assert len(held(to)) == 2
    await hand(to, keep_deleted=True)
    assert not differences(held(to), stored(path, "offices", deleted=True))
    assert len(held(to)) == 3
    await hand(to)
    assert len(held(to)) == 2


async def test_tables_and_files_of_others_are_left_alone(
    hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await keep(path, "a")
    with contextlib.closing(duckdb.connect(str(tmp_path / "own.duckdb"))) as db:
        db.execute("CREATE TABLE Offices AS SELECT 1 AS mine")
    for full in (False, True):
        with pytest.raises(ExportError, match="of its own"):
            await hand(f"duckdb:{tmp_path / 'own.duckdb'}", full=full)
    with contextlib.closing(duckdb.connect(str(tmp_path / "own.duckdb"))) as db:
        assert db.execute("FROM Offices").fetchall() == [(1,)]
    (tmp_path / "own" / "offices").mkdir(parents=True)
    (tmp_path / "own" / "offices" / "mine.parquet").write_text("x")
    with pytest.raises(ExportError, match="of its own"):
        await hand(f"parquet:{tmp_path / 'own'}")
    assert [*files(tmp_path / "own").values()] == [b"x"]
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 1000)
    with pytest.raises(ExportError, match="no DuckDB file"):
        await hand(f"duckdb:{tmp_path / 'letter.txt'}")
    with pytest.raises(ExportError, match="folder exist"):
        await hand(f"duckdb:{tmp_path / 'nowhere' / 'firm.duckdb'}")
    with pytest.raises(ExportError, match="No such file"):
        await hand(f"parquet:{tmp_path / 'nowhere' / 'csv'}")


async def test_a_table_that_someone_has_changed_is_made_anew(
    hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await keep(path, "a", "b")
    await hand(f"duckdb:{tmp_path / 'a.duckdb'}")
    await hand(f"parquet:{tmp_path / 'p'}")
    with contextlib.closing(duckdb.connect(str(tmp_path / "a.duckdb"))) as db:
        db.execute("ALTER TABLE offices DROP COLUMN name")
    (tmp_path / "p" / "offices" / "offices.parquet").unlink()
    assert (await hand(f"duckdb:{tmp_path / 'a.duckdb'}")).types[0].mode is WriteMode.WHOLE
    assert (await hand(f"parquet:{tmp_path / 'p'}")).types[0].mode is WriteMode.WHOLE
    assert not differences(from_duckdb(tmp_path / "a.duckdb", "offices"), stored(path, "offices"))
    assert not differences(from_parquet(tmp_path / "p", "offices"), stored(path, "offices"))


async def test_a_destination_in_use_is_said_and_unchanged(
    hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await keep(path, "a")
    await hand(f"duckdb:{tmp_path / 'a.duckdb'}")
    await hand(f"parquet:{tmp_path / 'p'}")
    await keep(path, "b")
    before = files(tmp_path / "p")
    script = (
        "import sys, duckdb, sqlite3\n"
        "db = duckdb.connect(sys.argv[1], read_only=True)\n"
        "lock = sqlite3.connect(sys.argv[2] + '/.export/lock'); lock.execute('BEGIN EXCLUSIVE')\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "a.duckdb"), str(tmp_path / "p")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:  # noqa: ASYNC220
        assert other.stdout is not None
        assert other.stdout.readline()
        with pytest.raises(ExportError, match="open in another program"):
            await hand(f"duckdb:{tmp_path / 'a.duckdb'}")
        with pytest.raises(ExportError, match="another export"):
            await hand(f"parquet:{tmp_path / 'p'}")
        other.communicate()
    assert files(tmp_path / "p") == before
    await hand(f"duckdb:{tmp_path / 'a.duckdb'}")
    assert len(from_duckdb(tmp_path / "a.duckdb", "offices")) == 2


async def test_what_is_no_destination_or_no_store_is_said(
    hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    await keep(path, "a")
    for to in ("firm.duckdb", "excel:firm.xlsx", "duckdb:", ""):
        with pytest.raises(ConfigError, match="duckdb:FILE"):
            await hand(to)
    await hand(f"parquet:{tmp_path / 'p'}")
    with pytest.raises(ExportError, match="export as parquet"):
        await hand(f"csv:{tmp_path / 'p'}")
    manifest = tmp_path / "p" / "manifest.json"
    held_before = manifest.read_text()
    for text, said in (("{", "can't be read"), (json.dumps({"version": 99}), "newer tonicdm")):
        manifest.write_text(text)
        with pytest.raises(ExportError, match=said):
            await hand(f"parquet:{tmp_path / 'p'}")
    manifest.write_text(held_before)
    with pytest.raises(StoreError, match="does not exist"):
        dlt_source(tmp_path / "none.db")
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam, " * 100)
    with pytest.raises(StoreError, match="no SQLite"):
        dlt_source(tmp_path / "letter.txt")


@pytest.mark.parametrize("missing", ["duckdb", "dlt", "pyarrow", "pandas"])
async def test_a_missing_extra_is_named(
    missing: str, hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await keep(path, "a")
    monkeypatch.setitem(sys.modules, missing, None)
    extra = {"pyarrow": "arrow"}.get(missing, missing)

    async def use() -> None:
        async with Store(path) as store:
            if missing == "duckdb":
                await hand(f"parquet:{tmp_path / 'p'}")
            elif missing == "dlt":
                dlt_source(path)
            else:
                await (store.to_arrow("offices") if missing == "pyarrow" else store.to_pandas("offices"))

    with pytest.raises(ConfigError, match=rf"the extra {extra}: pip install"):
        await use()
    assert not (tmp_path / "p").exists()


async def test_no_message_repeats_a_value(hand: Hand, path: pathlib.Path, tmp_path: pathlib.Path) -> None:
    await keep(path, "a")
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE record SET deleted_at = 'secret-value', reason = 'deleted'")
    with pytest.raises(ExportError) as caught:
        await hand(f"duckdb:{tmp_path / 'a.duckdb'}", keep_deleted=True)
    assert "secret-value" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert os.fspath(tmp_path) in str(caught.value)
