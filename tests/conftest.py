"""What tests of several subjects share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests import postgres
from tests.hostile import Hostile
from tonicdm.clock import VirtualClock


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    """A server that answers with an empty list until its `script` says else."""
    async with Hostile() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """The URL of a PostgreSQL server for the whole session."""
    with postgres.server(tmp_path_factory.mktemp("postgres")) as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server):
    """The URL of an empty database."""
    return postgres.make_database(postgres_server)


@pytest.fixture
def clock() -> VirtualClock:
    """Time that passes when a test says so."""
    return VirtualClock()
