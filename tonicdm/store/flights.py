"""Requests for records under way: whoever asks for the same ones at the same time shares the calls."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from tonicdm.clock import Clock
from tonicdm.errors import TonicDMError
from tonicdm.plan.arithmetic import IDS_PER_CALL

Found: TypeAlias = Mapping[str, Any]


@attrs.define(eq=False)
class Flight:
    """One request for some records, and who waits for it."""

    ids: dict[str, None] = attrs.field(factory=dict)
    """What it asks for, in the order of coming."""
    sent_at: float | None = None
    """When its first call left, Unix time by this machine; None while it waits for company or units."""
    waiting: int = 0
    boarding: bool = True
    """Whether it still takes IDs on."""
    task: asyncio.Task[Found] | None = None
    stir: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set when it may be time to leave."""


class Flights:
    """Lets requests for the same records share one flight, and those that come together share one call.

    While a flight is under way, what else is asked for with the same key boards the next one, which leaves when the
    first has landed: a server that answers slowly, or a budget that is empty, makes fuller calls, not more of them.

    Args:
        clock: Tells when a call left.
        fetch: Makes the calls of a flight; it notes `Flight.sent_at`, and returns the records by ID.
        batch_window: Seconds that a flight waits for more IDs; with 0 every request has a flight of its own. They pass
            in the event loop, not on *clock*: what comes together is a matter of the program.
        most: IDs after which a flight leaves at once.
    """

    def __init__(
        self,
        clock: Clock,
        fetch: Callable[[Any, Flight], Awaitable[Found]],
        *,
        batch_window: float,
        most: int = IDS_PER_CALL,
    ) -> None:
        self._clock = clock
        self._fetch = fetch
        self._batch_window = batch_window
        self._most = most
        self._by_id: dict[tuple[Hashable, str], Flight] = {}
        self._boarding: dict[Hashable, Flight] = {}
        self._under_way: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len({id(flight) for flight in self._by_id.values()})

    async def get(self, key: Hashable, ids: Iterable[str], *, oldest: float, what: Any) -> dict[str, Any]:
        """Return the records named by *ids* that the server has.

        Args:
            key: Requests with the same key may share calls.
            ids: What is wanted.
            oldest: Unix time by this machine: a call that left before is too old to be shared.
            what: Handed to ``fetch`` by the request that begins a flight.
        """
        wanted: dict[Flight, list[str]] = {}
        for one in ids:
            wanted.setdefault(self._flight_of(key, one, oldest, what), []).append(one)
        for flight in wanted:
            flight.waiting += 1
            if not self._batch_window:
                self._close(key, flight)
        try:
            answers = [(await self._land(flight), mine) for flight, mine in wanted.items()]
        finally:
            for flight in wanted:
                self._leave(key, flight)
        return {one: answer[one] for answer, mine in answers for one in mine if one in answer}

    def forget(self, key: Callable[[Hashable], bool], ids: Iterable[str]) -> None:
        """Let nobody join calls for *ids* that have left already: the records were written to."""
        names = set(ids)
        for place, flight in list(self._by_id.items()):
            if place[1] in names and key(place[0]) and flight.sent_at is not None:
                del self._by_id[place]

    def carries(self, key: Hashable, one: str, *, oldest: float) -> bool:
        """Tell whether a flight asks for *one* already that is young enough to be shared."""
        flight = self._by_id.get((key, one))
        return flight is not None and (flight.sent_at is None or flight.sent_at >= oldest)

    def _flight_of(self, key: Hashable, one: str, oldest: float, what: Any) -> Flight:
        if self.carries(key, one, oldest=oldest):
            return self._by_id[key, one]
        flight = self._boarding.get(key)
        if flight is None or not flight.boarding:
            flight = self._boarding[key] = Flight()
            flight.task = asyncio.get_running_loop().create_task(self._fly(key, flight, what))
        flight.ids[one] = None
        self._by_id[key, one] = flight
        if len(flight.ids) >= self._most:
            self._close(key, flight)
        return flight

    async def _fly(self, key: Hashable, flight: Flight, what: Any) -> Found:
        try:
            await self._board(key, flight)
            self._under_way[key] = self._under_way.get(key, 0) + 1
            try:
                return await self._fetch(what, flight)
            finally:
                self._landed(key)
        finally:
            self._drop(key, flight)

    async def _board(self, key: Hashable, flight: Flight) -> None:
        """Return when the flight is to leave: it is full, or has waited and none is ahead of it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._batch_window
        while flight.boarding:
            behind, left = key in self._under_way, until - loop.time()
            if not behind and left <= 0:
                break
            flight.stir.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(flight.stir.wait(), None if behind else left)
        self._close(key, flight)

    def _landed(self, key: Hashable) -> None:
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]
            if key in self._boarding:
                self._boarding[key].stir.set()

    async def _land(self, flight: Flight) -> Found:
        assert flight.task is not None
        try:
            # One that gives up must not end the call of the others.
            return await asyncio.shield(flight.task)
        except TonicDMError as error:
            # Each gets an error of its own: a shared one would collect the tracebacks of all.
            raise copy.copy(error) from error

    def _leave(self, key: Hashable, flight: Flight) -> None:
        flight.waiting -= 1
        if not flight.waiting and flight.task is not None and not flight.task.done():
            flight.task.cancel()
            self._drop(key, flight)

    def _close(self, key: Hashable, flight: Flight) -> None:
        flight.boarding = False
        flight.stir.set()
        if self._boarding.get(key) is flight:
            del self._boarding[key]

    def _drop(self, key: Hashable, flight: Flight) -> None:
        self._close(key, flight)
        for one in flight.ids:
            if self._by_id.get((key, one)) is flight:
                del self._by_id[key, one]
