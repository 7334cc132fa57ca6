"""Every command through everything that can be wrong with its output, its port and its user."""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import pathlib
import pwd
import signal
import socket
import sqlite3
import sys
import threading
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import click
import pytest

from tests import postgres, processes
from tonicdm.cli.app import tonicdm
from tonicdm.cli.failures import LOCAL_FILE, READER_GONE

AT_ONCE = [
    word
    for name in ("query_queued_seconds", "query_seconds", "submitted_seconds", "execution_seconds")
    for word in ("--set", f"{name}=0")
]
HOSTILE_NAME = "Wall [/b] Room [level 2] east \x1b[2J\x9b31m\u202e Łódź 漢字"

COMMANDS: dict[str, tuple[str, ...]] = {
    "budget": (),
    "budget pause": ("--for", "1s"),
    "budget resume": (),
    "completion": ("fish",),
    "conformance": ("--yes", "--units", "5"),
    "db upgrade": ("{folder}/new.db",),
    "doctor": ("{file}",),
    "download": ("{project}", "--to", "{folder}/files", "--link-field", "url"),
    "export": ("{file}", "--to", "csv:{folder}/csv"),
    "forget": ("{file}", "--person", "{office}", "--dry-run"),
    "get": ("offices", "{office}"),
    "jobs cancel": ("1", "--database", "{database}"),
    "jobs list": ("--database", "{database}"),
    "jobs retry": ("1", "--database", "{database}"),
    "jobs schedules": ("--database", "{database}"),
    "jobs submit export": ("csv:{folder}/csv", "--tenant", "firm", "--database", "{database}"),
    "jobs submit gap-repair": ("offices", "--tenant", "firm", "--database", "{database}"),
    "jobs submit rhythm-sync": ("contacts", "--tenant", "firm", "--database", "{database}"),
    "jobs submit sync": ("offices", "--tenant", "firm", "--database", "{database}"),
    "jobs submit webhooks": ("--tenant", "firm", "--database", "{database}"),
    "jobs unschedule": ("1", "--database", "{database}"),
    "jobs upgrade": ("--database", "{database}"),
    "list": ("offices", "--limit", "3"),
    "plan": ("{file}", "--types", "offices"),
    "quarantine": ("{file}",),
    "report": ("{file}", "--output", "{folder}/report.html"),
    "rhythm query": ("{folder}/rows.json", "--type", "rolodex:contacts", "--fields", "id"),
    "rhythm sync": ("{folder}/rhythm.db", "--types", "contacts"),
    "rhythm tokens": (),
    "sandbox": ("--port", "0", "--records", "600"),
    "schema": ("{file}",),
    "store backup": ("{file}", "{folder}/copy.db"),
    "store check": ("{file}",),
    "store compact": ("{file}",),
    "store prune": ("{file}", "--older-than", "90d"),
    "sync": ("{folder}/new.db", "--types", "offices"),
    "tenants add": (
        "firm",
        "--token",
        "env:TONICDM_TOKEN",
        "--base-url",
        "{server}",
        "--database",
        "{database}",
        "--rhythm-tenant",
        "example.org",
    ),
    "tenants list": ("--database", "{database}"),
    "tenants remove": ("nobody", "--database", "{database}"),
    "webhooks list": ("{file}",),
    "webhooks purge": ("{file}",),
    "webhooks replay": ("{file}",),
    "webhooks send": ("{server}/webhooks", "--unverified"),
    "webhooks serve": ("{folder}/inbox.db", "--unverified", "--port", "0"),
    "webhooks show": ("{file}", "e1"),
    "webhooks stats": ("{file}",),
    "webhooks work": ("{folder}/inbox.db",),
    "whoami": (),
    "worker": ("--database", "{database}"),
}
"""Arguments with which each command does a little of what it is for."""

SERVING = {"sandbox": True, "webhooks serve": True, "webhooks work": True, "worker": False}
"""Commands that go on until a signal comes, and whether they say that they have begun."""

REFUSED = {
    "download": 1,
    "webhooks send": 1,
    "jobs cancel": 2,
    "jobs retry": 2,
    "jobs unschedule": 2,
    "tenants remove": 2,
}
"""How commands end that can't succeed here: no file has a link, no job has failed, a sandbox receives no events."""


