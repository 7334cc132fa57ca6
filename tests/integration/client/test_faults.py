"""Each fault ends in the right data or in the right error; the fixture checks that nothing leaks or hangs."""

from __future__ import annotations

import asyncio
import datetime

import pytest

from tonicdm import (
    APIError,
    AuthenticationError,
    DecodeError,
    Hooks,
    OptionIgnoredError,
    PermissionDeniedError,
    ProtocolError,
    RequestTimeoutError,
    ServerError,
    TonicDM,
)
from tonicdm.bulk import gather
from tonicdm.http.hooks import RequestEvent
from tonicdm.sandbox import Sandbox

from .conftest import Make, drive

ALWAYS_RIGHT = (
    "close_reused",
    "close_idle",
    "gzip",
    "huge_header",
    "ignore_page_size",
    "no_date",
    "no_rate_headers",
    "garbled_rate_headers",
    "remaining_above_limit",
    "reset_delta",
    "reset_milliseconds",
    "reset_wobble",
    "slow",
)
RIGHT_AFTER_A_RETRY = ("drop_before", "drop_after", "cut_body", "server_error", "server_error_html", "bad_gateway")


@pytest.fixture(autouse=True)
def many_offices(box: Sandbox) -> None:
    """More than two default pages of offices."""
    for number in range(130):
        box.world.create("offices", name=f"Branch {number}")


def active(box: Sandbox) -> set[str]:
    return {record["id"] for record in box.world.records("offices") if record["status"] == "active"}


async def listed(tonic: TonicDM) -> set[str]:
    return {str(office.id) for office in await tonic.offices.list().all()}


@pytest.mark.parametrize("fault", ALWAYS_RIGHT)
async def test_a_harmless_fault_never_changes_the_list(fault, tonic, box, clock) -> None:
    box.faults.on(fault)
    assert await drive(clock, listed(tonic), tonic) == active(box)
    assert await drive(clock, listed(tonic), tonic) == active(box)


@pytest.mark.parametrize("fault", RIGHT_AFTER_A_RETRY)
async def test_a_passing_fault_is_retried_and_the_list_is_whole(fault, tonic, box, clock) -> None:
    await listed(tonic)
    box.faults.next(fault, times=2)
    assert await drive(clock, listed(tonic), tonic) == active(box)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("drop_before", ProtocolError),
        ("drop_after", ProtocolError),
        ("cut_body", ProtocolError),
        ("server_error", ServerError),
        ("server_error_html", ServerError),
        ("bad_gateway", ServerError),
        ("forbidden", PermissionDeniedError),
        ("unauthorized", AuthenticationError),
        ("redirect", APIError),
        ("truncated_body", DecodeError),
        ("invalid_json", DecodeError),
        ("no_underscore_headers", OptionIgnoredError),
        ("ignore_data_quantity", OptionIgnoredError),
    ],
)
async def test_a_lasting_fault_is_the_right_error(fault, kind, tonic, box, clock) -> None:
    box.faults.on(fault)
    with pytest.raises(kind) as caught:
        await drive(clock, listed(tonic), tonic)
    if kind in {ProtocolError, ServerError}:
        assert caught.value.attempts == 3
        assert len(box.journal.calls()) == 3


async def test_what_an_ignored_option_cost_is_not_thrown_away(tonic, box, clock) -> None:
    """nginx drops headers with an underscore: stubs come instead of records, and the error carries them."""
    box.faults.on("no_underscore_headers")
    with pytest.raises(OptionIgnoredError, match="data_quantity") as caught:
        await listed(tonic)
    assert {office.id for office in caught.value.records} == active(box)
    assert len(box.journal.calls()) == 1
    assert 'option_placement="query"' in str(caught.value)


@pytest.mark.parametrize("size", [1, 7, 20, 50, 100, 500])
async def test_no_page_size_of_the_server_cuts_a_list_silently(size, make, box, clock) -> None:
    """A server with a page size of its own, and a client that asks for other ones: the list is always whole."""
    box.faults.on("ignore_page_size")
    box.settings.page_size_default = size
    assert await drive(clock, listed(make()), make()) == active(box)


async def test_a_page_number_that_is_ignored_is_noticed(tonic, box, clock) -> None:
    box.faults.on("ignore_page_number")
    with pytest.raises(OptionIgnoredError, match="pageNumber"):
        await tonic.offices.list(page_size=20).all()


async def test_an_ignored_filter_is_noticed(tonic, box, clock) -> None:
    box.faults.on("ignore_filter_ids")
    with pytest.raises(OptionIgnoredError, match="filterIDs"):
        await tonic.offices.get(next(iter(active(box))))
    box.faults.off()
    box.faults.on("ignore_updated_after")
    with pytest.raises(OptionIgnoredError, match="updated_after"):
        await tonic.offices.list(updated_after=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)).all()


async def test_ids_are_asked_for_in_halves_where_headers_are_short(tonic, box, clock) -> None:
    wanted = sorted(active(box))
    for answer in ("400", "431", "cut"):
        box.settings.header_limit_response = answer
        box.faults.on("header_limit", bytes=1500)
        tonic.caller.facts.ids_per_call, tonic.caller.facts.ids_proven = 240, 0
        found = await drive(clock, tonic.offices.get_many(wanted), tonic)
        assert [office.id for office in found] == wanted
        assert not found.missing
        assert tonic.caller.facts.ids_per_call <= 45
        box.faults.off()


