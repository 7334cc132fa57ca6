"""Answers as they came, header lines of one's own, names of calls, and what a block costs."""

from __future__ import annotations

import asyncio
import logging
import pathlib
import re
from typing import Any

import pytest

from tests.cases import for_each
from tests.hostile import CUT, Hostile, answer
from tonicdm import (
    APIError,
    Hooks,
    InvalidOptionError,
    ProtocolError,
    RetryPolicy,
    TonicDM,
    TonicDMError,
    TransportError,
    UnitBudget,
)
from tonicdm.bulk import gather
from tonicdm.models import Office
from tonicdm.sandbox import Sandbox

from .conftest import ID, ONCE, TOKEN, Make

OFFICES = [{"id": ID, "name": "Lisbon"}]


@pytest.fixture
async def box():
    async with Sandbox(records=2_000, seed=3) as box:
        yield box


@pytest.fixture
async def real(box: Sandbox):
    """A client of the sandbox."""
    async with (
        UnitBudget.memory(max_calls_per_second=None) as budget,
        TonicDM(box.token, base_url=box.url, budget=budget) as tonic,
    ):
        yield tonic


# --- raw answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["around a call", "by attribute"])
async def test_a_raw_answer_has_all_that_came_and_the_value(form: str, make: Make, hostile: Hostile):
    hostile.script = [CUT, answer(200, OFFICES, [("X-Trace", "t1")], remaining=3590)]
    tonic = make()
    call = tonic.offices.get(ID) if form == "around a call" else None
    raw = await (tonic.with_raw.offices.get(ID) if call is None else tonic.with_raw(call))
    assert isinstance(raw.value, Office) and raw.value.name == "Lisbon"
    assert (raw.status, raw.headers["x-trace"], raw.attempts) == (200, "t1", 2)
    assert raw.body == b'[{"id": "%s", "name": "Lisbon"}]' % ID.encode()
    assert raw.rate_limit is not None and raw.rate_limit.remaining == 3590
    assert raw.units == 10, "the cut one was paid for, too"
    assert 0 <= raw.elapsed < 60
    assert raw.request_id == hostile.requests[1].header("X-Request-ID")


async def test_a_call_of_several_batches_has_an_answer_for_each(real: TonicDM, box: Sandbox):
    ids = list(box.world.ids("persons"))[:150]
    real.caller.facts.ids_per_call = 100
    raw = await real.with_raw.persons.get_many(ids)
    assert len(raw.value) == 150
    assert len(raw.responses) == 2
    assert raw.units == 10
    assert raw.last is raw.responses[-1]


async def test_a_list_is_read_page_by_page(real: TonicDM, box: Sandbox):
    found = [raw async for raw in real.with_raw.persons.list(page_size=400, prefetch=2)]
    assert sum(len(raw.value.records) for raw in found) == len(await real.persons.list().all())
    assert all(raw.status == 200 and raw.responses for raw in found)
    assert [raw.value.number for raw in found] == list(range(1, len(found) + 1))


async def test_calls_side_by_side_keep_their_answers_apart(real: TonicDM, box: Sandbox):
    ids = list(box.world.ids("offices"))[:3]
    raws = await gather([real.with_raw.offices.get(one) for one in ids], limit=3)
    assert [raw.value.id for raw in raws] == ids
    assert all(len(raw.responses) == 1 for raw in raws)
    assert len({raw.request_id for raw in raws}) == 3


async def test_what_a_store_answers_has_no_answer_of_the_server(box: Sandbox, tmp_path: pathlib.Path):
    one = next(iter(box.world.ids("offices")))
    async with (
        UnitBudget.memory(max_calls_per_second=None) as budget,
        TonicDM(box.token, base_url=box.url, budget=budget, store=tmp_path / "firm.db", max_age=60) as tonic,
    ):
        assert len((await tonic.with_raw.offices.get(one)).responses) == 1
        raw = await tonic.with_raw.offices.get(one)
        assert (raw.value.id, raw.responses, raw.units) == (one, (), 0)
        with pytest.raises(LookupError, match="nothing was asked"):
            _ = raw.status


async def test_what_makes_no_call_and_what_is_no_method_has_no_raw_form(make: Make, hostile: Hostile):
    with pytest.raises(AttributeError):
        _ = make().with_raw.spaceships
    with pytest.raises(AttributeError):
        _ = make().with_raw.offices.launch


async def test_no_repr_of_a_raw_answer_shows_what_it_holds(make: Make, hostile: Hostile):
    hostile.otherwise = answer(200, [{"id": ID, "name": TOKEN}], [("Set-Cookie", "k=v"), ("X-Echo", TOKEN)])
    raw = await make().with_raw.offices.get(ID)
    assert TOKEN not in repr(raw)
    assert TOKEN.encode() not in raw.body
    assert raw.headers["set-cookie"] == "***"


