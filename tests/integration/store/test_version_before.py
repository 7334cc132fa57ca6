"""Files of the version before are opened with nothing lost, and go on where they ended."""

from __future__ import annotations

import pathlib

import pytest

from tests.fixtures.before import firm
from tests.integration.sync.conftest import held
from tests.listserver import ListServer
from tonicdm import TonicDM
from tonicdm.clock import VirtualClock
from tonicdm.conformance import Profile
from tonicdm.errors import StoreError
from tonicdm.store import Store, sqlite
from tonicdm.store.schema import SCHEMA_VERSION
from tonicdm.webhooks import Inbox

from .conftest import Run, report_of, rows

ALL = tuple(firm.COUNTS)


@pytest.fixture(autouse=True)
def later(server: ListServer) -> None:
    """What changed before the passes in whose middle the files were left."""
    firm.change(server)


KEPT = {
    "record": "SELECT type, id, raw, updated, quality, status, deleted_at, reason, change_seq FROM record",
    "watermark": "SELECT type, until, audited, changes, listed FROM watermark",
    "checkpoint": "SELECT type, stage, next_page, since, started FROM checkpoint",
    "scan": "SELECT type, id, page, stale, updated FROM scan",
    "history": "SELECT type, changed, deleted, units FROM history",
    "capability": "SELECT type, name, value FROM capability",
    "event": "SELECT key, type, signed, received, body, copies FROM event",
    "errand": "SELECT number, event, kind, id, updated, state, looked, outcome, attempts, due, owner, lease_until, "
    "error, ended FROM errand",
}
"""All that a file holds, by table."""

NAMES = ["synced", "mid-load", "mid-load-unpaged", "mid-changes", "mid-compare", "mid-audit", "inbox"]


@pytest.mark.parametrize("name", NAMES)
async def test_opening_a_file_keeps_all_that_it_holds(name: str, tmp_path: pathlib.Path) -> None:
    """Records, watermarks, checkpoints, scans and jobs are the same after the file was brought to this version."""
    file = firm.opened(name, tmp_path)
    before = {table: rows(file, sql) for table, sql in KEPT.items()}
    async with Store(file):
        pass
    assert {table: rows(file, sql) for table, sql in KEPT.items()} == before


@pytest.mark.parametrize("name", [name for name in NAMES if name != "inbox"])
async def test_the_next_run_ends_exact(name: str, run: Run, server: ListServer, tmp_path: pathlib.Path) -> None:
    """What was interrupted in any stage goes on, and the copy then equals the server."""
    file = firm.opened(name, tmp_path)
    await run(*ALL, at=file, audit="always")
    for kind, path in firm.PATHS.items():
        assert held(file, kind) == server.tables[path], kind
    assert rows(file, "SELECT count(*) FROM checkpoint") == [(0,)]


async def test_a_first_load_goes_on_behind_its_last_page(run: Run, server: ListServer, tmp_path: pathlib.Path) -> None:
    """The page that the version before has paid for is not paid for again."""
    await run("persons", at=firm.opened("mid-load", tmp_path), audit="always")
    pages = [one.page for one in server.calls if one.data_quantity == "basic" and "updated_after" not in one.options]
    assert pages[0] == 2


async def test_a_row_that_was_no_record_is_removed_and_it_is_said(
    run: Run, server: ListServer, tmp_path: pathlib.Path
) -> None:
    """The version before stored an answer that was no list under its own text; each later run ended by an error."""
    file = firm.opened("poisoned", tmp_path)
    assert rows(file, "SELECT count(*) FROM record WHERE id LIKE '{%'") == [(1,)]
    found = report_of(await run("files", at=file, audit="always"), "files")
    assert found.cleaned == 1
    assert "were removed" in "; ".join(found.why)
    assert held(file, "files") == server.tables[firm.PATHS["files"]]
    assert rows(file, "SELECT reason FROM record WHERE id LIKE '{%'") == [("no record",)]
    assert report_of(await run("files", at=file, audit="always"), "files").cleaned == 0


async def test_the_jobs_of_an_inbox_have_their_new_names_and_can_be_read_under_the_old_ones(
    tmp_path: pathlib.Path,
) -> None:
    """Open jobs, leases and dead letters are in `job` as they were in `errand`, now a view that can't be written."""
    file = firm.opened("inbox", tmp_path)
    before = rows(file, "SELECT * FROM errand ORDER BY number")
    assert {row[5] for row in before} == {"received", "leased", "done", "dead"}
    async with Store(file) as store:
        assert await store.query("SELECT * FROM job ORDER BY number") == before
        assert await store.query("SELECT * FROM errand ORDER BY number") == before
        with pytest.raises(StoreError, match="view"):  # a process of the version before that still has the file open
            await store.write(lambda db: db.execute("UPDATE errand SET state = 'done'"))
        assert await store.query("SELECT * FROM job ORDER BY number") == before


async def test_a_version_that_knows_no_jobs_refuses_a_file_that_has_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    """It names both versions and leaves the file as it is; nothing is left half way."""
    file = firm.opened("inbox", tmp_path)
    async with Store(file):
        pass
    before = rows(file, "SELECT * FROM job ORDER BY number")
    monkeypatch.setattr(sqlite, "SCHEMA_VERSION", SCHEMA_VERSION - 1)
    with pytest.raises(StoreError, match=f"have version {SCHEMA_VERSION}, this one knows {SCHEMA_VERSION - 1}"):
        async with Store(file):
            pass
    assert rows(file, "SELECT * FROM job ORDER BY number") == before


async def test_open_jobs_of_an_inbox_stay_open(tmp_path: pathlib.Path) -> None:
    """What was received is worked off, what was leased comes back when its lease ends, what ended has ended."""
    file = firm.opened("inbox", tmp_path)
    async with Store(file) as store:
        inbox = Inbox(store, clock=VirtualClock(firm.LATER))
        lease = await inbox.lease(fetch=["persons"])
        assert [one.key for one in lease.jobs] == ["e2", "e3"]
        assert {entry.state: entry.key for entry in await inbox.find() if entry.state in {"done", "dead"}} == {
            "done": "e0",
            "dead": "e1",
        }


def test_a_profile_is_read_with_all_its_answers() -> None:
    profile = Profile.read(firm.FOLDER / "profile.toml")
    assert profile.answers == {
        "option_source": "header", "ids_per_call": 120, "page_size_max": 500, "page_proven": 200,
    }  # fmt: skip
    assert profile.unsettled == {"updated_after": "no record changed"}
    client = TonicDM("token", profile=firm.FOLDER / "profile.toml", base_url="https://firm.example.org")
    assert client.caller.facts.ids_per_call == 120
