"""One record type through the whole server, over sockets."""

import email.utils

import pytest

from tests.cases import for_each
from tonicdm.sandbox.service import TOO_MANY

OFFICES = "/core/offices"


async def test_all_pages_together_are_the_active_records_in_order(box, get):
    seen = []
    for number in range(1, 1000):
        _, page, _ = await get(OFFICES, data_quantity="basic", pageSize=7, pageNumber=number)
        seen += page
        if not page:
            break
    assert seen == [r for r in box.world.records("offices") if r["status"] == "active"]


async def test_page_size_is_fifty_when_absent_and_a_thousand_at_most(get):
    assert len((await get(OFFICES))[1]) <= 50
    status, body, _ = await get(OFFICES, pageSize=1001)
    assert status == 400
    assert "pageSize" in body["message"]


@pytest.mark.parametrize(("data_quantity", "units"), [("id_only", 1), ("basic", 5), ("complete", 20), (None, 1)])
async def test_each_call_is_charged_by_its_data_quantity(box, get, data_quantity, units):
    options = {} if data_quantity is None else {"data_quantity": data_quantity}
    _, page, headers = await get(OFFICES, **options)
    assert headers["X-Rate-Limit-Remaining"] == str(3600 - units)
    assert box.units() == units == box.journal[0].units
    assert (set(page[0]) == {"id", "datetimeUpdated"}) == (units == 1)


async def test_filter_ids_gives_known_records_once_and_ignores_other_filters(box, get):
    deleted = next(r["id"] for r in box.world.records("offices") if r["status"] != "active")
    ids = ",".join([deleted, deleted.upper(), "0" * 32])
    status, page, _ = await get(OFFICES, filterIDs=ids, filterStatuses="active")
    assert status == 200
    assert [r["id"] for r in page] == [deleted]


@pytest.mark.parametrize("bad", ["x", "0" * 31, "01234567-89ab-cdef-0123-456789abcdef", "0" * 32 + ", " + "1" * 32])
async def test_id_that_is_not_32_hex_is_refused(get, bad):
    assert (await get(OFFICES, filterIDs=bad))[0] == 400


async def test_query_options_are_ignored_and_noted(box, http):
    async with http.get(OFFICES, params={"pageSize": "3", "dataQuantity": "basic"}) as response:
        page = await response.json()
    assert len(page) > 3
    assert set(page[0]) == {"id", "datetimeUpdated"}
    assert len(box.journal[0].client_faults) == 2


async def test_query_mode_reads_the_reference_names(box, http):
    box.settings.option_source = "query"
    async with http.get(OFFICES, params={"pageSize": "3", "dataQuantity": "basic"}) as response:
        page = await response.json()
    assert len(page) == 3
    assert box.journal[0].placement == "query"
    assert box.journal[0].units == 5


async def test_updated_after_is_strict(box, get):
    latest = max(box.world.records("offices"), key=lambda r: r["datetimeUpdated"])
    box.world.touch("offices", latest["id"], at=1_790_000_000)
    moment = "2026-09-21T14:13:20+00:00"
    assert (await get(OFFICES, updated_after=moment))[1] == []
    box.settings.updated_after_inclusive = True
    assert len((await get(OFFICES, updated_after=moment))[1]) == 1
    box.settings.updated_after_supported = False
    assert len((await get(OFFICES, updated_after=moment))[1]) > 1


async def test_exceeding_the_limit_gives_the_pages_sentence_and_moves_reset(box, get, clock):
    box.spend(3598)
    status, body, headers = await get(OFFICES, data_quantity="basic")
    assert (status, body) == (429, TOO_MANY)
    assert headers["Content-Type"].startswith("text/plain")
    first = int(headers["X-Rate-Limit-Reset"])
    assert headers["X-Rate-Limit-Remaining"] == "2"
    status, _, headers = await get(OFFICES)
    assert status == 429
    assert int(headers["X-Rate-Limit-Reset"]) == first + 60
    assert box.units() == 0
    clock.advance(3660)
    assert (await get(OFFICES))[0] == 200


async def test_tokens_have_windows_of_their_own_and_unknown_ones_are_401(box, http):
    box.settings.tokens = ("a", "b")
    for token, status in (("a", 200), ("b", 200), ("c", 401)):
        async with http.get(OFFICES, headers={"Authorization": f"Bearer {token}"}) as response:
            assert response.status == status
            assert "X-Rate-Limit-Remaining" in response.headers
    assert box.window("a").used == box.window("b").used == 1
    assert box.units("a") == 1
    assert "a" not in {entry.token for entry in box.journal}


