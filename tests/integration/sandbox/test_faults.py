"""Each fault, as a bare HTTP client meets it."""

import asyncio
import contextlib
import email.utils
import json

import aiohttp
import pytest

OFFICES = "/core/offices"


async def read(http, **headers):
    async with http.get(OFFICES, headers=headers, allow_redirects=False) as response:
        return response.status, await response.read(), response.headers


@pytest.mark.parametrize(("name", "units"), [("drop_before", 0), ("drop_after", 1), ("cut_body", 1)])
async def test_cut_connection_is_charged_only_when_the_call_was_processed(box, http, name, units):
    # A switch, not a script: aiohttp sends an idempotent call once more on its own.
    box.faults.on(name)
    with pytest.raises(aiohttp.ClientError):
        await read(http)
    assert {e.fault for e in box.journal} == {name}
    assert box.units() == box.window().used == units * len(box.journal)
    box.faults.off()
    assert (await read(http))[0] == 200


async def test_close_reused_strikes_kept_alive_connections_only(box, http):
    box.faults.on("close_reused")
    assert (await read(http))[0] == 200
    # aiohttp itself sends an idempotent call once more on a fresh connection.
    assert (await read(http))[0] == 200
    assert [e.status for e in box.journal] == [200, None, 200]


async def test_close_idle_ends_a_connection_that_looked_kept_alive(box, http):
    box.faults.next("close_idle")
    status, _, headers = await read(http)
    assert status == 200
    assert "Connection" not in headers


@pytest.mark.parametrize(
    ("name", "status", "media_type"),
    [
        ("server_error", 500, "text/plain"),
        ("server_error_html", 500, "text/html"),
        ("bad_gateway", 502, "text/html"),
        ("unauthorized", 401, "application/json"),
        ("redirect", 302, ""),
    ],
)
async def test_substituted_answers(box, http, name, status, media_type):
    box.faults.next(name)
    seen, _, headers = await read(http)
    assert seen == status
    assert headers.get("Content-Type", "").startswith(media_type)
    assert ("X-Rate-Limit-Reset" in headers) == (name != "bad_gateway")
    assert (await read(http))[0] == 200


async def test_forbidden_is_charged_and_server_error_is_not(box, http):
    box.faults.next("server_error")
    await read(http)
    assert box.units() == 0
    box.faults.next("forbidden")
    assert (await read(http, data_quantity="basic"))[0] == 403
    assert box.units() == 5


async def test_rejection_without_reset(box, http):
    box.faults.next("rate_limited_without_reset")
    status, _, headers = await read(http)
    assert status == 429
    assert "X-Rate-Limit-Reset" not in headers
    assert box.window().used == 0


@pytest.mark.parametrize("name", ["truncated_body", "invalid_json"])
async def test_body_that_does_not_parse_arrives_whole(box, http, name):
    box.faults.next(name)
    status, body, _ = await read(http)
    assert status == 200
    with pytest.raises(ValueError):
        json.loads(body)


async def test_gzip_is_decoded_by_any_client(box, http):
    box.faults.next("gzip")
    _, body, headers = await read(http)
    assert headers["Content-Encoding"] == "gzip"
    assert json.loads(body)


async def test_headers_with_underscores_vanish_as_behind_nginx(box, http):
    box.faults.next("no_underscore_headers")
    _, body, _ = await read(http, data_quantity="complete", pageSize="3")
    page = json.loads(body)
    assert len(page) == 3
    assert set(page[0]) == {"id", "datetimeUpdated"}
    assert box.units() == 1


async def test_named_options_vanish(box, http):
    box.faults.next("drop_options", names=["pageSize"])
    assert len(json.loads((await read(http, pageSize="3"))[1])) > 3


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ignore_page_size", {"pageSize": "2"}),
        ("ignore_page_number", {"pageSize": "5", "pageNumber": "2"}),
        ("ignore_data_quantity", {"data_quantity": "basic"}),
        ("ignore_updated_after", {"updated_after": "2024-12-01"}),
        ("ignore_filter_ids", {"filterIDs": "0" * 32}),
    ],
)
async def test_ignored_option_changes_the_answer(box, http, name, options):
    obeyed = (await read(http, **options))[1]
    box.faults.next(name)
    ignored = (await read(http, **options))[1]
    assert obeyed != ignored
    without = {k: v for k, v in options.items() if k == "pageSize" and name == "ignore_page_number"}
    assert ignored == (await read(http, **without))[1]


