"""The command as users run it."""

from __future__ import annotations

import asyncio
import pathlib
import tomllib

import pytest
from click.testing import CliRunner

from tonicdm.cli.app import tonicdm
from tonicdm.clock import SystemClock
from tonicdm.testing import sandbox_from

pytest.importorskip("rich")


async def invoke(box, *arguments: str, answer: str = ""):
    """Run the command in a thread: the sandbox has this one's loop."""
    server = ["--token", box.token, "--base-url", box.url.removesuffix(box.settings.path_prefix)]
    environment = {"TONICDM_BUDGET": "memory", "TONICDM_ZONE": None, "TONICDM_BASE_URL": None, "TONICDM_TOKEN": None}
    runner = CliRunner()
    command = ["conformance", *server, *arguments]
    return await asyncio.to_thread(runner.invoke, tonicdm, command, input=answer, env=environment)


async def test_it_asks_first_and_without_a_yes_calls_nothing() -> None:
    async with sandbox_from(SystemClock()) as box:
        done = await invoke(box, answer="n\n")
        assert done.exit_code != 0
        assert "at most 20 units" in done.output
        assert not box.journal
        assert (await invoke(box)).exit_code != 0
        assert not box.journal


async def test_it_writes_a_profile_and_goes_on_from_it(tmp_path: pathlib.Path) -> None:
    """The second run asks for what the first left open; the token is in no file and no line."""
    path = tmp_path / "profile.toml"
    async with sandbox_from(SystemClock(), records=4_000, default_data_quantity="basic") as box:
        done = await invoke(box, "--output", str(path), answer="y\n")
        assert done.exit_code == 0, done.output
        first = tomllib.loads(path.read_text(encoding="utf-8"))
        assert first["profile"]["units"] == box.units() <= 20
        assert first["answers"]["option_source"] == "header"
        assert "default_quantity" in first["unsettled"]
        again = await invoke(box, "--yes", "--profile", str(path))
        assert again.exit_code == 0, again.output
        second = tomllib.loads(path.read_text(encoding="utf-8"))
        assert second["answers"]["default_quantity"] == "basic"
        assert second["answers"].keys() > first["answers"].keys() - {"reset_moves"}
        assert box.token not in path.read_text(encoding="utf-8") + done.output + again.output


async def test_without_a_file_the_profile_goes_to_the_output() -> None:
    async with sandbox_from(SystemClock(), records=4_000) as box:
        done = await invoke(box, "--yes")
        assert tomllib.loads(done.stdout)["answers"]["cost_mode"] == "call"


async def test_a_refused_token_ends_with_code_3() -> None:
    async with sandbox_from(SystemClock()) as box:
        done = await invoke(box, "--yes", "--token", "another")
        assert done.exit_code == 3
        assert "another" not in done.output
