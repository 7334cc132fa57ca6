"""What a call leaves to the garbage collector."""

from __future__ import annotations

import contextlib
import gc

import aiohttp
import pytest

from tonicdm import TonicDM, UnitBudget
from tonicdm.sandbox import Sandbox

CALLS = 10


@pytest.mark.parametrize("kind", ["own", "user's"])
async def test_a_call_is_gone_when_its_record_is_there(box: Sandbox, kind: str) -> None:
    """No circle holds a request, its attempt and its answer until the collector comes, in a user's session either."""
    async with contextlib.AsyncExitStack() as stack:
        session = None if kind == "own" else await stack.enter_async_context(aiohttp.ClientSession())
        settings = {"base_url": box.url, "budget": UnitBudget.memory(), "session": session}
        tonic = await stack.enter_async_context(TonicDM(box.token, **settings))
        office = next(iter(box.world.ids("offices")))
        for _ in range(3):
            await tonic.offices.get(office)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            for _ in range(CALLS):
                await tonic.offices.get(office)
            gc.collect()
            left = [type(value).__name__ for value in gc.garbage if type(value).__module__.startswith("tonicdm")]
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert left == []
