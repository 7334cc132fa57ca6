"""The `tonicdm` command and sandboxes, as the tests of several subjects run them."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from click.testing import CliRunner

from tonicdm.cli.app import tonicdm

COMMAND = [sys.executable, "-m", "tonicdm.cli"]
SANDBOX = [sys.executable, "-m", "tonicdm.sandbox"]
ROOT = pathlib.Path(__file__).parents[1]
MODULE = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
runpy.run_module(sys.argv.pop(1), run_name="__main__", alter_sys=True)
"""
Completed = subprocess.CompletedProcess[str]


def module(name: str) -> list[str]:
    """Return the command of a module of the tests; like them it finds their folder behind what is installed."""
    return [sys.executable, "-P", "-c", MODULE, str(ROOT), name]


@contextlib.contextmanager
def sandbox(*options: str, command: Sequence[str] = SANDBOX) -> Iterator[str]:
    """Run a sandbox in a process of its own; its URL."""
    with subprocess.Popen([*command, "--port", "0", *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = re.search(r"http://[^\s;]+", process.stdout.readline())
            assert url is not None
            yield url.group()
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, "the sandbox must stop cleanly"


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on, for servers that have to be told which.

    They are none of those that the system gives to whoever wants any: it would give them to others in between.
    """
    found = set[int]()
    while len(found) < count:
        port = 20_000 + secrets.randbelow(10_000)
        with socket.socket() as trial, contextlib.suppress(OSError):
            trial.bind(("127.0.0.1", port))
            found.add(port)
    return list(found)


def free_port() -> int:
    """Return one of them."""
    return free_ports(1)[0]


def environment(url: str, folder: pathlib.Path) -> dict[str, str]:
    """Return the variables of a user of the sandbox at *url*, whose budget is in *folder*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TONICDM_")}
    own = {
        "TONICDM_TOKEN": "sandbox-token",
        "TONICDM_BASE_URL": url,
        "TONICDM_BUDGET": str(folder / "budget.db"),
        "COLUMNS": "160",
    }
    return kept | own


def run_process(*arguments: str, env: Mapping[str, str] | None = None, cwd: pathlib.Path | None = None) -> Completed:
    """Run the command in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], env=env, cwd=cwd, capture_output=True, text=True, timeout=240, check=False
    )


def run(*arguments: str, env: Mapping[str, str] | None = None, cwd: pathlib.Path | None = None) -> Completed:
    """Run the command in this process, which spares what a process takes to start; what it ends with is the same."""
    given = dict(os.environ) if env is None else dict(env)
    runner = CliRunner(env={**dict.fromkeys(os.environ), **given})
    with contextlib.chdir(cwd or pathlib.Path.cwd()):
        ended = runner.invoke(tonicdm, arguments, prog_name="tonicdm")
    if ended.exception is not None and not isinstance(ended.exception, SystemExit):
        raise AssertionError(f"{ended.exception!r} leaves the command as a traceback") from ended.exception
    return Completed(arguments, ended.exit_code, ended.stdout, ended.stderr)
