"""What tests of several subjects share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.hostile import Hostile


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    """A server that answers with an empty list until its `script` says else."""
    async with Hostile() as server:
        yield server