async def test_any_path_shows_its_answer_and_a_list_says_how(real: TonicDM):
    """What `request` takes is taken; a list, which has many answers, is refused with the way to read it."""
    me = await real.me.get()  # from here on a price can be told
    raw = await real.with_raw.request("GET", "/core/me", data_quantity="id_only")
    assert (raw.status, raw.units, raw.value["id"]) == (200, 1, me.id)
    with pytest.raises(InvalidOptionError, match=r"with_raw\.pages"):
        await real.with_raw(real.offices.list())  # type: ignore[arg-type]


# --- header lines of one's own ----------------------------------------------------------------------------------------


async def test_header_lines_go_with_calls_and_those_of_a_view_replace_them(make: Make, hostile: Hostile):
    tonic = make(headers={"X-Team": "core", "X-Region": "eu"})
    view = tonic.with_options(headers={"x-team": "night", "traceparent": "00-1-2-01"})
    await tonic.offices.list().first()
    await view.offices.list().first()
    await view.with_options(priority="bulk").offices.list().first()
    seen = [{name: one.header(name) for name in ("X-Team", "X-Region", "traceparent")} for one in hostile.requests]
    assert seen[0] == {"X-Team": "core", "X-Region": "eu", "traceparent": None}
    assert seen[1] == seen[2] == {"X-Team": "night", "X-Region": "eu", "traceparent": "00-1-2-01"}


REFUSED: list[Any] = [
    {"X-A": "a\r\nAuthorization: Bearer x"}, {"X-A": "a\nb"}, {"X-A": "a\x00b"}, {"X-A": " a"}, {"X-A": "é"},
    {"X-A\r\nX-B": "a"}, {"": "a"}, {"X A": "a"}, {"X:A": "a"}, {"Authorization": "x"}, {"AUTHORIZATION": "x"},
    {"Proxy-Authorization": "x"}, {"Cookie": "a=b"}, {"Host": "elsewhere"}, {"Content-Length": "0"},
    {"Transfer-Encoding": "chunked"}, {"Expect": "100-continue"}, {"Connection": "close"}, {"User-Agent": "x"},
    {"X-Rate-Limit-Remaining": "9"}, {"x-rate-limit-reset": "9"}, {"RateLimit-Policy": "x"}, {"Retry-After": "1"},
    {"Range": "bytes=0-"}, {"If-None-Match": "*"}, {"X-HTTP-Method-Override": "DELETE"}, {"Accept": "text/html"},
    {"data_quantity": "complete"}, {"dataQuantity": "complete"}, {"FILTERIDS": ID}, {"pageSize": "1"},
    {"filterAnything": "x"}, {"X-A": 1}, {"X-A": None}, {1: "a"}, {"X-A": "1", "x-a": "2"}, {"X-A": "x" * 9000},
    ["X-A"],
]  # fmt: skip


@for_each("headers", REFUSED, ids=lambda one: repr(one)[:40])
@for_each("where", ["client", "view"])
async def test_lines_that_speak_in_our_name_are_refused(headers: Any, where: str, make: Make, hostile: Hostile):
    tonic = make()
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        make(headers=headers) if where == "client" else tonic.with_options(headers=headers)
    assert hostile.requests == []


async def test_the_retry_policy_of_a_view_is_its_own(make: Make, hostile: Hostile):
    hostile.otherwise = answer(500)
    tonic = make(retry=ONCE)
    for client, attempts in ((tonic, 1), (tonic.with_options(retry=RetryPolicy(attempts=4, base=0)), 4)):
        with pytest.raises(APIError) as found:
            await client.offices.list().first()
        assert found.value.attempts == attempts


# --- names of calls ---------------------------------------------------------------------------------------------------


async def test_a_call_is_named_alike_to_the_server_in_hooks_logs_and_errors(make: Make, hostile: Hostile, caplog):
    """By one name for all its attempts, so that the lines of both sides can be laid side by side."""
    hostile.otherwise = answer(500, b"", [("X-Served-By", "7")])
    events: list[Any] = []
    hooks = Hooks(on_request=events.append, on_response=events.append, on_retry=events.append)
    with caplog.at_level(logging.DEBUG, "tonicdm"), pytest.raises(APIError) as found:
        await make(hooks=hooks).offices.list().first()
    names = {seen.header("X-Request-ID") for seen in hostile.requests}
    assert len(hostile.requests) == 3
    (name,) = names
    assert name is not None and re.fullmatch("[0-9a-f]{32}", name)
    assert {event.request_id for event in events} == {name}
    assert len([line for line in caplog.messages if name in line]) == 8
    assert found.value.request_id == name
    assert name in str(found.value)
    assert found.value.headers["x-served-by"] == "7"