async def test_reset_wobbles_by_a_second_and_the_books_do_not(box, http):
    box.faults.on("reset_wobble")
    seen = {int((await read(http))[2]["X-Rate-Limit-Reset"]) for _ in range(30)}
    right = int(box.window().reset)
    assert seen == {right - 1, right, right + 1}


@pytest.mark.parametrize("name", ["no_rate_headers", "garbled_rate_headers", "remaining_above_limit"])
async def test_rate_headers_that_make_no_sense(box, http, name):
    box.faults.next(name)
    headers = (await read(http))[2]
    limit, remaining = headers.get("X-Rate-Limit-Limit", ""), headers.get("X-Rate-Limit-Remaining", "")
    assert not limit.isdigit() or int(remaining) > int(limit)
    assert box.journal[0].remaining == 3599


async def test_reset_in_other_units(box, http):
    box.faults.next("reset_milliseconds")
    assert int((await read(http))[2]["X-Rate-Limit-Reset"]) == box.window().reset * 1000
    box.faults.next("reset_delta")
    assert int((await read(http))[2]["X-Rate-Limit-Reset"]) == 3600


@pytest.mark.parametrize("seconds", [600, -600])
async def test_skew_moves_date_and_reset_together(box, http, clock, seconds):
    box.faults.next("skew", seconds=seconds)
    headers = (await read(http))[2]
    assert email.utils.parsedate_to_datetime(headers["Date"]).timestamp() == clock.now() + seconds
    assert int(headers["X-Rate-Limit-Reset"]) == box.window().reset + seconds


async def test_date_header_can_be_absent(box, http):
    box.faults.next("no_date")
    status, body, headers = await read(http)
    assert status == 200
    assert json.loads(body)
    assert "Date" not in headers


async def test_huge_header_is_sent(box, http):
    box.faults.next("huge_header", bytes=5000)
    assert len((await read(http))[2]["X-Trace"]) == 5000


@pytest.mark.parametrize(("answer", "status"), [("400", 400), ("431", 431)])
async def test_header_limit_of_a_proxy(box, http, answer, status):
    box.settings.header_limit_response = answer
    box.faults.next("header_limit", bytes=100)
    assert (await read(http, filterIDs=",".join(["0" * 32] * 4)))[0] == status
    assert box.units() == 0


async def test_header_limit_may_cut_the_connection(box, http):
    box.settings.header_limit_response = "cut"
    box.settings.header_limit = 100
    with pytest.raises(aiohttp.ClientError):
        await read(http, filterIDs=",".join(["0" * 32] * 4))


async def test_slow_answer_comes_in_the_end(box, http):
    box.faults.next("slow", seconds=0.01)
    assert (await read(http))[0] == 200


async def test_latency_lets_answers_overtake_each_other_and_charges_right(box, http):
    box.settings.latency_seconds = (0.0, 0.005)
    answers = await asyncio.gather(*(read(http) for _ in range(50)))
    remaining = [int(headers["X-Rate-Limit-Remaining"]) for _, _, headers in answers]
    assert sorted(remaining) == list(range(3550, 3600))
    assert remaining != sorted(remaining, reverse=True)


@pytest.mark.parametrize(
    ("name", "status"),
    [("bad_gateway", 502), ("redirect", 302), ("drop_after", None), ("cut_body", 200), ("server_error", 500)],
)
async def test_journal_says_what_was_sent(box, http, name, status):
    box.faults.next(name)
    with contextlib.suppress(aiohttp.ClientError):
        await read(http)
    assert box.journal[0].status == status


async def test_proxy_may_lose_the_answer_of_a_call_that_was_served(box, http):
    box.faults.next("bad_gateway", processed=True)
    assert (await read(http, data_quantity="basic"))[0] == 502
    assert box.units() == box.window().used == 5


async def test_a_hundred_tokens_at_once_each_pay_for_their_own_calls(box, http):
    box.settings.tokens = tuple(f"token-{n}" for n in range(100))
    box.settings.limit = 12
    box.settings.latency_seconds = (0.0, 0.01)

    async def spend(token):
        headers = {"Authorization": f"Bearer {token}", "data_quantity": "basic"}
        return [(await read(http, **headers))[0] for _ in range(3)]

    answers = await asyncio.gather(*(spend(token) for token in box.settings.tokens))
    assert answers == [[200, 200, 429]] * 100
    assert {box.units(token) for token in box.settings.tokens} == {10}
    assert all(entry.used <= entry.limit for entry in box.journal)
