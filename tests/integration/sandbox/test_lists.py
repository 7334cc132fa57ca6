"""Filters, sorting and paging of the other lists, each against a plain scan of the world."""

import pytest

from tests.cases import for_each

ALL = "active,inactive,deleted"


def ids(rows):
    return [row["id"].replace("-", "") for row in rows]


@pytest.fixture
def whole(get):
    """Read a list in pages of 1,000 with all statuses."""

    async def read(path, **options):
        status, rows, _ = await get(path, data_quantity="basic", pageSize=1000, **options)
        assert status == 200
        return rows

    return read


async def test_staff_list_shows_the_two_of_the_concepts_page(get):
    _, rows, _ = await get("/core/organizations/me/staff", data_quantity="basic")
    assert sorted(r["name"] for r in rows) == ["Employee One", "Employee Two"]


async def test_me_is_the_user_with_settings_and_home_zone(box, get, send):
    _, me, _ = await get("/core/me")
    assert me["name"] == "Employee One"
    assert (me["homeZone"], me["dailyReminder"]) == ("us", False)
    assert me["personId"].replace("-", "") == me["id"]
    assert (await send("PATCH", "/core/me", {"dailyReminder": True}))[1]["dailyReminder"] is True
    assert (await get("/core/persons/me"))[1]["dailyReminder"] is True
    box.settings.me_shape = "array"
    assert (await get("/core/me"))[1][0]["id"] == me["id"]
    assert (await get("/core/organizations/me"))[1][0]["homeZone"] == "us"


@for_each(
    ("path", "record_type", "option", "field"),
    [
        ("/core/persons", "persons", "filterOrganizationIds", "organizationId"),
        ("/core/persons", "persons", "filterOfficeIds", "office"),
        ("/core/persons", "persons", "filterDisciplines", "discipline"),
        ("/core/emailaddresses", "email_addresses", "filterBrandIds", "brandId"),
        ("/core/emailaddresses", "email_addresses", "filterOfficeIds", "office"),
        ("/core/emailaddresses", "email_addresses", "filterDisciplineIds", "discipline"),
        ("/core/organizations", "organizations", "filterDisciplines", "discipline"),
        ("/core/brands", "brands", "filterOrganizationIds", "organizationId"),
        ("/core/offices", "offices", "filterOrganizationIds", "organizationId"),
        ("/core/projects", "projects", "filterOrganizationIds", "clientOrganizationId"),
        ("/global/tenants", "tenants", "filterDisciplineIds", "discipline"),
    ],
)
async def test_filter_by_reference_gives_what_a_scan_gives(box, whole, path, record_type, option, field):
    def value(row):
        found = row[field]
        return found["id"] if isinstance(found, dict) else found

    wanted = sorted({value(r) for r in box.world.records(record_type)} - {None})[:2]
    rows = await whole(path, filterStatuses=ALL, **{option: ",".join(wanted)})
    assert rows
    assert rows == [r for r in box.world.records(record_type) if value(r) in wanted]


async def test_brands_are_filtered_by_any_of_their_disciplines(box, whole):
    wanted = box.world.ids("disciplines")[3]
    rows = await whole("/core/brands", filterStatuses=ALL, filterDisciplineIds=wanted)
    assert rows
    assert ids(rows) == [r["id"] for r in box.world.records("brands") if wanted in [d["id"] for d in r["disciplines"]]]


@pytest.mark.parametrize("statuses", ["active", "inactive", "deleted", ALL, "4,0"])
async def test_statuses_default_to_active_and_filter_otherwise(box, whole, statuses):
    words = statuses.replace("4", "deleted").replace("0", "inactive").split(",")
    expected = [r["id"] for r in box.world.records("email_addresses") if r["status"] in words]
    assert ids(await whole("/core/emailaddresses", filterStatuses=statuses)) == expected
    if statuses == "active":
        assert ids(await whole("/core/emailaddresses")) == expected


async def test_team_needs_and_obeys_its_project(box, whole):
    project = box.world.ids("projects")[1]
    rows = await whole("/core/team", projectId=project)
    assert rows
    assert {r["projectId"] for r in rows} == {project}


