"""Processes that tests start run what the tests run."""

from __future__ import annotations

import subprocess
import sys

import tonicdm
from tests import processes


def test_a_process_imports_the_package_that_the_tests_import() -> None:
    """Else commands would be those of the folder that the tests stand in, where an installed wheel is tested."""
    code = "import tonicdm; print(tonicdm.__file__)"
    command = [sys.executable, "-c", code]
    imported = subprocess.run(command, capture_output=True, text=True, check=True, cwd=processes.ROOT).stdout
    assert imported == f"{tonicdm.__file__}\n"
