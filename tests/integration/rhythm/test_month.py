"""A month of 31 days: 3 applications of 10 processes, restarts every hour, wrong clocks, a revoked secret."""

from __future__ import annotations

import datetime
import itertools
import pathlib
import time
from collections import Counter

import pytest

from tests.integration.rhythm.month import HOUR, Process, together
from tonicdm.clock import VirtualClock
from tonicdm.rhythm.tokens.minting import MintRules
from tonicdm.sandbox.rhythm import RhythmSandbox

JANUARY = datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC).timestamp()
SKEWS = (0.0, 600.0, -600.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""One machine of ten is ten minutes ahead, one is as much behind."""


@pytest.mark.parametrize(
    ("days", "revoked_on", "server_skew"),
    [
        (4, 1, 0.0),
        (2, None, -600.0),
        pytest.param(31, 9, 0.0, marks=pytest.mark.thorough),
        pytest.param(8, None, -600.0, marks=pytest.mark.thorough),
    ],
)
async def test_days_cost_a_mint_each_for_an_application_and_one_for_the_revoked_secret(
    tmp_path: pathlib.Path, days: int, revoked_on: int | None, server_skew: float
) -> None:
    """Counted by the sandbox. With *server_skew* all machines agree with each other and are wrong together.

    The secret of one application is revoked at noon of a day, with its tokens; for three hours its calls are refused
    and cost no mint; then the operator gives the new secret and says that the old token is gone.
    """
    revoked_at = None if revoked_on is None else revoked_on * 24 + 12
    clock = VirtualClock(JANUARY - server_skew)
    applications = {"one": "s-one", "two": "s-two", "three": "s-three"}
    ends: Counter[str] = Counter()
    began = time.monotonic()
    async with RhythmSandbox(records=3, clock=clock) as box:
        box.settings.skew_seconds = server_skew
        for name, secret in applications.items():
            box.add_client(name, secret)
        for hour in range(days * 24):
            start = clock.monotonic()
            processes = [
                Process(box, clock, tmp_path, name, secret, skew=skew, start=hour * 7.0 + number)
                for name, secret in applications.items()
                for number, skew in enumerate(SKEWS)
            ]
            if hour == revoked_at:
                box.revoke_secret("one", "s-new")
            told = revoked_at is not None and hour == revoked_at + 3
            if told:
                before = len(box.mints("one"))
                assert ends["AuthenticationError"] == 3 * (10 + 2), "every call of three hours"
                await processes[0].broker.revoked()
                applications["one"] = "s-new"
                for process in processes[:10]:
                    await process.end()
                processes[:10] = [
                    Process(box, clock, tmp_path, "one", "s-new", skew=skew, start=hour * 7.0) for skew in SKEWS
                ]
            ends += await together(clock, [process.call(really=hour % 24 == 5) for process in processes])
            if told:
                assert len(box.mints("one")) == before + 1, "the operator's word costs one mint for ten processes"
            clock.advance(start + HOUR - 30 - clock.monotonic())
            ends += await together(clock, [process.call() for process in processes[::5]])
            for process in processes:
                await process.end()
            clock.advance(max(0.0, start + HOUR - clock.monotonic()))
        counts = {name: len(box.mints(name, "2027-01")) for name in applications}
        took = time.monotonic() - began
        print(f"\n{days} days, skew {server_skew:g} s: {counts} mints in January, {dict(ends)}, {took:.1f} s")  # noqa: T201
        assert ends.keys() <= {"200", "AuthenticationError"}
        most = 31 if days == 31 else days + 1  # the calls of the last minute wait into the next day
        assert counts["one"] <= most + (0 if revoked_at is None else 1)
        assert counts["two"] <= most
        assert counts["three"] <= most
        at = [mint.at for mint in box.mints("two")]
        assert min(later - earlier for earlier, later in itertools.pairwise(at)) >= 86400
        refused = [entry for entry in box.calls(operation="issueM2MToken") if entry.status != 200]
        assert refused == []


async def test_the_lock_out_is_refused_locally_until_the_month_ends_and_after_restarts(tmp_path: pathlib.Path) -> None:
    """Others have spent the tenant's tokens; one refusal tells all applications and all their processes."""
    clock = VirtualClock(JANUARY + 20 * 86400)
    async with RhythmSandbox(records=3, clock=clock) as box:
        box.settings.monthly_tokens = 0
        box.add_client("two", "s-two")
        ends: Counter[str] = Counter()
        while clock.now() < JANUARY + 31 * 86400 - HOUR:
            processes = [
                Process(box, clock, tmp_path, name, secret, skew=skew)
                for name, secret in ((box.client_id, box.client_secret), ("two", "s-two"))
                for skew in (0.0, 600.0)
            ]
            ends += await together(clock, [process.call() for process in processes])
            for process in processes:
                await process.end()
            clock.advance(6 * HOUR)
        assert set(ends) == {"TokenLimitError"}
        assert ends["TokenLimitError"] > 100
        # Both applications may ask at the same moment, before the first refusal is known.
        assert len(box.calls(operation="issueM2MToken")) <= 2
        box.settings.monthly_tokens = 1000
        clock.advance(JANUARY + 31 * 86400 + 1 - clock.now())
        process = Process(box, clock, tmp_path, box.client_id, box.client_secret)
        assert await together(clock, [process.call(really=True)]) == {"200": 1}
        await process.end()


async def test_the_own_stop_is_refused_before_anything_is_sent(tmp_path: pathlib.Path) -> None:
    clock = VirtualClock(JANUARY)
    async with RhythmSandbox(records=3, clock=clock) as box:
        rules = MintRules(stop=5)
        for _ in range(10):
            process = Process(box, clock, tmp_path, box.client_id, box.client_secret, rules=rules)
            await together(clock, [process.broker.revoked()])
            ends = await together(clock, [process.call()])
            await process.end()
        assert ends == {"TokenLimitError": 1}
        assert len(box.calls(operation="issueM2MToken")) == 5