async def test_rfis_obey_the_options_of_both_documents(box, whole):
    everything = [r for r in box.world.records("rfis") if r["status"] == "active"]
    assert await whole("/workflow/rfis") == everything
    project = everything[0]["project_id"]
    assert await whole("/workflow/rfis", projectId=project) == [r for r in everything if r["project_id"] == project]
    for option in ("filterStages", "filterStatus"):
        rows = await whole("/workflow/rfis", **{option: "open,void"})
        assert rows == [r for r in everything if r["stage"] in {"open", "void"}]
    rows = await whole("/workflow/rfis", sortBy="number", sortDirection="desc")
    assert [r["our_number"] for r in rows] == sorted((r["our_number"] for r in everything), reverse=True)
    assert await whole("/workflow/rfis", filterWorkflows="submittal,pco") == []
    assert await whole("/workflow/rfis", filterWorkflows="rfi") == everything


@pytest.mark.parametrize(("option", "line"), [("filterFrom", "from"), ("filterTo", "to"), ("filterCc", "cc")])
async def test_rfis_by_correspondent_of_any_part(box, whole, option, line):
    parts = [p for p in box.world.records("rfi_parts") if p[line]]
    address = parts[0][line] if line == "from" else parts[0][line][0]
    items = {p["item_id"] for p in parts if address == p[line] or address in p[line]}
    rows = await whole("/workflow/rfis", **{option: address})
    active = {r["id"] for r in box.world.records("rfis") if r["status"] == "active"}
    assert set(ids(rows)) == items & active


@pytest.mark.parametrize("record_type", ["rfi", "pco", "filetransfer"])
async def test_filter_ids_of_parts_takes_the_items_ids(box, whole, record_type):
    path = f"/workflow/{record_type}-parts"
    parts = {"rfi": "rfi_parts", "pco": "pco_parts", "filetransfer": "file_transfer_parts"}[record_type]
    rows = list(box.world.records(parts))
    assert await whole(path, filterIDs=rows[0]["item_id"]) == [r for r in rows if r["item_id"] == rows[0]["item_id"]]
    assert await whole(path, filterIDs=rows[0]["id"]) == []
    if record_type != "pco":
        assert await whole(path, filterPartIds=rows[0]["id"]) == rows[:1]


async def test_labels_and_thumbnails_are_asked_for_by_their_objects(box, whole):
    label = next(r for r in box.world.records("labels") if r["status"] == "active")
    assert await whole("/core/labels", filterIDs=label["objectId"], filterObjectType="person") == [label]
    thumbnail = next(box.world.records("thumbnails"))
    assert await whole("/fileset/thumbnails", filterIDs=thumbnail["fileId"]) == [thumbnail]


async def test_files_of_filesets(box, whole):
    fileset = next(r for r in box.world.records("filesets") if r["files"])
    rows = await whole("/fileset/files", filterFilesetIds=fileset["id"].replace("-", ""))
    assert {r["filesetId"] for r in rows} == {fileset["id"]}
    assert (await whole("/fileset/filesets", filterIDs=fileset["id"].replace("-", ""))) == [fileset]


async def test_cloud_folders_show_the_root_and_then_what_is_inside(box, whole):
    entries = [r for r in box.world.records("cloud_children") if r["platform"] == "egnyte"]
    root = await whole("/fileset/cloudfilesystem-children", platform="egnyte")
    assert root == [r for r in entries if r["parentId"] is None]
    folder = next(r["parentId"] for r in entries if r["parentId"])
    inside = await whole("/fileset/cloudfilesystem-children", platform="egnyte", folderId=folder)
    assert inside == [r for r in entries if r["parentId"] == folder]


async def test_lists_without_paging_in_the_reference(box, whole, get):
    tasks = [r["id"] for r in box.world.records("tasks") if r["status"] == "active"]
    assert ids((await get("/workflow/tasks", pageSize=3))[1]) == tasks[:3]
    box.settings.workflow_paging = False
    assert ids((await get("/workflow/tasks", pageSize=3))[1]) == tasks
    assert len((await get("/core/disciplines", pageSize=3))[1]) == 12
    assert "pageSize is no option" in box.journal[-1].client_faults[0]
    box.settings.unlisted_cap = 5
    assert len((await get("/core/disciplines"))[1]) == 5


