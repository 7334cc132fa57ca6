"""Changes at every step of a pass, some of them visible late, some moving records from page to page: none is lost."""

from __future__ import annotations

import contextlib
import datetime
import pathlib
import random
import tempfile
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tests.listserver import Asked, ListServer
from tonicdm import TonicDM, UnitBudget
from tonicdm.clock import VirtualClock
from tonicdm.errors import OptionIgnoredError
from tonicdm.store import Store, choose
from tonicdm.sync import SyncStoppedError, synchronize

from .conftest import drive, held

PATH = "/core/persons"
PAGE = 5
LATEST = 55
"""Seconds after which a change is visible at the latest: within the overlap of 60."""


class BusyServer(ListServer):
    """Sorts its list by a name that changes, and shows some changes late."""

    def __init__(self, clock: VirtualClock, chance: random.Random) -> None:
        super().__init__(clock)
        self.chance = chance
        self.moving: VirtualClock = clock
        self.late: list[tuple[float, dict[str, Any]]] = []
        self.busy = False
        self.truth: dict[str, dict[str, Any]] = {}
        self.answering = self.meddle

    def meddle(self, asked: Asked, found: list[dict[str, Any]]) -> None:
        """Change some records, and let time pass, after an answer was made."""
        del found
        if not self.busy or asked.path != PATH:
            return
        for _ in range(self.chance.choice((0, 1, 1, 3))):
            self.change(self.chance.choice(sorted(self.truth)))
        self.moving.advance(self.chance.choice((0.0, 0.0, 0.4, 1.5, 20.0)))

    def change(self, one: str) -> None:
        """Give a record another value, and perhaps another place in the list."""
        now = self.moving.now()
        stamp = datetime.datetime.fromtimestamp(int(now), datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = self.truth[one]
        late = self.chance.choice((0, 0, 0, 7, LATEST))
        if before["datetimeUpdated"] == stamp and (late or any(record["id"] == one for _, record in self.late)):
            # Two changes of one second that become visible at two moments can be told apart by nothing.
            return
        name = self.chance.choice((before["name"], f"{self.chance.random():.6f}"))
        after = {**before, "name": name, "title": f"{self.chance.random()}", "datetimeUpdated": stamp}
        self.truth[one] = after
        # What is hidden is not overtaken by what came after it.
        hidden = max((at for at, record in self.late if record["id"] == one), default=0.0)
        self.late.append((max(now + late, hidden), after))

    def _chosen(self, asked: Asked) -> list[dict[str, Any]]:
        now = self.moving.now()
        self.put(PATH, (record for at, record in self.late if at <= now))
        self.late = [(at, record) for at, record in self.late if at > now]
        table = self.tables[PATH]
        order = sorted(table.values(), key=lambda record: (record["name"], record["id"]))
        kept, self.tables[PATH] = table, {f"{place:06}": record for place, record in enumerate(order)}
        try:
            return super()._chosen(asked)
        finally:
            self.tables[PATH] = kept


async def check(seed: int) -> None:
    chance, clock = random.Random(seed), VirtualClock()
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "firm.db"
        async with BusyServer(clock, chance) as server:
            for number in range(chance.randint(1, 4 * PAGE + 2)):
                record = {"id": f"01{number:030x}", "name": f"{chance.random():.6f}", "title": "first"}
                server.truth[record["id"]] = {**record, "datetimeUpdated": "2020-01-01T00:00:00Z"}
            server.put(PATH, server.truth.values())
            budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
            async with TonicDM("token", base_url=server.url, budget=budget) as tonic:
                tonic.caller.facts.page_limit = PAGE
                for busy in (True, True, chance.random() < 0.5, True, False):
                    server.busy = busy
                    if not busy:
                        clock.advance(LATEST + 10)
                    async with Store(path) as store:
                        audit = chance.choice(("never", "never", "always")) if busy else "never"
                        run = synchronize(tonic, store, choose(["persons"]), audit=audit)  # type: ignore[arg-type]
                        # An audit that meets the same records on other pages again and again ends with the reason; so
                        # does a list whose records move on by a whole page, of five, between two calls.
                        with contextlib.suppress(*((SyncStoppedError, OptionIgnoredError) if busy else ())):
                            await drive(clock, run, tonic)
                    clock.advance(chance.choice((1.0, 30.0, 3_600.0)))
            await budget.close()
        assert held(path, "persons") == server.truth


@for_each("seed", [*range(8), 390])
async def test_no_change_is_lost_in_these_schedules(seed: int) -> None:
    """After runs amid changes, one run in peace leaves the file as the server is, without a look for deletions."""
    await check(seed)


@pytest.mark.thorough
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(8, 10**9))
@example(9933)
async def test_no_change_is_lost_in_any_schedule(seed: int) -> None:
    await check(seed)
