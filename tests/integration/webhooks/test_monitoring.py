"""``/healthz`` and ``/metrics`` beside the path of the webhooks."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3

import aiohttp
import pytest

from tonicdm.errors import ConfigError
from tonicdm.webhooks import Limits, Receiver, Unverified
from tonicdm.webhooks.serve import serve

from .conftest import body_of


@contextlib.asynccontextmanager
async def serving(receiver: Receiver, **options):
    """Run the server as the command does, and yield its address."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(receiver, stop, port=0, ready=ready.set_result, **options))
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield (await ready).removesuffix("/webhooks")
    finally:
        stop.set()
        await task


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def get(session, url: str) -> tuple[int, str]:
    async with session.get(url) as response:
        return response.status, await response.text()


async def test_what_came_and_what_waits_is_told_in_the_lines_of_prometheus(file, session) -> None:
    async with serving(Receiver.for_file(file, Unverified())) as url:
        for content in (body_of(1), body_of(2), body_of(2), b"nonsense"):
            async with session.post(f"{url}/webhooks", data=content):
                pass
        async with session.get(f"{url}/metrics") as response:
            assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
            lines = (await response.text()).splitlines()
    assert 'tonicdm_webhooks_events_total{tonicdm_event="new"} 2' in lines
    assert 'tonicdm_webhooks_events_total{tonicdm_event="duplicate"} 1' in lines
    assert 'tonicdm_webhooks_refused_total{http_response_status_code="400"} 1' in lines
    assert 'tonicdm_inbox_jobs{tonicdm_store="default",tonicdm_state="received"} 2' in lines
    assert any(line.startswith("tonicdm_inbox_age_seconds{") for line in lines)
    assert not [line for line in lines if "Ada" in line]


async def test_a_receiver_that_can_store_is_healthy_and_one_that_cannot_is_not(file, session) -> None:
    """A locked file is trouble as long as it lasts, and no longer."""
    limits = Limits(commit_seconds=0.3)
    async with serving(Receiver.for_file(file, Unverified(), limits=limits)) as url:
        assert await get(session, f"{url}/healthz") == (200, "ok\n")
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            status, text = await get(session, f"{url}/healthz")
            other.execute("ROLLBACK")
        assert (status, bool(text)) == (503, True)
        assert await get(session, f"{url}/healthz") == (200, "ok\n")


async def test_both_can_be_left_out(file, session) -> None:
    async with serving(Receiver.for_file(file, Unverified()), monitored=False) as url:
        assert (await get(session, f"{url}/healthz"))[0] == 404
        assert (await get(session, f"{url}/metrics"))[0] == 404


@pytest.mark.parametrize("path", ["/healthz", "/metrics/"])
async def test_webhooks_do_not_arrive_where_monitoring_looks(file, path) -> None:
    with pytest.raises(ConfigError, match="another path"):
        async with serving(Receiver.for_file(file, Unverified()), path=path):
            pass
