"""A client whose own server is one host, and a storage service on another port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.hostile import Hostile
from tonicdm import RetryPolicy, TonicDM, UnitBudget

SECRET = "s3cret-signature"
TOKEN = "the-bearer-token"
API = "http://127.0.0.1:9"
"""Nobody listens there: no download may go to it."""


@pytest.fixture
async def tonic() -> AsyncIterator[TonicDM]:
    async with TonicDM(
        token=TOKEN, base_url=API, budget=UnitBudget.memory(), retry=RetryPolicy(attempts=3, base=0.0), timeout=5
    ) as made:
        yield made


def link(server: Hostile, path: str = "/files/plan.pdf") -> str:
    return f"{server.url}{path}?X-Amz-Signature={SECRET}"
