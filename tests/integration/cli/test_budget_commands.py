"""``tonicdm budget --history``, ``pause`` and ``resume``, on a ledger that another process has filled."""

from __future__ import annotations

import csv
import datetime
import io
import json
import pathlib
import time

import pytest

from tests.engines import ENGINES
from tonicdm.budget import UnitBudget, budget_key
from tonicdm.cli.budget_history import PLAIN_BARS, sparkline
from tonicdm.cli.durations import moment_of
from tonicdm.clock import VirtualClock
from tonicdm.errors import ConfigError

from .conftest import Run

START = 1_800_000_000.0


@pytest.fixture(params=ENGINES)
def either(request: pytest.FixtureRequest, environment: dict[str, str]) -> None:
    """The ledger is a file, or in a database."""
    if request.param == "postgresql":
        environment["TONICDM_BUDGET"] = request.getfixturevalue("postgres_url")


@pytest.fixture
async def filled(environment: dict[str, str]) -> str:
    """A ledger with three windows that are over."""
    path, clock = environment["TONICDM_BUDGET"], VirtualClock(now=START)
    # The command reads the machine's clock, by which the last window is not over however long the machine has been up.
    clock._monotonic = time.monotonic()
    key = budget_key(environment["TONICDM_TOKEN"], environment["TONICDM_BASE_URL"])
    async with UnitBudget.shared(path, key=key, clock=clock, max_calls_per_second=None) as budget:
        for number in range(4):
            async with budget.reserve(5, priority="bulk", label="GET /core/persons") as reservation:
                await reservation.sent()
                await reservation.settle(3600, 3600 - 1200 * number - 5, clock.now() + 3600, date=clock.now())
            clock.advance(3700)
    return path


def test_the_history_is_a_curve_and_a_table(run: Run, filled: str) -> None:
    shown = run("budget", "--history", "--format", "table", COLUMNS="80").stdout
    lines = shown.splitlines()
    assert lines[0] == "Windows 3, ended 2027-01-15 09:00 to 2027-01-15 11:03 UTC"
    assert "▁▃▆" in shown
    assert "GET /core/persons" in shown
    assert all(len(line) <= 80 for line in lines)


def test_the_history_as_csv_has_a_row_for_each_window(run: Run, filled: str) -> None:
    rows = list(csv.DictReader(io.StringIO(run("budget", "--history", "--format", "csv", "--windows", "3").stdout)))
    assert [row["used"] for row in rows] == ["5", "1205", "2405"]
    assert rows[0]["units_bulk"] == "5"
    assert json.loads(rows[0]["by_endpoint"]) == {"GET /core/persons": 5}


def test_the_history_as_json_says_all(either: None, run: Run, filled: str) -> None:
    windows = json.loads(run("budget", "--history", "--json").stdout)
    assert windows[1]["used"] == 1205
    assert windows[0]["spent"] == [{"lane": "bulk", "endpoint": "GET /core/persons", "calls": 1, "units": 5}]


def test_a_ledger_without_a_history_says_so(run: Run) -> None:
    ended = run("budget", "--history", "--format", "table")
    assert "No window has ended yet" in ended.stdout
    assert run("budget", "--history", "--json").stdout.strip() == "[]"
    assert run("budget", "--history", "--format", "csv").stdout.startswith("ended_at,used,limit")


def test_a_stdout_that_is_ascii_gets_plain_bars(run_process, filled: str) -> None:
    ended = run_process("budget", "--history", "--format", "table", PYTHONIOENCODING="ascii")
    assert ended.returncode == 0
    assert any(bar in ended.stdout for bar in PLAIN_BARS)


def test_a_pause_stops_all_processes_until_it_is_taken_back(either: None, run: Run) -> None:
    assert "Paused until resumed" in run("budget", "pause").stdout
    assert "Paused" in run("budget").stdout
    refused = run("whoami", "--max-wait", "0")
    assert refused.returncode == 4
    assert "paused" in refused.stderr
    assert "Calls go on." in run("budget", "resume").stdout
    assert run("whoami", "--max-wait", "0").returncode == 0
    assert "was not paused" in run("budget", "resume").stdout


def test_a_pause_may_have_an_end(either: None, run: Run) -> None:
    document = json.loads(run("budget", "pause", "--for", "2h", "--json").stdout)
    assert document["paused"] is True
    assert document["until"].endswith("Z")
    assert json.loads(run("budget", "resume", "--json").stdout)["was_paused"] is True


@pytest.mark.parametrize("length", ["0", "soon", "-5", "2 weeks"])
def test_what_is_no_length_of_time_is_refused(run: Run, length: str) -> None:
    refused = run("budget", "pause", "--for", length)
    assert refused.returncode == 2
    assert "such as 90s" in refused.stderr


def test_options_before_a_command_are_not_lost_in_silence(run: Run) -> None:
    refused = run("budget", "--zone", "de", "pause")
    assert refused.returncode == 2
    assert "behind pause" in refused.stderr
    assert run("budget", "--history", "--watch").returncode == 2


def test_the_log_level_is_an_option_of_the_group_and_of_its_commands(run: Run) -> None:
    assert run("budget", "--log-level", "info").returncode == 0
    assert run("budget", "resume", "--log-level", "info").returncode == 0


def test_a_sync_takes_a_label_a_share_and_a_deadline(either: None, run: Run, tmp_path: pathlib.Path) -> None:
    file = str(tmp_path / "firm.db")
    assert run("sync", file, "--types", "offices", "--label", "nightly", "--share", "0.5").returncode == 0
    assert json.loads(run("budget", "--json").stdout)["by_label"]["nightly"]["units"] > 0
    late = run("sync", file, "--types", "offices", "--label", "nightly", "--finish-by", "2020-01-01T06:00")
    assert late.returncode == 4
    assert "2020-01-01" in late.stderr
    assert run("sync", file, "--types", "offices", "--share", "0.5").returncode == 2
    assert run("sync", file, "--types", "offices", "--finish-by", "soon").returncode == 2


def test_a_time_of_the_day_is_the_next_such_time() -> None:
    now = datetime.datetime(2027, 1, 31, 12, 0).astimezone()
    assert moment_of("13:30", "--finish-by", now) == now + datetime.timedelta(minutes=90)
    assert moment_of("06:00", "--finish-by", now) == now + datetime.timedelta(hours=18)
    assert moment_of("2027-02-01T06:00+00:00", "--finish-by", now).utcoffset() is not None
    with pytest.raises(ConfigError, match="--finish-by"):
        moment_of("25:00", "--finish-by", now)


def test_a_sparkline_has_a_blank_for_nothing_and_a_bar_for_little() -> None:
    assert sparkline([0, 1, 1800, 3600], 3600) == " ▁▅█"
    assert sparkline([0, 0], 0) == "  "
