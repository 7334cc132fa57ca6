"""A receiver over a sink in memory, whose commits can be held back or fail."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json

import pytest

from tonicdm.clock import VirtualClock
from tonicdm.webhooks import Limits
from tonicdm.webhooks.receiver import Receiver
from tonicdm.webhooks.verify import StandardWebhooks

KEY = b"a key of the tests of webhooks"
NOW = 1_800_000_000.0
BODY = json.dumps({"id": "e1", "type": "persons.updated", "data": [{"id": "a" * 32, "name": "Ada"}]}).encode()


class Sink:
    """Keeps events in memory as the inbox keeps them in a file."""

    def __init__(self) -> None:
        self.stored = {}
        self.groups = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.error = None

    async def receive(self, events):
        self.groups.append(list(events))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        new = []
        for event in events:
            new.append(event.key not in self.stored)
            self.stored.setdefault(event.key, event)
        return new


def signed(body=BODY, *, key=KEY, ident="e1", at=NOW):
    digest = hmac.new(key, f"{ident}.{int(at)}.".encode() + body, hashlib.sha256).digest()
    signature = f"v1,{base64.b64encode(digest).decode()}"
    return {"Webhook-Id": ident, "Webhook-Timestamp": str(int(at)), "Webhook-Signature": signature}


async def chunks(*parts):
    for part in parts:
        yield part


@pytest.fixture
def clock():
    return VirtualClock(NOW)


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def make(sink, clock):
    def make(verifier=None, **limits):
        return Receiver(sink, verifier or StandardWebhooks(KEY), limits=Limits(**limits), clock=clock)

    return make


async def settle(turns=20):
    """Let every task run until it waits for something."""
    for _ in range(turns):
        await asyncio.sleep(0)
