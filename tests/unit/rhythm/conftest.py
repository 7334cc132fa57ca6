"""Brokers over an issuer without sockets, all in virtual time."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from tests.driving import drive_while_idle
from tests.engines import ENGINES
from tests.unit.rhythm.fakeissuer import DOMAIN, SECRET, FakeIssuer
from tests.unit.rhythm.kept import SEALING_KEY, VARIABLE, Kept, KeptFiles, KeptRows
from tonicdm.clock import VirtualClock
from tonicdm.rhythm.tokens.broker import TokenBroker
from tonicdm.rhythm.tokens.store import MemoryTokenStore

T = TypeVar("T")
Make = Callable[..., TokenBroker]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(1_785_585_600.0)  # 2026-08-01, 12:00 UTC


@pytest.fixture
def issuer(clock: VirtualClock) -> FakeIssuer:
    """Its clock goes right, unlike that of the machine."""
    return FakeIssuer(clock.now, clock)


@pytest.fixture
def store() -> MemoryTokenStore:
    return MemoryTokenStore()


@pytest.fixture(params=ENGINES)
def kept(
    request: pytest.FixtureRequest, tmp_path: pathlib.Path, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> Kept:
    """Where ledgers outlive their processes: a folder, or a database."""
    if request.param == "sqlite":
        return KeptFiles(tmp_path / "rhythm", clock)
    monkeypatch.setenv(VARIABLE, SEALING_KEY)
    return KeptRows(request.getfixturevalue("postgres_url"), clock)


@pytest.fixture
async def make(clock: VirtualClock, issuer: FakeIssuer, store: MemoryTokenStore) -> AsyncIterator[Make]:
    """Makes brokers that share a store; each is a process, as far as the rules go."""
    made: list[TokenBroker] = []

    def make(**settings: Any) -> TokenBroker:
        arguments = {
            "auth_domain": DOMAIN,
            "client_id": "app",
            "client_secret": SECRET,
            "store": store,
            "clock": clock,
            "http": issuer,
        }
        made.append(TokenBroker(**{**arguments, **settings}))
        return made[-1]

    yield make
    for broker in made:
        await broker.close()


def obtaining(broker: TokenBroker) -> asyncio.Task[Any] | None:
    """Return the task that all callers of a broker wait for."""
    return broker._obtaining.task(broker.application.key)


async def drive(clock: VirtualClock, work: Awaitable[T], max_seconds: float = 2 * 86400.0) -> T:
    """Await *work*, moving *clock* to the next deadline whenever nothing else can go on."""
    return await drive_while_idle(clock, work, lambda: False, turns=20, turn_seconds=0, max_seconds=max_seconds)
