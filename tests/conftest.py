"""What tests of several subjects share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres
from tests.hostile import Hostile
from tonicdm.clock import VirtualClock

# The same examples in each run; `nox -s property` and `thorough` try others.
# No deadline: what an example takes says more of the machine's load than of the code.
settings.register_profile("suite", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")


@pytest.fixture
async def hostile() -> AsyncIterator[Hostile]:
    """A server that answers with an empty list until its `script` says else."""
    async with Hostile() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_server():
    """The URL of a PostgreSQL server for the whole session."""
    with postgres.server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_server):
    """The URL of an empty database."""
    return postgres.make_database(postgres_server)


@pytest.fixture
def clock() -> VirtualClock:
    """Time that passes when a test says so."""
    return VirtualClock()
