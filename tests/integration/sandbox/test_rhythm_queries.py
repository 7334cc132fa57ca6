"""Queries, signed URIs, step functions, faults and control of the Rhythm side, over sockets."""

import asyncio
import csv
import io
import json
import re
import signal
import sys
import zipfile
from xml.etree import ElementTree

import aiohttp
import pytest
import yarl
from click.testing import CliRunner

from tests.cases import for_each
from tonicdm.cli.sandbox import sandbox
from tonicdm.sandbox.__main__ import main
from tonicdm.sandbox.rhythm import RhythmSandbox, RhythmSettings

FIELDS = ("id", "name", "organization.name", "home_address.city", "rolodex-contacts__points__c")
ZIP = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def request(*fields, **more):
    return {"output_fields": [{"field": field} for field in fields or ("id",)], **more}


def condition(field, operator, value=None):
    return {"field": field, "operator": operator, "value": value}


@pytest.fixture
def start(call):
    async def begin(body, record_type="rolodex:contacts", form="json"):
        return (await call("POST", "system", f"/queries/{{t}}/start/{record_type}/{form}", body))[:2]

    return begin


@pytest.fixture
def finished(rhythm, clock, call, start):
    """Start a query and give its description once it is done."""

    async def run(body, record_type="rolodex:contacts", form="json"):
        status, begun = await start(body, record_type, form)
        assert status == 200, begun
        clock.advance(rhythm.settings.query_queued_seconds + rhythm.settings.query_seconds)
        return (await call("GET", "system", f"/queries/{{t}}/describe/{begun['id']}"))[1]

    return run


@pytest.fixture
def fetch(plain):
    async def read(uri, **headers):
        async with plain.get(yarl.URL(uri, encoded=True), headers=headers) as response:
            return response.status, await response.read(), response.headers

    return read


@pytest.fixture
def rows_of(finished, fetch):
    async def rows(body, record_type="rolodex:contacts"):
        told = await finished(body, record_type)
        if not told["has_result_set"]:
            return []
        found = json.loads((await fetch(told["uri"]))[1])
        assert len(found) == told["rows"]
        return found

    return rows


async def test_query_waits_runs_and_ends_on_the_servers_clock(rhythm, clock, call, start):
    _, begun = await start(request())
    states = []
    for seconds in (0, 1, 3.5, 0.5):
        clock.advance(seconds)
        _, told, _ = await call("GET", "system", f"/queries/{{t}}/describe/{begun['id']}")
        states.append(told["status"])
        assert ("uri" in told) == ("rows" in told) == (told["status"] == "SUCCEEDED")
    assert states == ["QUEUED", "RUNNING", "RUNNING", "SUCCEEDED"]
    assert told["has_result_set"] is True
    assert told["rows"] == 250
    assert told["sys_last_modified_at"] == "2027-01-15T08:00:05Z"
    assert len(rhythm.queries()) == 1


async def test_names_of_states_and_of_the_uri_are_settings_and_a_running_query_may_look_empty(
    rhythm, clock, call, start
):
    rhythm.settings.update({"query_statuses": ["W", "R", "D", "F"], "uri_name": "url", "early_result_set": True})
    _, begun = await start(request())
    assert (begun["status"], begun["has_result_set"], begun["rows"]) == ("W", False, 0)
    clock.advance(5)
    _, told, _ = await call("GET", "system", f"/queries/{{t}}/describe/{begun['id']}")
    assert (told["status"], "url" in told, "uri" in told) == ("D", True, False)


async def test_json_rows_hold_related_nested_and_custom_fields(rhythm, rows_of):
    world = rhythm.world
    rows = await rows_of(request(*FIELDS))
    assert len(rows) == 250
    for rank in (0, 7, 249):
        contact = world.tables["contacts"].record(rank)
        assert rows[rank] == {
            "id": contact["id"],
            "name": contact["name"],
            "organization.name": contact.get("organization_name"),
            "home_address.city": contact["home_address"]["city"],
            "rolodex-contacts__points__c": contact["custom_field_values"][1]["numeric_value"],
        }


