"""Small commands: what they print, and how they end."""

from __future__ import annotations

import csv
import io
import json

import pytest

from .conftest import Run


def test_list_prints_tables_json_and_csv(run_process: Run, run: Run) -> None:
    listed = json.loads(run_process("list", "offices", "--limit", "3", "--format", "json").stdout)
    assert len(listed) == 3
    rows = list(csv.DictReader(io.StringIO(run("list", "offices", "--limit", "3", "--format", "csv").stdout)))
    assert [row["id"] for row in rows] == [record["id"] for record in listed]
    table = run("list", "offices", "--limit", "3", "--format", "table").stdout
    assert listed[0]["id"] in table
    assert "3 records" in table
    tabbed = run("list", "offices", "--limit", "3")
    assert [line.split("\t")[0] for line in tabbed.stdout.splitlines()] == ["id", *(row["id"] for row in listed)]
    assert not tabbed.stderr


def test_list_takes_any_option_of_the_endpoint(run: Run) -> None:
    one = json.loads(run("list", "offices", "--limit", "1", "--format", "json").stdout)[0]
    again = run("list", "offices", "-o", f"filter_ids={one['id']}", "--format", "json")
    assert [record["id"] for record in json.loads(again.stdout)] == [one["id"]]


def test_get_prints_what_is_there_and_names_what_is_missing(run: Run) -> None:
    one = json.loads(run("list", "offices", "--limit", "1", "--format", "json").stdout)[0]
    found = run("get", "offices", one["id"], "f" * 32, "--format", "json")
    assert [record["id"] for record in json.loads(found.stdout)] == [one["id"]]
    assert "f" * 32 in found.stderr
    assert found.returncode == 1


def test_get_tells_when_records_were_last_changed(run: Run) -> None:
    """The cheapest question there is of records whose IDs are known."""
    one = json.loads(run("list", "offices", "--limit", "1", "--format", "json").stdout)[0]
    found = run("get", "offices", one["id"], "--data-quantity", "id_only", "--format", "json")
    assert found.returncode == 0, found.stderr
    (stub,) = json.loads(found.stdout)
    assert stub.keys() == {"id", "datetimeUpdated"}
    assert stub["id"] == one["id"]


def test_list_passes_on_what_the_package_does_not_know(run: Run) -> None:
    """--updated-after also where the reference shows none: it is an error where nothing shows that it was heeded."""
    assert run("list", "offices", "--pass", "zzNew=1", "--limit", "1").returncode == 0
    ignored = run("list", "disciplines", "--updated-after", "2026-01-01")
    assert ignored.returncode == 1
    assert "updated_after" in ignored.stderr
    taken = run("list", "disciplines", "--updated-after", "2026-01-01", "--on-ignored", "accept", "--format", "json")
    assert json.loads(taken.stdout)


def test_whoami_shows_the_user_the_server_and_the_home_zone(run: Run, server: str) -> None:
    shown = run("whoami")
    assert shown.returncode == 0, shown.stderr
    assert server in shown.stdout
    assert "Home zone us" in shown.stdout
    assert "User      Employee One" in shown.stdout
    assert "units left" in shown.stdout


def test_budget_shows_what_an_earlier_process_spent(run: Run) -> None:
    assert "unknown: the next call goes first" in run("budget").stdout
    for _ in range(2):  # a limit above the documented one counts once two answers agree on it
        run("list", "offices", "--limit", "1")
    shown = run("budget").stdout
    assert "of 100,000 left" in shown
    assert "Reset" in shown


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "said"),
    [
        (("list", "offices"), {"TONICDM_TOKEN": "wrong"}, 3, "TONICDM_TOKEN"),
        (("list", "offices"), {"TONICDM_TOKEN": None}, 2, "no token"),
        (("list", "offices"), {"TONICDM_BASE_URL": None}, 2, "no server"),
        (("list", "offices"), {"TONICDM_BASE_URL": "http://127.0.0.1:9"}, 5, "check the network"),
        (("list", "unicorns"), {}, 2, "no such resource"),
        (("list", "offices", "-o", "colour=red"), {}, 2, "no option"),
        (("get", "offices", "zzz"), {}, 2, "32 hex characters"),
        (("sync", "no/such/folder/x.db"), {}, 6, "folder does not exist"),
        (("sync", "x.db", "--types", "unicorns"), {}, 2, "no such record type"),
    ],
    ids=str,
)
def test_failures_are_a_message_and_a_code_and_never_a_traceback(run: Run, arguments, changes, code, said) -> None:
    ended = run(*arguments, **changes)
    assert ended.returncode == code, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "sandbox-token" not in ended.stderr + ended.stdout
