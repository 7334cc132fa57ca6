"""Requests for the same records share one flight."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tonicdm.clock import VirtualClock
from tonicdm.errors import StoreError
from tonicdm.store.flights import Flight, Flights


class Server:
    """Answers each flight when it is told to."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.flights: list[list[str]] = []
        self.gates: list[asyncio.Event] = []
        self.error: Exception | None = None

    async def fetch(self, _what: Any, flight: Flight) -> dict[str, str]:
        self.flights.append(list(flight.ids))
        gate = asyncio.Event()
        self.gates.append(gate)
        flight.sent_at = self.clock.now()
        await gate.wait()
        if self.error is not None:
            raise self.error
        return {one: one.upper() for one in flight.ids if one != "gone"}

    async def arrive(self, count: int) -> None:
        for _ in range(1000):
            if len(self.flights) >= count:
                return
            await asyncio.sleep(0.001)
        pytest.fail(f"only {len(self.flights)} flights left")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def server(clock: VirtualClock) -> Server:
    return Server(clock)


def ask(flights: Flights, *ids: str, key: str = "k", oldest: float = 0.0) -> asyncio.Task[dict[str, Any]]:
    return asyncio.ensure_future(flights.get(key, ids, oldest=oldest, what=None))


async def test_ids_that_come_together_leave_together(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0.005)
    work = [ask(flights, one) for one in "abc"]
    await server.arrive(1)
    server.gates[0].set()
    assert [await task for task in work] == [{"a": "A"}, {"b": "B"}, {"c": "C"}]
    assert server.flights == [["a", "b", "c"]]
    assert len(flights) == 0


async def test_without_gathering_each_request_flies_alone(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0)
    work = [ask(flights, "a", "b"), ask(flights, "c")]
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    await asyncio.gather(*work)
    assert server.flights == [["a", "b"], ["c"]]


async def test_what_is_under_way_is_joined_while_it_is_young_enough(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0)
    first = ask(flights, "a")
    await server.arrive(1)
    clock.advance(10)
    joined, anew = ask(flights, "a", oldest=clock.now() - 10), ask(flights, "a", oldest=clock.now() - 9)
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    assert await first == await joined == await anew == {"a": "A"}
    assert server.flights == [["a"], ["a"]]


async def test_what_comes_while_a_flight_is_under_way_boards_the_next(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0.001)
    first = ask(flights, "a")
    await server.arrive(1)
    later = [ask(flights, one) for one in "bcd"]
    await asyncio.sleep(0.02)
    assert len(server.flights) == 1
    server.gates[0].set()
    await server.arrive(2)
    server.gates[1].set()
    await asyncio.gather(first, *later)
    assert server.flights == [["a"], ["b", "c", "d"]]


async def test_a_full_flight_waits_for_nobody(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=3600, most=2)
    first = ask(flights, "a", "b", "c", "d")
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    assert len(await first) == 4
    assert server.flights == [["a", "b"], ["c", "d"]]


async def test_other_keys_fly_on_their_own(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0.001)
    work = [ask(flights, "a", key="x"), ask(flights, "a", key="y")]
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    await asyncio.gather(*work)


async def test_a_flight_ends_only_when_its_last_passenger_leaves(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0.001)
    work = [ask(flights, "a"), ask(flights, "a")]
    await server.arrive(1)
    work[0].cancel()
    await asyncio.sleep(0)
    assert len(flights) == 1
    work[1].cancel()
    await asyncio.gather(*work, return_exceptions=True)
    await asyncio.sleep(0)
    assert len(flights) == 0
    again = ask(flights, "a")
    await server.arrive(2)
    server.gates[1].set()
    assert await again == {"a": "A"}


async def test_each_passenger_gets_an_error_of_its_own(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0.001)
    server.error = StoreError("firm.db", "is full")
    work = [ask(flights, "a"), ask(flights, "a")]
    await server.arrive(1)
    server.gates[0].set()
    errors = await asyncio.gather(*work, return_exceptions=True)
    assert [str(error) for error in errors] == [str(server.error)] * 2
    assert errors[0] is not errors[1]


async def test_what_was_written_to_is_not_joined_any_more(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0)
    first = ask(flights, "a")
    await server.arrive(1)
    flights.forget(lambda key: key == "k", ["a"])
    second = ask(flights, "a")
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    await asyncio.gather(first, second)
    assert len(flights) == 0


async def test_an_id_without_a_record_is_left_out(server: Server, clock: VirtualClock):
    flights = Flights(clock, server.fetch, batch_window=0)
    work = ask(flights, "a", "gone")
    await server.arrive(1)
    server.gates[0].set()
    assert await work == {"a": "A"}
