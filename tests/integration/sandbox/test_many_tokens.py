"""Many tokens at once: each has a window of its own, and no unit goes to another one's books."""

from __future__ import annotations

import asyncio

import aiohttp

from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox, SandboxSettings

PRICES = {"id_only": 1, "basic": 5, "complete": 20}


async def test_a_hundred_tokens_at_once_are_charged_rightly() -> None:
    """Token n makes n % 7 + 1 calls of a quality of its own, all of them concurrently with all others."""
    tokens = [f"token-{n}" for n in range(100)]
    settings = SandboxSettings(tokens=tokens, latency_seconds=(0.0, 0.003))
    async with (
        Sandbox(records=600, settings=settings, clock=VirtualClock()) as box,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=100)) as session,
    ):

        async def one(token: str, data_quantity: str) -> int:
            headers = {"Authorization": f"Bearer {token}", "data_quantity": data_quantity, "pageSize": "1"}
            async with session.get(f"{box.url}/core/offices", headers=headers) as response:
                return int(response.headers["X-Rate-Limit-Remaining"])

        plan = {t: (list(PRICES)[n % 3], n % 7 + 1) for n, t in enumerate(tokens)}
        told = await asyncio.gather(
            *(
                asyncio.gather(*(one(token, data_quantity) for _ in range(times)))
                for token, (data_quantity, times) in plan.items()
            )
        )
        for token, remaining in zip(tokens, told, strict=True):
            data_quantity, times = plan[token]
            price = PRICES[data_quantity]
            assert box.units(token) == box.window(token).used == price * times
            # Every charge was seen by exactly one answer, in whatever order they came.
            assert sorted(3600 - left for left in remaining) == [price * n for n in range(1, times + 1)]


async def test_a_tenant_of_one_has_one_user() -> None:
    """A shared-domain address is a tenant with one user: the page's tenant-of-one (concepts page, "Tenant")."""
    async with Sandbox(records=600) as box, aiohttp.ClientSession() as session:
        box.add_tenant("alone", of_one=True)
        headers = {"Authorization": "Bearer alone", "data_quantity": "basic"}
        async with session.get(f"{box.url}/core/organizations/me/staff", headers=headers) as response:
            (only,) = await response.json()
        async with session.get(f"{box.url}/core/me", headers=headers) as response:
            me = await response.json()
        assert only["id"] == me["id"]
        (address,) = only["emailAddresses"]
        assert address["emailAddress"].endswith("@gmail.com")
