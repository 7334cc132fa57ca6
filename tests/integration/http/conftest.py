"""Clients of the hostile server, which must leave nothing behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.driving import close_without_a_trace
from tests.hostile import Hostile
from tonicdm import RetryPolicy, TonicDM, UnitBudget

Make = Callable[..., TonicDM]

TOKEN = "s3cret-t0ken-of-the-firm"
ID = "a" * 32
AT_ONCE = RetryPolicy(base=0.01)
ONCE = RetryPolicy(attempts=1)


@pytest.fixture
async def make(hostile: Hostile) -> AsyncIterator[Make]:
    """Makes clients of the hostile server; all are closed, and must have given back what they did not spend."""
    made: list[TonicDM] = []

    def make(**settings: Any) -> TonicDM:
        settings.setdefault("budget", UnitBudget.memory(max_calls_per_second=None))
        settings.setdefault("retry", AT_ONCE)
        settings.setdefault("timeout", 5.0)
        made.append(TonicDM(settings.pop("token", TOKEN), **{"base_url": hostile.url, **settings}))
        return made[-1]

    yield make
    for tonic in made:
        await close_without_a_trace(tonic)


@pytest.fixture
def tonic(make: Make) -> TonicDM:
    return make()