@attrs.frozen
class Ended:
    code: int
    out: str
    err: str


class Refusing(io.RawIOBase):
    """A stdout that takes nothing, as /dev/full or a pipe without a reader."""

    def __init__(self, number: int) -> None:
        self.number: int | None = number

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        if self.number is not None:
            raise OSError(self.number, os.strerror(self.number))
        return len(data)


def leaves(group: click.Group, context: click.Context, above: str = "") -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, context, f"{above}{name} ")
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{above}{name}", command


LEAVES = dict(leaves(tonicdm, click.Context(tonicdm)))


@contextlib.contextmanager
def stopped_when_it_serves(output: io.BytesIO, *, says_so: bool) -> Iterator[None]:
    """Send this process a SIGTERM once the command that runs in it listens for one and has said that it serves.

    Args:
        output: What it has said.
        says_so: Whether it says anything; one whose words nobody takes ends by itself.
    """
    ended = threading.Event()

    def listens() -> bool:
        # A loop that has ended leaves the default behind, which would end the tests.
        return signal.getsignal(signal.SIGTERM) not in {ignored, signal.SIG_DFL}

    def stop() -> None:
        # One that says nothing has some time to serve.
        served, most = 0.0, 60.0 if says_so else 0.3
        while not ended.wait(0.02) and not (listens() and (output.getvalue() or served > most)):
            served += 0.02 if listens() else 0.0
        if not ended.is_set() and listens():
            signal.raise_signal(signal.SIGTERM)

    def ignored(*_: object) -> None:
        pass

    before = signal.signal(signal.SIGTERM, ignored)
    thread = threading.Thread(target=stop)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def rhythm() -> Iterator[str]:
    with processes.sandbox("--rhythm", "--records", "20", *AT_ONCE) as url:
        yield url


