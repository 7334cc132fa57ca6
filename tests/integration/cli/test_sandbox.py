"""`tonicdm sandbox`: what it prints is what a shell needs."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.processes import free_port

COMMAND = [sys.executable, "-m", "tonicdm.cli"]
BARE = {name: value for name, value in os.environ.items() if not name.startswith(("TONICDM_", "RHYTHM_"))}
OPTIONS = {"TONICDM": (), "RHYTHM": ("--rhythm",)}


@contextlib.contextmanager
def started(*options: str) -> Iterator[tuple[int, list[str]]]:
    """Run a sandbox; its port and the export lines that it prints."""
    command = [*COMMAND, "sandbox", "--port", "0", "--records", "600", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=BARE) as process:
        assert process.stdout is not None
        try:
            first, second, empty, *lines = [process.stdout.readline() for _ in range(8 if options else 5)]
            found = re.search(r":(\d+);", first)
            assert found is not None
            assert max(len(first), len(second)) <= 81
            assert empty == "\n"
            yield int(found[1]), [line.rstrip("\n") for line in lines]
        finally:
            process.terminate()


@pytest.mark.parametrize("prefix", OPTIONS)
def test_env_prints_the_lines_of_the_sandbox_that_runs(prefix: str) -> None:
    """The same lines that it printed itself, to be pasted or evaluated; a client needs no more."""
    with started(*OPTIONS[prefix]) as (port, lines):
        assert all(re.fullmatch(rf"export {prefix}_[A-Z_]+=\S+", line) for line in lines), lines
        show = [*COMMAND, "sandbox", "--env", "--port", str(port)]
        shown = subprocess.run(show, capture_output=True, text=True, timeout=240, check=True, env=BARE)
        assert shown.stdout.splitlines() == lines
        used = {"TONICDM": ["whoami"], "RHYTHM": ["rhythm", "tokens"]}[prefix]
        script = f'eval "$({shlex.join(show)})" && {shlex.join([*COMMAND, *used])}'
        ended = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=240, check=False, env=BARE)
        assert ended.returncode == 0, ended.stderr


async def test_env_waits_for_a_sandbox_that_is_just_starting() -> None:
    """`tonicdm sandbox &` and the next line of a script are begun at the same moment."""
    port = free_port()
    options = ("sandbox", "--port", str(port), "--records", "600")
    asked = await asyncio.create_subprocess_exec(*COMMAND, *options, "--env", stdout=subprocess.PIPE, env=BARE)
    server = await asyncio.create_subprocess_exec(*COMMAND, *options, stdout=subprocess.DEVNULL, env=BARE)
    text, _ = await asked.communicate()
    server.terminate()
    await server.wait()
    assert asked.returncode == 0
    assert f"export TONICDM_BASE_URL=http://127.0.0.1:{port}\n" in text.decode()


def test_env_says_what_runs_there_if_it_is_no_sandbox() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        show = [*COMMAND, "sandbox", "--env", "--port", str(other.server_port)]
        shown = subprocess.run(show, capture_output=True, text=True, timeout=240, check=False, env=BARE)
        other.shutdown()
    assert (shown.returncode, shown.stdout) == (2, "")
    assert shown.stderr.endswith(f":{other.server_port} is no sandbox of this version\n")
