"""A store that follows a sandbox on a virtual clock, and destinations beside it."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.integration.sync.conftest import Sync, path, sync, tonic
from tonicdm.clock import VirtualClock
from tonicdm.export import ExportReport, export
from tonicdm.sandbox import Sandbox
from tonicdm.store import Store, choose

__all__ = ["Sync", "path", "sync", "tonic"]

Hand = Callable[..., Awaitable[ExportReport]]


@pytest.fixture
async def box(clock: VirtualClock) -> AsyncIterator[Sandbox]:
    """A small firm: what matters here is how often it changes."""
    async with Sandbox(records=1_200, seed=5, clock=clock) as box:
        box.settings.limit = 1_000_000
        for number in range(100):
            box.world.create("offices", name=f"Branch {number:05d}")
        yield box


@pytest.fixture
def hand(path: pathlib.Path) -> Hand:
    """Export the store, opened for it."""

    async def hand(to: str, *types: str, **options: Any) -> ExportReport:
        async with Store(path) as store:
            return await export(store, to, types=choose(list(types)) if types else None, **options)

    return hand