async def test_all_pages_in_both_directions_and_by_field(box, get):
    for options in ({}, {"sortBy": "projectNumber"}, {"sortBy": "projectNumber", "sortDirection": "desc"}):
        seen = []
        for number in range(1, 20):
            _, rows, _ = await get("/core/projects", pageSize=6, pageNumber=number, data_quantity="basic", **options)
            seen += rows
        expected = [r for r in box.world.records("projects") if r["status"] == "active"]
        if options:
            expected.sort(key=lambda r: r["projectNumber"], reverse="sortDirection" in options)
        assert seen == expected


async def test_page_base_is_a_setting(box, get):
    box.settings.page_base = 0
    first = (await get("/core/projects", pageSize=5, pageNumber=0))[1]
    assert first == (await get("/core/projects", pageSize=5))[1]
    box.settings.page_base = 1
    assert (await get("/core/projects", pageNumber=0))[0] == 400


@for_each(
    ("option", "value"),
    [
        ("pageSize", "0"),
        ("pageSize", "-1"),
        ("pageSize", "1.5"),
        ("pageSize", "many"),
        ("pageNumber", "x"),
        ("sortBy", "shoeSize"),
        ("sortDirection", "up"),
        ("data_quantity", "BASIC"),
        ("filterStatuses", "alive"),
        ("filterStatuses", "active, deleted"),
        ("updated_after", "yesterday"),
        ("filterOrganizationIds", "acme"),
    ],
)
async def test_wrong_value_is_refused_by_name(get, option, value):
    status, body, _ = await get("/core/persons", **{option: value})
    assert status == 400
    assert option in body["message"]


async def test_search_query_is_a_text_or_fields(box, whole):
    name = next(r["name"] for r in box.world.records("offices") if r["status"] == "active")
    by_text = await whole("/core/offices", searchQuery=name)
    assert name in {r["name"] for r in by_text}
    assert await whole("/core/offices", searchQuery=f'{{"name": "{name}"}}') == [
        r for r in by_text if name in r["name"]
    ]


async def test_strict_case_refuses_another_spelling(box, get):
    assert (await get("/core/persons", PAGESIZE=3))[0] == 200
    box.settings.strict_case = True
    status, body, _ = await get("/core/persons", PAGESIZE=3)
    assert status == 400
    assert "pageSize" in body["message"]


async def test_price_per_record(box, get):
    box.settings.cost_mode = "record"
    await get("/core/persons", data_quantity="basic", pageSize=7)
    assert box.units() == 35
    await get("/core/persons", filterIDs="0" * 32, data_quantity="id_only")
    assert box.units() == 36


async def test_id_only_may_lack_the_timestamp(box, get):
    box.settings.id_only_timestamps = False
    assert {frozenset(r) for r in (await get("/core/persons"))[1]} == {frozenset({"id"})}
    box.settings.file_transfer_timestamps = False
    _, rows, _ = await get("/workflow/filetransfers", data_quantity="basic")
    assert "datetimeUpdated" not in rows[0]


async def test_without_licence_contacts_fields_are_absent_and_closed(box, whole, send):
    box.settings.advanced_contacts = box.settings.advanced_metrics = False
    brands = await whole("/core/brands")
    own = {r["nameShort"] for r in brands if "organizationId" in r}
    assert own == {"Pacific Architects", "Pacific Eng."}
    assert not [r for r in brands if "customerErpId" in r]
    assert not [r for r in await whole("/core/projects") if "division1" in r]
    other = next(r["id"] for r in brands if "organizationId" not in r)
    assert (await send("PATCH", "/core/brands", {"id": other, "isPrime": True}))[0] == 403
    assert (await send("PATCH", "/core/brands", {"id": other, "nameShort": "x"}))[0] == 200


async def test_rights_of_an_administrator(box, send, get):
    box.settings.administrator = False
    own = next(r["id"] for r in box.world.records("brands") if r["nameInitials"] == "PA")
    assert (await send("PATCH", "/core/brands", {"id": own, "nameShort": "x"}))[0] == 403
    box.settings.forbidden = ("/core/projects",)
    assert (await get("/core/projects"))[0] == 403
    assert box.units() == 6


