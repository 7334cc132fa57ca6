"""Lists, searches, single records and writes of the Rhythm side, over sockets."""

import json

import pytest

CONTACTS = "/contacts/{t}"


@pytest.fixture
def walk(call):
    """Follow LastEvaluatedKey to the end; give all items and the pages."""

    async def follow(method, service, path, body=None, **query):
        items, pages, key = [], [], None
        while True:
            more = {} if key is None else {"exclusiveStartKey": key if isinstance(key, str) else json.dumps(key)}
            status, page, _ = await call(method, service, path, body, **query, **more)
            assert status == 200
            assert page["Count"] == len(page["Items"])
            pages.append(page)
            items += page["Items"]
            key = page.get("LastEvaluatedKey")
            if not key:
                return items, pages

    return follow


def ids(items):
    return [item["id"] for item in items]


@pytest.mark.parametrize("form", ["string", "object"])
@pytest.mark.parametrize("last", ["absent", "null", "empty"])
async def test_pages_give_each_contact_once_until_the_key_ends(rhythm, walk, form, last):
    rhythm.settings.update({"key_form": form, "last_key": last, "page_size": 100, "empty_page_rate": 0})
    items, pages = await walk("GET", "rolodex", CONTACTS, fields="id")
    table = rhythm.world.tables["contacts"]
    assert ids(items) == [table.id(rank) for rank in table.ranks()]
    assert [page["Count"] for page in pages] == [100, 100, 50]
    record_type = {"string": str, "object": dict}[form]
    assert all(isinstance(page["LastEvaluatedKey"], record_type) for page in pages[:-1])
    assert pages[-1].get("LastEvaluatedKey", "absent") == {"absent": "absent", "null": None, "empty": ""}[last]


async def test_an_empty_page_is_not_the_end(rhythm, walk):
    """With a rate of 1 one stands before every page, and nothing is lost."""
    rhythm.settings.update({"empty_page_rate": 1, "page_size": 100})
    items, pages = await walk("GET", "rolodex", CONTACTS, fields="id")
    assert len(set(ids(items))) == 250
    assert [page["Count"] for page in pages] == [0, 100, 0, 100, 0, 50]


async def test_empty_pages_come_by_chance_and_the_same_in_each_run(rhythm, walk):
    rhythm.settings.update({"empty_page_rate": 0.5, "page_size": 10})
    runs = [[page["Count"] for page in (await walk("GET", "rolodex", CONTACTS))[1]] for _ in range(2)]
    assert runs[0] == runs[1]
    assert 5 < runs[0].count(0) < 20


async def test_full_last_page_may_have_a_key_that_leads_to_nothing(rhythm, walk):
    rhythm.settings.update({"trailing_page": True, "page_size": 125, "empty_page_rate": 0})
    _, pages = await walk("GET", "rolodex", CONTACTS)
    assert [page["Count"] for page in pages] == [125, 125, 0]


async def test_repeated_key_is_a_fault(rhythm, call):
    rhythm.settings.update({"page_size": 10, "empty_page_rate": 0})
    _, first, _ = await call("GET", "rolodex", CONTACTS)
    rhythm.faults.next("repeated_key")
    _, second, _ = await call("GET", "rolodex", CONTACTS, exclusiveStartKey=first["LastEvaluatedKey"])
    assert second["LastEvaluatedKey"] == first["LastEvaluatedKey"]
    assert ids(second["Items"]) != ids(first["Items"])


@pytest.mark.parametrize("key", ["nonsense", "{}", '{"id":"x","passed":false}', "bm8"])
async def test_key_of_another_server_is_refused(call, key):
    assert (await call("GET", "rolodex", CONTACTS, exclusiveStartKey=key))[0] == 400


async def test_pages_go_on_behind_a_record_that_was_deleted_meanwhile(rhythm, call):
    rhythm.settings.update({"page_size": 10, "empty_page_rate": 0})
    _, first, _ = await call("GET", "rolodex", CONTACTS)
    rhythm.delete("contacts", first["Items"][-1]["id"])
    _, second, _ = await call("GET", "rolodex", CONTACTS, exclusiveStartKey=first["LastEvaluatedKey"])
    assert second["Items"][0]["id"] == rhythm.world.tables["contacts"].id(10)


