"""A receiver over the real inbox, in virtual time, behind each server in turn."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import aiohttp
import pytest

from tonicdm import TonicDM, UnitBudget
from tonicdm.store import Store
from tonicdm.webhooks import Limits
from tonicdm.webhooks.inbox import Inbox
from tonicdm.webhooks.receiver import Receiver
from tonicdm.webhooks.verify import StandardWebhooks

from .servers import SERVERS
from .working import Desk

KEY = b"a-key-of-the-tests-of-webhooks"


def body_of(number, **fields):
    record = {"id": f"{number:032x}", "name": f"Ada {number}", "updated": "2026-01-01T00:00:00Z"}
    return json.dumps({"id": f"e{number}", "type": "persons.updated", "data": [record], **fields}).encode()


def signature(body, ident, at, key=KEY):
    digest = hmac.new(key, f"{ident}.{int(at)}.".encode() + body, hashlib.sha256).digest()
    value = f"v1,{base64.b64encode(digest).decode()}"
    return {"webhook-id": ident, "webhook-timestamp": str(int(at)), "webhook-signature": value}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "firm.db"


@pytest.fixture
def sign(clock):
    return lambda body, number=1, **changes: signature(body, f"e{number}", clock.now(), **changes)


@pytest.fixture
async def store(file):
    async with Store(file) as opened:
        yield opened


@pytest.fixture
def make(store, clock):
    def make(verifier=None, *, sink=None, **limits):
        inbox = sink or Inbox(store, clock=clock)
        return Receiver(inbox, verifier or StandardWebhooks(KEY), limits=Limits(**limits), clock=clock)

    return make


@pytest.fixture(params=SERVERS)
def behind(request):
    """The receiver's server: each of them in turn."""
    return SERVERS[request.param]


@pytest.fixture
async def session():
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as opened:
        yield opened


@pytest.fixture
def keys(store):
    async def keys():
        return [key for (key,) in await store.query("SELECT key FROM event ORDER BY number")]

    return keys


@pytest.fixture
async def tonic(box, clock):
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM(box.token, base_url=box.url, budget=budget) as tonic:
        yield tonic
    await budget.close()


@pytest.fixture
def desk(box, tonic, store, clock):
    return Desk(box, tonic, store, clock)
