"""How many functions stand between a user and aiohttp."""

from __future__ import annotations

import inspect
import pathlib
import re
import sys
from types import CodeType
from typing import Any

import aiohttp
import pytest

import tonicdm
from tonicdm import TonicDM
from tonicdm.sandbox import Sandbox

PACKAGE = pathlib.Path(tonicdm.__file__).parent
PAGE = pathlib.Path(__file__).parents[3] / "docs" / "explanation" / "architecture.md"
MAX_FUNCTIONS = 7
MAX_LINES = 60
"""What fits a screen."""


def documented() -> list[tuple[str, str]]:
    """Return the functions that the page lists, with their files."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition("### The functions of one call")
    section, _, _ = section.partition("\n## ")
    return re.findall(r"^\d+\. `([\w.]+)` \(`([\w/.]+)`\)", section, re.MULTILINE)


@pytest.fixture
def chains(monkeypatch: pytest.MonkeyPatch) -> list[list[CodeType]]:
    """The functions of this package that stand on the stack as a request of aiohttp is entered, outermost first."""
    entered: list[list[CodeType]] = []
    request = aiohttp.ClientSession._request

    async def watched(session: aiohttp.ClientSession, *args: Any, **options: Any) -> Any:
        chain, frame = [], sys._getframe()
        while frame is not None:
            if PACKAGE in pathlib.Path(frame.f_code.co_filename).parents:
                chain.insert(0, frame.f_code)
            frame = frame.f_back
        entered.append(chain)
        return await request(session, *args, **options)

    monkeypatch.setattr(aiohttp.ClientSession, "_request", watched)
    return entered


async def test_the_page_lists_the_functions_between_get_and_aiohttp(
    tonic: TonicDM, box: Sandbox, chains: list[list[CodeType]]
) -> None:
    """There are seven of them at most, on the first call and on later ones, and each fits a screen."""
    first, second = box.world.ids("persons")[:2]
    await tonic.persons.get(first)
    await tonic.persons.get(second)
    expected = documented()
    assert len(chains) == 2
    assert 0 < len(expected) <= MAX_FUNCTIONS
    for chain in chains:
        files = [str(pathlib.Path(code.co_filename).relative_to(PACKAGE).as_posix()) for code in chain]
        assert list(zip([code.co_qualname for code in chain], files, strict=True)) == expected
        assert {code.co_qualname: len(inspect.getsourcelines(code)[0]) for code in chain if _is_long(code)} == {}


def _is_long(code: CodeType) -> bool:
    return len(inspect.getsourcelines(code)[0]) > MAX_LINES
