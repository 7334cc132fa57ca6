"""What is answered and when, in virtual time and without a server."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from tests.cases import for_each
from tonicdm.errors import ConfigError, StoreError
from tonicdm.webhooks import Limits
from tonicdm.webhooks.receiver import Receiver
from tonicdm.webhooks.verify import SharedSecret, Unverified

from .conftest import BODY, chunks, settle, signed


async def never(*first):
    for part in first:
        yield part
    await asyncio.Event().wait()


def post(receiver, body=BODY, headers=None, **parts):
    return receiver.receive("POST", signed(body) if headers is None else headers, chunks(body), **parts)


async def test_a_genuine_event_is_stored_signed_and_answered_with_200(make, sink, clock) -> None:
    reply = await post(make())
    assert (reply.status, reply.closes) == (200, False)
    (event,) = sink.stored.values()
    assert (event.key, event.record_type, event.signed, event.received, event.body) == (
        "e1",
        "persons",
        True,
        clock.now(),
        BODY,
    )


async def test_an_unverified_event_is_stored_as_a_hint(make, sink) -> None:
    assert (await post(make(Unverified()), headers={})).status == 200
    assert not sink.stored["e1"].signed


async def test_a_duplicate_is_acknowledged_too_and_counted(make) -> None:
    receiver = make()
    assert [(await post(receiver)).status for _ in range(3)] == [200, 200, 200]
    assert receiver.stored == {"new": 1, "duplicate": 2}


async def test_no_answer_comes_before_the_commit(make, sink) -> None:
    receiver = make()
    sink.gate.clear()
    request = asyncio.ensure_future(post(receiver))
    await settle()
    assert not request.done()
    sink.gate.set()
    assert (await request).status == 200


async def test_events_that_wait_for_the_disk_share_the_next_commit(make, sink) -> None:
    receiver = make(Unverified())
    sink.gate.clear()
    bodies = [json.dumps({"id": f"e{number}", "data": []}).encode() for number in range(50)]
    first = asyncio.ensure_future(post(receiver, bodies[0], {}))
    await settle()
    others = [asyncio.ensure_future(post(receiver, body, {})) for body in bodies[1:]]
    await settle()
    sink.gate.set()
    assert {reply.status for reply in await asyncio.gather(first, *others)} == {200}
    assert len(sink.stored) == 50
    assert [len(group) for group in sink.groups] == [1, 49], "what came while the first was written goes together"


async def test_a_sender_that_hangs_up_leaves_the_others_of_its_group_their_answer(make, sink) -> None:
    receiver = make(Unverified())
    sink.gate.clear()
    one, two = (asyncio.ensure_future(post(receiver, b'{"id": "%d"}' % number, {})) for number in (1, 2))
    await settle()
    one.cancel()
    await settle()
    sink.gate.set()
    assert (await two).status == 200
    assert set(sink.stored) == {"1", "2"}


@for_each(
    ("method", "headers", "body", "status"),
    [
        ("GET", None, BODY, 405),
        ("PUT", None, BODY, 405),
        ("POST", {}, BODY, 401),
        ("POST", signed(key=b"forged"), BODY, 401),
        ("POST", signed(at=1_700_000_000), BODY, 401),
        ("POST", None, BODY + b" " * 200_000, 413),
        ("POST", None, b"no json", 400),
        ("POST", None, b'"text"', 400),
        ("POST", {**signed(), "Content-Encoding": "gzip"}, BODY, 415),
    ],
)
async def test_what_is_refused_is_refused_with_its_status_and_not_stored(
    make, sink, method, headers, body, status, caplog
) -> None:
    caplog.clear()
    receiver = make(max_body=100_000)
    with caplog.at_level(logging.DEBUG, "tonicdm.webhooks"):
        reply = await receiver.receive(
            method, signed(body) if headers is None else headers, chunks(body), peer="10.1.1.1"
        )
    assert reply.status == status
    assert reply.headers.get("Allow") == ("POST" if status == 405 else None)
    assert not sink.groups
    assert receiver.refused == {status: 1}
    (line,) = [record.getMessage() for record in caplog.records]
    assert f"refused with {status}" in line
    for secret in ("Ada", "no json", "10.1.1.1", "v1,"):
        assert secret not in line + reply.body.decode()


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 405),
        ("POST", {"Content-Length": "1048577"}, 413),
        ("POST", {"Content-Length": "9" * 15}, 413),
        ("POST", {}, 401),
        ("POST", signed(at=1), 401),
        ("POST", {"content-encoding": "br"}, 415),
    ],
)
async def test_what_the_head_gives_away_is_refused_without_reading(make, method, headers, status) -> None:
    reply = await make().receive(method, headers, never())
    assert (reply.status, reply.closes) == (status, True)


async def test_a_body_over_the_limit_is_left_where_it_passes_it(make) -> None:
    """Chunked bodies declare no length."""
    read = []

    async def endless():
        while True:
            read.append(1)
            yield b"x" * 1000

    assert (await make(max_body=5000).receive("POST", signed(), endless())).status == 413
    assert len(read) == 6


async def test_a_body_that_drips_is_given_up_at_the_deadline_for_the_whole_of_it(make, clock) -> None:
    receiver = make(body_seconds=10)

    async def drip():
        while True:
            await clock.sleep_until(clock.monotonic() + 1)
            yield b"x"

    request = asyncio.ensure_future(receiver.receive("POST", signed(), drip()))
    for second in range(10):
        await settle()
        assert not request.done(), f"given up after {second} s"
        clock.advance(1)
    reply = await request
    assert (reply.status, reply.closes, reply.cuts) == (408, True, True)
    assert (await post(receiver)).status == 200


async def test_a_request_that_is_cancelled_stays_cancelled(make, clock) -> None:
    """The deadline's own cancellation must not swallow one from outside."""
    receiver = make()
    request = asyncio.ensure_future(receiver.receive("POST", signed(), never()))
    await settle()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert receiver._reading == receiver._held == 0


