"""The web application of the how-to guide, with two hundred visitors, beside a sync in a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests import processes
from tonicdm import TonicDM

GUIDE = pathlib.Path(__file__).parents[3] / "docs" / "how-to" / "web-app.md"
VISITORS = 200


def make_app() -> web.Application:
    """Return the application of the guide."""
    found = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    space: dict[str, Any] = {"__name__": "guide"}
    exec(found.group(1), space)
    return space["make_app"]()


@pytest.fixture
def server(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of its own process with 20,000 records and the usual 3,600 units."""
    with processes.sandbox("--records", "20000") as url:
        monkeypatch.setenv("TONICDM_BASE_URL", url)
        monkeypatch.setenv("TONICDM_TOKEN", "sandbox-token")
        monkeypatch.setenv("TONICDM_BUDGET", str(tmp_path / "budget.db"))
        monkeypatch.chdir(tmp_path)
        yield url


@pytest.fixture
async def pages(server: str) -> AsyncIterator[str]:
    """The application, listening."""
    runner = web.AppRunner(make_app())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/rfis"
    await runner.cleanup()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=VISITORS)) as session:
        yield session


def journal(server: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{server}/__journal") as answer:
        return json.loads(answer.read())["entries"]


def by_id(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the calls that asked for single records, as a first load never does."""
    return [call for call in calls if "filterIDs" in call["options"]]


async def visit(session: aiohttp.ClientSession, urls: list[str]) -> list[int]:
    """Open all pages at once, and return the statuses."""

    async def one(url: str) -> int:
        async with session.get(url) as answer:
            await answer.read()
            return answer.status

    return await asyncio.gather(*(one(url) for url in urls))


async def test_two_hundred_visitors_beside_a_sync_spend_next_to_nothing(
    server: str, pages: str, session: aiohttp.ClientSession
):
    """Cold: at most 20 units a page. Warm: no unit. And no 429, though application and sync spend one token's units."""
    async with TonicDM() as tonic:
        rfis = [rfi.id for rfi in await tonic.rfis.list().all()]
    chance = random.Random(3)

    assert await visit(session, [f"{pages}/{rfis[0]}"]) == [200]
    assert 0 < sum(call["units"] for call in by_id(journal(server))) <= 20

    command = [sys.executable, "-m", "tonicdm.cli", "sync", "firm.db"]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    sync = await asyncio.create_subprocess_exec(*command, env={**os.environ}, **silent)
    shown = [f"{pages}/{chance.choice(rfis)}" for _ in range(VISITORS)]
    assert set(await visit(session, shown)) == {200}
    cold = by_id(journal(server))
    assert sum(call["units"] for call in cold) < VISITORS, "they shared their calls"

    for _ in range(5):
        assert set(await visit(session, [chance.choice(shown) for _ in range(VISITORS)])) == {200}
    assert len(by_id(journal(server))) == len(cold), "a warm page cost units"
    assert await sync.wait() == 0
    assert 429 not in {call["status"] for call in journal(server)}


async def test_wrong_links_end_as_the_guide_says(pages: str, session: aiohttp.ClientSession):
    """A text that is no ID, and an ID of no record: there is no such page."""
    assert await visit(session, [f"{pages}/no-id", f"{pages}/{'0' * 32}"]) == [404, 404]
