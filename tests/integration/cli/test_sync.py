"""The main job: a whole tenant in a file, interrupted or not."""

from __future__ import annotations

import contextlib
import json
import pathlib
import resource
import signal
import sqlite3
import subprocess
import time
import urllib.request

from .conftest import COMMAND, Run


def rows(file: pathlib.Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(file)) as db:
        return db.execute(sql).fetchall()


def truth(server: str, kind: str, *, active: bool = False) -> set[str]:
    with urllib.request.urlopen(f"{server}/__world?type={kind}") as answer:
        records = [json.loads(line) for line in answer.read().splitlines() if line]
    return {record["id"].replace("-", "") for record in records if not active or record["status"] == "active"}


def test_the_file_holds_exactly_what_the_server_has(
    run_process: Run, run: Run, server: str, tmp_path: pathlib.Path
) -> None:
    """Deleted and inactive records included, where the endpoint can be asked for them; a second run changes nothing."""
    file = tmp_path / "firm.db"
    first = run_process("sync", str(file))
    assert first.returncode == 0, first.stderr
    for kind in ("offices", "persons", "projects", "notes"):
        assert {one for (one,) in rows(file, f"SELECT id FROM {kind}")} == truth(server, kind)
    assert {one for (one,) in rows(file, "SELECT id FROM rfis")} == truth(server, "rfis", active=True)
    assert rows(file, "SELECT name, address FROM offices WHERE name IS NOT NULL LIMIT 1")
    # When and by which read a record was last proven changes; what it holds does not.
    held = "SELECT type, id, raw, updated, quality, status, deleted_at, change_seq FROM record ORDER BY type, id"
    before = rows(file, held)
    assert run("sync", str(file)).returncode == 0
    assert rows(file, held) == before


def test_a_made_up_firm_needs_no_server_and_no_token(run: Run, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "firm.db"
    ended = run("sync", "--sandbox", "--records", "1500", str(file), TONICDM_TOKEN=None, TONICDM_BASE_URL=None)
    assert ended.returncode == 0, ended.stderr
    assert "SELECT" in ended.stderr
    assert rows(file, "SELECT count(*) FROM offices")[0][0]


def test_an_interrupt_keeps_what_was_fetched_and_the_next_run_goes_on(
    environment: dict[str, str], run: Run, server: str, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "firm.db"
    slow = urllib.request.Request(
        f"{server}/__settings",
        json.dumps({"latency_seconds": [0.3, 0.3]}).encode(),
        {"Content-Type": "application/json"},
    )
    fast = urllib.request.Request(
        f"{server}/__settings", json.dumps({"latency_seconds": [0, 0]}).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(slow).close()
    try:
        with subprocess.Popen(
            [*COMMAND, "sync", str(file)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline and not (file.exists() and _count(file)):
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
    finally:
        urllib.request.urlopen(fast).close()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert not out
    assert "keeps" in err
    assert len(err.splitlines()) == 1, "one line, also where what is kept is said"
    kept = _count(file)
    assert kept > 0
    assert run("sync", str(file)).returncode == 0
    assert _count(file) > kept
    assert {one for (one,) in rows(file, "SELECT id FROM offices")} == truth(server, "offices")


def _count(file: pathlib.Path) -> int:
    try:
        return int(str(rows(file, "SELECT count(*) FROM record")[0][0]))
    except sqlite3.OperationalError:
        return 0


def test_a_disk_that_takes_no_more_is_said_and_keeps_what_was_stored(
    environment: dict[str, str], tmp_path: pathlib.Path
) -> None:
    """A limit on the size of files stands in for it: not a full disk, and not called one."""
    file = tmp_path / "firm.db"
    # What measures coverage writes files too, and would fail at the same limit.
    kept = {name: value for name, value in environment.items() if not name.startswith("COVERAGE_")}
    ended = subprocess.run(
        [*COMMAND, "sync", str(file)],
        env={**kept, "TONICDM_BUDGET": "memory"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    assert ended.returncode == 6, ended.stderr
    assert "could not be read or written" in ended.stderr and "disk is full" not in ended.stderr
    assert "Every page stored before is kept" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_file_of_something_else_is_left_alone(run: Run, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam, " * 100)
    ended = run("sync", str(file))
    assert ended.returncode == 6
    assert "no SQLite file" in ended.stderr
    assert file.read_text().startswith("Dear Sir")