async def test_csv_has_a_header_and_texts(rhythm, finished, fetch):
    told = await finished(request("id", "number", "organization_id", "home_address"), form="csv")
    _, body, headers = await fetch(told["uri"])
    rows = list(csv.DictReader(io.StringIO(body.decode(), newline="")))
    assert headers["Content-Type"] == "text/csv"
    assert len(rows) == told["rows"] == 250
    assert (rows[3]["number"], json.loads(rows[3]["home_address"])["city"]) == (
        "1003",
        rhythm.world.tables["contacts"].value(3, "home_address")["city"],
    )
    assert "" in {row["organization_id"] for row in rows}


async def test_excel_is_a_workbook_with_a_row_for_each_record(finished, fetch):
    told = await finished(request("name", "number", "sys_locked", "organization_id"), form="excel")
    _, body, headers = await fetch(told["uri"])
    assert headers["Content-Type"] == ZIP
    with zipfile.ZipFile(io.BytesIO(body)) as package:
        assert package.testzip() is None
        trees = {name: ElementTree.fromstring(package.read(name)) for name in package.namelist()}
    space = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    rows = trees["xl/worksheets/sheet1.xml"].findall(".//s:row", space)
    assert len(rows) == 251
    assert [cell.get("t") for cell in rows[1]][:3] == ["inlineStr", None, "b"]
    assert rows[4].findall("s:c/s:v", space)[0].text == "1003"


@pytest.mark.parametrize("setting", ["no_result_set", "empty_file"])
async def test_no_rows_are_an_end(rhythm, finished, fetch, setting):
    rhythm.settings.empty_result = setting
    told = await finished(request(criteria={"all": [condition("last_name", "eq", "Nobody")]}))
    assert told["rows"] == 0
    if setting == "no_result_set":
        assert (told["has_result_set"], "uri" in told) == (False, False)
    else:
        assert json.loads((await fetch(told["uri"]))[1]) == []


async def test_groups_nest_and_all_and_any_mean_what_they_say(rhythm, rows_of):
    table = rhythm.world.tables["contacts"]
    cities = {rank: table.value(rank, "home_address")["city"] for rank in table.ranks()}
    titles = {rank: table.value(rank, "job_title") for rank in table.ranks()}
    group = {
        "any": [
            {"all": [condition("home_address.city", "eq", "london"), condition("job_title", "ne", "Counsel")]},
            condition("number", "in", [1001, 1002]),
        ]
    }
    wanted = [
        table.id(rank)
        for rank in table.ranks()
        if (cities[rank] == "London" and titles[rank] != "Counsel") or rank in {1, 2}
    ]
    assert [row["id"] for row in await rows_of(request(criteria=group))] == wanted != []


async def test_lookback_on_the_last_change_finds_what_was_edited(rhythm, clock, rows_of):
    table = rhythm.world.tables["contacts"]
    clock.advance(3600)
    mark = "2027-01-15T09:00:00+00:00"
    rhythm.edit("contacts", table.id(9), job_title="Chair")
    made = rhythm.create("contacts", first_name="New", last_name="One")
    wish = request(criteria={"all": [condition("sys_last_modified_at", "gte", mark)]})
    assert [row["id"] for row in await rows_of(wish)] == [table.id(9), made["id"]]


async def test_result_is_of_the_start_whatever_changes_later(rhythm, clock, call, start, fetch):
    _, begun = await start(request("id", "job_title"))
    rhythm.edit("contacts", rhythm.world.tables["contacts"].id(0), job_title="Changed")
    rhythm.delete("contacts", rhythm.world.tables["contacts"].id(1))
    clock.advance(5)
    _, told, _ = await call("GET", "system", f"/queries/{{t}}/describe/{begun['id']}")
    rows = json.loads((await fetch(told["uri"]))[1])
    assert (len(rows), rows[0]["job_title"] == "Changed") == (250, False)