async def test_get_many_is_whole_where_page_sizes_are_ignored(tonic, box, clock) -> None:
    box.faults.on("ignore_page_size")
    wanted = sorted(active(box))
    found = await drive(clock, tonic.offices.get_many(wanted), tonic)
    assert [office.id for office in found] == wanted


async def test_a_429_without_a_reset_blocks_for_an_hour(tonic, box, clock) -> None:
    box.faults.next("rate_limited_without_reset")
    began = clock.now()
    assert await drive(clock, listed(tonic), tonic) == active(box)
    assert box.journal.calls()[0].status == 429
    assert box.journal.calls()[1].at >= began + 3600


@pytest.mark.parametrize(
    ("skew", "fault"),
    [(-600.0, None), (600.0, None), (-600.0, "reset_wobble"), (600.0, "reset_wobble"), (600.0, "no_date")],
)
async def test_a_skewed_clock_never_costs_a_429(skew, fault, make, box, clock) -> None:
    """The server's clock is ten minutes off ours, over several windows."""
    box.settings.skew_seconds = skew
    box.settings.limit = 200
    if fault:
        box.faults.on(fault)
    tonic = make()
    one = next(iter(active(box)))
    calls = gather([tonic.offices.get(one) for _ in range(120)], limit=120)
    assert len(await drive(clock, calls, tonic)) == 120
    assert {call.status for call in box.journal.calls()} == {200}


async def test_a_late_server_that_never_tells_its_time_is_no_lock_out(make, box, clock) -> None:
    """Without Date nobody can know that the server is ten minutes behind; back-off limits the harm."""
    box.settings.skew_seconds = -600
    box.settings.limit = 200
    box.faults.on("no_date")
    tonic = make()
    one = next(iter(active(box)))
    calls = gather([tonic.offices.get(one) for _ in range(120)], limit=120)
    assert len(await drive(clock, calls, tonic)) == 120
    assert sum(call.status == 429 for call in box.journal.calls()) <= 40


async def test_a_slow_answer_is_a_timeout_and_its_units_stay_charged(make, box, clock) -> None:
    sent: list[RequestEvent] = []
    tonic = make(hooks=Hooks(on_request=sent.append))
    await listed(tonic)
    sent.clear()
    tonic = tonic.with_options(timeout=0.2)
    box.faults.on("slow", seconds=1.0)
    with pytest.raises(RequestTimeoutError) as caught:
        await drive(clock, tonic.offices.list(data_quantity="id_only").first(), tonic)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.attempts == 3
    # On a busy machine the time may be over before an attempt has left; then it costs nothing.
    assert tonic.budget.snapshot().unknown == len(sent) > 0


async def test_a_write_is_never_sent_twice(tonic, box, clock) -> None:
    """POST and PATCH are not repeated when their outcome is unknown; DELETE and GET are."""
    await listed(tonic)
    box.faults.next("drop_after", method="POST")
    with pytest.raises(ProtocolError):
        await tonic.offices.create(name="Once")
    assert len(box.calls(method="POST")) == 1
    box.faults.next("server_error", method="POST")
    with pytest.raises(ServerError):
        await tonic.offices.create(name="Once more")


async def test_a_refused_connection_costs_nothing(make, box, clock) -> None:
    from tonicdm import ConnectError

    tonic = make(base_url="http://127.0.0.1:9")
    with pytest.raises(ConnectError, match="Nothing was sent") as caught:
        await drive(clock, listed(tonic), tonic)
    assert not caught.value.sent
    assert tonic.budget.snapshot().reserved == 0


async def test_a_cancelled_call_leaves_no_connection_and_stays_charged_only_if_sent(make, box, clock) -> None:
    sent = asyncio.Event()
    tonic = make(hooks=Hooks(on_request=lambda _: sent.set()))
    box.settings.latency_seconds = (0.2, 0.2)
    task = asyncio.create_task(listed(tonic))
    await sent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tonic.budget.snapshot().unknown == 5


async def test_a_token_source_is_asked_once_per_refusal(make, box, clock) -> None:
    asked: list[int] = []

    async def source() -> str:
        asked.append(1)
        return "expired" if len(asked) == 1 else box.token

    tonic = make(token=source)
    results = await drive(clock, gather([tonic.offices.list().first() for _ in range(8)], limit=8), tonic)
    assert all(results)
    assert len(asked) == 2


async def test_a_session_of_the_user_is_used_and_left_open(make, box, clock) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        tonic = make(session=session)
        assert await listed(tonic) == active(box)
        await tonic.close()
        assert not session.closed


async def test_a_cut_answer_teaches_about_its_own_list_alone(make: Make, box: Sandbox):
    """A server that pages where the reference shows no pages says nothing of the header length that others read."""
    box.settings.unlisted_cap = 50
    tonic = make()
    ids = list(box.world.ids("conversations"))[:60]
    assert len(await tonic.conversations.get_many(ids)) == len(ids) == 60
    facts = tonic.caller.facts
    assert (facts.ids_per_call, facts.cut_at) == (240, {"/correspondence/conversations": 50})
    before = len(box.journal)
    assert len(await tonic.conversations.get_many(ids)) == 60
    assert len(box.journal) - before == 2


async def test_a_round_number_of_records_that_are_there_is_no_cut(make: Make, box: Sandbox):
    """Fifty of a hundred and ten came: the others are asked for once more, and when none comes nothing is concluded."""
    tonic = make()
    ids = [*list(box.world.ids("persons"))[:50], *(f"{number:032x}" for number in range(60))]
    found = await tonic.persons.get_many(ids)
    assert (len(found), len(found.missing)) == (50, 60)
    assert not tonic.caller.facts.cut_at
