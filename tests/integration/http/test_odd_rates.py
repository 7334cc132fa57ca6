"""What servers were seen to say of the budget, end to end: no call into a 429, no lock-out beyond what was said.

In virtual time: the hostile server writes its dates and resets by the clock of the client.
"""

from __future__ import annotations

import asyncio
import email.utils
import itertools
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.hostile import Hostile, Request, Step, answer, bare
from tonicdm import BudgetTimeoutError, TonicDM, TonicDMError, UnitBudget
from tonicdm.clock import VirtualClock

from .conftest import TOKEN

Reply = Callable[[float], Step]
"""What the server says at a Unix time of its own."""

HOUR = 3600.0


class Driven:
    """A client of a hostile server on one virtual clock, which moves while the client only waits."""

    def __init__(self, hostile: Hostile, tonic: TonicDM, clock: VirtualClock) -> None:
        self.hostile, self.tonic, self.clock = hostile, tonic, clock
        self.began = clock.monotonic()
        self.times: list[float] = []
        """Seconds from the beginning at which requests came."""

    def serve(self, *replies: Reply, otherwise: Reply) -> None:
        """Answer by the virtual clock."""
        waiting = list(replies)

        def reply(_request: Request) -> Step:
            self.times.append(self.clock.monotonic() - self.began)
            return (waiting.pop(0) if waiting else otherwise)(self.clock.now())

        self.hostile.otherwise = reply

    async def call(self) -> Any:
        """Make one call of one unit."""
        return await self.tonic.offices.list(data_quantity="id_only").first()

    async def drive(self, work: asyncio.Future[Any] | asyncio.Task[Any], seconds: float) -> None:
        """Move the clock from one deadline to the next until *work* is done or *seconds* have passed."""
        idle = 0
        while not work.done():
            busy = self.tonic.caller.transport.slots.taken > 0
            await asyncio.sleep(0.001 if busy else 0)
            idle = 0 if busy else idle + 1
            if idle < 12 or (deadline := self.clock.next_deadline) is None:
                continue
            if deadline - self.began > seconds:
                return
            self.clock.advance(max(0.0, deadline - self.clock.monotonic()))
            idle = 0

    async def crowd(self, seconds: float, tasks: int = 4) -> None:
        """Let several tasks call as often as they may for so long."""

        async def forever() -> None:
            while True:
                try:
                    await self.call()
                except TonicDMError:
                    await self.clock.sleep_until(self.clock.monotonic() + 0.5)
                await self.clock.sleep_until(self.clock.monotonic() + 0.25)

        work = asyncio.gather(*(forever() for _ in range(tasks)))
        try:
            await self.drive(work, seconds)
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)


@pytest.fixture
async def driven(hostile: Hostile):
    clock = VirtualClock(now=float(int(time.time())))
    async with (
        UnitBudget.memory(clock=clock, max_calls_per_second=None) as budget,
        TonicDM(TOKEN, base_url=hostile.url, budget=budget, clock=clock) as tonic,
    ):
        yield Driven(hostile, tonic, clock)


def right(now: float, *, remaining: int = 3000, reset: float = HOUR, **more: Any) -> bytes:
    """An answer of a server that is as it should be."""
    return answer(remaining=remaining, reset=int(now + reset), date=now, **more)


def refused(now: float, reset: object = None, **more: Any) -> bytes:
    return answer(429, **{"remaining": 0, "reset": reset, "date": now, **more})


# --- no call into a 429 -----------------------------------------------------------------------------------------------

