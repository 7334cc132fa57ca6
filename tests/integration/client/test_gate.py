"""The gate at the connection: what another process has learned while a call was on its way there."""

import asyncio
import pathlib

import aiohttp
import pytest

from tonicdm import BudgetTimeoutError, TonicDM, UnitBudget
from tonicdm.budget.pacer import Pacer
from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox


class Way:
    """Where a call can be held up for as long as a test wants."""

    def __init__(self) -> None:
        self.reached, self.free = asyncio.Event(), asyncio.Event()
        self.free.set()

    async def pass_by(self) -> None:
        self.reached.set()
        await self.free.wait()

    async def hold_next(self) -> None:
        self.reached.clear()
        self.free.clear()


class Connector(aiohttp.TCPConnector):
    """Connects when the way is free."""

    def __init__(self, way: Way) -> None:
        super().__init__(limit=0)
        self._way = way

    async def connect(self, *args, **options):
        await self._way.pass_by()
        return await super().connect(*args, **options)


@pytest.mark.parametrize("where", ["pacer", "connect"])
async def test_a_429_of_another_process_stops_a_call_on_its_way(
    where: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It sits there for five seconds with its units reserved; it is not sent, and the units are back exactly."""
    clock, way, path = VirtualClock(), Way(), tmp_path / "budget.db"
    if where == "pacer":
        monkeypatch.setattr(Pacer, "pace", lambda _: way.pass_by())
    connector = Connector(way) if where == "connect" else aiohttp.TCPConnector(limit=0)
    async with Sandbox(records=600, clock=clock) as box, connector:
        ours, other = (UnitBudget.shared(path, key="k", clock=clock) for _ in range(2))
        async with ours, other, TonicDM(box.token, base_url=box.url, budget=ours, connector=connector) as tonic:
            office = next(iter(box.world.ids("offices")))
            await tonic.offices.get(office)
            seen, used = len(box.journal), ours.snapshot().remaining
            await way.hold_next()
            call = asyncio.create_task(tonic.with_options(max_wait=60).offices.get(office))
            await way.reached.wait()
            assert ours.snapshot().reserved == 5
            clock.advance(5.0)
            monkeypatch.setattr(Pacer, "pace", lambda _: asyncio.sleep(0))
            async with other.reserve(5) as refused:
                await refused.sent()
                await refused.settle(3600, used, clock.now() + 1000, date=clock.now(), status=429)
            way.free.set()
            with pytest.raises(BudgetTimeoutError, match="blocked"):
                await call
            assert len(box.journal) == seen
            await ours.ledger.run(lambda _: None)
            assert [budget.snapshot().reserved for budget in (ours, other)] == [0, 0]
            assert ours.snapshot().remaining == used
