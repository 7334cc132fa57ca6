"""A sandbox steered over HTTP, in this process and as one of its own."""

import asyncio
import json
import signal
import sys

import aiohttp
import pytest

from tonicdm.sandbox.__main__ import main


@pytest.fixture
def ask(http):
    async def control(method, path, body=None, **query):
        async with http.request(method, path, json=body, params=query) as response:
            return response.status, await response.json()

    return control


async def test_control_is_neither_charged_nor_journaled_and_needs_no_token(box):
    async with aiohttp.ClientSession(box.url) as session, session.get("/__health") as response:
        assert (await response.json())["ok"] is True
    assert len(box.journal) == 0


async def test_clock_advances_the_servers_time_only(box, ask, clock):
    assert await ask("GET", "/__clock") == (200, {"now": clock.now()})
    assert await ask("POST", "/__clock", {"advance": 60}) == (200, {"now": clock.now() + 60})
    assert (await ask("POST", "/__clock", {"advance": -1}))[0] == 400


async def test_journal_can_be_read_from_a_point_on_and_cleared(box, get, ask):
    await get("/core/offices", data_quantity="basic")
    await get("/core/persons")
    _, journal = await ask("GET", "/__journal", since="1")
    assert (journal["count"], journal["units"]) == (2, 6)
    assert [entry["path"] for entry in journal["entries"]] == ["/core/persons"]
    assert (await ask("GET", "/__journal", token=box.token))[1]["units"] == 6
    await ask("DELETE", "/__journal")
    assert (await ask("GET", "/__journal"))[1]["entries"] == []


async def test_faults_are_switched_scripted_and_switched_off(get, ask):
    await ask("POST", "/__faults", {"on": ["skew"], "next": [{"name": "server_error", "path": "/core/persons"}]})
    assert (await get("/core/offices"))[0] == 200
    assert (await get("/core/persons"))[0] == 500
    assert [rule["name"] for rule in (await ask("GET", "/__faults"))[1]] == ["skew"]
    assert await ask("POST", "/__faults", {"off": "all"}) == (200, [])
    status, answer = await ask("POST", "/__faults", {"on": ["dorp"]})
    assert status == 400
    assert "drop_before" in answer["message"]


async def test_settings_are_read_and_set_together_or_not_at_all(box, ask):
    _, settings = await ask("POST", "/__settings", {"limit": 7, "uncharged_statuses": [401]})
    assert (settings["limit"], box.settings.limit) == (7, 7)
    assert (await ask("POST", "/__settings", {"limit": 9, "order": "none"}))[0] == 400
    assert (await ask("GET", "/__settings"))[1] == settings


async def test_spend_window_snapshot_and_reset(box, get, ask):
    number = (await ask("POST", "/__snapshot"))[1]["snapshot"]
    assert await ask("POST", "/__spend", {"units": 100}) == (200, {"used": 100})
    assert (await ask("GET", "/__window"))[1]["remaining"] == 3500
    await ask("POST", "/__restore", {"snapshot": number})
    assert (await ask("GET", "/__window"))[1]["used"] == 0
    assert (await ask("POST", "/__restore", {"snapshot": 99}))[0] == 400
    await get("/core/offices")
    await ask("POST", "/__reset")
    assert len(box.journal) == 0


async def test_world_is_the_ground_truth_row_by_row(box, http, ask):
    assert (await ask("GET", "/__world"))[1]["persons"] == box.world.count("persons")
    async with http.get("/__world", params={"type": "persons"}) as response:
        rows = [json.loads(line) for line in (await response.text()).splitlines()]
    assert rows == list(box.world.records("persons"))
    assert (await ask("GET", "/__world", type="dragons"))[0] == 400
    assert (await ask("GET", "/__world", type="persons", data_quantity="raw"))[0] == 400


async def test_world_can_be_changed_uncharged(box, ask):
    first, second, third = box.world.ids("offices")[:3]
    body = {
        "create": [{"type": "offices", "fields": {"name": "x"}}],
        "update": [{"type": "offices", "id": first, "fields": {"name": "y"}}],
        "touch": [{"type": "offices", "id": second, "at": 0}],
        "delete": [{"type": "offices", "id": third}],
    }
    _, answer = await ask("POST", "/__world", body)
    assert box.world.get("offices", answer["created"][0])["name"] == "x"
    assert box.world.get("offices", first)["name"] == "y"
    assert box.world.get("offices", second)["datetimeUpdated"].startswith("1970")
    assert box.world.get("offices", third) is None
    assert box.units() == 0


async def test_unknown_control_says_what_there_is(ask):
    status, answer = await ask("GET", "/__nothing")
    assert status == 404
    assert "/__journal" in answer["message"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_process_prints_its_url_serves_and_stops_cleanly(number):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tonicdm.sandbox", "--records", "600", "--limit", "50", "--set", "page_base=0",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    headers = {"Authorization": "Bearer sandbox-token"}
    async with aiohttp.ClientSession(url, headers=headers) as session:
        async with session.get("/core/offices", headers={"pageNumber": "0"}) as response:
            assert response.status == 200
            assert response.headers["X-Rate-Limit-Limit"] == "50"
        process.send_signal(number)
        _, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, errors) == (0, b"")


@pytest.mark.parametrize("arguments", [["--records", "3"], ["--set", "colour=red"], ["--set", "order=none"]])
def test_process_refuses_arguments_it_cannot_follow(arguments, capsys):
    assert main(arguments) == 2
    assert capsys.readouterr().err