@pytest.mark.parametrize("shape", ["reference", "array", "wrapped"])
async def test_lists_have_the_shape_of_the_reference_or_of_the_setting(rhythm, call, shape):
    rhythm.settings.update({"list_shape": shape, "empty_page_rate": 0})
    lists = {
        "array": [
            ("rolodex", "/addressTypes/{t}"), ("rolodex", "/communicationTypes/{t}"),
            ("events", "/events/{t}/upcoming"), ("platform", "/customQueryDefinitions/{t}"),
        ],
        "wrapped": [("rolodex", CONTACTS)],
    }  # fmt: skip
    for usual, places in lists.items():
        for service, path in places:
            _, body, _ = await call("GET", service, path)
            assert isinstance(body, list) == ((usual if shape == "reference" else shape) == "array")


async def test_fields_limit_the_answer(call):
    _, page, _ = await call("GET", "rolodex", CONTACTS, fields="id, name,no_such")
    assert {tuple(sorted(item)) for item in page["Items"]} == {("id", "name")}
    _, found, _ = await call("POST", "rolodex", "/contacts/{t}/search", {}, fieldsToReturn="id")
    assert {tuple(item) for item in found["Items"]} == {("id",)}


async def test_search_wants_all_criteria(rhythm, walk):
    table = rhythm.world.tables["contacts"]
    first, city = table.value(3, "first_name"), table.value(3, "home_address")["city"]
    wanted = [
        table.id(rank)
        for rank in table.ranks()
        if table.value(rank, "first_name") == first and table.value(rank, "home_address")["city"] == city
    ]
    items, _ = await walk("POST", "rolodex", "/contacts/{t}/search", {"first_name": first.upper(), "city": city})
    assert ids(items) == wanted != []


@pytest.mark.parametrize(("number", "of_type"), [(1003, int), ("1003", str)])
async def test_search_by_number_and_ids(rhythm, walk, number, of_type):
    assert isinstance(number, of_type)
    table = rhythm.world.tables["contacts"]
    assert ids((await walk("POST", "rolodex", "/contacts/{t}/search", {"number": number}))[0]) == [table.id(3)]
    wanted = [table.id(5), table.id(1), "nobody"]
    assert ids((await walk("POST", "rolodex", "/contacts/{t}/search", {"ids": wanted}))[0]) == [
        table.id(1),
        table.id(5),
    ]


async def test_unknown_criterion_is_refused_or_ignored(rhythm, call):
    path, body = "/contacts/{t}/search", {"colour": "red"}
    assert (await call("POST", "rolodex", path, body))[0] == 400
    rhythm.settings.unknown_criteria = "ignore"
    assert (await call("POST", "rolodex", path, body))[0] == 200


async def test_search_reads_its_key_where_the_setting_says(rhythm, call):
    rhythm.settings.update({"page_size": 10, "empty_page_rate": 0, "unknown_criteria": "ignore"})
    path = "/contacts/{t}/search"
    _, first, _ = await call("POST", "rolodex", path, {})
    key = first["LastEvaluatedKey"]
    for place, in_query, in_body in (("query", True, False), ("body", False, True), ("both", True, True)):
        rhythm.settings.key_place = place
        _, by_query, _ = await call("POST", "rolodex", path, {}, exclusiveStartKey=key)
        _, by_body, _ = await call("POST", "rolodex", path, {"exclusiveStartKey": key})
        assert (ids(by_query["Items"]) != ids(first["Items"])) == in_query
        assert (ids(by_body["Items"]) != ids(first["Items"])) == in_body


async def test_upcoming_events_have_not_begun_and_fall_away_as_time_passes(rhythm, clock, call):
    """There is one a week; the reference shows a bare array without criteria."""
    rhythm.settings.token_seconds = 100 * 86_400
    starts = []
    for _ in range(3):
        _, events, _ = await call("GET", "events", "/events/{t}/upcoming")
        starts.append([event["start_date"] for event in events])
        clock.advance(7 * 86_400)
    assert starts[0] == sorted(starts[0])
    assert 3 < len(starts[0]) < len(rhythm.world.tables["events"])
    assert starts[1:] == [starts[0][1:], starts[0][2:]]


async def test_contact_by_email_whatever_the_case_and_as_record_or_list(rhythm, call):
    table = rhythm.world.tables["contacts"]
    path = "/contacts/{t}/emailAddress/" + table.value(9, "email_address").upper().replace("@", "%40")
    assert (await call("GET", "rolodex", path))[1]["id"] == table.id(9)
    rhythm.settings.email_lookup_shape = "array"
    assert ids((await call("GET", "rolodex", path))[1]) == [table.id(9)]
    assert (await call("GET", "rolodex", "/contacts/{t}/emailAddress/nobody%40x.test"))[0] == 404