async def test_sort_offset_and_limit(rhythm, rows_of):
    table = rhythm.world.tables["contacts"]
    order = [{"field": "last_name", "direction": "asc"}, {"field": "number", "direction": "desc"}]
    rows = await rows_of(request("last_name", "number", sort_fields=order, offset=10, limit=20))
    every = sorted(
        (
            {"last_name": table.value(rank, "last_name"), "number": table.value(rank, "number")}
            for rank in table.ranks()
        ),
        key=lambda row: (row["last_name"].casefold(), -row["number"]),
    )
    assert rows == every[10:30]


@pytest.mark.parametrize(
    "record_type", ["rolodex:organizations", "membership:memberships", "events:events", "rolodex%3Acontacts"]
)
async def test_every_query_type_describes_itself_and_gives_all_its_records(rhythm, call, rows_of, record_type):
    _, told, _ = await call("GET", "system", f"/queries/{{t}}/public/description/{record_type}")
    assert told["id"] == record_type.replace("%3A", ":")
    rows = await rows_of(
        {"output_fields": told["default_output_fields"], "sort_fields": told["default_sort_fields"]}, record_type
    )
    assert len(rows) == len(rhythm.world.tables[told["primary_table"]])
    assert all(row["id"] and row["name"] for row in rows)


async def test_public_description_wants_a_token_unless_the_setting_says_otherwise(rhythm, call):
    path = "/queries/{t}/public/description/rolodex:contacts"
    assert (await call("GET", "system", path, headers={}))[0] == 401
    rhythm.settings.public_needs_token = False
    assert (await call("GET", "system", path, headers={}))[0] == 200


@for_each(
    ("body", "record_type", "form", "status"),
    [
        ({}, "rolodex:contacts", "json", 400),
        (request("no_such"), "rolodex:contacts", "json", 400),
        (request(), "rolodex:contacts", "pdf", 400),
        (request(), "rolodex:dragons", "json", 404),
        (request(limit=-1), "rolodex:contacts", "json", 400),
        (request(sort_fields=["id"]), "rolodex:contacts", "json", 400),
        (request(criteria={"none": []}), "rolodex:contacts", "json", 400),
        (request(criteria={"all": [condition("id", "resembles", "x")]}), "rolodex:contacts", "json", 400),
        (request(criteria={"all": [condition("no_such", "eq", "x")]}), "rolodex:contacts", "json", 400),
        (request(criteria={"all": [condition("id", "in", "x")]}), "rolodex:contacts", "json", 400),
    ],
)
async def test_query_that_means_nothing_is_refused_and_not_run(rhythm, start, body, record_type, form, status):
    assert (await start(body, record_type, form))[0] == status
    assert rhythm.queries() == []


async def test_query_can_fail(rhythm, finished):
    rhythm.faults.next("task_fails", path=f"/system/queries/{rhythm.tenant_id}/start/rolodex:contacts/json")
    told = await finished(request())
    assert (told["status"], told["has_result_set"]) == ("FAILED", False)


async def test_saved_query_is_fetched_and_run(rhythm, call, rows_of):
    _, saved, _ = await call("GET", "rolodex", "/queryDefinitions/{t}/active-organizations")
    rows = await rows_of(saved["query"], saved["type"])
    table = rhythm.world.tables["organizations"]
    assert [row["id"] for row in rows] == [
        table.id(rank) for rank in table.ranks() if table.value(rank, "status") == "active"
    ]
    _, custom, _ = await call("GET", "platform", "/customQueryDefinitions/{t}")
    assert saved in [one["definition"] for one in custom]
    assert (await call("GET", "rolodex", "/queryDefinitions/{t}/none"))[0] == 404


async def test_chapters_of_a_saved_query_part_the_contacts(rhythm, clock, call):
    rows = 0
    for chapter in ("chapter-north", "chapter-south", "chapter-west"):
        _, begun, _ = await call("POST", "membership", f"/chapters/{{t}}/query/{chapter}/all-contacts/json")
        clock.advance(5)
        rows += (await call("GET", "system", f"/queries/{{t}}/describe/{begun['id']}"))[1]["rows"]
    assert rows == 250
    assert (await call("POST", "membership", "/chapters/{t}/query/chapter-moon/all-contacts/json"))[0] == 404
    path = "/chapters/{t}/query/chapter-west/active-organizations/json"
    assert (await call("POST", "membership", path))[0] == 400


