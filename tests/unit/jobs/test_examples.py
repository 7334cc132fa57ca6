"""The example files of a service name commands and options that there are, and times that fit the worker's."""

from __future__ import annotations

import configparser
import pathlib
import shlex

import click
import pytest
import yaml

from tonicdm.cli.jobs import jobs, worker
from tonicdm.jobs.worker import GRACE_SECONDS

EXAMPLES = pathlib.Path(__file__).parents[3] / "examples"
UNITS = sorted(EXAMPLES.glob("systemd/tonicdm-worker*.service"))


def parse(words: list[str]) -> dict[str, object]:
    """Return the parameters of ``tonicdm worker``, as its command reads them."""
    assert words[0] == "worker"
    context = worker.make_context("worker", [*words[1:], "--database", "postgresql://x/y"])
    return dict(context.params)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_starts_a_worker_and_gives_it_the_time_that_it_takes_to_end(path: pathlib.Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(path)
    service = unit["Service"]
    program, *words = shlex.split(service["ExecStart"].replace("%i", "1"))
    assert program.endswith("/tonicdm")
    assert parse(words)["port"]
    assert float(service["TimeoutStopSec"]) > GRACE_SECONDS
    assert (service["KillSignal"], service["Restart"]) == ("SIGTERM", "always")


def test_the_compose_file_starts_the_tables_before_the_workers_and_lets_them_end() -> None:
    compose = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))
    services = compose["services"]
    assert set(services) == {"database", "tables", "worker"}
    assert services["tables"]["command"] == ["jobs", "upgrade"] and "upgrade" in jobs.list_commands(click.Context(jobs))
    assert parse(services["worker"]["command"])["host"] == "0.0.0.0"
    assert services["worker"]["depends_on"] == {"tables": {"condition": "service_completed_successfully"}}
    assert float(services["worker"]["stop_grace_period"].removesuffix("s")) > GRACE_SECONDS
    used = {name for service in services.values() for name in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    for service in services.values():
        if "build" in service:
            folder = (EXAMPLES / service["build"]["context"]).resolve()
            assert (folder / service["build"]["dockerfile"]).exists()
            assert "args" in service["build"] and "ARG EXTRAS" in (EXAMPLES / "Dockerfile").read_text(encoding="utf-8")