BEHIND: dict[str, Reply] = {
    "reset 45 s behind": lambda now: refused(now, int(now - 45)),
    "reset an hour behind": lambda now: refused(now, int(now - 3600)),
    "reset now": lambda now: refused(now, int(now)),
    "reset moves by 2 s": lambda now: refused(now, int(now + 2)),
    "reset of 0 s": lambda now: refused(now, 0),
    "no headers, Retry-After 0": lambda now: bare(429, [("Retry-After", "0")]),
    "Retry-After behind": lambda now: bare(429, [("Retry-After", email.utils.formatdate(now - 60, usegmt=True))]),
    "two clocks, no zone": lambda now: refused(
        now, int(now - 45), date=time.strftime("%a, %d %b %Y %H:%M:%S", time.gmtime(now))
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BEHIND)
async def test_a_server_that_refuses_for_ever_is_asked_ever_more_seldom(name: str, driven: Driven):
    """Whatever the 429 names: some seconds of silence, then one call per step, growing. It was 111 calls in 5 s."""
    driven.serve(otherwise=BEHIND[name])
    await driven.crowd(600)
    calls = driven.times
    gaps = [after - before for before, after in itertools.pairwise(calls)]
    assert 2 <= len(calls) <= 14, f"{len(calls)} calls in ten minutes"
    assert gaps[0] >= 1.0
    assert max(gaps) > 2 * gaps[0], "the silences grow"


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
async def test_a_date_without_a_zone_is_no_local_time(zone: str, driven: Driven, monkeypatch):
    """70 to 88 calls into a 429 in Los Angeles, nine hours instead of four seconds in Tokyo."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        plain = lambda now: time.strftime("%a, %d %b %Y %H:%M:%S", time.gmtime(now))  # noqa: E731
        driven.serve(
            lambda now: refused(now, int(now + 40), date=plain(now)),
            otherwise=lambda now: answer(remaining=3000, reset=int(now + HOUR), date=plain(now)),
        )
        await driven.crowd(60)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert 40 <= driven.times[1] <= 50
    assert len(driven.times) > 10


SILENCES: dict[str, tuple[Reply, float, float]] = {
    # What the first answer says, and the least and most seconds until the next call.
    "reset in 30 s": (lambda now: refused(now, int(now + 30)), 30, 40),
    "remaining -1, reset in 30 s": (lambda now: refused(now, int(now + 30), remaining=-1), 30, 40),
    "limit of nonsense, reset in 30 s": (lambda now: refused(now, int(now + 30), limit="many"), 30, 40),
    "reset in milliseconds": (lambda now: refused(now, int((now + 30) * 1000)), 30, 40),
    "reset as a span": (lambda now: refused(now, 30), 30, 40),
    "reset as a date": (lambda now: refused(now, email.utils.formatdate(now + 30, usegmt=True)), 30, 40),
    "reset twice": (
        lambda now: refused(now, int(now + 30), headers=[("X-Rate-Limit-Reset", str(int(now + 30)))]), 30, 40,
    ),
    "reset joined": (lambda now: refused(now, f"{int(now + 30)}, {int(now + 30)}"), 30, 40),
    "Retry-After alone": (lambda now: bare(429, [("Retry-After", "30")]), 30, 40),
    "Retry-After date": (
        lambda now: bare(429, [("Retry-After", email.utils.formatdate(now + 30, usegmt=True))]), 29, 40,
    ),
    "Retry-After later than reset": (lambda now: refused(now, int(now + 5), headers=[("Retry-After", "30")]), 30, 40),
    "reset later than Retry-After": (lambda now: refused(now, int(now + 30), headers=[("Retry-After", "5")]), 30, 40),
    "nothing": (lambda now: bare(429), 3600, 3700),
    "Retry-After of a week": (lambda now: bare(429, [("Retry-After", "604800")]), 3600, 3700),
    "reset in 20 h": (lambda now: refused(now, int(now + 20 * HOUR)), 20 * HOUR, 20 * HOUR + 100),
    "reset in six days": (lambda now: refused(now, int(now + 144 * HOUR)), 24 * HOUR, 24 * HOUR + 100),
    "date of nonsense": (lambda now: refused(now, int(now + 30), date="Fri, 99 Foo 9999999 99:99:99"), 30, 100),
}  # fmt: skip


@pytest.mark.parametrize("name", SILENCES)
async def test_a_silence_lasts_as_long_as_was_said_and_no_longer(name: str, driven: Driven):
    reply, least, most = SILENCES[name]
    driven.serve(reply, otherwise=right)
    call = asyncio.ensure_future(driven.call())
    await driven.drive(call, most + HOUR)
    silent = driven.times[1] - driven.times[0]
    assert least <= silent <= most
    await call


# --- no lock-out by other answers -------------------------------------------------------------------------------------

ODD: dict[str, Reply] = {
    "reset six days ahead": lambda now: right(now, remaining=0, reset=144 * HOUR),
    "limit of 400 digits": lambda now: right(now, limit="9" * 400),
    "limit of 20 digits": lambda now: right(now, limit="9" * 20, remaining="9" * 20),
    "limit 0": lambda now: right(now, limit=0, remaining=0),
    "negative": lambda now: right(now, limit=-5, remaining=-7),
    "float": lambda now: right(now, limit="3.6e3", remaining="1e309"),
    "NaN": lambda now: answer(limit="nan", remaining="nan", reset="nan", date=now),
    "infinite": lambda now: answer(limit="inf", remaining="-inf", reset="inf", date=now),
    "other digits": lambda now: answer(limit="\u0663\u0666", remaining="\u00b2", reset="\u0967", date=now),
    "date of the year 9999": lambda now: answer(date="Fri, 31 Dec 9999 23:59:59 GMT", reset=int(now + HOUR)),
    "date of 1970": lambda now: answer(date=0, reset=int(now + HOUR)),
    "no headers": lambda now: bare(200, body=b"[]"),
}


@pytest.mark.parametrize("name", ODD)
async def test_one_odd_answer_locks_nobody_out(name: str, driven: Driven):
    """Then the server is as it should be, and so is the client within one window."""
    driven.serve(right, ODD[name], otherwise=right)
    for _ in range(2):
        await driven.call()
    further = asyncio.gather(*(driven.call() for _ in range(5)))
    await driven.drive(further, 2 * HOUR)
    assert further.done(), "the client waits longer than one window"
    await further
    seen = driven.tonic.budget.snapshot()
    assert seen.limit == 3600


async def test_a_server_with_windows_of_twenty_hours_does_not_stall_the_client(driven: Driven):
    """An answer that settles nothing makes every call unknown, and the units run out."""
    ends = driven.clock.now() + 20 * HOUR
    left = itertools.count(3599, -1)
    driven.serve(otherwise=lambda now: answer(remaining=next(left), reset=int(ends), date=now))
    for _ in range(300):
        await asyncio.wait_for(driven.call(), 60)
        driven.clock.advance(1)
    assert driven.tonic.budget.snapshot().unknown == 0


async def test_a_limit_that_is_lowered_within_a_window_is_obeyed(driven: Driven):
    """3600, then 1800 with none remaining: 37 more calls were made."""
    ends = int(driven.clock.now() + HOUR)
    driven.serve(
        lambda now: answer(limit=3600, remaining=1900, reset=ends, date=now),
        otherwise=lambda now: answer(limit=1800, remaining=0, reset=ends, date=now),
    )
    for _ in range(2):
        await driven.call()
    with pytest.raises(BudgetTimeoutError):
        await driven.tonic.with_options(max_wait=5).offices.list().first()
    assert len(driven.times) == 2
