"""The page of the benchmarks shows the figures of the file."""

from __future__ import annotations

import datetime
import pathlib
import re

import pytest

from benchmarks import _measured
from tests.cases import for_each

ROOT = pathlib.Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "explanation" / "benchmarks.md").read_text(encoding="utf-8")
PICTURES = (ROOT / "docs" / "_ext" / "pictures.py").read_text(encoding="utf-8")


TABLE = PAGE.partition("```{measured}\n")[2].partition("\n```")[0]


@for_each("name", _measured.named(TABLE), ids="/".join)
def test_every_figure_of_the_table_is_in_the_file(name: tuple[str, str, str]) -> None:
    assert _measured.figure(*name) > 0


def test_the_table_has_figures_of_the_file_only() -> None:
    """A figure that is written by hand would in the end be another one."""
    assert len(_measured.named(TABLE)) > 20
    shown = _measured.filled(TABLE)
    assert "{" not in shown
    assert shown.count("\n") == TABLE.count("\n")
    cells = [row.split(" | ")[1] for row in TABLE.splitlines()[2:]]
    assert not any(re.search(r"\d (times|ms|µs)", cell) for cell in cells)


def test_a_figure_that_is_not_there_is_no_zero() -> None:
    with pytest.raises(LookupError, match="0 figures 'most' of 'aiohttp'"):
        _measured.figure("client", "aiohttp", "most")


def test_the_table_says_when_and_where_each_benchmark_was_run() -> None:
    text = "\n".join(_measured.origins())
    for name, run in _measured.measured().items():
        assert f"`{name}`" in text
        assert datetime.date.fromisoformat(run["date"]).isoformat() in text
        assert run["machine"]["processor"] in text


def test_the_page_shows_the_table_and_every_picture_of_it() -> None:
    assert "```{measured}" in PAGE
    pictures = re.findall(r'"(measured-\w+)": \(', PICTURES)
    assert pictures
    assert all(f"```{{picture}} {name}" in PAGE for name in pictures)


def test_the_command_of_the_page_runs_all_that_the_table_needs() -> None:
    command = next(line for line in PAGE.splitlines() if line.startswith("$ nox -s bench -- --json"))
    needed = {benchmark for benchmark, *_ in _measured.named(TABLE)}
    assert needed == set(command.split()[7:])
