"""Refusals that name a time: it is waited for, within a bound that everybody can see; no pause is none."""

from __future__ import annotations

import asyncio
import email.utils
import time
from typing import Any

import pytest

from tests.hostile import Hostile, answer, bare
from tonicdm import APIError, Hooks, RetryPolicy, ServerError, TonicDM, UnitBudget
from tonicdm.clock import VirtualClock

from .conftest import ID, TOKEN, Make

BOUND = 60.0


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(now=float(int(time.time())))


async def pauses(clock: VirtualClock, hostile: Hostile, **settings: Any) -> tuple[list[float], Any]:
    """List offices on a virtual clock that is moved whenever the call sleeps; the pauses, and what came of it."""
    slept: list[float] = []
    budget = UnitBudget.memory(clock=clock, max_calls_per_second=None)
    async with TonicDM(TOKEN, base_url=hostile.url, budget=budget, **settings) as tonic:
        task = asyncio.ensure_future(tonic.offices.list().first())
        while not task.done():
            await asyncio.sleep(0.002)
            if not tonic.caller.transport.slots.taken and (deadline := clock.next_deadline) is not None:
                slept.append(deadline - clock.monotonic())
                clock.advance(max(0.0, slept[-1]))
        (result,) = await asyncio.gather(task, return_exceptions=True)
    await budget.close()
    return slept, result


def named(clock: VirtualClock, seconds: float) -> str:
    return email.utils.formatdate(clock.now() + seconds, usegmt=True)


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504])
@pytest.mark.parametrize("with_rate", [True, False])
async def test_retry_after_is_waited_for(status: int, with_rate: bool, clock: VirtualClock, hostile: Hostile):
    """Three tries came within 0.22 s of a 503 that asked for 7 s."""
    refusal = (
        answer(status, b"", [("Retry-After", "7")], date=clock.now())
        if with_rate
        else bare(status, [("Retry-After", "7")])
    )
    hostile.otherwise = refusal
    told: list[Any] = []
    slept, error = await pauses(clock, hostile, hooks=Hooks(on_retry=told.append))
    assert isinstance(error, APIError)
    assert (error.status, error.attempts) == (status, 3)
    assert error.headers["Retry-After"] == "7"
    assert "asked again in 7 s" in str(error)
    assert len(hostile.requests) == 3
    assert [one for one in slept if one >= 7] == [7, 7]
    assert [(event.pause, event.retry_after) for event in told] == [(7, 7), (7, 7)]


@pytest.mark.parametrize(
    ("value", "least", "most"),
    [
        ("0", 0.25, 1.0),
        ("-5", 0.25, 1.0),
        ("soon", 0.25, 1.0),
        ("", 0.25, 1.0),
        ("1.5", 0.25, 1.5),
        ("3", 3.0, 3.0),
        ("61", BOUND, BOUND),
        ("86400", BOUND, BOUND),
        ("9" * 400, 0.25, 1.0),
        ("99999999", 0.25, 1.0),
        ("0.5, 0.5", 0.5, 1.0),
        ("+30", 30.0, 30.0),
        ("-30", 0.25, 1.0),
        ("+86400", BOUND, BOUND),
    ],
)
async def test_every_form_of_retry_after_has_a_floor_and_a_bound(
    value: str, least: float, most: float, clock: VirtualClock, hostile: Hostile
):
    """A number, none, a date ahead (written +30) or behind (-30), years, nonsense; by the server's own clock."""
    text = named(clock, int(value)) if value[:1] in {"+", "-"} and value != "-5" else value
    hostile.script = [answer(503, b"", [("Retry-After", text)], date=clock.now()),
                      answer(body=[{"id": ID, "name": "Lisbon"}], date=clock.now())]  # fmt: skip
    slept, office = await pauses(clock, hostile)
    assert getattr(office, "name", office) == "Lisbon"
    assert len(hostile.requests) == 2
    assert least <= max(slept) <= most


async def test_a_date_is_measured_by_the_clock_of_who_wrote_it(clock: VirtualClock, hostile: Hostile):
    """The server's clock is an hour ahead: without its Date the pause would be the bound."""
    ahead = email.utils.formatdate(clock.now() + 3600 + 5, usegmt=True)
    hostile.script = [answer(503, b"", [("Retry-After", ahead)], date=clock.now() + 3600)]
    slept, _ = await pauses(clock, hostile)
    assert max(slept) == pytest.approx(5, abs=1)


async def test_the_bound_is_a_setting(clock: VirtualClock, hostile: Hostile):
    hostile.script = [bare(503, [("Retry-After", "500")])]
    slept, _ = await pauses(clock, hostile, retry=RetryPolicy(max_retry_after=300))
    assert 300 in slept


async def test_max_wait_bounds_what_a_server_asks_for(clock: VirtualClock, hostile: Hostile):
    """Who may wait for 2 s gets the error at once, and not 7 s later."""
    hostile.otherwise = bare(503, [("Retry-After", "7")])
    slept, error = await pauses(clock, hostile, max_wait=2)
    assert isinstance(error, ServerError)
    assert error.attempts == 1
    assert not [one for one in slept if one >= 7]


async def test_pauses_have_a_floor(clock: VirtualClock, hostile: Hostile):
    hostile.otherwise = answer(503, date=clock.now())
    slept, _ = await pauses(clock, hostile)
    found = [one for one in slept if one > 0]
    assert len(found) == 2
    assert min(found) >= RetryPolicy().floor == 0.25


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("status", [408, 425, 503])
async def test_a_write_is_not_repeated_because_the_server_asks_for_it(
    method: str, status: int, make: Make, hostile: Hostile
):
    """Whether it was carried out is unknown; the error says when to look."""
    hostile.otherwise = answer(status, b"", [("Retry-After", "0")])
    with pytest.raises(APIError, match="asked again in 0 s"):
        await make().request(method, "/core/offices", json={"name": "Lisbon"})
    assert len(hostile.requests) == 1