UNREADABLE = {
    "list": (b"{", lambda tonic: tonic.offices.list().first()),
    "by ID": (b'{"id": 5}', lambda tonic: tonic.offices.get(ID)),
    "one": (b"[]", lambda tonic: tonic.me.get()),
    "write": (b"{", lambda tonic: tonic.offices.create(name="Lisbon")),
    "any path": (b"{", lambda tonic: tonic.request("GET", "/x")),
    "ignored option": (b'[{"id": "%s"}]' % ID.encode(), lambda tonic: tonic.offices.list().first()),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_error_of_reading_an_answer_names_the_call(name: str, make: Make, hostile: Hostile):
    body, call = UNREADABLE[name]
    hostile.otherwise = answer(200, body)
    with pytest.raises(TonicDMError) as found:
        await call(make())
    assert found.value.request_id == hostile.requests[-1].header("X-Request-ID")


async def test_a_lost_call_is_named_in_its_error(make: Make, hostile: Hostile):
    hostile.otherwise = CUT
    with pytest.raises(ProtocolError) as found:
        await make(retry=ONCE).offices.list().first()
    assert found.value.request_id == hostile.requests[0].header("X-Request-ID")
    assert found.value.request_id in str(found.value)


@pytest.mark.parametrize("name", [None, "X-Correlation-ID"])
async def test_the_header_that_names_calls_is_a_setting(name: str | None, make: Make, hostile: Hostile):
    raw = await make(request_id_header=name).with_raw.offices.get_many([ID])
    (seen,) = hostile.requests
    assert seen.header("X-Request-ID") is None
    assert raw.request_id
    if name:
        assert seen.header(name) == raw.request_id


async def test_a_name_that_a_user_gives_is_the_calls_name(make: Make, hostile: Hostile):
    tonic = make().with_options(headers={"x-request-id": "order-66"})
    raw = await tonic.with_raw.offices.get_many([ID])
    assert raw.request_id == hostile.requests[0].header("X-Request-ID") == "order-66"


@pytest.mark.parametrize("name", ["Authorization", "a b", "data_quantity", "", "X-Rate-Limit-Limit"])
def test_a_header_that_can_name_no_call_is_refused(name: str):
    with pytest.raises(InvalidOptionError):
        TonicDM(TOKEN, base_url="http://127.0.0.1:9", request_id_header=name)


# --- what a block costs -----------------------------------------------------------------------------------------------


async def test_a_meter_counts_what_runs_inside_also_in_tasks_and_bulk(real: TonicDM, box: Sandbox):
    await real.offices.list(data_quantity="id_only").first()
    before = len(box.journal.calls())
    async with real.meter() as spent:
        await real.me.get()
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(real.offices.list(data_quantity="id_only").first())
        async with real.meter() as inner:
            await gather([real.with_options(priority="bulk").offices.get_many([ID]) for _ in range(4)], limit=4)
    await real.offices.list().first()
    calls = box.journal.calls()[before:-1]
    assert spent.calls == len(calls) == 8
    assert inner.calls == 4
    assert sum(call.units for call in calls) <= spent.units
    assert inner.units == 20


async def test_meters_of_tasks_side_by_side_do_not_mix(real: TonicDM, box: Sandbox):
    async def job(times: int) -> int:
        async with real.meter() as spent:
            for _ in range(times):
                await real.offices.list(data_quantity="id_only").first()
        return spent.calls

    assert await asyncio.gather(job(1), job(2), job(3)) == [1, 2, 3]


async def test_a_meter_counts_what_was_lost_and_not_what_was_never_sent(make: Make, hostile: Hostile):
    hostile.script = [answer(body=OFFICES), CUT, CUT, CUT]
    tonic, unreachable = make(), make(base_url="http://127.0.0.1:9")
    async with tonic.meter() as spent, unreachable.meter() as nothing:
        await tonic.offices.list(page_size=50).first()
        for client in (tonic, unreachable):
            with pytest.raises(TransportError, match="connection"):
                await client.offices.list().first()
        with pytest.raises(InvalidOptionError):
            await tonic.offices.get("nonsense")
    assert (spent.calls, spent.units) == (4, 20)
    assert (nothing.calls, nothing.units) == (0, 0)


async def test_a_meter_counts_a_whole_sync(box: Sandbox, tmp_path: pathlib.Path):
    from tonicdm.store import Store, choose
    from tonicdm.sync.engine import synchronize

    async with (
        UnitBudget.memory(max_calls_per_second=None) as budget,
        TonicDM(box.token, base_url=box.url, budget=budget) as tonic,
        Store(tmp_path / "firm.db") as store,
    ):
        async with tonic.meter() as spent:
            await synchronize(tonic, store, choose(["offices", "disciplines"]))
        assert spent.calls == len(box.journal.calls()) > 1
        # Calls side by side can't be told apart by the server's count; then what was reserved counts.
        assert spent.units >= sum(call.units for call in box.journal.calls())
