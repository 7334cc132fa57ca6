"""`Sandbox`: start the server, watch it, steer it."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import attrs

from tonicdm.clock import Clock, SystemClock
from tonicdm.sandbox.control import Control
from tonicdm.sandbox.faults import Faults
from tonicdm.sandbox.journal import Journal, JournalEntry
from tonicdm.sandbox.server import Shell
from tonicdm.sandbox.service import Service
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.windows import Window, WindowState
from tonicdm.sandbox.world import World, WorldSnapshot


@attrs.frozen
class Snapshot:
    """Everything that can change in a sandbox, at one moment; settings and faults are not part of it."""

    world: WorldSnapshot
    windows: dict[str, Window]
    journal: tuple[JournalEntry, ...]
    advanced: float


class Sandbox:
    """A local TonicDM server with a seeded firm behind it, as an async context manager.

    Args:
        records: Records over all types, from some hundreds to a million.
        seed: The same seed and number give the same records, and the same chance to faults.
        settings: How it answers where the documents leave a choice.
        clock: Its time. Give the client's `VirtualClock` to move both together.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
    """

    def __init__(
        self,
        *,
        records: int = 1_000,
        seed: int = 1,
        settings: SandboxSettings | None = None,
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.settings = settings or SandboxSettings()
        """The choices; fields may be set at any time."""
        self.faults = Faults(seed)
        """The faults; switch them on, or script them."""
        self.world = World(records, seed, self.settings.zone, now=self.now)
        """The records, to be read and changed without HTTP."""
        self._clock = clock or SystemClock()
        self._advanced = 0.0
        self._host, self._port = host, port
        self._service = Service(self.world, self.settings, seed)
        self._shell = Shell(self._service, self.faults, self.now, Control(self), seed, self.settings.zone)
        self._start = self.snapshot()
        self._kept: list[Snapshot] = []

    async def __aenter__(self) -> Self:
        self._port = await self._shell.start(self._host, self._port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._shell.stop()

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://{self._host}:{self._port}{self.settings.path_prefix}"

    @property
    def token(self) -> str:
        """The first accepted bearer token."""
        return self.settings.tokens[0]

    @property
    def journal(self) -> Journal:
        """All calls so far, those under /__ excepted."""
        return self._service.journal

    def now(self) -> float:
        """Return the server's time, Unix seconds: the clock, its skew, and what `advance` added."""
        return self._clock.now() + self.settings.skew_seconds + self._advanced

    def advance(self, seconds: float) -> None:
        """Move the server's time forward, apart from the clock.

        Raises:
            ValueError: *seconds* is negative.
        """
        if seconds < 0:
            raise ValueError(f"time moves forward only, not by {seconds} s")
        self._advanced += seconds

    def calls(self, **match: Any) -> list[JournalEntry]:
        """Return journal entries, see `Journal.calls`."""
        return self.journal.calls(**match)

    def units(self, token: str | None = None) -> int:
        """Return the units charged so far, to one token or to all."""
        return self.journal.units(token)

    def spend(self, units: int, token: str | None = None) -> None:
        """Use units as another user of the token would; the journal does not show it."""
        self._service.window(token or self.token).spend(units, self.now())

    def window(self, token: str | None = None) -> WindowState:
        """Return a token's window as the server sees it now."""
        return self._service.window(token or self.token).state(self.now())

    def snapshot(self) -> Snapshot:
        """Return world, windows, journal and time as they are."""
        windows = {token: window.copy() for token, window in self._service.windows.items()}
        return Snapshot(self.world.snapshot(), windows, tuple(self.journal), self._advanced)

    def restore(self, snapshot: Snapshot) -> None:
        """Put a snapshot back; it can be used again. Settings and faults stay."""
        self.world.restore(snapshot.world)
        self._service.windows.clear()
        self._service.windows.update({token: window.copy() for token, window in snapshot.windows.items()})
        self.journal.replace(snapshot.journal)
        self._advanced = snapshot.advanced

    def keep(self) -> int:
        """Keep a snapshot inside the sandbox and return its number."""
        self._kept.append(self.snapshot())
        return len(self._kept) - 1

    def kept(self, number: int) -> Snapshot:
        """Return a kept snapshot.

        Raises:
            ValueError: None has that number.
        """
        if not 0 <= number < len(self._kept):
            raise ValueError(f"no snapshot {number}")
        return self._kept[number]

    def reset(self) -> None:
        """Put the seeded world back, with fresh windows, an empty journal, no faults and the clock's own time."""
        self.restore(self._start)
        self.faults.reset()
