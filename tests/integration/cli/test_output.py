"""What is printed where, what a wrong name leads to, and how a shell completes."""

from __future__ import annotations

import json
import os
import pathlib
import pty
import re
import subprocess
import sys
from subprocess import PIPE

import pytest

from tests.processes import COMMAND
from tonicdm.cli.app import COMMANDS
from tonicdm.cli.columns import COLUMNS
from tonicdm.cli.rhythm import COMMANDS as RHYTHM
from tonicdm.cli.webhooks import COMMANDS as WEBHOOKS
from tonicdm.endpoints.registry import RECORD_TYPES

from .conftest import Run


def test_a_list_without_records_has_the_header_of_its_type(run: Run) -> None:
    nothing = ("list", "offices", "-o", f"filter_ids={'f' * 32}", "--format")
    (header,) = run(*nothing, "csv").stdout.splitlines()
    assert header.split(",")[:2] == ["id", "organizationId"]
    full = run("list", "offices", "--limit", "2", "--format", "csv").stdout.splitlines()
    assert full[0].startswith(header), "fields that the type does not know come behind"
    assert json.loads(run(*nothing, "json").stdout) == []
    (stub,) = run(*nothing, "csv", "--data-quantity", "id_only").stdout.splitlines()
    assert stub.split(",")[0] == "id"


def test_formulas_are_guarded_where_that_is_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonicdm.cli.output import Output

    for guard, first in ((True, "'=1+1"), (False, "=1+1")):
        output = Output("csv", guard_formulas=guard)
        assert [output._csv_cell(value) for value in ("=1+1", "plain", -5, None)] == [first, "plain", "-5", ""]
    assert "'" not in run("list", "offices", "--limit", "1", "--format", "csv", "--guard-formulas").stdout


def test_a_terminal_gets_a_table_of_80_columns_and_a_pipe_tab_separated_lines(environment: dict[str, str]) -> None:
    command = [*COMMAND, "list", "rfis", "--limit", "2"]
    controller, terminal = pty.openpty()
    with os.fdopen(controller, "rb", buffering=0) as reader:
        subprocess.run(command, env={**environment, "COLUMNS": "80"}, stdout=terminal, check=True)
        os.close(terminal)
        seen = b""
        while chunk := _read(reader.fileno()):
            seen += chunk
    table = seen.decode().replace("\r\n", "\n").splitlines()
    assert "\t" not in seen.decode()
    assert max(map(len, table)) <= 80
    assert re.match(r"id +our_number +our_title", table[0])
    assert "2 records" in table
    assert "Left out:" in seen.decode()
    piped = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert [line.count("\t") for line in piped.stdout.splitlines()] == [len(COLUMNS["rfis"]) - 1] * 3
    assert not piped.stderr


def _read(number: int) -> bytes:
    try:
        return os.read(number, 65_536)
    except OSError:  # Linux says so at the end of a terminal
        return b""


