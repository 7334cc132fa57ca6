"""Commands that take a store: what can't be one is refused before anything is sent; quarantine is listed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import pathlib
import sqlite3

import pytest
from click.testing import CliRunner, Result

from tests.cases import for_each
from tonicdm.cli.app import tonicdm
from tonicdm.store import Store
from tonicdm.types import DataQuantity

ID = "0" * 31 + "1"


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("TONICDM_TOKEN", "token")
    # Nothing listens there: whoever sends something ends with code 5.
    monkeypatch.setenv("TONICDM_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TONICDM_BUDGET", "memory")
    monkeypatch.chdir(tmp_path)
    with contextlib.closing(sqlite3.connect("music.db")) as db:
        db.execute("CREATE TABLE song (name TEXT)")
    pathlib.Path("notes.txt").write_text("no database at all, but of some length " * 200)
    pathlib.Path("firm").mkdir()
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(tonicdm, arguments)


@for_each(
    ("arguments", "code", "says"),
    [
        (["firm.db", "--types", "nonsense"], 2, "no such record type: nonsense; there are organizations"),
        (["firm.db", "--types", "offices,,persons"], 2, "no such record type"),
        (["firm.db", "--types", ""], 2, "no such record type"),
        (["firm"], 2, "directory"),
        ([":memory:"], 2, "a file that is still there tomorrow"),
        (["file:firm.db"], 2, "a file that is still there tomorrow"),
        (["nowhere/firm.db"], 6, "its folder does not exist"),
        (["music.db"], 6, "another program"),
        (["notes.txt"], 6, "no SQLite file"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
@for_each("command", ["sync", "plan"])
def test_what_cannot_be_synced_is_refused_before_anything_is_sent(
    command: str, arguments: list[str], code: int, says: str, folder: pathlib.Path
) -> None:
    if (command, arguments) == ("plan", ["nowhere/firm.db"]):
        pytest.skip("a plan makes no file")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    done = run(command, *arguments)
    said = " ".join(done.output.split())
    assert (done.exit_code, says in said) == (code, True), said
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before


async def keep(*records: dict[str, str]) -> None:
    async with Store("firm.db") as store:
        await store.write_page("offices", records, DataQuantity.BASIC)


def test_quarantine_lists_what_came_and_decodes_it_anew(folder: pathlib.Path) -> None:
    asyncio.run(keep({"id": ID, "name": "\ud800"}, {"name": "secret"}))
    listed = run("quarantine", "firm.db")
    assert listed.exit_code == 0
    assert ID in listed.output and "surrogates" in listed.output and "unreadable" in listed.output
    assert "secret" not in listed.output
    lines = json.loads(run("quarantine", "firm.db", "--json").stdout)
    assert {one["id"] for one in lines} == {ID, None}
    assert any("secret" in one["raw"] for one in lines)
    tried = run("quarantine", "firm.db", "--retry")
    assert "0 of 2 are records now" in tried.output
    with contextlib.closing(sqlite3.connect("firm.db")) as db, db:
        db.execute("UPDATE quarantine SET raw = ? WHERE id = ?", (json.dumps({"id": ID, "name": "A"}).encode(), ID))
    assert "1 of 2 are records now" in run("quarantine", "firm.db", "--retry").output
    with contextlib.closing(sqlite3.connect("firm.db")) as db:
        assert db.execute("SELECT name, quarantined FROM offices").fetchall() == [("A", None)]
    assert run("quarantine", "missing.db").exit_code == 2
