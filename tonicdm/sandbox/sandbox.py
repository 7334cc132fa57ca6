"""`Sandbox`: a server that listens, with its state."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tonicdm.clock import Clock
from tonicdm.sandbox.control import ACTIONS, Control
from tonicdm.sandbox.server import Shell
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.state import SandboxState


class Sandbox(SandboxState):
    """A local TonicDM server with a seeded firm behind it, as an async context manager.

    Args:
        records: Records over all types, from some hundreds to a million.
        seed: The same seed and number give the same records, and the same chance to faults.
        settings: How it answers where the documents leave a choice.
        clock: Its time. Give the client's `VirtualClock` to move both together.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        zones: Further zones, each on a port of its own: any of them serves the same data, and one token has one
            window in all (concepts page, "Data Residency").
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
        zones: Sequence[str] = (),
    ) -> None:
        super().__init__(records=records, seed=seed, settings=settings, clock=clock, host=host, port=port)
        control = Control(self, ACTIONS)
        self._shells = [
            Shell(self._service, self.faults, self.now, control, seed, zone) for zone in (self.settings.zone, *zones)
        ]
        self._ports: dict[str, int] = {}

    async def __aenter__(self) -> Self:
        try:
            for number, shell in enumerate(self._shells):
                self._ports[shell.zone] = await shell.start(self._host, 0 if number else self._port)
        except OSError:
            await self._stop()
            raise
        self._port = self._ports[self._shells[0].zone]
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def _stop(self) -> None:
        await self.webhooks.close()
        for shell in self._shells:
            await shell.stop()

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs by zone."""
        prefix = self.settings.path_prefix
        return {zone: f"http://{self._host}:{port}{prefix}" for zone, port in self._ports.items()}