async def test_new_domain_makes_an_organization_and_a_brand(box, send):
    before = box.world.count("organizations")
    body = {"emailAddresses": [{"emailAddress": "a@fresh.example"}, {"emailAddress": "a.b@gmail.com"}]}
    _, person = await send("POST", "/core/persons", body)
    assert box.world.count("organizations") == before + 1
    assert box.world.get("brands", person["brandId"])["domains"] == ["fresh.example"]
    assert [a["emailAddress"] for a in person["emailAddresses"]] == ["a@fresh.example", "a.b@gmail.com"]
    types = {r["emailAddress"]: r["type"] for r in box.world.records("email_addresses")}
    assert (types["a@fresh.example"], types["a.b@gmail.com"]) == ("business", "personal")


async def test_team_takes_one_member_or_several(box, send):
    project = box.world.ids("projects")[0]
    members = [{"emailAddressId": i} for i in box.world.ids("email_addresses")[:2]]
    status, made = await send("POST", "/core/team", members, projectId=project)
    assert status == 201
    assert [m["emailAddressId"] for m in made] == [m["emailAddressId"] for m in members]
    assert (await send("POST", "/core/team", members[0], projectId=project))[1]["projectId"] == project


async def test_parts_in_a_body_become_parts_of_the_item(box, send, whole):
    body = {"project_id": box.world.ids("projects")[0], "parts": [{"part_type": "receive", "title": "t"}]}
    _, made = await send("POST", "/workflow/rfis", body)
    parts = await whole("/workflow/rfi-parts", filterIDs=made["id"])
    assert [p["title"] for p in parts] == ["t"]
    assert [p["id"] for p in made["parts"]] == ids(parts)


@pytest.mark.parametrize(("shape", "body_type"), [("record", dict), ("array", list), ("none", str)])
async def test_write_answers_in_the_shape_of_the_setting(box, send, shape, body_type):
    box.settings.create_body = box.settings.change_body = shape
    status, made = await send("POST", "/core/offices", {"name": "x"})
    assert (status, type(made)) == (201, body_type)
    office = box.world.ids("offices")[0]
    status, changed = await send("PATCH", "/core/offices", {"id": office, "name": "y"})
    assert (status, type(changed)) == (204 if shape == "none" else 200, body_type)


@pytest.mark.parametrize("choice", ["store", "ignore", "refuse"])
async def test_unknown_body_fields(box, send, choice):
    box.settings.unknown_fields = choice
    status, made = await send("POST", "/core/offices", {"name": "x", "shoeSize": 43})
    assert status == (400 if choice == "refuse" else 201)
    assert ("shoeSize" in made) == (choice == "store")


async def test_null_is_stored_and_clears_a_reference(box, send):
    person = next(r for r in box.world.records("persons") if r["office"])
    _, changed = await send("PATCH", "/core/persons", {"id": person["id"], "office": None, "title": None})
    assert (changed["office"], changed["title"]) == (None, None)


async def test_project_change_needs_its_two_names(box, send):
    project = box.world.ids("projects")[0]
    assert (await send("PATCH", "/core/projects", {"id": project, "purpose": "training"}))[0] == 400
    box.settings.project_required_on_change = False
    assert (await send("PATCH", "/core/projects", {"id": project, "purpose": "training"}))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/workflow/rfis", {"parts": [{"title": "right"}, {"fileset_id": "0" * 32}]}),
        ("POST", "/workflow/rfis", {"parts": [{"id": "0" * 32}]}),
        ("POST", "/core/persons", {"emailAddresses": [{"emailAddress": "a@new.example"}], "discipline": {"id": "x"}}),
        ("POST", "/core/team", [{"emailAddressId": None}, {"emailAddressId": "0" * 32}]),
    ],
)
async def test_refused_body_changes_nothing_at_all(box, send, method, path, body):
    project = box.world.ids("projects")[0]
    if path == "/workflow/rfis":
        body = {"project_id": project, **body}
    if path == "/core/team":
        body = [{"emailAddressId": body[0]["emailAddressId"] or box.world.ids("email_addresses")[0]}, body[1]]
    before = {record_type: box.world.count(record_type) for record_type in box.world.types}
    status, _ = await send(method, path, body, **({"projectId": project} if path == "/core/team" else {}))
    assert status == 400
    assert {record_type: box.world.count(record_type) for record_type in box.world.types} == before