def test_real_full_disks_and_closed_pipes_end_as_said(environment: dict[str, str], tmp_path: pathlib.Path) -> None:
    """The one look at the real thing: Python, too, has nothing to complain of when it ends."""
    for words in (["list", "offices"], ["--help"], ["sync", str(tmp_path / "firm.db"), "--types", "offices"]):
        with pathlib.Path("/dev/full").open("w", encoding="utf-8") as full:
            ended = subprocess.run(
                [*COMMAND, *words], env=environment, stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert ended.returncode == 6
        assert len(ended.stderr.decode().splitlines()) == 1
        assert "No space left on device" in ended.stderr.decode()
        reader, writer = os.pipe()
        os.close(reader)
        ended = subprocess.run([*COMMAND, *words], env=environment, stdout=writer, stderr=PIPE, check=False)
        os.close(writer)
        assert (ended.returncode, ended.stderr) == (141, b"")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("whoam",), "there is no command 'whoam'; did you mean whoami?"),
        (("webhooks", "serv"), "did you mean serve?"),
        (("list", "rfi"), "did you mean rfis?"),
        (("list", "--json"), "missing argument 'RESOURCE'. It is one of"),
        (("list", "offices", "--limt", "3"), "--limit"),
        (("sync", "x.db", "--types", "persns"), "did you mean persons"),
        (("whoami", "--zone", "us", "--base-url", "http://x"), "give --zone or --base-url"),
        (("get", "offices", "zzz"), "offices: id must be 32 hex characters"),
        (("list", "offices", "--base-url", "http://127.0.0.1:9"), "/core/offices"),
        (("list", "disciplines", "--updated-after", "2026-01-01"), "--on-ignored accept"),
        (("whoami", "--token", "wrong"), "(--token or TONICDM_TOKEN)"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_error_is_one_line_in_the_words_of_the_command_line(run: Run, words: tuple[str, ...], said: str) -> None:
    ended = run(*words)
    assert ended.returncode > 0
    (line,) = ended.stderr.splitlines()
    assert said in line
    assert not re.search(r"\b(zone|base_url|token|on_ignored|max_wait)=", line)


def test_progress_is_for_terminals(run: Run, tmp_path: pathlib.Path) -> None:
    """The documented line of cron leaves a table in its log, and nothing else."""
    ended = run("sync", str(tmp_path / "firm.db"), "--types", "offices")
    assert ended.stdout.splitlines()[0].split("\t")[0] == "type"
    assert len(ended.stdout.splitlines()) == 3  # the title, the owner, the type
    assert "\x1b" not in ended.stdout + ended.stderr
    assert "reset" not in ended.stderr
    again = run("sync", str(tmp_path / "firm.db"), "--types", "offices")
    assert not again.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands_options_and_record_types(run: Run, shell: str) -> None:
    script = run("completion", shell).stdout
    assert f"_TONICDM_COMPLETE={shell}_complete" in script

    def complete(*words: str) -> str:
        position = {"COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        if shell == "fish":
            position["COMP_CWORD"] = words[-1]
        return run(_TONICDM_COMPLETE=f"{shell}_complete", **position).stdout

    assert "whoami" in complete("tonicdm", "who")
    assert "stats" in complete("tonicdm", "webhooks", "st")
    assert "submittals" in complete("tonicdm", "list", "sub")
    assert "--format" in complete("tonicdm", "list", "rfis", "--fo")


def test_bash_completes_with_the_script(environment: dict[str, str]) -> None:
    script = subprocess.run(
        [*COMMAND, "completion", "bash"], env=environment, capture_output=True, text=True, check=True
    )
    folder = pathlib.Path(sys.executable).parent
    code = f"""{script.stdout}
COMP_WORDS=(tonicdm who); COMP_CWORD=1; _tonicdm_completion tonicdm; echo "${{COMPREPLY[@]}}" """
    env = {**environment, "PATH": f"{folder}:{os.environ['PATH']}"}
    shown = subprocess.run(["bash", "-c", code], env=env, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "whoami"


def test_the_log_is_text_or_json_lines_and_silent_unless_asked_for(run: Run) -> None:
    assert not run("list", "offices", "--limit", "1").stderr
    text = run("list", "offices", "--limit", "1", "--log-level", "debug").stderr
    assert re.search(r"(?m)^\S+Z debug tonicdm: GET /core/offices", text)
    assert "sandbox-token" not in text
    lines = run("list", "offices", "--limit", "1", TONICDM_LOG="debug:json").stderr.splitlines()
    records = [json.loads(line) for line in lines]
    assert {"time", "level", "logger", "message"} == set().union(*records)
    assert run("budget", TONICDM_LOG="loud").returncode == 2


def test_help_loads_neither_aiohttp_nor_attrs_and_needs_no_module_of_a_command() -> None:
    code = (
        "import sys\nfrom tonicdm.cli.app import tonicdm\n"
        "try:\n    tonicdm(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'aiohttp', 'attr', 'rich', 'cattrs'}\n"
        "print(sorted(name for name in sys.modules if name in heavy or name.startswith('tonicdm.')))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == str([
        "tonicdm._version", "tonicdm.cli", "tonicdm.cli.app", "tonicdm.cli.context", "tonicdm.cli.failures",
        "tonicdm.cli.groups", "tonicdm.late",
    ])  # fmt: skip


def test_the_list_of_commands_has_a_short_sentence_for_each(run: Run) -> None:
    for entry in (*COMMANDS.values(), *WEBHOOKS.values(), *RHYTHM.values()):
        assert len(entry.help) <= 62
        assert re.fullmatch(r"[A-Z][^.]*\.", entry.help)
    shown = run("--help", COLUMNS="80").stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "\\b" not in "".join(run(*name.split(), "--help").stdout for name in ("sandbox", "sync", "", "list"))


def test_a_table_begins_with_the_id_of_a_type_that_there_is() -> None:
    assert COLUMNS.keys() <= RECORD_TYPES.keys()
    assert all(names[0] == "id" for names in COLUMNS.values())
