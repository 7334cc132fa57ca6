"""The plugin in projects of users: no configuration, strict mode, and nothing for those who do not ask for it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
import sys

import pytest

import tonicdm

ROOT = pathlib.Path(tonicdm.__file__).parents[1]
GUIDE = pathlib.Path(__file__).parents[3] / "docs" / "how-to" / "testing.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def run(folder: pathlib.Path, source: str, *arguments: str, config: str = ""):
    """Run pytest in a project of its own, with warnings as errors."""
    (folder / "test_mine.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\n{config}\n", encoding="utf-8")
    # pytest-asyncio itself warns where its own setting is absent.
    warnings = ["-W", "error", "-W", "ignore:The configuration option"]
    # Named too, for an editable install that is older than the entry point; naming it twice is once.
    command = [sys.executable, "-m", "pytest", "-q", *warnings, "-p", "pytest_tonicdm", *arguments]
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "TONICDM_OPTION_PLACEMENT": "query", "TONICDM_ZONE": "de"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("config", ["", "asyncio_mode = auto"], ids=["strict", "auto"])
def test_the_guide_s_example_passes_in_a_project_without_configuration(tmp_path: pathlib.Path, config: str) -> None:
    """Also with variables of another server in the environment: the fixtures do not read them."""
    done = run(tmp_path, EXAMPLES[0], config=config)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def test_the_guide_s_example_for_other_runners_runs(tmp_path: pathlib.Path) -> None:
    command = [sys.executable, "-W", "error", "-c", EXAMPLES[1]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_project_that_shares_one_loop_for_all_tests_gets_its_fixtures_on_it(tmp_path: pathlib.Path) -> None:
    """The loop scope of tests is followed; on another loop the client could only refuse, or the server hang."""
    source = """
async def test_it(tonicdm_client):
    assert await tonicdm_client.me.get()
"""
    scopes = "asyncio_default_fixture_loop_scope = function\nasyncio_default_test_loop_scope = session"
    done = run(tmp_path, source, config=f"asyncio_mode = auto\n{scopes}")
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_without_pytest_asyncio_the_fixtures_say_what_is_missing(tmp_path: pathlib.Path) -> None:
    done = run(tmp_path, "def test_it(tonicdm_sandbox): ...", "-p", "no:asyncio")
    assert "the extra testing: pip install pytest-asyncio" in done.stdout
    assert done.returncode == 1


def test_who_does_not_ask_for_a_fixture_imports_nothing(tmp_path: pathlib.Path) -> None:
    """Neither the client nor aiohttp is loaded by a run that has the plugin only."""
    source = """
import sys

def test_it():
    assert not {"tonicdm", "aiohttp", "attrs"} & set(sys.modules)
"""
    done = run(tmp_path, source)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_code_that_makes_its_own_client_finds_the_sandbox(tmp_path: pathlib.Path) -> None:
    source = """
import tonicdm

async def test_it(tonicdm_environment, tonicdm_sandbox):
    async with tonicdm.TonicDM() as tonic:
        assert await tonic.me.get()
    assert tonicdm_sandbox.units() > 0
"""
    done = run(tmp_path, source, config="asyncio_mode = auto")
    assert "1 passed" in done.stdout, done.stdout + done.stderr
