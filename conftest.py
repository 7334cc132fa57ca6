"""Runs the code blocks of the README and of the documentation, against a sandbox in a process of its own."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser


@pytest.fixture(scope="session")
def documented_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A server that the examples find through the variables that users set."""
    command = [sys.executable, "-m", "tonicdm.sandbox", "--port", "0", "--records", "2000", "--limit", "100000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, pytest.MonkeyPatch.context() as patch:
        assert process.stdout is not None
        found = re.search(r"http://[^\s;]+", process.stdout.readline())
        assert found is not None
        folder = tmp_path_factory.mktemp("documentation")
        patch.setenv("TONICDM_BASE_URL", found.group())
        patch.setenv("TONICDM_TOKEN", "sandbox-token")
        patch.setenv("TONICDM_BUDGET", str(folder / "budget.db"))
        before = pathlib.Path.cwd()
        os.chdir(folder)
        yield
        os.chdir(before)
        process.terminate()


pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(), SkipParser()],
    patterns=["README.md", "docs/**/*.md", "docs/*.md"],
    # aiohttp's AppKey, for one, asks the module of the code for its name.
    setup=lambda namespace: namespace.update(__name__="documentation"),
    fixtures=["documented_server"],
).pytest()