async def test_created_contact_is_stamped_filled_in_and_found(rhythm, clock, call, walk):
    organization = rhythm.world.tables["organizations"].record(0)
    sent = {
        "first_name": "Ana",
        "last_name": "Silva",
        "organization_id": organization["id"],
        "email_address": "a@s.test",
    }
    status, made, _ = await call("POST", "rolodex", CONTACTS, sent)
    assert status == 200
    assert made["name"] == "Ana Silva"
    assert made["organization_name"] == organization["name"]
    assert made["sys_created_at"] == made["sys_last_modified_at"] == "2027-01-15T08:00:00Z"
    assert made["sys_created_by_id"] == f"{rhythm.client_id}@clients"
    assert (await call("GET", "rolodex", f"{CONTACTS}/{made['id']}"))[1] == made
    assert ids((await walk("POST", "rolodex", "/contacts/{t}/search", {"email_address": "A@S.test"}))[0]) == [
        made["id"]
    ]
    assert ids((await walk("GET", "rolodex", CONTACTS))[0])[-1] == made["id"]
    assert (await call("GET", "rolodex", "/contacts/{t}/emailAddress/a%40s.test"))[1] == made


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (CONTACTS, {"id": "mine"}, 400),
        (CONTACTS, {"organization_id": "none"}, 409),
        (CONTACTS, [], 400),
        ("/organizations/{t}", {"name": "x"}, 400),
        ("/organizations/{t}", {"name": "x", "number": 1, "parent_organization_id": "none"}, 409),
        ("/organizations/{t}", {"name": "x", "number": 1}, 200),
    ],
)
async def test_create_refuses_an_id_a_gap_and_a_reference_to_nothing(call, path, body, status):
    assert (await call("POST", "rolodex", path, body))[0] == status


async def test_json_patch_changes_and_stamps(rhythm, clock, call):
    """custom_field_values is replaced as a whole: what the caller left out of the list is gone."""
    contact = rhythm.world.tables["contacts"].id(4)
    path = f"{CONTACTS}/{contact}"
    _, before, _ = await call("GET", "rolodex", path)
    clock.advance(60)
    fields = [{"custom_field_id": "rolodex-contacts__chapter__c", "string_value": "chapter-west"}]
    steps = [
        {"op": "test", "path": "/number", "value": 1004},
        {"op": "replace", "path": "/last_name", "value": "Ng"},
        {"op": "replace", "path": "/custom_field_values", "value": fields},
        {"op": "add", "path": "/nickname", "value": "N"},
    ]
    status, after, _ = await call("PATCH", "rolodex", path, steps)
    assert status == 200
    assert (after["last_name"], after["nickname"], after["custom_field_values"]) == ("Ng", "N", fields)
    assert after["name"].endswith(" Ng")
    assert after["sys_version"] == before["sys_version"] + 1
    assert after["sys_last_modified_at"] == "2027-01-15T08:01:00Z"
    assert (await call("GET", "rolodex", path))[1] == after


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([{"op": "replace", "path": "/id", "value": "x"}], 400),
        ([{"op": "replace", "path": "/sys_version", "value": 1}], 400),
        ([{"op": "test", "path": "/number", "value": 0}], 400),
        ([{"op": "replace", "path": "/no_such", "value": 0}], 400),
        ([{"op": "shout", "path": "/name"}], 400),
        ([{"op": "replace", "path": "/organization_id", "value": "none"}], 409),
        ({"name": "x"}, 400),
    ],
)
async def test_bad_patch_changes_nothing(rhythm, call, steps, status):
    path = f"{CONTACTS}/{rhythm.world.tables['contacts'].id(4)}"
    _, before, _ = await call("GET", "rolodex", path)
    assert (await call("PATCH", "rolodex", path, steps))[0] == status
    assert (await call("GET", "rolodex", path))[1] == before


async def test_locked_record_is_403(rhythm, call):
    contact = rhythm.world.tables["contacts"].id(4)
    rhythm.edit("contacts", contact, sys_locked=True)
    steps = [{"op": "replace", "path": "/last_name", "value": "Ng"}]
    assert (await call("PATCH", "rolodex", f"{CONTACTS}/{contact}", steps))[0] == 403