async def test_signed_uri_refuses_an_authorization_header_and_the_journal_tells(rhythm, finished, fetch):
    told = await finished(request())
    status, body, _ = await fetch(told["uri"], Authorization="Bearer x")
    assert status == 400
    assert b"Only one auth mechanism allowed" in body
    assert (await fetch(told["uri"]))[0] == 200
    assert [entry.authorized for entry in rhythm.downloads()] == [True, False]


async def test_signed_uri_ends_and_a_new_describe_renews_it_without_a_new_run(rhythm, clock, call, finished, fetch):
    told = await finished(request())
    clock.advance(rhythm.settings.uri_seconds - 1)
    status, first, _ = await fetch(told["uri"])
    assert status == 200
    clock.advance(1)
    status, body, _ = await fetch(told["uri"])
    assert (status, b"expired" in body) == (403, True)
    _, again, _ = await call("GET", "system", f"/queries/{{t}}/describe/{told['id']}")
    assert again["uri"] != told["uri"]
    assert (await fetch(again["uri"]))[1] == first
    assert len(rhythm.queries()) == 1


@pytest.mark.parametrize("change", [("Signature=", "Signature=0"), ("Expires=900", "Expires=9000"), ("data.json", "x")])
async def test_changed_signed_uri_is_403(finished, fetch, change):
    told = await finished(request())
    assert (await fetch(told["uri"].replace(*change)))[0] == 403


async def test_signed_uri_serves_ranges_so_that_a_download_can_go_on(finished, fetch):
    told = await finished(request("id", "name"))
    _, whole, headers = await fetch(told["uri"])
    assert (int(headers["Content-Length"]), headers["Accept-Ranges"]) == (told["size"], "bytes")
    status, rest, headers = await fetch(told["uri"], Range="bytes=100-")
    assert (status, rest) == (206, whole[100:])
    assert headers["Content-Range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert (await fetch(told["uri"], Range="bytes=10-19"))[1] == whole[10:20]
    assert (await fetch(told["uri"], Range=f"bytes={len(whole)}-"))[0] == 416


async def test_metadata_uri_is_signed_too(finished, fetch):
    told = await finished(request("id", "name"))
    assert json.loads((await fetch(told["metadata_uri"]))[1]) == {
        "type": "rolodex:contacts", "rows": 250, "fields": ["id", "name"],
    }  # fmt: skip


@pytest.mark.parametrize(("fault", "error"), [("cut_body", aiohttp.ClientPayloadError), ("truncated_body", None)])
async def test_download_can_be_cut_or_end_early_without_notice(rhythm, finished, fetch, fault, error):
    told = await finished(request("id", "name"))
    rhythm.faults.next(fault)
    if error is not None:
        with pytest.raises(error):
            await fetch(told["uri"])
    else:
        status, body, headers = await fetch(told["uri"])
        assert (status, len(body)) == (200, int(headers["Content-Length"]))
        assert len(body) < told["size"]
    assert len((await fetch(told["uri"]))[1]) == told["size"]


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("invalid_json", lambda answer, body: b"undefined" in body),
        ("gzip", lambda answer, body: answer.headers["Content-Encoding"] == "gzip" and len(json.loads(body)) == 250),
        ("redirect", lambda answer, body: (answer.status, body) == (302, b"")),
        ("bad_gateway", lambda answer, body: answer.status == 502 and body.startswith(b"<html>")),
        ("no_date", lambda answer, body: "Date" not in answer.headers and len(json.loads(body)) == 250),
        ("skew", lambda answer, body: answer.headers["Date"] == "Fri, 15 Jan 2027 08:10:05 GMT"),
    ],
)
async def test_faults_of_answers_strike_downloads_too(rhythm, finished, plain, fault, seen):
    told = await finished(request("id", "name"))
    rhythm.faults.next(fault)
    async with plain.get(yarl.URL(told["uri"], encoded=True), allow_redirects=False) as response:
        assert seen(response, await response.read())
    assert rhythm.downloads()[0].fault == fault