async def test_more_readers_than_allowed_are_sent_away_at_once(make, clock) -> None:
    receiver = make(max_readers=3)
    dripping = [asyncio.ensure_future(receiver.receive("POST", signed(), never(b"x"))) for _ in range(3)]
    await settle()
    reply = await post(receiver)
    assert (reply.status, reply.headers["Retry-After"]) == (503, "2")
    clock.advance(10)
    assert {reply.status for reply in await asyncio.gather(*dripping)} == {408}
    assert (await post(receiver)).status == 200


async def test_the_bytes_of_all_bodies_together_are_bounded(make, clock) -> None:
    receiver = make(max_held=10_000, max_body=5_000)
    dripping = [asyncio.ensure_future(receiver.receive("POST", signed(), never(b"x" * 4000))) for _ in range(3)]
    await settle()
    assert [request.done() for request in dripping] == [False, False, True]
    assert (await dripping[2]).status == 503
    assert receiver._held == 8000
    clock.advance(10)
    await asyncio.gather(*dripping)
    assert receiver._held == 0


async def test_more_events_than_may_wait_for_the_disk_are_sent_away_before_memory_grows(make, sink) -> None:
    receiver = make(max_waiting=5)
    sink.gate.clear()
    waiting = [asyncio.ensure_future(post(receiver)) for _ in range(5)]
    await settle()
    late = [await post(receiver) for _ in range(100)]
    assert {(reply.status, reply.headers["Retry-After"]) for reply in late} == {(503, "2")}
    sink.gate.set()
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {200}
    assert (await post(receiver)).status == 200


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (StoreError("firm.db", "could not be written: the disk is full"), "disk is full"),
        (ValueError("Ada"), "ValueError"),
    ],
)
async def test_a_store_that_fails_is_503_for_the_sender_and_the_cause_in_the_log(
    make, sink, caplog, error, told
) -> None:
    receiver, sink.error = make(), error
    reply = await post(receiver)
    assert (reply.status, reply.headers["Retry-After"]) == (503, "2")
    assert told in caplog.text
    assert "Ada" not in caplog.text
    assert "firm.db" not in reply.body.decode()
    sink.error = None
    assert (await post(receiver)).status == 200, "the sender came again, and the store was well"
    assert receiver.stored == {"new": 1}


async def test_an_event_that_cannot_be_stored_fails_alone(make, sink) -> None:
    """The others of its commit are stored; it may not fail theirs again and again."""
    receiver = make(Unverified())
    receive = sink.receive

    async def picky(events):
        if any(event.key == "bad" for event in events):
            raise ValueError("no such thing")
        return await receive(events)

    sink.receive = picky
    sink.gate.clear()
    first = asyncio.ensure_future(post(receiver, b'{"id": "first"}', {}))
    await settle()
    group = [asyncio.ensure_future(post(receiver, b'{"id": "%b"}' % key, {})) for key in (b"1", b"bad", b"2")]
    await settle()
    sink.gate.set()
    assert [reply.status for reply in await asyncio.gather(first, *group)] == [200, 200, 503, 200]


async def test_a_disk_that_hangs_is_not_waited_for_without_end(make, sink, clock) -> None:
    receiver = make(commit_seconds=7)
    sink.gate.clear()
    request = asyncio.ensure_future(post(receiver))
    await settle()
    clock.advance(7)
    assert (await request).status == 503
    sink.gate.set()
    await settle()
    assert "e1" in sink.stored
    assert (await post(receiver)).status == 200
    assert receiver.stored == {"duplicate": 1}, "it was stored after all, and the second try is known as such"


async def test_closing_refuses_what_is_read_or_comes_and_finishes_what_is_being_stored(make, sink) -> None:
    receiver = make()
    sink.gate.clear()
    storing = asyncio.ensure_future(post(receiver))
    reading = asyncio.ensure_future(receiver.receive("POST", signed(), never(b"{")))
    await settle()
    closing = asyncio.ensure_future(receiver.close())
    await settle()
    assert (await reading).status == 503
    assert (await post(receiver)).status == 503
    assert not closing.done()
    sink.gate.set()
    await closing
    assert (await storing).status == 200
    await receiver.close()


async def test_a_shared_secret_or_a_reader_of_ones_own_serves_as_well(sink, clock) -> None:
    receiver = Receiver(sink, SharedSecret("X-Key", "k"), clock=clock)
    assert (await post(receiver, headers={"X-Key": "k"})).status == 200
    assert (await post(receiver, headers={"X-Key": "no"})).status == 401


@pytest.mark.parametrize("key", ["\ud800", "x\udcff", "y" * 9000])
async def test_odd_keys_and_types_can_be_stored(make, sink, key) -> None:
    """Half a surrogate pair can't be bound to SQL; one such event would fail all that share its commit."""
    body = json.dumps({"id": key, "type": f"persons.{key}", "data": []}).encode()
    assert (await post(make(Unverified()), body, {})).status == 200
    (event,) = sink.stored.values()
    event.key.encode()
    event.type.encode()
    assert len(event.key) <= 200
    assert len(event.type) <= 200


def test_without_a_verifier_there_is_no_receiver_and_the_choices_are_named(sink) -> None:
    with pytest.raises(ConfigError, match=r"StandardWebhooks.*SharedSecret.*Unverified"):
        Receiver(sink)


@for_each("name", ["max_body", "body_seconds", "max_readers", "max_held", "max_waiting", "retry_after"])
def test_a_limit_is_more_than_nothing(name) -> None:
    with pytest.raises(ConfigError, match=name):
        Limits(**{name: 0})
