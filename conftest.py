"""Runs the code blocks of the README and of the documentation, against a sandbox in a process of its own."""

from __future__ import annotations

import functools
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser

# The tests import one another as tests.…; behind what is installed, so that an installed wheel is what they test.
sys.path.append(str(pathlib.Path(__file__).parent))
# So do the processes that they start in this folder.
os.environ["PYTHONSAFEPATH"] = "1"


THEIRS = re.compile(r"(TONICDM|RHYTHM)_(?!TEST_)|(NO|FORCE)_COLOR$|CLICOLOR|TTY_|(COLUMNS|LINES|XDG_STATE_HOME)$")
"""Variables with which somebody has set up what the tests run."""


def pytest_sessionstart(session: pytest.Session) -> None:
    # Neither the settings of whoever runs the tests are theirs, nor the files of budgets and tokens.
    folder = tempfile.mkdtemp(prefix="tonicdm-state-")
    session.config.add_cleanup(functools.partial(shutil.rmtree, folder, ignore_errors=True))
    server = () if "TONICDM_TEST_POSTGRES" in os.environ else ("PG",)
    for name in [name for name in os.environ if THEIRS.match(name) or name.startswith(server)]:
        del os.environ[name]
    os.environ["XDG_STATE_HOME"] = folder


def pytest_configure() -> None:
    # A shell starts jobs in the background with Ctrl-C ignored, and so would run the commands that the tests interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def documented_variables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Run the servers that the examples use; yield the variables that users set, and PWD for the folder."""
    from tests.processes import sandbox

    slow = ("query_queued_seconds", "query_seconds", "submitted_seconds", "execution_seconds")
    at_once = tuple(word for name in slow for word in ("--set", f"{name}=0"))
    with (
        sandbox("--records", "2000", "--limit", "100000") as tonicdm,
        sandbox("--rhythm", "--records", "500", *at_once) as rhythm,
    ):
        folder = tmp_path_factory.mktemp("documentation")
        yield {
            "PWD": str(folder),
            "TONICDM_BASE_URL": tonicdm,
            "TONICDM_TOKEN": "sandbox-token",
            "TONICDM_BUDGET": str(folder / "budget.db"),
            "RHYTHM_TENANT_ID": "sandbox.example.org",
            "RHYTHM_CLIENT_ID": "sandbox-client",
            "RHYTHM_CLIENT_SECRET": "sandbox-secret",
            "RHYTHM_AUTH_DOMAIN": f"{rhythm}/auth0",
            "RHYTHM_BASE_URL": f"{rhythm}/{{service}}",
            "RHYTHM_TOKENS": str(folder / "tokens"),
        }


@pytest.fixture
def documented_server(documented_variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an example find the servers; the tests beside it see neither its variables nor its folder."""
    for name, value in documented_variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(documented_variables["PWD"])


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/**/*.md", "docs/*.md"],
    # aiohttp's AppKey, for one, asks the module of the code for its name.
    setup=lambda namespace: namespace.update(__name__="documentation"),
    fixtures=["documented_server"],
).pytest()
