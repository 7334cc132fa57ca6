"""A worker on PostgreSQL whose database goes away while it has a paid answer in hand."""

from __future__ import annotations

import asyncio

import pytest

from tests.postgres import Proxy
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store
from tonicdm.sync.reader import Reader


@pytest.fixture
async def box(clock):
    async with Sandbox(records=600, seed=5, clock=clock) as box:
        yield box


@pytest.fixture
async def proxy(postgres_url):
    proxy = Proxy(postgres_url)
    await proxy.open()
    yield proxy
    await proxy.cut()


@pytest.fixture
async def store(proxy):
    async with Store(proxy.url, schema="firm") as store:
        yield store


async def test_what_was_fetched_outlasts_a_database_that_is_away(desk, proxy, monkeypatch):
    """It is stored when the database is back, and asked for once."""
    asked, returning = Reader.by_id, []

    async def back():
        await asyncio.sleep(0.3)
        await proxy.open()

    async def then_it_is_away(reader, ids, quality):
        answer = await asked(reader, ids, quality)
        await proxy.cut()
        returning.append(asyncio.ensure_future(back()))
        return answer

    monkeypatch.setattr(Reader, "by_id", then_it_is_away)
    (one,) = desk.ids("persons", 1)
    await desk.inbox.receive([desk.event("persons", one)])
    report, units = await desk.drain()
    await asyncio.gather(*returning)
    assert (report.done, units, len(returning)) == (1, 5, 1)
    assert await desk.held("persons", one) == desk.box.world.get("persons", one)
