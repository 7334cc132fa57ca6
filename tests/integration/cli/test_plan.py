"""The plan is shown before anything is spent, and a repeated sync remembers when it is due."""

from __future__ import annotations

import contextlib
import json
import pathlib
import signal
import sqlite3
import subprocess
import time
import urllib.request

from .conftest import COMMAND, Run


def spent(server: str) -> int:
    with urllib.request.urlopen(f"{server}/__journal") as answer:
        return int(json.loads(answer.read())["units"])


def test_a_plan_spends_nothing_and_makes_no_file(run: Run, server: str, tmp_path: pathlib.Path) -> None:
    file, before = tmp_path / "firm.db", spent(server)
    for arguments in (("plan", str(file)), ("sync", str(file), "--dry-run")):
        shown = run(*arguments)
        assert shown.returncode == 0, shown.stderr
        assert "Nothing was sent" in shown.stdout
        assert "persons" in shown.stdout
    assert spent(server) == before
    assert not file.exists()


def test_after_a_load_the_plan_foresees_what_the_next_run_costs(run: Run, server: str, tmp_path: pathlib.Path) -> None:
    file = tmp_path / "firm.db"
    types = ("--types", "persons,offices,projects", "--audit-deletions", "never")
    assert run("sync", str(file), *types).returncode == 0
    before = spent(server)
    line = json.loads(run("sync", str(file), *types, "--json").stdout)
    assert (line["changed"], line["units"]) == (0, spent(server) - before)
    assert set(line["types"]) == {"persons", "offices", "projects"}
    planned = run("plan", str(file), *types).stdout
    assert f"{line['units']} units" in planned or "3 units" in planned


def test_a_repeated_sync_keeps_its_next_run_and_stops_cleanly(
    environment: dict[str, str], tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "firm.db"
    command = [*COMMAND, "sync", str(file), "--types", "offices", "--every", "1h", "--json"]
    for number in range(2):
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            if number == 0:
                assert json.loads(process.stdout.readline())["changed"] > 0
            said = ""
            while "Next run at" not in said:
                said = process.stderr.readline()
                assert said, "the command ended before it waited"
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=20)
            assert process.returncode == 0, err
            assert "goes on" in err
            assert "changed" not in out, "the second start must wait for the hour that the first one set"
    due = next_run(file)
    assert due is not None
    assert 3000 < due - time.time() <= 3600


def next_run(file: pathlib.Path) -> float | None:
    if not file.exists():
        return None
    with contextlib.closing(sqlite3.connect(file)) as db:
        try:
            found = db.execute("SELECT value FROM meta WHERE name = 'next_run'").fetchone()
        except sqlite3.OperationalError:
            return None
    return None if found is None else float(found[0])


def test_a_sandbox_for_one_run_is_not_repeated(run: Run, tmp_path: pathlib.Path) -> None:
    for extra in (("--every", "1h"), ("--dry-run",)):
        ended = run("sync", "--sandbox", str(tmp_path / "x.db"), *extra)
        assert ended.returncode == 2
        assert "--sandbox" in ended.stderr