async def test_stale_read_shows_what_was_unless_it_is_consistent(rhythm, clock, call):
    rhythm.settings.stale_seconds = 2
    contact = rhythm.world.tables["contacts"].id(4)
    old = rhythm.world.tables["contacts"].value(4, "nickname")
    rhythm.edit("contacts", contact, nickname="New")
    path = f"{CONTACTS}/{contact}"
    assert (await call("GET", "rolodex", path))[1].get("nickname") == old
    assert (await call("GET", "rolodex", path, consistentRead="true"))[1]["nickname"] == "New"
    clock.advance(2)
    assert (await call("GET", "rolodex", path))[1]["nickname"] == "New"


async def test_edit_and_delete_are_seen_by_the_next_call(rhythm, clock, call):
    contact = rhythm.world.tables["contacts"].id(4)
    clock.advance(3600)
    made = rhythm.edit("contacts", contact, organization_id=None, job_title="Chair")
    assert made["sys_last_modified_at"] == "2027-01-15T09:00:00Z"
    assert "organization_name" not in made
    assert (await call("GET", "rolodex", f"{CONTACTS}/{contact}"))[1] == made
    rhythm.delete("contacts", contact)
    assert (await call("GET", "rolodex", f"{CONTACTS}/{contact}"))[0] == 404
    with pytest.raises(KeyError):
        rhythm.edit("contacts", contact, job_title="x")


async def test_success_answers_carry_the_cors_headers(call):
    _, _, headers = await call("GET", "rolodex", CONTACTS)
    assert {"Access-Control-Allow-Origin", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"} <= set(
        headers
    )


@pytest.mark.parametrize(
    ("form", "value"), [("seconds", "1"), ("date", "Fri, 15 Jan 2027 08:00:02 GMT"), ("none", None)]
)
async def test_too_many_calls_in_a_second_are_429_until_it_is_over(rhythm, clock, call, form, value):
    rhythm.settings.update({"requests_per_second": 3, "retry_after": form})
    statuses = [(await call("GET", "rolodex", "/addressTypes/{t}"))[0] for _ in range(3)]
    status, _, headers = await call("GET", "events", "/events/{t}/upcoming")
    assert (statuses, status, headers.get("Retry-After")) == ([200] * 3, 429, value)
    clock.advance(1)
    assert (await call("GET", "rolodex", "/addressTypes/{t}"))[0] == 200


async def test_all_pages_of_a_search_over_events_and_organizations(rhythm, walk):
    rhythm.settings.page_size = 3
    for service, record_type in (("events", "events"), ("rolodex", "organizations")):
        table = rhythm.world.tables[record_type]
        items, _ = await walk("POST", service, f"/{record_type}/{{t}}/search", {})
        assert ids(items) == [table.id(rank) for rank in table.ranks()]


@pytest.mark.parametrize(
    ("method", "service", "path", "body", "status", "says"),
    [
        ("POST", "rolodex", "/contacts/{t}", {"id": "c1", "last_name": "Ng"}, 400, "made by the server"),
        ("POST", "rolodex", "/contacts/{t}/search", {"ids": "c1"}, 400, "must be an array"),
        ("POST", "rolodex", "/contacts/{t}/batch", {"operations": 5}, 400, "must be an array of at most"),
        ("GET", "rolodex", "/engagementScores/{t}/customer/robot/c1", None, 400, "contact or organization"),
        ("GET", "rolodex", "/engagementScores/{t}/customer/contact/none", None, 404, "no contact none"),
    ],
)
async def test_what_a_call_lacks_is_refused_with_what_it_is(rhythm, call, method, service, path, body, status, says):
    found, answer, _ = await call(method, service, path, body)
    assert (found, says in json.dumps(answer)) == (status, True)


async def test_each_operation_of_a_batch_succeeds_or_fails_alone(rhythm, call):
    contact = rhythm.world.tables["contacts"].id(0)
    operations = [
        {"id": contact, "operation": "paint"},
        {"id": contact, "operation": "patch", "patch": [{"op": "remove", "path": "/no such field"}]},
        {"id": contact, "operation": "patch", "patch": [{"op": "replace", "path": "/last_name", "value": "Ng"}]},
    ]
    _, answer, _ = await call("POST", "rolodex", "/contacts/{t}/batch", {"operations": operations})
    painted, removed, patched = answer["results"]
    assert "no operation 'paint'" in painted["error"]
    assert "cannot be done" in removed["error"]
    assert patched["status"] == "success"
