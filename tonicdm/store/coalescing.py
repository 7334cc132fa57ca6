"""Coalesce requests for records: who asks for the same ones at the same time shares the calls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from typing import Any, TypeAlias

import attrs

from tonicdm.clock import Clock
from tonicdm.plan.arithmetic import IDS_PER_CALL
from tonicdm.singleflight import SharedTask

Fetched: TypeAlias = Mapping[str, Any]


@attrs.define(eq=False)
class Batch:
    """One request for some records, shared by who waits for it."""

    ids: dict[str, None] = attrs.field(factory=dict)
    """What it asks for, in the order of coming."""
    sent_at: float | None = None
    """When its first call left, Unix time by the store's clock; None while it waits for more IDs or for units."""
    is_open: bool = True
    """Whether it still takes IDs on."""
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)
    """Set when it may be time to send it."""
    shared: SharedTask[Fetched] = attrs.field(init=False)


class Coalescer:
    """Lets requests for the same records share one batch, and those that come together share one call.

    While a batch is under way, what else is asked for with the same key goes into the next one. That is sent when the
    first has returned. So a server that answers slowly, or a budget that is empty, makes fuller calls, not more of
    them.

    Args:
        clock: Shows when a call left.
        fetch: Makes the calls of a batch. It notes `Batch.sent_at`, and returns the records by ID.
        batch_window: Seconds that a batch waits for more IDs; with 0 every request has a batch of its own. They pass
            in the event loop, not on *clock*: what comes together is a matter of the program.
        max_ids: IDs after which a batch is sent at once.
    """

    def __init__(
        self,
        clock: Clock,
        fetch: Callable[[Any, Batch], Awaitable[Fetched]],
        *,
        batch_window: float,
        max_ids: int = IDS_PER_CALL,
    ) -> None:
        self._clock = clock
        self._fetch = fetch
        self._batch_window = batch_window
        self._max_ids = max_ids
        self._by_id: dict[tuple[Hashable, str], Batch] = {}
        self._open: dict[Hashable, Batch] = {}
        self._under_way: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len({id(batch) for batch in self._by_id.values()})

    async def get(self, key: Hashable, ids: Iterable[str], *, oldest: float, request: Any) -> dict[str, Any]:
        """Return the records named by *ids* that the server has.

        Args:
            key: Requests with the same key may share calls.
            ids: What is wanted.
            oldest: Unix time by the store's clock: a call that left before is too old to be shared.
            request: Handed to ``fetch`` by the request that begins a batch.
        """
        wanted: dict[Batch, list[str]] = {}
        for name in ids:
            wanted.setdefault(self._batch_of(key, name, oldest, request), []).append(name)
        with contextlib.ExitStack() as joined:
            for batch in wanted:
                joined.callback(self._drop_abandoned, key, batch)  # runs when this caller has left the batch
                joined.enter_context(batch.shared.joined())
                if not self._batch_window:
                    self._close(key, batch)
            answers = [(await batch.shared.result(), names) for batch, names in wanted.items()]
        return {name: answer[name] for answer, names in answers for name in names if name in answer}

    def forget(self, key: Callable[[Hashable], bool], ids: Iterable[str]) -> None:
        """Let nobody join calls for *ids* that have left already: the records were written to."""
        names = set(ids)
        for place, batch in list(self._by_id.items()):
            if place[1] in names and key(place[0]) and batch.sent_at is not None:
                del self._by_id[place]

    def is_under_way(self, key: Hashable, name: str, *, oldest: float) -> bool:
        """Tell whether a batch asks for *name* already that is young enough to be shared."""
        batch = self._by_id.get((key, name))
        return batch is not None and (batch.sent_at is None or batch.sent_at >= oldest)

    def _batch_of(self, key: Hashable, name: str, oldest: float, request: Any) -> Batch:
        if self.is_under_way(key, name, oldest=oldest):
            return self._by_id[key, name]
        batch = self._open.get(key)
        if batch is None or not batch.is_open:
            batch = self._open[key] = Batch()
            batch.shared = SharedTask(self._run(key, batch, request), cancel_unused=True)
        batch.ids[name] = None
        self._by_id[key, name] = batch
        if len(batch.ids) >= self._max_ids:
            self._close(key, batch)
        return batch

    async def _run(self, key: Hashable, batch: Batch, request: Any) -> Fetched:
        try:
            await self._wait_to_send(key, batch)
            self._under_way[key] = self._under_way.get(key, 0) + 1
            try:
                return await self._fetch(request, batch)
            finally:
                self._returned(key)
        finally:
            self._drop(key, batch)

    async def _wait_to_send(self, key: Hashable, batch: Batch) -> None:
        """Return when the batch is to be sent: it is full, or has waited and none is ahead of it."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._batch_window
        while batch.is_open:
            behind, left = key in self._under_way, until - loop.time()
            if not behind and left <= 0:
                break
            batch.changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(batch.changed.wait(), None if behind else left)
        self._close(key, batch)

    def _returned(self, key: Hashable) -> None:
        self._under_way[key] -= 1
        if not self._under_way[key]:
            del self._under_way[key]
            if key in self._open:
                self._open[key].changed.set()

    def _close(self, key: Hashable, batch: Batch) -> None:
        batch.is_open = False
        batch.changed.set()
        if self._open.get(key) is batch:
            del self._open[key]

    def _drop_abandoned(self, key: Hashable, batch: Batch) -> None:
        if batch.shared.abandoned:
            self._drop(key, batch)

    def _drop(self, key: Hashable, batch: Batch) -> None:
        self._close(key, batch)
        for name in batch.ids:
            if self._by_id.get((key, name)) is batch:
                del self._by_id[key, name]
