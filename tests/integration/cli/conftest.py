"""The command as users run it, against a sandbox in another process."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Iterator

import pytest

from tests import processes
from tests.processes import COMMAND, Completed

Run = Callable[..., Completed]


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a sandbox in a process of its own, started by the command itself."""
    with processes.sandbox("--records", "3000", "--limit", "100000", command=[*COMMAND, "sandbox"]) as url:
        yield url


@pytest.fixture
def environment(server: str, tmp_path: pathlib.Path) -> dict[str, str]:
    return processes.environment(server, tmp_path)


def _runner(how: Run, environment: dict[str, str]) -> Run:
    def run(*arguments: str, **changes: str | None) -> Completed:
        env = {name: value for name, value in {**environment, **changes}.items() if value is not None}
        return how(*arguments, env=env)

    return run


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run the command; keyword arguments change variables."""
    return _runner(processes.run, environment)


@pytest.fixture
def run_process(environment: dict[str, str]) -> Run:
    """Run the command in a process of its own, as a shell does."""
    return _runner(processes.run_process, environment)
