"""A warm page of the how-to guide's web application, beside the same page out of a dictionary."""

from __future__ import annotations

import asyncio
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
from typing import Any

import aiohttp
from aiohttp import web

from benchmarks._sandbox import sandbox
from tonicdm import TonicDM

GUIDE = pathlib.Path(__file__).parents[1] / "docs" / "how-to" / "web-app.md"
VISITORS = 200
ROUNDS = 10


def guide_app() -> web.Application:
    block = re.search(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    space: dict[str, Any] = {"__name__": "guide"}
    exec(block.group(1), space)
    return space["make_app"]()


def bare_app(pages: dict[str, Any]) -> web.Application:
    async def rfi(request: web.Request) -> web.Response:
        return web.json_response(pages[request.match_info["rfi"]])

    app = web.Application()
    app.router.add_get("/rfis/{rfi}", rfi)
    return app


async def _visit(app: web.Application, rfis: list[str]) -> tuple[list[float], list[float], dict[str, Any]]:
    """Return the seconds of a page by itself, those of 200 at once, and the pages."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url, pages = f"http://127.0.0.1:{runner.addresses[0][1]}/rfis", {}
    chance = random.Random(1)
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=VISITORS)) as session:

            async def visit(rfi: str) -> float:
                began = time.perf_counter()
                async with session.get(f"{url}/{rfi}") as answer:
                    pages[rfi] = await answer.json()
                return time.perf_counter() - began

            await asyncio.gather(*(visit(rfi) for rfi in rfis))
            alone = [await visit(chance.choice(rfis)) for _ in range(VISITORS)]
            crowd = []
            for _ in range(ROUNDS):
                crowd += await asyncio.gather(*(visit(chance.choice(rfis)) for _ in range(VISITORS)))
    finally:
        await runner.cleanup()
    return alone, crowd, pages


def _percentile(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share) - 1] * 1000


async def run() -> None:
    async with TonicDM() as tonic:
        rfis = [rfi.id for rfi in await tonic.rfis.list().all() if rfi.id][:VISITORS]
    quiet = await _visit(guide_app(), rfis)
    command = [sys.executable, "-m", "tonicdm.cli", "sync", "firm.db"]
    sync = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    busy = await _visit(guide_app(), rfis)
    await sync.wait()
    bare = await _visit(bare_app(quiet[2]), rfis)
    cases = {"out of the store": quiet, "out of the store, a sync beside it": busy, "out of a dictionary": bare}
    base = _percentile(bare[1], 0.95)
    print("\nA warm page of four records, milliseconds")
    print(f"{'page':<38}{'alone p50':>12}{'p95':>8}{f'{VISITORS} at once p50':>18}{'p95':>8}{'ratio':>8}")
    for name, (alone, crowd, _) in cases.items():
        single, many = (
            [_percentile(alone, share) for share in (0.5, 0.95)],
            [_percentile(crowd, share) for share in (0.5, 0.95)],
        )
        print(f"{name:<38}{single[0]:>12.1f}{single[1]:>8.1f}{many[0]:>18.1f}{many[1]:>8.1f}{many[1] / base:>8.2f}")


def main() -> None:
    """Print the table."""
    with sandbox(records=20_000) as url, tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            TONICDM_BASE_URL=url, TONICDM_TOKEN="sandbox-token", TONICDM_BUDGET=str(pathlib.Path(folder, "budget.db"))
        )
        before = pathlib.Path.cwd()
        os.chdir(folder)
        try:
            asyncio.run(run())
        finally:
            os.chdir(before)
