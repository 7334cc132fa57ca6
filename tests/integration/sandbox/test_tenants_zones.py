"""Several customers and several zones on one server."""

import aiohttp
import pytest

from tonicdm.sandbox import Sandbox

PERSONS = "/core/persons"


async def read(url, token, path=PERSONS, **headers):
    headers = {"Authorization": f"Bearer {token}", **headers}
    async with aiohttp.ClientSession() as session, session.get(url + path, headers=headers) as response:
        return response.status, await response.json()


async def test_tenant_reaches_its_own_records_only(box):
    other = box.add_tenant("other", records=600)
    mine, theirs = box.world.ids("persons")[0], other.ids("persons")[0]
    for token, record_id, found in (
        (box.token, mine, 1),
        (box.token, theirs, 0),
        ("other", theirs, 1),
        ("other", mine, 0),
    ):
        status, rows = await read(box.url, token, filterIDs=record_id)
        assert (status, len(rows)) == (200, found)
    assert box.window("other").used == box.window().used == 2


async def test_licence_belongs_to_the_tenant(box):
    box.add_tenant("plain", records=600, advanced_contacts=False)
    options = {"data_quantity": "basic", "pageSize": "1000"}
    for token, some in ((box.token, 0), ("plain", 1)):
        _, rows = await read(box.url, token, "/core/brands", **options)
        assert bool([r for r in rows if "organizationId" not in r]) == bool(some)


async def test_reset_brings_every_tenant_back(box):
    other = box.add_tenant("other", records=600)
    before = list(other.records("offices"))
    other.delete("offices", before[0]["id"])
    box.reset()
    assert list(other.records("offices")) == before


async def test_zones_are_ports_that_share_data_and_window(clock):
    async with Sandbox(clock=clock, zones=("de", "ie")) as box:
        assert list(box.urls) == ["us", "de", "ie"]
        answers = [await read(url, box.token) for url in box.urls.values()]
        assert answers[0] == answers[1] == answers[2]
        assert [entry.zone for entry in box.journal] == ["us", "de", "ie"]
        assert box.window().used == 3
        assert (await read(box.urls["de"], box.token, "/core/me"))[1]["homeZone"] == "us"


async def test_taken_port_is_an_error_and_leaves_nothing_open(box, clock):
    taken = int(box.url.rpartition(":")[2])
    with pytest.raises(OSError):
        async with Sandbox(clock=clock, port=taken, zones=("de",)):
            pass


async def test_domain_belongs_to_one_brand(box, send):
    first, second = [r for r in box.world.records("brands") if r["domains"]][:2]
    body = {"id": first["id"], "domains": second["domains"]}
    assert (await send("PATCH", "/core/brands", body))[0] == 400
    body["domains"] = [*first["domains"], "new.example"]
    assert (await send("PATCH", "/core/brands", body))[0] == 200
