"""The broker under the client's transport: what a 401 costs, and what each mistake says."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tonicdm.clock import VirtualClock
from tonicdm.errors import AuthenticationError, ConfigError
from tonicdm.rhythm import FileTokenStore, RhythmClient, TokenBroker, UserLogin, as_user
from tonicdm.rhythm.errors import NoContactError, UserScopeError, WrongAudienceError, WrongTenantError
from tonicdm.sandbox.rhythm import RhythmSandbox

Broker = Callable[..., TokenBroker]


@pytest.fixture
async def box(clock: VirtualClock) -> AsyncIterator[RhythmSandbox]:
    async with RhythmSandbox(records=5, clock=clock) as box:
        box.settings.password_grant = True
        yield box


@pytest.fixture
async def broker(box: RhythmSandbox, clock: VirtualClock, tmp_path: pathlib.Path) -> AsyncIterator[Broker]:
    made: list[TokenBroker] = []

    def broker(**settings: Any) -> TokenBroker:
        given = {"store": FileTokenStore(tmp_path), "clock": clock, **settings}
        made.append(TokenBroker(box.auth_url, box.client_id, given.pop("secret", box.client_secret), **given))
        return made[-1]

    yield broker
    for one in made:
        await one.close()


def client(box: RhythmSandbox, token: Any, clock: VirtualClock, tenant: str | None = None) -> RhythmClient:
    return RhythmClient(tenant or box.tenant_id, token=token, base_url_template=box.service_url, clock=clock)


async def contact(rhythm: RhythmClient, box: RhythmSandbox) -> Any:
    return await rhythm.contacts.get(box.world.tables["contacts"].id(1))


async def test_a_token_that_has_expired_costs_one_mint_and_the_call_goes_again(box, broker, clock) -> None:
    """The local clock is ten minutes behind: only the API's Date tells that the token's life is over."""
    async with client(box, broker(), clock) as rhythm:
        await contact(rhythm, box)
        clock.advance(86400 + 60)
    clock.step_wall(-600)
    box.settings.skew_seconds = 600
    async with client(box, broker(), clock) as rhythm:
        assert await contact(rhythm, box)
    assert [entry.status for entry in box.calls(operation="getContact")] == [200, 401, 200]
    assert len(box.mints()) == 2


async def test_a_revoked_secret_costs_no_mint_until_the_operator_says_so(box, broker, clock) -> None:
    async with client(box, broker(), clock) as rhythm:
        await contact(rhythm, box)
        box.revoke_secret(box.client_id, "new")
        for _ in range(5):
            with pytest.raises(AuthenticationError):
                await contact(rhythm, box)
    assert len(box.calls(operation="issueM2MToken")) == 1
    corrected = broker(secret="new")
    await corrected.revoked()
    async with client(box, corrected, clock) as rhythm:
        await contact(rhythm, box)
    assert len(box.calls(operation="issueM2MToken")) == 2


async def test_each_mistake_is_an_error_of_its_own_and_costs_no_mint(box, broker, clock) -> None:
    with pytest.raises(WrongAudienceError):
        broker(audience="https://elsewhere")
    with pytest.raises(ConfigError, match="slash"):
        client(box, broker(), clock, "a/b")
    async with client(box, broker(), clock) as rhythm:
        with pytest.raises(NoContactError, match="no token was spent"):
            await rhythm.contacts.current()
    async with UserLogin(box.auth_url, box.client_id, client_secret=box.client_secret, clock=clock) as login:
        session = await login.password(box.new_user_email, box.user_password)
    async with client(box, session, clock) as rhythm:
        with pytest.raises(NoContactError):
            await rhythm.contacts.current()
    with pytest.raises(WrongTenantError):
        client(box, session, clock, "other.example.org")
    machine = broker()
    with as_user(session):
        async with client(box, machine, clock) as rhythm:
            with pytest.raises(UserScopeError):
                await contact(rhythm, box)
    assert box.mints() == []
    assert box.calls(operation="issueM2MToken") == []