async def test_date_and_reset_follow_the_servers_clock(box, get, clock):
    box.settings.skew_seconds = 600
    _, _, headers = await get(OFFICES)
    date = email.utils.parsedate_to_datetime(headers["Date"]).timestamp()
    assert date == clock.now() + 600
    assert int(headers["X-Rate-Limit-Reset"]) == clock.now() + 4200
    box.advance(100)
    _, _, headers = await get(OFFICES)
    assert email.utils.parsedate_to_datetime(headers["Date"]).timestamp() == date + 100


@pytest.mark.parametrize("path", ["/core/office", "/Core/offices", "/core/offices/", "/v1.0/core/offices"])
async def test_other_paths_are_404_and_charged(box, get, path):
    assert (await get(path))[0] == 404
    assert box.units() == 5


async def test_path_prefix_is_a_setting(box, get):
    box.settings.path_prefix = "/v1.0"
    assert (await get("/v1.0/core/offices"))[0] == 200
    assert (await get("/core/offices"))[0] == 404


async def test_create_change_and_soft_delete(box, get, send, clock):
    status, made = await send("POST", OFFICES, {"name": "North", "address": "1 Main Street\nLeeds"})
    assert status == 201
    assert made["address"] == "1 Main Street<br>Leeds"
    clock.advance(10)
    status, changed = await send("PATCH", OFFICES, {"id": made["id"], "name": "South"})
    assert (status, changed["name"]) == (200, "South")
    assert changed["datetimeUpdated"] > made["datetimeUpdated"]
    assert changed["datetimeCreated"] == made["datetimeCreated"]
    for value in ("deleted", 4):
        await send("PATCH", OFFICES, {"id": made["id"], "status": value})
        _, page, _ = await get(OFFICES, pageSize=1000)
        assert made["id"] not in [r["id"] for r in page]
        assert box.world.get("offices", made["id"])["status"] == "deleted"
        await send("PATCH", OFFICES, {"id": made["id"], "status": "active"})
    _, page, _ = await get(OFFICES, pageSize=1000)
    assert [r["id"] for r in page] == sorted(r["id"] for r in page)


@for_each(
    ("method", "body", "named"),
    [
        ("POST", {}, "name"),
        ("POST", {"name": 3}, "name"),
        ("POST", {"name": "x" * 65}, "name"),
        ("POST", {"name": "x", "phoneNumber": "1"}, "phoneNumber"),
        ("POST", {"name": "x", "organizationId": "0" * 32}, "organizations"),
        ("POST", [], "object"),
        ("PATCH", {"name": "x"}, "id"),
        ("PATCH", {"id": "0" * 32}, "id"),
        ("PATCH", {"id": "zz"}, "id"),
    ],
)
async def test_wrong_body_is_refused_by_name_and_changes_nothing(box, send, method, body, named):
    box.reset()
    before = list(box.world.records("offices"))
    status, answer = await send(method, OFFICES, body)
    assert status == 400
    assert named in answer["message"]
    assert list(box.world.records("offices")) == before
    assert box.units() == 5


async def test_body_that_is_no_json_is_refused(http):
    async with http.post(OFFICES, data=b"{") as response:
        assert response.status == 400


async def test_snapshot_and_reset_bring_the_world_back(box, get, send):
    before = list(box.world.records("offices"))
    taken = box.snapshot()
    await send("POST", OFFICES, {"name": "New"})
    box.world.delete("offices", before[0]["id"])
    changed = box.snapshot()
    box.restore(taken)
    assert list(box.world.records("offices")) == before
    assert box.window().used == 0
    box.restore(changed)
    assert box.world.get("offices", before[0]["id"]) is None
    box.reset()
    assert list(box.world.records("offices")) == before
    assert len(box.journal) == 0


async def test_unstable_order_differs_between_calls_but_not_when_sorted(box, get):
    box.settings.order = "unstable"
    pages = [[r["id"] for r in (await get(OFFICES, pageSize=1000))[1]] for _ in range(3)]
    assert len({tuple(p) for p in pages}) > 1
    assert len({frozenset(p) for p in pages}) == 1
    names = [[r["name"] for r in (await get(OFFICES, sortBy="name", data_quantity="basic"))[1]] for _ in range(2)]
    assert names[0] == names[1] == sorted(names[0], key=str.casefold)


async def test_long_header_gets_the_answer_of_the_setting(box, get):
    ids = ",".join(box.world.ids("team") * 5)[: 33 * 250 - 1]
    assert (await get(OFFICES, filterIDs=ids))[0] == 431
    box.settings.header_limit = 10_000
    assert (await get(OFFICES, filterIDs=ids))[0] == 200
