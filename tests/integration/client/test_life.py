"""The life of a client: loops, views, concurrency, and connections that die between two calls."""

from __future__ import annotations

import asyncio

import pytest

from tonicdm import ClientClosedError, TonicDM, UnitBudget
from tonicdm.bulk import gather
from tonicdm.sandbox import Sandbox

from .conftest import drive


async def test_use_on_another_event_loop_says_so(make, box: Sandbox) -> None:
    tonic: TonicDM = make()
    await tonic.offices.list().first()

    def elsewhere() -> str:
        with pytest.raises(ClientClosedError) as caught:
            asyncio.run(tonic.offices.list().first())  # type: ignore[arg-type]
        return str(caught.value)

    assert "another event loop" in await asyncio.to_thread(elsewhere)


async def test_no_byte_is_sent_without_its_reservation_when_a_kept_connection_dies(make, box, clock) -> None:
    """aiohttp would send a GET again by itself; here each request that the server read was reserved and told of."""
    sent: list[int] = []
    from tonicdm import Hooks

    tonic: TonicDM = make(hooks=Hooks(on_request=lambda event: sent.append(event.attempt)))
    await tonic.offices.list().first()
    box.faults.on("close_reused")
    await drive(clock, tonic.offices.list().first(), tonic)
    assert len(box.journal.calls()) == len(sent) == 3
    assert sent == [1, 1, 2]


async def test_no_more_calls_are_under_way_than_allowed(make, box: Sandbox, clock) -> None:
    box.settings.latency_seconds = (0.01, 0.02)
    most = 0
    tonic: TonicDM = make(max_concurrency=3)

    async def watch() -> None:
        nonlocal most
        while True:
            connector = getattr(tonic.caller.transport.session._session, "connector", None)
            most = max(most, len(connector._acquired) if connector else 0)
            await asyncio.sleep(0.001)

    watcher = asyncio.create_task(watch())
    await drive(clock, gather([tonic.offices.list().first() for _ in range(30)]), tonic)
    watcher.cancel()
    assert most == 3


async def test_a_view_of_another_zone_spends_from_the_same_budget(make, box: Sandbox) -> None:
    tonic: TonicDM = make()
    view = tonic.with_options(zone="DE", priority="interactive")
    assert view.caller.base_url == "https://de-api.tonicdm.com"
    assert view.budget is tonic.budget
    await view.close()
    with pytest.raises(ClientClosedError):
        await tonic.offices.list().first()


async def test_closing_a_client_leaves_a_budget_of_the_user_open(box: Sandbox, clock) -> None:
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
        await tonic.offices.list().first()
    async with budget.reserve(1) as reservation:
        assert reservation.cost == 1
    await budget.close()