async def test_connection_closes_after_a_download_that_did_not_announce_it(rhythm, finished, fetch):
    told = await finished(request("id", "name"))
    rhythm.faults.on("close_idle")
    assert [len(json.loads((await fetch(told["uri"]))[1])) for _ in range(3)] == [250] * 3


async def test_order_starts_one_execution_at_a_time_which_ends_by_itself(rhythm, clock, call):
    path = "/orders/{t}/order-1/process"
    _, begun, _ = await call("POST", "commerce", path, {"total": 3})
    assert (await call("POST", "commerce", path, {}))[0] == 429
    assert (await call("POST", "commerce", "/orders/{t}/order-2/process", {}))[0] == 200
    arn = begun["executionArn"].replace(":", "%3A")
    states = []
    for seconds in (0, 1, 10):
        clock.advance(seconds)
        _, told, _ = await call("GET", "system", f"/stepFunctions/{{t}}/describe/{arn}")
        states.append(told["status"])
    assert states == ["SUBMITTED", "RUNNING", "SUCCEEDED"]
    assert (json.loads(told["input"]), told["output"]) == ({"total": 3, "id": "order-1"}, {"order_id": "order-1"})
    assert told["stop_date"] == "2027-01-15T08:00:11Z"
    assert (await call("POST", "commerce", path, {}))[0] == 200
    rhythm.settings.order_path = ""
    assert (await call("POST", "commerce", path, {}))[0] == 403


@pytest.mark.parametrize("outcome", ["FAILED", "TIMED_OUT", "ABORTED"])
async def test_execution_can_end_badly(rhythm, clock, call, outcome):
    execution = rhythm.start_execution("bill", outcome=outcome, seconds=3)
    clock.advance(4)
    _, told, _ = await call("GET", "system", f"/stepFunctions/{{t}}/describe/{execution.arn}")
    assert (told["status"], "output" in told, "stop_date" in told) == (outcome, False, True)


async def test_execution_is_cancelled_by_machine_and_id_while_it_runs(rhythm, clock, call):
    execution = rhythm.start_execution("bill", data={"n": 1})
    path = f"/stepFunctions/{{t}}/{execution.machine}/{execution.id}"
    assert execution.arn.split(":")[-2:] == [execution.machine, execution.id]
    clock.advance(2)
    assert (await call("DELETE", "system", path))[0] == 200
    _, told, _ = await call("GET", "system", f"/stepFunctions/{{t}}/describe/{execution.arn}")
    assert (told["status"], told["stop_date"]) == ("ABORTED", "2027-01-15T08:00:02Z")
    done = rhythm.start_execution("bill")
    clock.advance(20)
    assert (await call("DELETE", "system", f"/stepFunctions/{{t}}/bill/{done.id}"))[0] == 200
    assert done.status(clock.now()) == "SUCCEEDED"
    assert (await call("DELETE", "system", "/stepFunctions/{t}/bill/nothing"))[0] == 404
    assert (await call("GET", "system", "/stepFunctions/{t}/describe/arn:none"))[0] == 404


async def test_429_of_a_fault_means_running_on_step_functions_only(rhythm, mint, call):
    rhythm.faults.on("too_many_requests", retry_after=7)
    token = "x"
    _, running, headers = await call("GET", "system", "/stepFunctions/{t}/describe/x", token=token)
    assert ("already running" in running["message"], headers["Retry-After"]) == (True, "7")
    status, pressed, _ = await call("GET", "system", "/queries/{t}/describe/x", token=token)
    assert (status, "running" in pressed["message"]) == (429, False)
    assert (await mint())[1]["error"] == "too_many_requests"
    assert rhythm.mints() == []


