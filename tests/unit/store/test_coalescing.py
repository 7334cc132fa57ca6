"""Requests for the same records share name batch."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tonicdm.clock import VirtualClock
from tonicdm.errors import StoreError
from tonicdm.store.coalescing import Batch, Coalescer


class Server:
    """Answers each batch when it is told to."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.batches: list[list[str]] = []
        self.gates: list[asyncio.Event] = []
        self.error: Exception | None = None

    async def fetch(self, _request: Any, batch: Batch) -> dict[str, str]:
        self.batches.append(list(batch.ids))
        gate = asyncio.Event()
        self.gates.append(gate)
        batch.sent_at = self.clock.now()
        await gate.wait()
        if self.error is not None:
            raise self.error
        return {name: name.upper() for name in batch.ids if name != "gone"}

    async def arrive(self, count: int) -> None:
        for _ in range(1000):
            if len(self.batches) >= count:
                return
            await asyncio.sleep(0.001)
        pytest.fail(f"only {len(self.batches)} batches left")


@pytest.fixture
def server(clock: VirtualClock) -> Server:
    return Server(clock)


def ask(requests: Coalescer, *ids: str, key: str = "k", oldest: float = 0.0) -> asyncio.Task[dict[str, Any]]:
    return asyncio.ensure_future(requests.get(key, ids, oldest=oldest, request=None))


async def test_ids_that_come_together_are_sent_together(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0.005)
    work = [ask(requests, name) for name in "abc"]
    await server.arrive(1)
    server.gates[0].set()
    assert [await task for task in work] == [{"a": "A"}, {"b": "B"}, {"c": "C"}]
    assert server.batches == [["a", "b", "c"]]
    assert len(requests) == 0


async def test_without_a_batch_window_each_request_is_sent_alone(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0)
    work = [ask(requests, "a", "b"), ask(requests, "c")]
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    await asyncio.gather(*work)
    assert server.batches == [["a", "b"], ["c"]]


async def test_what_is_under_way_is_joined_while_it_is_young_enough(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0)
    first = ask(requests, "a")
    await server.arrive(1)
    clock.advance(10)
    joined, anew = ask(requests, "a", oldest=clock.now() - 10), ask(requests, "a", oldest=clock.now() - 9)
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    assert await first == await joined == await anew == {"a": "A"}
    assert server.batches == [["a"], ["a"]]


async def test_what_comes_while_a_batch_is_under_way_joins_the_next(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0.001)
    first = ask(requests, "a")
    await server.arrive(1)
    later = [ask(requests, name) for name in "bcd"]
    await asyncio.sleep(0.02)
    assert len(server.batches) == 1
    server.gates[0].set()
    await server.arrive(2)
    server.gates[1].set()
    await asyncio.gather(first, *later)
    assert server.batches == [["a"], ["b", "c", "d"]]


async def test_a_full_batch_waits_for_nobody(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=3600, max_ids=2)
    first = ask(requests, "a", "b", "c", "d")
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    assert len(await first) == 4
    assert server.batches == [["a", "b"], ["c", "d"]]


async def test_other_keys_have_batches_of_their_own(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0.001)
    work = [ask(requests, "a", key="x"), ask(requests, "a", key="y")]
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    await asyncio.gather(*work)


async def test_a_batch_ends_only_when_its_last_caller_leaves(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0.001)
    work = [ask(requests, "a"), ask(requests, "a")]
    await server.arrive(1)
    work[0].cancel()
    await asyncio.sleep(0)
    assert len(requests) == 1
    work[1].cancel()
    await asyncio.gather(*work, return_exceptions=True)
    await asyncio.sleep(0)
    assert len(requests) == 0
    again = ask(requests, "a")
    await server.arrive(2)
    server.gates[1].set()
    assert await again == {"a": "A"}


async def test_each_caller_gets_an_error_of_its_own(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0.001)
    server.error = StoreError("firm.db", "is full")
    work = [ask(requests, "a"), ask(requests, "a")]
    await server.arrive(1)
    server.gates[0].set()
    errors = await asyncio.gather(*work, return_exceptions=True)
    assert [str(error) for error in errors] == [str(server.error)] * 2
    assert errors[0] is not errors[1]


async def test_what_was_written_to_is_not_joined_any_more(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0)
    first = ask(requests, "a")
    await server.arrive(1)
    requests.forget(lambda key: key == "k", ["a"])
    second = ask(requests, "a")
    await server.arrive(2)
    for gate in server.gates:
        gate.set()
    await asyncio.gather(first, second)
    assert len(requests) == 0


async def test_an_id_without_a_record_is_left_out(server: Server, clock: VirtualClock):
    requests = Coalescer(clock, server.fetch, batch_window=0)
    work = ask(requests, "a", "gone")
    await server.arrive(1)
    server.gates[0].set()
    assert await work == {"a": "A"}
