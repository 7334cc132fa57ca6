"""The README and the tutorial, line for line in one shell, as somebody does who has just found the project."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator

import attrs
import pytest

from tests.processes import free_ports

ROOT = pathlib.Path(__file__).parents[3]
PAGES = {"README": ROOT / "README.md", "tutorial": ROOT / "docs" / "tutorial.md"}
TESTS_THEMSELVES = "pip install nox && nox -s tests"
"""The one line that no test can run."""
INSTALLING = re.compile(r"pip install \S+( && )?|python -m venv \.venv && \. \.venv/bin/activate")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEEDS_AN_ACCOUNT = "sh"
"""The language of blocks that only a reader with a tenant can run; one such block ends the tutorial."""
OURS = ("TONICDM", "RHYTHM", "PYTEST", "PYTHON")
"""How the variables begin that the reader does not have."""
PORTS = ("8300", "8400", "8080")
DATABASE = "postgresql://localhost/firm"
"""What the README calls the reader's database."""


@attrs.frozen
class Page:
    """The commands of a page in their order; a Python block is a command, too."""

    commands: list[str]
    blocks: dict[str, str]
    languages: list[str]


def read(path: pathlib.Path) -> Page:
    """Read the blocks of a page: lines behind ``$``, with what belongs to them, and Python."""
    commands, blocks, languages = [], {}, []
    for language, text in FENCE.findall(path.read_text(encoding="utf-8")):
        languages.append(language)
        if language == "python":
            name = f"block_{len(blocks)}.py"
            blocks[name] = text
            commands.append(f"python {name}")
        if language == "console":
            commands += console(text)
    return Page(commands, blocks, languages)


def console(text: str) -> Iterator[str]:
    """Return the commands of a console block; a command with an open quotation mark goes on in the next line."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("$ "):
            command = line.removeprefix("$ ")
            while not complete(command):
                command += f"\n{next(lines)}"
            yield command


def complete(command: str) -> bool:
    try:
        shlex.split(command, comments=True)
    except ValueError:
        return False
    return True


def script(commands: list[str]) -> str:
    """Return a script that stops at the first command that fails, and at a server that did not stay."""
    lines = ['fail() { echo "FAILED at: $1" >&2; exit 1; }']
    servers = 0
    for command in commands:
        name = shlex.quote(command)
        lines.append(f"echo :: {name}")
        if re.search(r" &( *#.*)?$", command):
            servers += 1
            lines.append(command)
            continue
        if command.startswith("kill"):
            lines.append(f'[ "$(jobs -rp | wc -l)" -eq {servers} ] || fail {name}')
            servers = 0
        lines.append(f"{{ {command}\n}} || fail {name}")
    return "\n".join(lines)


HANGS = 1800
"""Seconds that no page takes, also where it makes an environment on a machine that has much else to do."""


def run(commands: list[str], blocks: dict[str, str], folder: pathlib.Path, binaries: str, database: str) -> str:
    """Run the commands in *folder*, with ports that are free and an empty *database*; what they printed."""
    for name, text in blocks.items():
        (folder / name).write_text(text, encoding="utf-8")
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    text = script([on_ports(command, ports).replace(DATABASE, shlex.quote(database)) for command in commands])
    home = {name: str(folder / "home") for name in ("HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    env = {**kept, **home, "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "output").open("w+", encoding="utf-8") as output:
        # The servers are in the group of the shell and end with it, whatever became of the script.
        shell = subprocess.Popen(
            ["bash", "-c", text], cwd=folder, env=env, stdout=output, stderr=output, process_group=0
        )
        try:
            code = shell.wait(timeout=HANGS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(shell.pid, signal.SIGKILL)
            shell.wait()  # else another test fails for it
        output.seek(0)
        printed = output.read()
    assert code == 0, printed[-4_000:]
    assert "Traceback" not in printed
    return printed


def on_ports(command: str, ports: dict[str, str]) -> str:
    """Return a command with the ports of this test for those that users see."""
    if "tonicdm sandbox" in command and "--port" not in command:
        command = command.replace("tonicdm sandbox", "tonicdm sandbox --port 8300")
    if "webhooks serve" in command:
        command = command.replace("webhooks serve", "webhooks serve --port 8080")
    return re.sub("|".join(PORTS), lambda match: ports[match[0]], command)


@pytest.mark.skipif(shutil.which("bash") is None, reason="the lines are of a shell")
@pytest.mark.parametrize("name", PAGES)
def test_every_line_of_a_page_runs_as_it_stands_behind_those_before(
    name: str, tmp_path: pathlib.Path, postgres_url: str
) -> None:
    """No line needs what another page says, a guess, or a server that is gone; installing is the other test's."""
    page = read(PAGES[name])
    lines = [INSTALLING.sub("", command) for command in page.commands if command != TESTS_THEMSELVES]
    commands = [line for line in lines if line.partition("#")[0].strip()]
    # A smaller firm than the page's spares half of the time; the fresh environment has the whole one.
    commands = [line.replace("sync --sandbox", "sync --sandbox --records 1500") for line in commands]
    if shutil.which("sqlite3") is None:
        commands = [line for line in commands if not line.startswith("sqlite3")]
    assert len(commands) > 10
    run(commands, page.blocks, tmp_path, str(pathlib.Path(sys.executable).parent), postgres_url)


def test_no_block_of_these_pages_escapes_the_test() -> None:
    """Commands are console blocks and programs Python; one block needs an account."""
    assert set(read(PAGES["README"]).languages) == {"console", "python"}
    languages = read(PAGES["tutorial"]).languages
    assert set(languages) == {"console", "python", NEEDS_AN_ACCOUNT}
    assert languages.count(NEEDS_AN_ACCOUNT) == 1
    assert TESTS_THEMSELVES in read(PAGES["README"]).commands


@pytest.mark.thorough
@pytest.mark.skipif(shutil.which("bash") is None, reason="the lines are of a shell")
@pytest.mark.parametrize("name", PAGES)
def test_the_same_in_a_fresh_clone_and_a_fresh_environment(
    name: str, tmp_path: pathlib.Path, postgres_url: str
) -> None:
    """Installing included, with nothing but what the page installs."""
    clone = tmp_path / "clone"
    left = shutil.ignore_patterns(".git", "_build", ".venv", "dist", ".nox", ".*_cache", "__pycache__", ".hypothesis")
    shutil.copytree(ROOT, clone, ignore=left)
    page = read(PAGES[name])
    commands = [command for command in page.commands if command != TESTS_THEMSELVES]
    if name == "README":
        venv.create(tmp_path / "fresh", with_pip=True)
    run(commands, page.blocks, clone, str(tmp_path / "fresh" / "bin"), postgres_url)
