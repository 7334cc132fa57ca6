"""Processes that tests start run what the tests run."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import tonicdm
from tests import processes
from tonicdm.budget.default import default_path


def test_a_process_imports_the_package_that_the_tests_import() -> None:
    """Else commands would be those of the folder that the tests stand in, where an installed wheel is tested."""
    code = "import tonicdm; print(tonicdm.__file__)"
    command = [sys.executable, "-c", code]
    imported = subprocess.run(command, capture_output=True, text=True, check=True, cwd=processes.ROOT).stdout
    assert imported == f"{tonicdm.__file__}\n"


def test_neither_settings_nor_files_of_whoever_runs_the_tests_are_theirs() -> None:
    """A budget's file in the home folder would be written to, and a token or a zone in the environment read."""
    names = {name for name in os.environ if name.startswith(("TONICDM_", "RHYTHM_"))}
    assert not {name for name in names if not name.startswith("TONICDM_TEST_")}
    if sys.platform == "linux":
        assert pathlib.Path.home() not in default_path().parents
