"""A month of 31 days with all faults of tokens mixed in at random, and people who now and then allow one more.

Counted by the sandbox: no application has more than 31 mints and those that a person allowed; an application that met
no fault always gets its token, and every other one gets one again as soon as its faults are over and it is let.
"""

from __future__ import annotations

import pathlib
import random
from collections import Counter
from typing import Any

import pytest

from tests.integration.rhythm.month import HOUR, Process, together
from tests.integration.rhythm.test_month import JANUARY
from tonicdm.clock import VirtualClock
from tonicdm.sandbox.rhythm import RhythmSandbox

HEALTHY = "healthy"
FAULTS: list[dict[str, Any]] = [
    {"name": "short_token", "expires_in": 0, "exp": -60},
    {"name": "short_token", "expires_in": None, "exp": -3600},
    {"name": "short_token", "expires_in": 60, "exp": 60},
    {"name": "short_token", "expires_in": 86_400, "exp": 5},
    {"name": "too_many_requests"},
    {"name": "too_many_requests", "retry_after": 0},
    {"name": "too_many_requests", "retry_after": 30},
    {"name": "response", "status": 400, "body": '{"error": "invalid_request", "error_description": "it exceeds 255"}'},
    {"name": "response", "status": 401, "body": '{"error": "invalid_client", "error_description": "a month old"}'},
    *({"name": "response", "status": status, "body": "<html>"} for status in (302, 403, 404, 407, 408, 425, 502)),
    {"name": "server_error"},
    {"name": "drop_after"},
    {"name": "drop_before"},
    {"name": "truncated_body"},
    {"name": "skew", "seconds": 25 * HOUR},
]  # fmt: skip


class Tenant:
    """Applications whose processes live for some hours; faults hit all but one of them."""

    def __init__(self, box: RhythmSandbox, clock: VirtualClock, folder: pathlib.Path, seed: int) -> None:
        self.box, self.clock, self.folder, self.chance = box, clock, folder, random.Random(seed)
        self.secrets = {HEALTHY: "s-healthy", "one": "s-one", "two": "s-two"}
        self.ends: dict[str, Counter[str]] = {name: Counter() for name in self.secrets}
        self.allowed: Counter[str] = Counter()
        for name, secret in self.secrets.items():
            box.add_client(name, secret)

    def process(self, name: str) -> Process:
        return Process(self.box, self.clock, self.folder, name, self.secrets[name])

    async def call(self, name: str, *, faults: list[dict[str, Any]]) -> str:
        self.box.faults.off()
        for fault in faults:
            self.box.faults.next(**{"path": "/auth0/oauth/token", **fault})
        process = self.process(name)
        try:
            (end,) = await together(self.clock, [process.call()])
        finally:
            await process.end()
            self.box.faults.off()
        self.ends[name][end] += 1
        return end

    async def allow(self, name: str) -> None:
        """Let one application have one more: of the others nothing is asked for meanwhile that would need a word."""
        process = self.process(name)
        await process.broker.reopen()
        await process.end()
        for one in self.secrets:
            self.allowed[one] += 1

    async def hour(self) -> None:
        began = self.clock.monotonic()
        for name in self.secrets:
            bad = name != HEALTHY and self.chance.random() < 0.8
            many = self.chance.randrange(1, 6)
            end = await self.call(name, faults=self.chance.choices(FAULTS, k=many) if bad else [])
            if end in {"TokenLimitError", "ShortLivedTokenError"} and self.chance.random() < 0.02:
                await self.allow(name)
        self.clock.advance(max(0.0, began + HOUR - self.clock.monotonic()))


async def play(folder: pathlib.Path, seed: int, hours: int) -> Tenant:
    clock = VirtualClock(JANUARY)
    async with RhythmSandbox(records=3, clock=clock) as box:
        tenant = Tenant(box, clock, folder, seed)
        for _ in range(hours):
            await tenant.hour()
        counts = {name: len(box.mints(name, "2027-01")) for name in tenant.secrets}
        print(f"\nseed {seed}, {hours} h: {counts} mints, {dict(tenant.allowed)} allowed, {tenant.ends}")  # noqa: T201
        for name, count in counts.items():
            assert count <= 31 + tenant.allowed[name], name
        assert set(tenant.ends[HEALTHY]) == {"200"}, "no healthy application is locked out"
        assert counts[HEALTHY] <= 31
        for name in ("one", "two"):
            await tenant.allow(name)
            clock.advance(61)
            assert await tenant.call(name, faults=[]) == "200", "what was closed opens with a person's word"
    return tenant


async def test_some_days_of_all_faults(tmp_path: pathlib.Path) -> None:
    tenant = await play(tmp_path, 3, 4 * 24)
    assert min(len(tenant.ends["one"]), len(tenant.ends["two"])) > 1, "faults were met"


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(4))
async def test_a_month_of_all_faults(tmp_path: pathlib.Path, seed: int) -> None:
    await play(tmp_path, seed, 31 * 24)
