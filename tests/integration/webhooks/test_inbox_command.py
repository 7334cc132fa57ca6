"""``tonicdm webhooks work | list | show | replay | purge | stats`` as users run them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import sqlite3
import subprocess
import time

import pytest

from tests import processes
from tests.processes import COMMAND
from tonicdm.store import Store
from tonicdm.webhooks import Inbox, parse

HANDLERS = """
import pathlib
from tonicdm.webhooks import Handlers

handlers = Handlers()

@handlers.on("offices.*")
async def check(delivery):
    if not pathlib.Path("fixed").exists():
        raise ValueError(delivery.raw["name"])

def no_registry(): ...
"""


@pytest.fixture(scope="module")
def server():
    with processes.sandbox("--records", "2000") as url:
        yield url


@pytest.fixture
def environment(server, tmp_path):
    return {**processes.environment(server, tmp_path), "COLUMNS": "200"}


@pytest.fixture
def run(environment, tmp_path):
    return lambda *arguments: processes.run("webhooks", *arguments, env=environment, cwd=tmp_path)


@pytest.fixture
def worked(server, environment, tmp_path):
    """Run the worker until a condition on the file holds; return what it said."""

    @contextlib.contextmanager
    def worked(file, *options):
        with subprocess.Popen(
            [*COMMAND, "webhooks", "work", str(file), "--batch-window", "0", *options],
            env=environment,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout.readline().startswith("Working off"), process.stderr.read()
            yield process
            process.send_signal(signal.SIGTERM)
            process.said = "".join(process.communicate(timeout=60))
            assert process.returncode == 0, process.said

    return worked


def ids_of(server, kind):
    import urllib.request

    with urllib.request.urlopen(f"{server}/__world?type={kind}") as answer:
        return [json.loads(line)["id"] for line in answer.read().splitlines()]


def fill(file, *events):
    async def work():
        async with Store(file) as store:
            await Inbox(store).receive(
                [
                    parse(
                        json.dumps(
                            {"id": key, "type": event_type, "data": [{"id": one, "name": "Secret"} for one in ids]}
                        ).encode(),
                        {},
                        signed=False,
                        received=received,
                    )
                    for key, event_type, ids, received in events
                ]
            )

    asyncio.run(work())


def until(file, query, expected):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.closing(sqlite3.connect(file, timeout=10)) as db, contextlib.suppress(sqlite3.OperationalError):
            if db.execute(query).fetchone() == expected:
                return
        time.sleep(0.05)
    raise AssertionError(query)


def test_from_events_to_records_dead_letters_and_their_replay(server, run, worked, tmp_path):
    """The worker runs until SIGTERM; a handler of one's own is loaded; nothing personal is shown unless asked for."""
    file = tmp_path / "firm.db"
    (tmp_path / "myhandlers.py").write_text(HANDLERS)
    persons, (office, *_) = ids_of(server, "persons")[:3], ids_of(server, "offices")
    now = time.time()
    fill(
        file,
        ("e1", "persons.updated", persons, now),
        ("e2", "offices.updated", [office], now),
        ("e3", "zebra", [], now),
    )
    with worked(file, "--handlers", "myhandlers:handlers", "--attempts", "1") as process:
        until(file, "SELECT count(*) FROM job WHERE state IN ('received', 'leased')", (0,))
    assert "3 done, 1 attempts failed, 2 dead letters, 10 units in 2 calls" in process.said
    assert "ValueError at myhandlers.py" in process.said

    listed = run("list", str(file), "--state", "dead")
    assert listed.returncode == 0, listed.stderr
    assert "e2" in listed.stdout
    assert "e1" not in listed.stdout
    assert [one["key"] for one in json.loads(run("list", str(file), "--type", "persons.*", "--json").stdout)] == [
        "e1"
    ] * 3
    shown = run("show", str(file), "e1", "--format", "table").stdout
    assert "3 shown" in shown
    assert "Secret" in run("show", str(file), "e1", "--body").stdout
    as_json = json.loads(run("show", str(file), "e1", "--json").stdout)
    assert {job["record_type"] for job in as_json["jobs"]} == {"persons"}
    assert as_json["errands"] == as_json["jobs"], "the key of the version before"
    assert all(job["kind"] == job["record_type"] for job in as_json["jobs"])
    stats = json.loads(run("stats", str(file), "--json").stdout)
    assert (stats["states"]["done"], stats["states"]["dead"], stats["tallies"]["units"]) == (3, 2, 10)
    everything = shown + listed.stdout + run("stats", str(file)).stdout + process.said
    assert "Secret" not in everything

    (tmp_path / "fixed").touch()
    assert "1 to be tried again" in run("replay", str(file), "e2").stdout
    with worked(file, "--handlers", "myhandlers:handlers"):
        until(file, "SELECT count(*) FROM job WHERE state = 'done'", (4,))
    assert "0 forgotten" in run("purge", str(file), "--before", "1h").stdout
    assert "4 forgotten" in run("purge", str(file)).stdout
    assert "1 forgotten" in run("purge", str(file), "--state", "dead").stdout


