"""Events that wait for the disk at the same moment are written together."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final, Protocol

from tonicdm.errors import StoreError
from tonicdm.webhooks.event import Event

logger: Final = logging.getLogger("tonicdm.webhooks")


class EventSink(Protocol):
    """Where events are kept: `tonicdm.webhooks.Inbox`."""

    async def receive(self, events: Sequence[Event], /) -> list[bool]:
        """Store *events* in one transaction; when it returns they survive a power cut.

        Returns:
            For each event whether it was new, in their order.
        """
        ...


class GroupCommit:
    """Hands events to a sink, one transaction at a time; what comes meanwhile goes into the next.

    A flush of the disk takes milliseconds whatever it carries, so under load the groups grow and the wait does not.

    Args:
        sink: Where they go.
    """

    def __init__(self, sink: EventSink) -> None:
        self._sink = sink
        self._waiting: list[tuple[Event, asyncio.Future[bool]]] = []
        self._writing = 0
        self._task: asyncio.Task[None] | None = None

    @property
    def pending(self) -> int:
        """Events that are not known to be stored yet."""
        return len(self._waiting) + self._writing

    async def store(self, event: Event) -> bool:
        """Store *event* and tell whether it was new.

        Cancelled, it leaves the event in its group: it may be stored all the same.
        """
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, stored))
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        return await stored

    async def drain(self) -> None:
        """Wait until everything handed over is stored or has failed."""
        while self._task is not None:
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        try:
            while self._waiting:
                group, self._waiting = self._waiting, []
                self._writing = len(group)
                await self._write(group)
                self._writing = 0
        finally:
            self._task, self._writing = None, 0

    async def _write(self, group: Sequence[tuple[Event, asyncio.Future[bool]]]) -> None:
        began = time.perf_counter()
        try:
            new = await self._sink.receive([event for event, _ in group])
            ends = list(zip(group, new, strict=True))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to those who wait
            if len(group) > 1 and not isinstance(error, StoreError):
                # One event that can't be stored must not fail the others for ever.
                for one in group:
                    await self._write([one])
                return
            for _, stored in group:
                if not stored.done():
                    stored.set_exception(error)
            return
        spent = (time.perf_counter() - began) * 1000
        logger.debug("stored %d events, %d of them new, in %.1f ms", len(group), sum(new), spent)
        for (_, stored), is_new in ends:
            if not stored.done():
                stored.set_result(is_new)
