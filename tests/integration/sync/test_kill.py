"""Killed at any moment, a load goes on behind the last committed page, and ends exact."""

from __future__ import annotations

import contextlib
import json
import pathlib
import random
import signal
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests import processes

TYPES = "persons,projects,offices,email_addresses"


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    with processes.sandbox("--records", str(request.param), "--limit", "1000000") as url:
        yield url


def units_charged(server: str) -> int:
    with urllib.request.urlopen(f"{server}/__journal") as answer:
        return int(json.loads(answer.read())["units"])


@pytest.mark.parametrize(
    ("server", "kills", "lost", "options"),
    [
        (15_000, 3, 1, ()),
        pytest.param(100_000, 20, 1, (), marks=pytest.mark.thorough),
        pytest.param(100_000, 20, 2, ("--read-ahead",), marks=pytest.mark.thorough),
    ],
    indirect=["server"],
)
def test_kills_lose_nothing_and_cost_what_was_under_way(
    server: str, tmp_path: pathlib.Path, kills: int, lost: int, options: tuple[str, ...]
) -> None:
    """SIGKILL at random moments of a planned load; the units stay within the plan's most, and what was
    under way at each kill: at most one call for each type, two with reading ahead.
    """
    file, chance = tmp_path / "firm.db", random.Random(4)
    environment = processes.environment(server, tmp_path)
    command = [*processes.COMMAND, "sync", str(file), "--types", TYPES, *options]
    latency = json.dumps({"latency_seconds": [0.05, 0.15]}).encode()
    urllib.request.urlopen(urllib.request.Request(f"{server}/__settings", latency)).close()
    counts = {}
    for kind in TYPES.split(","):
        with urllib.request.urlopen(f"{server}/__world?type={kind}") as answer:
            counts[kind] = len(answer.read().splitlines())
    told = ",".join(f"{kind}={count}" for kind, count in counts.items())
    plan = [*command[:3], "plan", str(file), "--types", TYPES, "--count", told, "--json"]
    planned = json.loads(subprocess.run(plan, env=environment, capture_output=True, text=True, check=True).stdout)
    assert units_charged(server) == 0, "a plan sends nothing"
    killed = 0
    while killed < kills:
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            before, deadline = stored(file), time.monotonic() + 60
            # A moment in the middle of the work: some time after the first page of this run was stored.
            while stored(file) == before and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.005)
            time.sleep(chance.random() * 0.15)
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                killed += 1
            else:
                break
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    for kind in TYPES.split(","):
        with urllib.request.urlopen(f"{server}/__world?type={kind}") as answer:
            truth = {record["id"]: record for record in map(json.loads, answer.read().splitlines())}
        with contextlib.closing(sqlite3.connect(file)) as db:
            held = {
                one: json.loads(raw) for one, raw in db.execute("SELECT id, raw FROM record WHERE type = ?", (kind,))
            }
        assert held == truth, kind
    workers = len(TYPES.split(","))
    assert planned["expected"] <= units_charged(server) <= planned["most"] + 5 * lost * workers * killed
    # Were every page paid for twice, the most would say nothing: this is near what a load without a kill costs.
    assert units_charged(server) <= planned["expected"] + (5 * lost * workers + 1) * killed + workers
    assert killed >= min(kills, 3), "the load was over before it could be killed often"


def stored(file: pathlib.Path) -> int:
    if not file.exists():
        return 0
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=5)) as db:
            return int(db.execute("SELECT count(*) FROM record").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
