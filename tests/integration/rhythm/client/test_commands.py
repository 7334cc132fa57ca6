"""``tonicdm rhythm sync`` and ``query`` in processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys

import pytest
from click.testing import CliRunner

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
