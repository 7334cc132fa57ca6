"""Answers that are not what they should be: no started work is lost, no key changed, no pause skipped."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.hostile import Hostile, answer
from tonicdm.errors import StoreError
from tonicdm.rhythm import RhythmClient, ThrottleRules
from tonicdm.rhythm.endpoints.step_functions import parts_of
from tonicdm.rhythm.errors import ExecutionFailedError, SubmittedError

PATH = "/orders/example.org/o-1/process"
ARN = "arn:aws:states:us-east-1:123456789012:execution:pay:4f1c"
EXPRESS = "arn:aws:states:us-east-1:123456789012:express:pay:4f1c:0a1b-2c"


def client(server: Hostile, **settings) -> RhythmClient:
    settings = {"throttle": ThrottleRules(calls_per_second=None), **settings}
    return RhythmClient("example.org", token="t", base_url_template=f"{server.url}/{{service}}", **settings)


# --- work that was started ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (202, b""),
        (200, b"<html>a page</html>"),
        (200, b"null"),
        (200, {}),
        (200, {"executionArn": ""}),
        (200, {"executionArn": 7}),
        (200, []),
    ],
)
async def test_an_answer_without_an_arn_says_that_the_work_may_have_begun(status: int, body) -> None:
    async with Hostile(answer(status, body)) as server, client(server) as rhythm:
        with pytest.raises(SubmittedError, match="may have begun, and must not be submitted again") as caught:
            await rhythm.step_functions.submit("commerce", PATH, {})
        assert caught.value.arn is None
        assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["plain", "async", "store"])
async def test_who_fails_to_write_an_arn_down_does_not_lose_it(kind: str) -> None:
    def plain(_arn: str) -> None:
        raise StoreError("x.db", "is full") if kind == "store" else KeyError("x")

    async def later(arn: str) -> None:
        plain(arn)

    odd = {"executionArn": ARN, "start_date": {"odd": 1}}
    async with Hostile(answer(200, odd)) as server, client(server) as rhythm:
        with pytest.raises(SubmittedError, match=ARN) as caught:
            await rhythm.step_functions.submit("commerce", PATH, started=later if kind == "async" else plain)
        assert caught.value.arn == ARN
        assert caught.value.__cause__ is not None


async def test_who_is_cancelled_while_an_arn_is_written_down_leaves_it_in_the_error() -> None:
    async def slow(_arn: str) -> None:
        await asyncio.sleep(60)

    async with Hostile(answer(200, {"executionArn": ARN})) as server, client(server) as rhythm:
        task = asyncio.create_task(rhythm.step_functions.submit("commerce", PATH, started=slow))
        await server.seen(1)
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        assert ARN in "".join(caught.value.__notes__)


@pytest.mark.parametrize("status", ["succeeded", "Succeeded", " SUCCEEDED"])
async def test_states_compare_without_case(status: str) -> None:
    found = answer(200, {"executionArn": ARN, "status": status})
    async with Hostile(otherwise=found) as server, client(server) as rhythm:
        assert (await rhythm.step_functions.execution(ARN).describe()).ended
        assert (await rhythm.step_functions.execution(ARN).describe()).succeeded


async def test_a_failed_state_in_small_letters_is_an_end() -> None:
    async with Hostile(otherwise=answer(200, {"status": "failed"})) as server, client(server) as rhythm:
        from tonicdm.rhythm import PollRules

        with pytest.raises(ExecutionFailedError):
            await rhythm.step_functions.execution(ARN).wait(PollRules(first=0.01))


async def test_an_express_arn_is_handed_out_and_can_be_described_and_cancelled() -> None:
    started = answer(200, {"executionArn": EXPRESS})
    async with Hostile(started, otherwise=answer(200, {"status": "RUNNING"})) as server, client(server) as rhythm:
        execution = await rhythm.step_functions.submit("commerce", PATH)
        assert rhythm.step_functions.execution(execution.arn) == execution
        assert not (await execution.describe()).ended
        await execution.cancel()
        assert server.requests[-1].target.endswith("/pay/4f1c%3A0a1b-2c")
    assert parts_of(EXPRESS) == {"machine": "pay", "execution": "4f1c:0a1b-2c"}


# --- pages and pauses -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ['{"b": 12345678901234567890.123,  "a":1e400}', "[1.10]", "12345678901234567.0"])
async def test_a_key_goes_back_as_its_own_text(key: str) -> None:
    from urllib.parse import parse_qs, urlsplit

    page = b'{"Items": [], "Count": 0,\n "LastEvaluatedKey" : ' + key.encode() + b" }"
    async with Hostile(answer(200, page), otherwise=answer(200, {"Items": []})) as server, client(server) as rhythm:
        assert await rhythm.contacts.list().all() == []
        sent = parse_qs(urlsplit(server.requests[1].target).query)
        assert sent["exclusiveStartKey"] == [key]


@pytest.mark.parametrize("named", ["0", "Thu, 01 Jan 2026 00:00:00 GMT"])
async def test_a_retry_after_that_is_over_is_no_leave_to_go_on_at_once(named: str) -> None:
    """Six calls in 0.2 s, once."""
    refused = answer(429, b"{}", [("Retry-After", named)])
    rules = ThrottleRules(calls_per_second=None, base=0.05, refusals=3)
    async with Hostile(otherwise=refused) as server, client(server, throttle=rules) as rhythm:
        began = time.monotonic()
        with pytest.raises(Exception, match="rate limit"):
            await rhythm.contacts.list().first()
        assert time.monotonic() - began >= 0.05 + 0.1 + 0.2
        assert len(server.requests) == 4
