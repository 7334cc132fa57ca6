import aiohttp
import pytest

from tonicdm.clock import VirtualClock
from tonicdm.sandbox import Sandbox


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
async def box(clock):
    async with Sandbox(records=1_000, clock=clock) as running:
        yield running


@pytest.fixture
async def http(box):
    """A bare session: what is tested here must not depend on the client of this package."""
    headers = {"Authorization": f"Bearer {box.token}"}
    async with aiohttp.ClientSession(box.url, headers=headers, timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield session


@pytest.fixture
def get(http):
    """Read a path with header options; give status, parsed body and headers."""

    async def read(path, **options):
        async with http.get(path, headers={k: str(v) for k, v in options.items()}) as response:
            body = await (response.json() if response.content_type == "application/json" else response.text())
            return response.status, body, response.headers

    return read


@pytest.fixture
def send(http):
    """Send a body; give status and parsed answer."""

    async def write(method, path, body=None, **options):
        headers = {k: str(v) for k, v in options.items()}
        async with http.request(method, path, json=body, headers=headers) as response:
            return response.status, await (response.json() if response.content_length else response.text())

    return write
