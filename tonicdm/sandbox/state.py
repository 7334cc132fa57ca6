"""The state of a sandbox without its sockets: records, windows, journal, snapshots, time."""

from __future__ import annotations

from typing import Any

import attrs

from tonicdm.clock import Clock
from tonicdm.sandbox.faults import Faults
from tonicdm.sandbox.journal import Journal, JournalEntry
from tonicdm.sandbox.service import Service, Tenant
from tonicdm.sandbox.settings import SandboxSettings
from tonicdm.sandbox.timed import Timed
from tonicdm.sandbox.webhooks import Webhooks
from tonicdm.sandbox.windows import Window, WindowState
from tonicdm.sandbox.world import World, WorldSnapshot
from tonicdm.sandbox.world.world import reduce_to_one_user


@attrs.frozen
class Snapshot:
    """Everything that can change in a sandbox, at one moment; settings and faults are not part of it."""

    world: WorldSnapshot
    tenants: dict[str, WorldSnapshot]
    windows: dict[str, Window]
    journal: tuple[JournalEntry, ...]
    advanced: float


class SandboxState(Timed):
    """A sandbox apart from its sockets: what the control paths read and change.

    Args:
        records: Records over all types.
        seed: Seed of the records and of chance.
        settings: How it answers where the documents leave a choice.
        clock: Its time.
        host: Address in its URL.
        port: Port in its URL, once it listens.
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
        self.settings: SandboxSettings = settings or SandboxSettings()
        """The choices; fields may be set at any time."""
        self.faults: Faults = Faults(seed)
        """The faults; switch them on, or script them."""
        self.world: World = World(
            records, seed, self.settings.zone, now=self.now, grouped=self.settings.advanced_contacts
        )
        """The records, to be read and changed without HTTP."""
        super().__init__(clock, self.settings)
        self._host, self._port = host, port
        self._service = Service(self.world, self.settings, seed)
        self._seed = seed
        self.webhooks: Webhooks = Webhooks(self.now, self._clock, seed)
        """Webhooks out: subscribe a receiver, set how badly they are delivered."""
        self.world.listeners.append(self.webhooks.notify)
        self._start = self.snapshot()
        self._fresh: dict[str, WorldSnapshot] = {}
        self._kept: list[Snapshot] = []

    @property
    def url(self) -> str:
        """Base URL of the server."""
        return f"http://{self._host}:{self._port}{self.settings.path_prefix}"

    @property
    def token(self) -> str:
        """The first accepted bearer token."""
        return self.settings.tokens[0]

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which a client finds this server, with a token."""
        return {"TONICDM_BASE_URL": self.url, "TONICDM_TOKEN": self.token}

    @property
    def journal(self) -> Journal:
        """All calls so far, those under /__ excepted."""
        return self._service.journal

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

    def add_tenant(
        self,
        token: str,
        *,
        records: int = 1_000,
        seed: int | None = None,
        advanced_contacts: bool = True,
        advanced_metrics: bool = True,
        of_one: bool = False,
    ) -> World:
        """Add another customer with records of its own, which only its token can reach.

        Args:
            token: Bearer token of the tenant.
            records: Records over all types.
            seed: Seed of the records; another one than that of the first tenant when not given.
            advanced_contacts: Whether the tenant has this licence.
            advanced_metrics: Whether the tenant has this licence.
            of_one: Whether it is the tenant of one shared-domain address, with that one user (concepts page, "Tenant").

        Returns:
            The tenant's records.
        """
        seed = self._seed + 1 + len(self._service.tenants) if seed is None else seed
        world = World(records, seed, self.settings.zone, now=self.now, grouped=advanced_contacts)
        if of_one:
            reduce_to_one_user(world)
        world.listeners.append(self.webhooks.notify)
        self._service.tenants[token] = Tenant(world, advanced_contacts, advanced_metrics)
        self.settings.tokens = (*self.settings.tokens, token)
        self._fresh[token] = world.snapshot()
        return world

    def snapshot(self) -> Snapshot:
        """Return world, windows, journal and time as they are."""
        windows = {token: window.copy() for token, window in self._service.windows.items()}
        tenants = {token: tenant.world.snapshot() for token, tenant in self._service.tenants.items()}
        return Snapshot(self.world.snapshot(), tenants, windows, tuple(self.journal), self._advanced)

    def restore(self, snapshot: Snapshot) -> None:
        """Put a snapshot back; it can be used again. Settings and faults stay."""
        self.world.restore(snapshot.world)
        for token, world in snapshot.tenants.items():
            self._service.tenants[token].world.restore(world)
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
        self.restore(attrs.evolve(self._start, tenants=self._fresh))
        self.faults.reset()