@pytest.fixture(scope="module")
def places(server: str, rhythm: str, postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A store with an event and a record of a hostile name, and IDs of records."""
    import asyncio
    import time

    from tonicdm.jobs import JobQueue, RhythmAccess, Tenant
    from tonicdm.store import Store
    from tonicdm.types import DataQuantity
    from tonicdm.webhooks import Inbox, parse

    folder = tmp_path_factory.mktemp("every")
    office, project = (_first(server, name) for name in ("offices", "projects"))

    async def fill(where: str | pathlib.Path) -> None:
        async with Store(where) as store:
            await store.write_page("offices", [{"id": office, "name": HOSTILE_NAME}], DataQuantity.BASIC)
            await store.write_page("offices", [{"id": "f" * 32, "name": "\ud800"}], DataQuantity.BASIC)
            body = json.dumps({"id": "e1", "type": "offices.\x1b[2J [/b]", "data": [{"id": office}]}).encode()
            await Inbox(store).receive([parse(body, {}, signed=False, received=time.time())])

    async def submit() -> None:
        async with JobQueue(database) as queue:
            await queue.upgrade()
            access = RhythmAccess(tenant_id="example.org")
            await queue.add_tenant(Tenant(name="firm", token="env:TONICDM_TOKEN", base_url=server, rhythm=access))

    asyncio.run(fill(folder / "firm.db"))
    database = postgres.make_database(postgres_server)
    asyncio.run(fill(database))
    asyncio.run(submit())
    return {
        "database": database,
        "server": server,
        "file": str(folder / "firm.db"),
        "office": office,
        "project": project,
    }


def _first(server: str, record_type: str) -> str:
    with urllib.request.urlopen(f"{server}/__world?type={record_type}") as answer:
        return str(json.loads(answer.readline())["id"])


@pytest.fixture
def drive(
    server: str, rhythm: str, places: dict[str, str], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Ended]:
    """Run a command in this process on a stdout of one's own."""
    variables = {
        **processes.environment(server, tmp_path),
        "TONICDM_BUDGET": "memory",
        "RHYTHM_TENANT_ID": "sandbox.example.org",
        "RHYTHM_CLIENT_ID": "sandbox-client",
        "RHYTHM_CLIENT_SECRET": "sandbox-secret",
        "RHYTHM_AUTH_DOMAIN": f"{rhythm}/auth0",
        "RHYTHM_BASE_URL": f"{rhythm}/{{service}}",
        # One folder for all cases, so that one token serves them.
        "RHYTHM_TOKENS": str(pathlib.Path(places["file"]).parent / "tokens"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    number = 0

    def drive(
        name: str, *more: str, raw: io.RawIOBase | None = None, encoding: str = "utf-8", words: tuple[str, ...] = ()
    ) -> Ended:
        nonlocal number
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        given = words or COMMANDS[name]
        arguments = [*name.split(), *(word.format(folder=folder, **places) for word in given), *more]
        captured = io.BytesIO()
        out = io.TextIOWrapper(io.BufferedWriter(raw) if raw else captured, encoding, write_through=raw is None)
        err = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.redirect_stdout(out))
            stack.enter_context(contextlib.redirect_stderr(err))
            if name in SERVING:
                stack.enter_context(stopped_when_it_serves(captured, says_so=SERVING[name]))
            with pytest.raises(SystemExit) as ended:
                tonicdm.main(arguments)
        if isinstance(raw, Refusing):
            raw.number = None
        text = captured.getvalue().decode(encoding)
        out.close()
        return Ended(int(ended.value.code or 0), text, err.buffer.getvalue().decode())  # type: ignore[attr-defined]

    return drive


def one_line(ended: Ended) -> None:
    lines = [line for line in ended.err.splitlines() if line.startswith("tonicdm:")]
    assert len([line for line in lines if not line.startswith("tonicdm: warning:")]) <= 1, ended.err
    assert "Traceback" not in ended.err
    assert "fault of the command" not in ended.err


def test_the_table_names_every_command() -> None:
    assert COMMANDS.keys() == LEAVES.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_is_wrong_around_a_command_is_one_line_and_a_code(
    name: str, drive: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, a reader that has gone, an encoding without the letters, a port taken, no user, too few records."""
    usual = drive(name)
    one_line(usual)
    assert usual.code == REFUSED.get(name, 0), usual.err
    for number, code in ((errno.ENOSPC, LOCAL_FILE), (errno.EPIPE, READER_GONE)):
        ended = drive(name, raw=Refusing(number))
        one_line(ended)
        assert ended.code == (code if usual.out else usual.code), ended.err
        assert ("could not be written" in ended.err) is (number == errno.ENOSPC and bool(usual.out))
    for encoding in ("cp1252", "latin-1", "ascii"):
        ended = drive(name, encoding=encoding)
        one_line(ended)
        assert ended.code == usual.code, ended.err
        assert bool(ended.out) == bool(usual.out)
    options = {option for parameter in LEAVES[name].params for option in parameter.opts}
    if "--port" in options:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            ended = drive(name, "--port", str(port))
        assert ended.code == 2, ended.err
        assert str(port) in ended.err
        one_line(ended)
    if "--records" in options:
        small = ("--sandbox",) if name == "sync" else ()
        ended = drive(name, *small, "--records", "300")
        one_line(ended)
        assert (ended.code, "at least" in ended.err) == (2, True), ended.err
    with monkeypatch.context() as patch:
        for variable in ("HOME", "TONICDM_BUDGET", "XDG_STATE_HOME", "RHYTHM_TOKENS", "USER", "LOGNAME"):
            patch.delenv(variable, raising=False)
        patch.setattr(pwd, "getpwuid", _nobody)
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            ended = drive(name)
    one_line(ended)
    assert ended.code in {usual.code, 2, 6}, ended.err
    assert ended.code == usual.code or ended.err.startswith("tonicdm: ")


def _nobody(number: int) -> Any:
    raise KeyError(f"getpwuid(): uid not found: {number}")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EPIPE])
def test_what_a_sync_has_stored_is_kept_when_its_table_cannot_be_written(
    code: int, drive: Callable[..., Ended], tmp_path: pathlib.Path
) -> None:
    drive("sync", raw=Refusing(code))
    with contextlib.closing(sqlite3.connect(tmp_path / "1" / "new.db")) as db:
        assert db.execute("SELECT count(*) FROM offices").fetchone()[0] > 0


TAKE_A_COPY = [name for name, words in COMMANDS.items() if "{file}" in words]


def test_whatever_takes_a_file_takes_a_schema() -> None:
    options = {name: {option for parameter in LEAVES[name].params for option in parameter.opts} for name in LEAVES}
    assert [name for name in options if "file" in options[name] and "--schema" not in options[name]] == []


@pytest.mark.parametrize("name", TAKE_A_COPY)
def test_every_command_that_takes_a_copy_takes_one_in_postgresql(name: str, drive: Callable[..., Ended]) -> None:
    """What it prints has the same shape as for a file; a schema that is not there is refused, and not made."""
    words = tuple("{database}" if word == "{file}" else word for word in COMMANDS[name])
    ended = drive(name, "--json", words=words)
    one_line(ended)
    assert ended.code == 0, ended.err
    in_a_file, in_a_schema = json.loads(drive(name, "--json").out), json.loads(ended.out)
    assert type(in_a_schema) is type(in_a_file)
    if isinstance(in_a_file, dict):
        assert in_a_schema.keys() == in_a_file.keys()
    if name not in {"doctor", "plan"}:
        ended = drive(name, "--schema", "nowhere", words=words)
        assert (ended.code, "does not exist" in ended.err) == (LOCAL_FILE, True), ended.err


def data_commands() -> list[str]:
    return [name for name, command in LEAVES.items() if any("--json" in parameter.opts for parameter in command.params)]


def test_every_command_that_shows_data_has_the_same_options() -> None:
    without = {"completion", "sandbox", "webhooks serve", "webhooks work", "worker"}
    assert set(data_commands()) == LEAVES.keys() - without
    for name in data_commands():
        options = {option: parameter for parameter in LEAVES[name].params for option in parameter.opts}
        assert list(options["--format"].type.choices) == ["table", "json", "csv"], name  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", data_commands())
def test_json_is_one_document_also_of_a_failure(name: str, drive: Callable[..., Ended]) -> None:
    """The words that fail are an option that there is not, and for those that send, a server that there is not."""
    shown = drive(name, "--json")
    (line,) = shown.out.splitlines()
    assert isinstance(json.loads(line), (dict, list))
    failures = [drive(name, "--json", "--colour", "red")]
    options = {option for parameter in LEAVES[name].params for option in parameter.opts}
    if "--base-url" in options and not name.startswith(("budget", "plan", "report")):
        failures.append(drive(name, "--json", "--base-url", "http://127.0.0.1:9", "--max-wait", "0"))
    for failed in failures[: 1 if name.startswith("rhythm") else None]:
        (line,) = failed.out.splitlines()
        document = json.loads(line)
        if name in {"doctor", "conformance"} and failed.code != 2:  # what could not be asked is their result
            assert document.get("ok") is False or document["unsettled"]
            continue
        assert failed.code == document["error"]["exit_code"] > 0
        assert document["error"]["message"]
        one_line(failed)


@pytest.mark.parametrize("name", data_commands())
@pytest.mark.parametrize("form", ["table", "csv", "json", None])
def test_no_text_of_a_record_steers_the_terminal(
    name: str,
    form: str | None,
    drive: Callable[..., Ended],
    places: dict[str, str],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Control characters are escapes, markup is text; a table fits 80 columns, as the names of files in it do."""
    monkeypatch.setenv("COLUMNS", "80")
    file = os.path.relpath(places["file"], tmp_path)
    words = tuple(word.replace("{file}", file).replace("{folder}", "1") for word in COMMANDS[name])
    ended = drive(name, *(() if form is None else ("--format", form)), words=words)
    steering = set(map(chr, (*range(9), 11, 12, *range(14, 32), *range(0x7F, 0xA0), 0x202E)))
    if form != "csv":
        assert not steering & set(ended.out + ended.err), name
    if form == "table":
        from rich.cells import cell_len

        wide = [line for line in ended.out.splitlines() if cell_len(line) > 80 and " " in line.strip()]
        assert not wide
    assert sys.stdout is not None
