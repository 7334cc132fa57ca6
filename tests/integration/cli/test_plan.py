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

import pytest

from tonicdm.store import choose

from .conftest import COMMAND, Run


def spent(server: str) -> int:
    with urllib.request.urlopen(f"{server}/__journal") as answer:
        return int(json.loads(answer.read())["units"])


def test_a_plan_spends_nothing_and_makes_no_file(run: Run, server: str, tmp_path: pathlib.Path) -> None:
    file, before = tmp_path / "firm.db", spent(server)
    for arguments in (("plan", str(file)), ("sync", str(file), "--dry-run")):
        shown = run(*arguments, "--format", "table")
        assert shown.returncode == 0, shown.stderr
        assert "Nothing was sent" in shown.stdout
        assert "persons" in shown.stdout
    assert spent(server) == before
    assert not file.exists()


def total(shown: str) -> tuple[int, int | None]:
    """Return the last line's total of a plan: units expected, and at most."""
    (line,) = [line for line in shown.splitlines() if line.startswith("total")]
    expected, *most = line.removeprefix("total").split(maxsplit=1)
    most_text = most[0].strip().replace(",", "")
    return int(expected.replace(",", "")), int(most_text) if most_text.isdecimal() else None


@pytest.mark.parametrize("audit", ["never", "always"])
def test_the_total_of_a_plan_is_what_a_run_spends_where_nothing_changed(
    run: Run, server: str, tmp_path: pathlib.Path, audit: str
) -> None:
    """Of all types, on the server's own journal; the table of the run then shows nothing new."""
    file, options = tmp_path / "firm.db", ("--audit-deletions", audit)
    assert run("sync", str(file), *options).returncode == 0
    for _ in range(2):
        expected, most = total(run("plan", str(file), *options).stdout)
        before = spent(server)
        line = json.loads(run("sync", str(file), *options, "--json").stdout)
        assert expected == spent(server) - before == line["units"]
        assert most is not None
        assert expected <= most
        assert line["changed"] == 0


def test_a_first_load_is_within_its_plan_once_somebody_says_how_many_there_are(
    run: Run, server: str, tmp_path: pathlib.Path
) -> None:
    """Without a count the plan tells the price for each 1,000."""
    file, types = tmp_path / "firm.db", ("--types", "offices,persons,disciplines")
    assert "5 per 1,000" in run("plan", str(file), *types).stdout
    counts = [
        f"{kind}={len(urllib.request.urlopen(f'{server}/__world?type={kind}').read().splitlines())}"
        for kind in ("offices", "persons", "disciplines")
    ]
    expected, most = total(run("plan", str(file), *types, "--count", ",".join(counts)).stdout)
    before = spent(server)
    assert run("sync", str(file), *types).returncode == 0
    assert most is not None
    assert expected <= spent(server) - before <= most
    refused = run("plan", str(file), *types, "--count", "nonsense=3")
    assert refused.returncode == 2
    assert "--count" in refused.stderr


def test_a_plan_has_a_line_for_each_type_and_fits_80_columns(
    run: Run, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The total comes last, and the last line says it once more in words. The name of the file is short."""
    monkeypatch.chdir(tmp_path)
    shown = run("plan", "firm.db", "--format", "table", COLUMNS="80")
    lines = shown.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert shown.stdout.count("certification_definitions ") == 1
    assert len([line for line in lines if "first load" in line]) == len(choose(None))
    assert "Nothing was sent." in " ".join(lines[-2:])
    line = json.loads(run("plan", str(tmp_path / "firm.db"), "--json").stdout)
    assert line["expected"] == total(shown.stdout)[0]
    assert line["types"]["persons"]["facts"]["count"] == {"value": "not known", "proven": False}


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
            out, err = process.communicate(timeout=60)
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