async def test_answer_lost_after_the_call_was_processed_leaves_its_effect(rhythm, call, mint):
    """A token that never arrived is counted; an order that was never confirmed runs."""
    token = (await mint())[1]["access_token"]
    rhythm.faults.next("drop_after", path="/auth0/oauth/token")
    with pytest.raises(aiohttp.ClientConnectionError):
        await mint()
    assert len(rhythm.mints()) == 2
    rhythm.faults.next("drop_after", method="POST")
    with pytest.raises(aiohttp.ClientConnectionError):
        await call("POST", "commerce", "/orders/{t}/o/process", {}, token=token)
    assert len(rhythm.tenants[rhythm.tenant_id].executions) == 1
    assert rhythm.journal[-1].status is None


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("server_error", 500),
        ("server_error_html", 500),
        ("bad_gateway", 502),
        ("unauthorized", 401),
        ("forbidden", 403),
    ],
)
async def test_faults_answer_in_place_of_the_rules(rhythm, call, fault, status):
    rhythm.faults.next(fault, path=f"/rolodex/contacts/{rhythm.tenant_id}", method="POST")
    assert (await call("POST", "rolodex", "/contacts/{t}", {}))[0] == status
    assert len(rhythm.world.tables["contacts"]) == 250
    assert rhythm.journal[-1].fault == fault
    assert (await call("POST", "rolodex", "/contacts/{t}", {}))[0] == 200


async def test_faults_of_units_are_none_of_this_side(rhythm):
    with pytest.raises(ValueError, match="repeated_key"):
        rhythm.faults.on("reset_wobble")


@pytest.fixture
def ask(rhythm, plain):
    async def control(method, path, body=None, **query):
        async with plain.request(method, rhythm.url + path, json=body, params=query) as response:
            return response.status, await response.json(content_type=None)

    return control


async def test_control_tells_where_everything_is_without_a_token(rhythm, ask):
    status, told = await ask("GET", "/__health")
    assert (status, told["service_url"], told["auth_url"]) == (200, rhythm.url + "/{service}", rhythm.url + "/auth0")
    assert (told["tenant_id"], len(rhythm.journal)) == (rhythm.tenant_id, 0)


async def test_control_counts_calls_mints_and_queries(rhythm, ask, finished, fetch):
    told = await finished(request())
    await fetch(told["uri"])
    _, journal = await ask("GET", "/__journal", operation="startQuery")
    assert (journal["count"], [entry["status"] for entry in journal["entries"]]) == (4, [200])
    _, mints = await ask("GET", "/__mints", month="2027-01", client=rhythm.client_id)
    assert (mints["count"], mints["mints"][0]["token_id"]) == (1, "m2m-000001")
    _, queries = await ask("GET", "/__queries")
    assert (queries["count"], queries["downloads"], queries["queries"][0]["rows"]) == (1, 1, 250)
    await ask("DELETE", "/__journal")
    assert len(rhythm.journal) == 0


async def test_control_moves_time_sets_faults_settings_and_secrets(rhythm, clock, ask, mint):
    assert (await ask("POST", "/__clock", {"advance": 60}))[1] == {"now": clock.now() + 60}
    assert (await ask("POST", "/__settings", {"page_size": 7}))[1]["page_size"] == 7
    assert (await ask("POST", "/__settings", {"operators": {"is": "equal"}}))[0] == 400
    assert (await ask("POST", "/__faults", {"next": ["slow"]}))[1][0]["name"] == "slow"
    await ask("POST", "/__faults", {"off": "all"})
    assert (await ask("POST", "/__clients", {"add": [{"id": "b", "secret": "c"}]}))[1]["clients"] == [
        "b",
        "sandbox-client",
    ]
    await ask("POST", "/__clients", {"revoke": [{"id": "b", "secret": "d"}]})
    assert [(await mint(client_id="b", client_secret=secret))[0] for secret in "cd"] == [401, 200]