def test_the_command_looks_for_gaps_at_its_interval(server, worked, run, tmp_path):
    file = tmp_path / "firm.db"
    with worked(file, "--every", "1h", "--types", "offices"):
        until(file, "SELECT count(*) FROM gap", (1,))
    assert "0 of 0 changed offices" in run("stats", str(file)).stdout


def test_times_and_types_choose_what_is_listed(run, tmp_path):
    file, now = tmp_path / "firm.db", time.time()
    fill(file, ("old", "persons.updated", ["a" * 32], now - 7200), ("new", "office.updated", ["b" * 32], now))
    keys = lambda *options: [one["key"] for one in json.loads(run("list", str(file), "--json", *options).stdout)]  # noqa: E731
    assert keys() == ["new", "old"]
    assert keys("--since", "1h") == ["new"]
    assert keys("--before", "1h") == ["old"]
    assert keys("--since", "2020-01-01", "--type", "offices.*") == ["new"]
    assert keys("--type", "office.updated") == ["new"]
    assert keys("--state", "done") == []


def test_what_a_sender_wrote_does_not_steer_the_terminal(run, tmp_path):
    file = tmp_path / "firm.db"
    fill(file, ("k\x1b[2J", "[bold]persons\x1b]0;x\x07.updated", ["a" * 32], time.time()))
    listed = run("list", str(file))
    assert listed.returncode == 0
    assert "\x1b]" not in listed.stdout
    assert "\x1b[2J" not in listed.stdout
    assert "[bold]" in re.sub(r"\s", "", listed.stdout)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["work", "x.db", "--handlers", "myhandlers"], "MODULE:NAME"),
        (["work", "x.db", "--handlers", "nowhere:handlers"], "can't be imported"),
        (["work", "x.db", "--handlers", "json:loads"], "no tonicdm.webhooks.Handlers"),
        (["work", "x.db", "--types", "offices"], "--every"),
        (["work", "x.db", "--every", "soon"], "--every takes a time"),
        (["work", "x.db", "--lease", "0"], "lease"),
        (["list", "there.db", "--since", "yesterday"], "--since takes a time"),
    ],
)
def test_wrong_usage_is_said(run, tmp_path, arguments, said):
    fill(tmp_path / "there.db")
    ended = run(*arguments)
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(("old", "new"), [("--gather", "--batch-window"), ("--patience", "--max-delay")])
def test_an_option_of_the_version_before_works_and_names_its_successor(run, tmp_path, old, new):
    """It is not shown in the help; its value is used, and what is wrong with it is said as for the new name."""
    assert old not in run("work", "--help").stdout
    ended = run("work", str(tmp_path / "x.db"), old, "-1")
    assert ended.returncode == 2
    assert f"Warning: {old} is called {new} now." in ended.stderr
    assert new.removeprefix("--").replace("-", "_") in ended.stderr


def test_a_list_can_be_watched(environment, tmp_path):
    file = tmp_path / "firm.db"
    fill(file, ("e1", "persons.updated", ["a" * 32], time.time()))
    for command in ("list", "stats"):
        with subprocess.Popen(
            [*COMMAND, "webhooks", command, str(file), "--watch", "--interval", "0.1"],
            env={**environment, "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                seen = b""
                while b"persons" not in seen and process.poll() is None:
                    seen += process.stdout.read1()
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=60)
            finally:
                process.kill()
        assert b"persons" in seen
        assert process.returncode == 130
