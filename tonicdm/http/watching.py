"""Watchers of the calls of a block, in all tasks that begin there: meters, and recorders of raw responses."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Generator
from typing import Final, Protocol, TypeVar

import attrs

from tonicdm.http.messages import Response
from tonicdm.values import State


class Watcher(Protocol):
    """Told what the calls of a block do."""

    def sent(self, units: int) -> None:
        """Take note that an attempt was sent and what it cost."""
        ...

    def received(self, response: Response) -> None:
        """Take note of the answer of a call that succeeded."""
        ...


@attrs.define(eq=False, repr=False)
class Spent(State):
    """What was spent so far inside ``async with tonic.meter()``."""

    units: int = 0
    """Units: as the server charged them where that can be told, else as they were reserved."""
    calls: int = 0
    """Calls that were sent, each attempt counted."""

    def sent(self, units: int) -> None:
        """Count an attempt."""
        self.units += units
        self.calls += 1

    def received(self, response: Response) -> None:
        """Nothing to count: the attempt has been."""


class ResponseLog(State):
    """The answers of the calls of a block, in the order in which they were whole."""

    __slots__ = ("responses",)

    def __init__(
        self,
    ) -> None:
        self.responses: list[Response] = []

    def sent(self, units: int) -> None:
        """Nothing to keep yet."""

    def received(self, response: Response) -> None:
        """Keep an answer."""
        self.responses.append(response)


W = TypeVar("W", bound=Watcher)


class Watchers:
    """Those who watch one client; each task reports to those it began under."""

    @contextlib.contextmanager
    def watching(self, watcher: W) -> Generator[W]:
        """Let *watcher* watch what is called inside the block, by this task and by those that it starts."""
        token = _WATCHING.set((*_WATCHING.get(), (self, watcher)))
        try:
            yield watcher
        finally:
            # A fixture of a test may be left in another context than it was entered in; there nobody ever watched.
            with contextlib.suppress(ValueError):
                _WATCHING.reset(token)

    def sent(self, units: int) -> None:
        """Tell that an attempt was sent."""
        for owner, watcher in _WATCHING.get():
            if owner is self:
                watcher.sent(units)

    def received(self, response: Response) -> None:
        """Tell that a call was answered."""
        for owner, watcher in _WATCHING.get():
            if owner is self:
                watcher.received(response)


_WATCHING: Final[contextvars.ContextVar[tuple[tuple[Watchers, Watcher], ...]]] = contextvars.ContextVar(
    "tonicdm-watching", default=()
)
