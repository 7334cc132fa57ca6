"""``tonicdm rhythm sync`` and ``query`` in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import psycopg
import pytest
from click.testing import CliRunner

from tests.unit.rhythm.kept import SEALING_KEY
from tonicdm.cli.app import tonicdm
from tonicdm.rhythm import MemoryTokenStore, TokenBroker
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings


@pytest.fixture
async def live(tmp_path, monkeypatch):
    """A sandbox in real time, and the variables that lead to it."""
    async with RhythmSandbox(records=200, settings=RhythmSettings(query_queued_seconds=0, query_seconds=0)) as box:
        broker = TokenBroker(box.auth_url, box.client_id, box.client_secret, store=MemoryTokenStore())
        monkeypatch.setenv("RHYTHM_TOKEN", (await broker.token()).reveal())
        await broker.close()
        monkeypatch.setenv("RHYTHM_TENANT_ID", box.tenant_id)
        monkeypatch.setenv("RHYTHM_BASE_URL", box.service_url)
        monkeypatch.chdir(tmp_path)
        yield box


async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tonicdm.cli", "rhythm", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "120"}, check=False
    )


async def test_sync_fills_a_file_and_tells_what_it_did(live: RhythmSandbox, tmp_path) -> None:
    done = await run("sync", "firm.db", "--types", "contacts")
    assert done.returncode == 0, done.stderr
    assert "rhythm_contacts" in done.stdout and "everything" in done.stdout
    ((count,),) = sqlite3.connect("firm.db").execute("SELECT count(*) FROM rhythm_contacts").fetchall()
    assert count == 200
    again = await run("sync", "firm.db", "--types", "contacts", "--json", "--compare", "always")
    said = json.loads(again.stdout)
    assert said["changed"] == 0 and said["types"][0]["compared"]


async def test_hosts_with_one_database_share_tokens_pace_and_notes_and_sync_into_it(
    live: RhythmSandbox, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    """One mint for a sync, a query and a report; the copy has its views, and the database no secret in clear."""
    for name in ("RHYTHM_TOKEN", "RHYTHM_TOKENS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "RHYTHM_CLIENT_ID": live.client_id,
        "RHYTHM_CLIENT_SECRET": live.client_secret,
        "RHYTHM_AUTH_DOMAIN": live.auth_url,
        "RHYTHM_DATABASE": postgres_url,
        "RHYTHM_TOKENS_KEY": SEALING_KEY,
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }.items():
        monkeypatch.setenv(name, value)
    before = len(live.mints())
    done = await run("sync", postgres_url, "--schema", "firm", "--types", "contacts")
    assert done.returncode == 0, done.stderr
    assert "rhythm_contacts\t200\t200" in done.stdout
    asked = await run("query", "rows.json", "--type", "rolodex:contacts", "--fields", "id", "--database", postgres_url)
    assert asked.returncode == 0, asked.stderr
    assert len(live.mints()) == before + 1
    report = await asyncio.to_thread(
        CliRunner().invoke, tonicdm, ["report", postgres_url, "--schema", "firm", "-o", "page.html"]
    )
    assert report.exit_code == 0, report.output
    page = await asyncio.to_thread((tmp_path / "page.html").read_text, encoding="utf-8")
    assert "rhythm_contacts" in page
    assert "/auth0" in page, "whose machine tokens are counted"
    with psycopg.connect(postgres_url) as db:
        assert db.execute("SELECT count(*) FROM firm.rhythm_contacts").fetchone() == (200,)
        assert db.execute("SELECT count(*) FROM tonicdm_rhythm.throttle").fetchone() == (1,)
        assert db.execute("SELECT count(*) FROM tonicdm_rhythm.note").fetchone() == (0,)
        (ledger,) = db.execute("SELECT document FROM tonicdm_rhythm.token_ledger").fetchone() or ("",)
    assert live.client_id in ledger
    assert "eyJ" not in ledger, "a token begins so"
    assert live.client_secret not in ledger


async def test_query_writes_a_file_and_resumes_by_id(live: RhythmSandbox, tmp_path) -> None:
    criteria = tmp_path / "criteria.json"
    criteria.write_text('{"all": [{"field": "number", "operator": "gt", "value": 0}]}')
    done = await run(
        "query",
        "rows.csv",
        "--type",
        "rolodex:contacts",
        "--fields",
        "id,name",
        "--criteria",
        "@criteria.json",
        "--output-format",
        "csv",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("200 rows")
    (job,) = live.queries()
    other = await run("query", "rows2.csv", "--resume", job.id, "--output-format", "csv")
    assert other.returncode == 0, other.stderr
    assert (tmp_path / "rows2.csv").read_bytes() == (tmp_path / "rows.csv").read_bytes()
    assert len(live.queries()) == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("query", "out.json"), 2, "give --type"),
        (("query", "out.json", "--type", "contacts", "--fields", "id"), 2, "no query type"),
        (("query", "out.json", "--type", "rolodex:contacts", "--tenant", "a/b"), 2, "holds a slash"),
        (("query", "out.json", "--type", "rolodex:contacts", "--criteria", "{"), 2, "can't be read as JSON"),
        (("query", "nowhere/out.json", "--type", "rolodex:contacts", "--fields", "id"), 6, "its folder does not exist"),
        (("sync", "firm.db", "--types", "people"), 2, "can't be synced"),
        (("sync", "firm.db", "--lookback", "soon"), 2, "--lookback takes a time"),
    ],
)
def test_what_is_wrong_is_told_by_message_and_code(arguments, code: int, said: str, monkeypatch, tmp_path) -> None:
    """Nothing is sent: there is no server."""
    monkeypatch.chdir(tmp_path)
    environ = {
        "RHYTHM_TENANT_ID": "example.org",
        "RHYTHM_TOKEN": "t",
        "RHYTHM_BASE_URL": "http://127.0.0.1:9/{service}",
    }
    done = CliRunner().invoke(tonicdm, ["rhythm", *arguments], env=environ)
    assert done.exit_code == code, done.output
    assert said in done.stderr
