"""The command as users run it: in a process of its own, against a sandbox in another."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

Run = Callable[..., "subprocess.CompletedProcess[str]"]
COMMAND = [sys.executable, "-m", "tonicdm.cli"]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a sandbox in a process of its own, started by the command itself."""
    command = [*COMMAND, "sandbox", "--port", "0", "--records", "3000", "--limit", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = re.search(r"http://[^;\s]+", process.stdout.readline())
        assert found is not None
        yield found.group()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, "the sandbox must stop cleanly"


@pytest.fixture
def environment(server: str, tmp_path: pathlib.Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TONICDM_")}
    return {
        **kept,
        "TONICDM_TOKEN": "sandbox-token",
        "TONICDM_BASE_URL": server,
        "TONICDM_BUDGET": str(tmp_path / "budget.db"),
        "COLUMNS": "160",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    def run(*arguments: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        env = {name: value for name, value in {**environment, **changes}.items() if value is not None}
        return subprocess.run([*COMMAND, *arguments], env=env, capture_output=True, text=True, timeout=60, check=False)

    return run