async def test_control_changes_records_and_starts_executions(rhythm, ask):
    contact = rhythm.world.tables["contacts"].id(0)
    body = {
        "create": [{"type": "contacts", "fields": {"last_name": "x"}}],
        "update": [{"type": "contacts", "id": contact, "fields": {"last_name": "y"}}],
        "delete": [{"type": "contacts", "id": rhythm.world.tables["contacts"].id(1)}],
    }
    _, told = await ask("POST", "/__world", body)
    table = rhythm.world.tables["contacts"]
    assert table.value(table.rank(told["created"][0]), "last_name") == "x"
    assert (table.value(0, "last_name"), table.rank(table.id(1))) == ("y", None)
    assert (await ask("GET", "/__world"))[1]["contacts"] == 250
    assert (await ask("POST", "/__world", {"delete": [{"type": "contacts", "id": "none"}]}))[0] == 400
    _, begun = await ask("POST", "/__executions", {"machine": "bill", "seconds": 1})
    assert begun["executionArn"].split(":")[-2] == "bill"
    assert (await ask("POST", "/__tenants", {"id": "other"}))[1]["tenants"] == ["other", rhythm.tenant_id]


async def test_world_is_the_ground_truth_row_by_row(rhythm, plain):
    async with plain.get(f"{rhythm.url}/__world", params={"type": "contacts"}) as response:
        rows = [json.loads(line) for line in (await response.text()).splitlines()]
    table = rhythm.world.tables["contacts"]
    assert rows == [table.record(rank) for rank in table.ranks()]


async def test_reset_puts_everything_back(rhythm, ask, finished, mint):
    rhythm.edit("contacts", rhythm.world.tables["contacts"].id(0), last_name="y")
    await finished(request())
    rhythm.faults.on("slow")
    await ask("POST", "/__reset")
    assert (rhythm.queries(), rhythm.mints(), len(rhythm.journal), rhythm.faults.rules) == ([], [], 0, ())
    assert rhythm.world.tables["contacts"].value(0, "last_name") != "y"
    assert (await mint())[0] == 200


async def test_result_files_go_with_the_server(clock):
    async with RhythmSandbox(records=10, clock=clock, settings=RhythmSettings(query_seconds=0)) as box:
        folder = box._service.folder
        assert folder.is_dir()
    assert not folder.exists()


async def process_of(*arguments):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    line = (await process.stdout.readline()).decode()
    return process, re.search(r"http://[^;\s]+", line)[0]


async def ended(process):
    process.send_signal(signal.SIGTERM)
    told, errors = await asyncio.wait_for(process.communicate(), 60)
    assert (process.returncode, errors) == (0, b"")
    return told.decode()


async def test_process_prints_its_url_and_stops_cleanly():
    process, url = await process_of("tonicdm.sandbox", "--rhythm", "--records", "30", "--set", "page_size=7")
    async with aiohttp.ClientSession() as session, session.get(f"{url}/__settings") as response:
        assert (await response.json())["page_size"] == 7
    told = await ended(process)
    for name in ("BASE_URL", "AUTH_DOMAIN", "TENANT_ID", "CLIENT_ID", "CLIENT_SECRET"):
        assert f"export RHYTHM_{name}='" in told


async def test_command_names_the_variables_that_a_client_reads():
    process, url = await process_of("tonicdm.cli", "sandbox", "--rhythm", "--port", "0", "--records", "30")
    async with aiohttp.ClientSession() as session, session.get(f"{url}/__world") as response:
        assert (await response.json())["contacts"] == 30
    told = await ended(process)
    assert f"RHYTHM_BASE_URL='{url}/{{service}}'" in told
    assert f"RHYTHM_AUTH_DOMAIN={url}/auth0" in told


def test_command_refuses_options_of_units():
    told = CliRunner().invoke(sandbox, ["--rhythm", "--limit", "3"])
    assert told.exit_code == 2
    assert "--limit" in told.output


@pytest.mark.parametrize("arguments", [["--limit", "3"], ["--records", "0"], ["--set", "limit=3"]])
def test_process_refuses_what_a_rhythm_server_has_not(arguments, capsys):
    assert main(["--rhythm", *arguments]) == 2
    assert capsys.readouterr().err
