"""No secret of an application or a user stands in what an error tracker captures of a login or a mint that fails."""

from __future__ import annotations

import pytest

from tests.hostile import RESET, Hostile, answer
from tests.integration.http.frames import leaks
from tonicdm.errors import TransportError
from tonicdm.rhythm.tokens.broker import TokenBroker
from tonicdm.rhythm.tokens.store import MemoryTokenStore
from tonicdm.rhythm.users import UserLogin

SECRET = "p4ss-w0rd-0f-s0mebody"


@pytest.mark.parametrize("kind", ["mint", "password", "code", "client_secret"])
async def test_no_frame_of_a_failed_login_or_mint_shows_a_secret(kind: str) -> None:
    async with Hostile(*([answer(200, b"{}")] if kind == "mint" else []), otherwise=RESET) as server:
        with pytest.raises(TransportError) as caught:
            await attempt(kind, server.url)
    assert caught.value.path.endswith("/oauth/token")
    assert leaks(caught.value, SECRET) == []


async def attempt(kind: str, url: str) -> None:
    if kind == "mint":
        async with TokenBroker(url, "app", SECRET, store=MemoryTokenStore()) as broker:
            await broker.token()
    secret = SECRET if kind == "client_secret" else None
    async with UserLogin(url, "app", client_secret=secret, redirect_uri=f"{url}/back") as login:
        if kind == "code":
            begun = login.authorize_url()
            await login.exchange(SECRET, state=begun.state, authorization=begun)
        await login.password("ada", SECRET if kind == "password" else "another")
