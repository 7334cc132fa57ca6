"""Answers that are not what they should be: no started work is lost, no key changed, no pause skipped."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.cases import for_each
from tests.hostile import NEVER, Hostile, answer
from tonicdm.errors import APIError, BulkError, RateLimitedError, StoreError
from tonicdm.rhythm import BatchDelete, RhythmClient, ThrottleRules
from tonicdm.rhythm.endpoints.step_functions import parts_of
from tonicdm.rhythm.errors import ExecutionFailedError, SubmittedError, UnderWayError
from tonicdm.rhythm.jobs import JobFile, Note

PATH = "/orders/example.org/o-1/process"
ARN = "arn:aws:states:us-east-1:123456789012:execution:pay:4f1c"
EXPRESS = "arn:aws:states:us-east-1:123456789012:express:pay:4f1c:0a1b-2c"


def client(server: Hostile, **settings) -> RhythmClient:
    settings = {"throttle": ThrottleRules(calls_per_second=None), **settings}
    return RhythmClient("example.org", token="t", base_url_template=f"{server.url}/{{service}}", **settings)


# --- work that was started ------------------------------------------------------------------------------------------


@for_each(
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
    writes = asyncio.Event()

    async def slow(_arn: str) -> None:
        writes.set()
        await asyncio.sleep(60)

    async with Hostile(answer(200, {"executionArn": ARN})) as server, client(server) as rhythm:
        task = asyncio.create_task(rhythm.step_functions.submit("commerce", PATH, started=slow))
        await writes.wait()
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
    rules = ThrottleRules(calls_per_second=None, base=0.05, max_429s=3)
    async with Hostile(otherwise=refused) as server, client(server, throttle=rules) as rhythm:
        began = time.monotonic()
        with pytest.raises(RateLimitedError, match="rate limit"):
            await rhythm.contacts.list().first()
        assert time.monotonic() - began >= 0.05 + 0.1 + 0.2
        assert len(server.requests) == 4


# --- notes of what was started --------------------------------------------------------------------------------------


async def test_an_execution_of_an_odd_form_is_gone_on_with_as_it_was_handed_out(tmp_path) -> None:
    """A server's next form of ARN must not lock the note of work that has begun."""
    begun = answer(200, {"executionArn": "arn:of:the:next:form"})
    async with Hostile(begun, otherwise=answer(500, {})) as server, client(server) as rhythm:
        first = await rhythm.payments.process(type="check", note=tmp_path / "pay.job")
        assert await rhythm.payments.process(type="check", note=tmp_path / "pay.job") == first


async def test_a_refusal_is_told_where_its_note_can_not_be_removed(tmp_path, monkeypatch) -> None:
    def fail(file: JobFile) -> None:
        raise StoreError(str(file.path), "can't be written: Read-only file system")

    monkeypatch.setattr(JobFile, "remove", fail)
    async with Hostile(otherwise=answer(404, {})) as server, client(server) as rhythm:
        with pytest.raises(APIError) as caught:
            await rhythm.payments.process(type="check", note=tmp_path / "pay.job")
    assert "Nothing began: remove it" in caught.value.__notes__[0]


async def test_who_is_cancelled_during_a_submission_hears_that_it_may_have_begun(tmp_path) -> None:
    async with Hostile(otherwise=NEVER) as server, client(server) as rhythm:
        task = asyncio.create_task(rhythm.payments.process(type="check"))
        while not server.requests:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
    assert "do not submit it again before you know" in caught.value.__notes__[0]


def test_a_note_that_can_not_be_written_leaves_no_half_of_one(tmp_path, monkeypatch) -> None:
    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        JobFile(tmp_path / "pay.job").write(Note(id="", fingerprint="f", started_at=0.0))
    assert list(tmp_path.iterdir()) == []


async def test_a_result_is_not_saved_into_a_file_that_another_run_fills(tmp_path) -> None:
    """Also by --resume and save(), which start nothing."""
    async with Hostile(otherwise=answer(200, {"status": "SUCCEEDED", "rows": 0})) as server, client(server) as rhythm:
        query = rhythm.queries.resume("q-1")
        with JobFile.beside(tmp_path / "x").held(), pytest.raises(UnderWayError):
            await query.save(tmp_path / "x")
        assert server.requests == []
        assert (await query.save(tmp_path / "x")).rows == 0
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


async def test_a_batch_whose_second_answer_is_a_page_keeps_what_the_first_did(tmp_path) -> None:
    """One that can't be read does not say that nothing was done; nothing more is sent."""
    done = answer(200, {"error_count": 0, "success_count": 100})
    page = answer(200, b"<html>")
    async with Hostile(done, page, otherwise=answer(500, {})) as server, client(server) as rhythm:
        with pytest.raises(BulkError) as caught:
            await rhythm.contacts.batch([BatchDelete(f"c-{n}") for n in range(201)])
    assert len(server.requests) == 2
    assert set(caught.value.done) == set(range(100))
    assert set(caught.value.failed) == set(range(100, 201))
