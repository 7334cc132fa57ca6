"""The files in examples/: each is read by what it is written for, or run."""

from __future__ import annotations

import configparser
import contextlib
import csv
import json
import pathlib
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys

import pytest
import yaml

from tests import processes

ROOT = pathlib.Path(__file__).parents[3]
EXAMPLES = ROOT / "examples"

DAGSTER = """
import dagster, dagster_assets
instance = dagster.DagsterInstance.ephemeral()
assert dagster.materialize(dagster_assets.definitions.assets, instance=instance).success
"""
PREFECT = """
import asyncio, prefect_flow
assert min(asyncio.run(prefect_flow.nightly())) > 0
"""
AIRFLOW = """
import pathlib, subprocess, sys
airflow = pathlib.Path(sys.executable).with_name("airflow")
subprocess.run([airflow, "db", "migrate"], check=True)
test = [airflow, "dags", "test", "tonicdm_nightly"]
ended = subprocess.run(test, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
assert "successful" in ended.stdout
"""
RUNNERS = {"dagster": ("dagster", DAGSTER), "prefect": ("prefect", PREFECT), "airflow": ("apache-airflow", AIRFLOW)}
"""What is installed, and a program that runs the example from end to end."""


def commands(text: str) -> list[list[str]]:
    """Return the calls of `tonicdm` in a text, up to what a shell would do with their output."""
    found = re.findall(r"(?:^|[\s/])tonicdm ((?:sync|export|webhooks|plan) [^>&\n]*)", text)
    return [shlex.split(words) for words in found]


@pytest.mark.parametrize("name", ["crontab", "systemd/tonicdm-sync.service", "Dockerfile"])
def test_commands_of_schedules_and_images_are_those_of_this_version(name: str, tmp_path: pathlib.Path) -> None:
    """Each is parsed with all its options; the file of the copy is made beforehand, and nothing is sent."""
    calls = commands((EXAMPLES / name).read_text())
    assert calls
    sqlite3.connect(tmp_path / "firm.db").close()
    for words in calls:
        placed = [word.replace("/var/lib/tonicdm", str(tmp_path)).replace("/data", str(tmp_path)) for word in words]
        ended = processes.run(*placed, "--help")
        assert (ended.returncode, ended.stderr) == (0, "")
        options = {word for word in words if word.startswith("--")}
        assert all(option in ended.stdout for option in options)


def test_the_units_of_systemd_are_units() -> None:
    for path in (EXAMPLES / "systemd").iterdir():
        unit = configparser.RawConfigParser(strict=False, comment_prefixes=("#",))
        unit.optionxform = str  # type: ignore[assignment, method-assign]
        unit.read(path)
        assert {"Unit"} <= set(unit.sections()) <= {"Unit", "Service", "Timer", "Install"}
    timer = (EXAMPLES / "systemd" / "tonicdm-sync.timer").read_text()
    assert "OnCalendar=" in timer
    schedule = next(line for line in (EXAMPLES / "crontab").read_text().splitlines() if not line.startswith("#"))
    assert re.fullmatch(r"(?:[\d*/,-]+ ){5} .*", schedule)


def test_the_sources_of_dbt_are_the_views_of_a_copy(tmp_path: pathlib.Path) -> None:
    """Each view with all its columns; its ID is tested to be unique. They are the columns of the export, too."""
    file = tmp_path / "firm.db"
    assert processes.run("sync", "--sandbox", "--records", "600", "--types", "offices,rfis", str(file)).returncode == 0
    assert processes.run("export", str(file), "--to", f"csv:{tmp_path / 'tables'}").returncode == 0
    printed = subprocess.run(
        [sys.executable, str(EXAMPLES / "dbt_sources.py"), str(file)], capture_output=True, text=True, check=True
    ).stdout
    (source,) = yaml.safe_load(printed)["sources"]
    assert [table["name"] for table in source["tables"]] == ["offices", "rfis"]
    for table in source["tables"]:
        with (tmp_path / "tables" / table["name"] / f"{table['name']}.csv").open(newline="") as opened:
            header = next(csv.reader(opened))
        assert {column["name"] for column in table["columns"]} == set(header)
        assert [column["name"] for column in table["columns"] if "data_tests" in column] == ["id"]


@pytest.mark.thorough
@pytest.mark.parametrize("name", RUNNERS)
def test_an_orchestrators_example_runs_from_end_to_end(name: str, tmp_path: pathlib.Path) -> None:
    """In an environment of its own with the newest version; skipped where that can't be installed."""
    package, program = RUNNERS[name]
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    installer = [shutil.which("uv") or "", "pip", "install", "--python", str(python)]
    if not installer[0]:
        installer = [str(python), "-m", "pip", "install"]
    if subprocess.run([*installer, "-q", package, f"{ROOT}[cli]"], check=False).returncode != 0:
        pytest.skip(f"{package} can't be installed here")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(processes.sandbox("--records", "600"))
        own = {
            "TONICDM_FILE": str(tmp_path / "firm.db"),
            "TONICDM_COMMAND": str(python.with_name("tonicdm")),
            "PYTHONPATH": str(EXAMPLES),
            "HOME": str(tmp_path),
            "PREFECT_HOME": str(tmp_path / "prefect"),
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
            "DAGSTER_HOME": str(tmp_path),
            "AIRFLOW_HOME": str(tmp_path / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "DO_NOT_TRACK": "1",
        }
        env = {**processes.environment(url, tmp_path), **own}
        ended = subprocess.run(
            [str(python), "-c", program],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=1800,  # what it makes of its own takes long on a machine that has much else to do
        )
    assert ended.returncode == 0, ended.stderr[-3_000:]
    assert any(pathlib.Path(f"{tmp_path / 'firm.db'}.tables").rglob("*.csv"))
    assert json.loads((pathlib.Path(f"{tmp_path / 'firm.db'}.tables") / "manifest.json").read_text())["types"]
