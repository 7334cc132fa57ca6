"""A Rhythm client and a sandbox on one virtual clock, and a driver that moves it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest

from tests.driving import counted_threads, drive_while_idle
from tonicdm.clock import VirtualClock
from tonicdm.rhythm import MemoryTokenStore, RhythmClient, ThrottleRules, TokenBroker, UserLogin, UserSession
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings

T = TypeVar("T")
Make = Callable[..., RhythmClient]
UNPACED = ThrottleRules(calls_per_second=None)


@pytest.fixture
async def box(clock: VirtualClock) -> AsyncIterator[RhythmSandbox]:
    async with RhythmSandbox(records=500, seed=3, clock=clock, settings=RhythmSettings(password_grant=True)) as box:
        yield box


@pytest.fixture
async def broker(box: RhythmSandbox, clock: VirtualClock) -> AsyncIterator[TokenBroker]:
    found = TokenBroker(
        box.auth_url, box.client_id, box.client_secret, tenant_id=box.tenant_id, store=MemoryTokenStore(), clock=clock
    )
    yield found
    await found.close()


@pytest.fixture
async def make(box: RhythmSandbox, broker: TokenBroker, clock: VirtualClock) -> AsyncIterator[Make]:
    """Makes clients of the sandbox on its clock; all are closed, and must have left nothing behind."""
    made: list[RhythmClient] = []

    def make(tenant_id: str | None = None, **settings: Any) -> RhythmClient:
        settings = {"token": broker, "throttle": UNPACED, "clock": clock, **settings}
        made.append(RhythmClient(tenant_id or box.tenant_id, base_url_template=box.service_url, **settings))
        return made[-1]

    yield make
    for rhythm in made:
        assert rhythm._caller.transport.slots.taken == 0, "a call is still counted as under way"
        await rhythm.close()


@pytest.fixture
def rhythm(make: Make) -> RhythmClient:
    return make()


@pytest.fixture
async def session(box: RhythmSandbox, clock: VirtualClock) -> UserSession:
    async with UserLogin(box.auth_url, box.client_id, client_secret=box.client_secret, clock=clock) as login:
        return await login.password(box.user_email, box.user_password)


async def drive(clock: VirtualClock, work: Awaitable[T], *clients: RhythmClient, most: float = 24 * 3600.0) -> T:
    """Await *work*, moving *clock* to the next deadline whenever no call and no thread is under way."""
    with counted_threads() as is_threaded:

        def is_busy() -> bool:
            return is_threaded() or any(client._caller.transport.slots.taken for client in clients)

        return await drive_while_idle(clock, work, is_busy, turns=5, turn_seconds=0.001, max_seconds=most)
