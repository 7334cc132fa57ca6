import aiohttp
import pytest
import yarl

from tonicdm.sandbox import Sandbox
from tonicdm.sandbox.rhythm import RhythmSandbox


@pytest.fixture
async def box(clock):
    async with Sandbox(records=1_000, clock=clock) as running:
        yield running


@pytest.fixture
async def http(box):
    """A bare session: what is tested here must not depend on the client of this package."""
    headers = {"Authorization": f"Bearer {box.token}"}
    async with aiohttp.ClientSession(box.url, headers=headers, timeout=aiohttp.ClientTimeout(total=60)) as session:
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


@pytest.fixture
async def rhythm(clock):
    async with RhythmSandbox(records=250, clock=clock) as running:
        yield running


@pytest.fixture
async def plain():
    """A session without any header of its own."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        yield session


@pytest.fixture
def mint(rhythm, plain):
    """Ask for a machine token; give status and parsed body."""

    async def ask(**form):
        known = {
            "grant_type": "client_credentials",
            "client_id": rhythm.client_id,
            "client_secret": rhythm.client_secret,
            "audience": rhythm.audience,
        }
        sent = {name: value for name, value in {**known, **form}.items() if value is not None}
        async with plain.post(f"{rhythm.auth_url}/oauth/token", data=sent) as response:
            return response.status, await response.json()

    return ask


@pytest.fixture
def call(rhythm, plain, mint):
    """Call a service with a machine token, or another one; give status, parsed body and headers."""
    minted = []

    async def send(method, service, path, body=None, *, token=None, headers=None, **query):
        if token is None and headers is None:
            if not minted:
                minted.append((await mint())[1]["access_token"])
            token = minted[0]
        own = headers if headers is not None else {"Authorization": f"Bearer {token}"}
        url = yarl.URL(rhythm.service_url.format(service=service) + path.replace("{t}", rhythm.tenant_id), encoded=True)
        async with plain.request(method, url.update_query(query), json=body, headers=own) as response:
            is_json = response.content_type == "application/json"
            return response.status, await (response.json() if is_json else response.text()), response.headers

    return send
