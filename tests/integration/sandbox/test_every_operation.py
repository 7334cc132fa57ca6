"""Every operation answers, in the shapes of the reference's schemas."""

import hashlib

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.cases import for_each
from tests.contract import reference
from tonicdm.sandbox.routes import OPERATIONS

REGISTRY = Registry().with_resource("urn:tonicdm", Resource(reference.document(), DRAFT202012))
READS = [o for o in OPERATIONS if o.method == "GET"]


def options_for(box, operation):
    first = {record_type: box.world.ids(record_type)[0] for record_type in ("projects", "filesets")}
    values = {
        "projectId": first["projects"],
        "filterIDs": first["filesets"],
        "platform": "egnyte",
        "source": "one@pacific-architects.com",
    }
    return {name: values[name] for name in operation.required}


def assert_valid(instance, operation, status="200"):
    path = operation.path.replace("/", "~1")
    pointer = f"/paths/{path}/{operation.method.lower()}/responses/{status}/content/application~1json/schema"
    jsonschema.Draft202012Validator(
        {"$ref": f"urn:tonicdm#{pointer}"}, registry=REGISTRY, format_checker=jsonschema.FormatChecker()
    ).validate(instance)


@for_each("data_quantity", ["id_only", "basic", "complete"])
@for_each("operation", READS, ids=lambda o: o.path)
async def test_read_answers_in_the_references_shape(box, get, operation, data_quantity):
    box.reset()
    options = options_for(box, operation)
    status, body, _ = await get(operation.path, data_quantity=data_quantity, **options)
    assert status == 200
    assert body
    if operation.path == "/core/labels" or (data_quantity == "id_only" and operation.action == "list"):
        assert isinstance(body, list)
    assert_valid(body, operation)
    assert box.units() == {"id_only": 1, "basic": 5, "complete": 20}[data_quantity]
    assert box.journal[0].records == (len(body) if isinstance(body, list) else 1)


@pytest.mark.parametrize("operation", [o for o in READS if o.required], ids=lambda o: o.path)
async def test_missing_required_option_is_refused_by_name(get, operation):
    status, body, _ = await get(operation.path)
    assert status == 400
    assert operation.required[0] in body["message"]


@for_each("operation", [o for o in READS if "data_quantity" not in o.options], ids=lambda o: o.path)
async def test_read_without_the_option_in_the_reference_costs_the_setting(box, get, operation):
    box.reset()
    await get(operation.path, **options_for(box, operation))
    assert box.units() == 5
    box.settings.unlisted_data_quantity = "complete"
    await get(operation.path, **options_for(box, operation))
    assert box.units() == 25
    box.settings.unlisted_data_quantity = "basic"


def bodies(box):
    first = {record_type: box.world.ids(record_type)[0] for record_type in box.world.types}
    return {
        "POST /core/persons": {"emailAddresses": [{"emailAddress": "new@brand-new.com", "name": "New"}]},
        "POST /core/emailaddresses": {"emailAddress": "other@brand-new.com"},
        "POST /core/offices": {"name": "North"},
        "POST /core/projects": {"projectNumber": "1", "projectNameLegal": "One"},
        "POST /core/team": {"emailAddressId": first["email_addresses"], "ProjectMemberStatus": "nonmember"},
        "POST /core/groups": {"projectId": first["projects"], "name": "G"},
        "POST /core/notes": {"attachedToId": first["rfis"], "personId": first["persons"], "content": "<p>x</p>"},
        "POST /fileset/cloudfilesystem-children": {"fileCategory": "pdf"},
        "POST /workflow/rfis": {"project_id": first["projects"], "parts": [{"part_type": "receive", "title": "t"}]},
        "POST /workflow/rfi-integrations": {"name": "Code"},
        "POST /workflow/submittals": {"project_id": first["projects"]},
        "POST /workflow/cos": {"cost": "1.00"},
        "PATCH /core/me": {"dailyReminder": True},
        "PATCH /core/persons": {"id": first["persons"], "name": "Changed"},
        "PATCH /core/emailaddresses": {"id": first["email_addresses"], "title": "Changed"},
        "PATCH /core/brands": {"id": first["brands"], "nameShort": "Changed"},
        "PATCH /core/offices": {"id": first["offices"], "name": "Changed"},
        "PATCH /core/projects": {"id": first["projects"], "projectNumber": "2", "projectNameLegal": "Two"},
        "PATCH /core/groups": {"id": first["groups"], "name": "Changed"},
        "PATCH /core/notes": {"id": first["notes"], "content": "Changed"},
        "PATCH /fileset/cloudfilesystem-children": {"id": first["cloud_children"], "fileCategory": "cad"},
        "PATCH /workflow/rfis": {"id": first["rfis"], "stage": "void"},
        "PATCH /workflow/submittals": {"id": first["submittals"], "our_title": "Changed"},
        "PATCH /workflow/cos": {"id": first["cos"], "cost": "2.00"},
    }


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.method in {"POST", "PATCH"}], ids=lambda o: o.name)
async def test_write_changes_the_world_and_answers_with_the_record(box, send, operation):
    body = bodies(box)[operation.name]
    options = {"projectId": box.world.ids("projects")[0]} if operation.required else {}
    status, made = await send(operation.method, operation.path, body, **options)
    if operation.name == "PATCH /fileset/cloudfilesystem-children":
        assert (status, made) == (204, "")
        assert box.world.get("cloud_children", body["id"])["fileCategory"] == "cad"
    else:
        assert status == (201 if operation.method == "POST" else 200)
        sent = {k: v for k, v in body.items() if k not in {"parts", "emailAddresses", "attachedToId", "personId"}}
        assert made == {**made, **sent}
        if operation.path not in {"/core/team", "/workflow/rfi-integrations"}:
            assert_valid(made, operation, str(status))
    assert box.units() == 5


@pytest.mark.parametrize("record_type", ["rfis", "submittals", "cos"])
async def test_delete_removes_and_is_idempotent(box, send, record_type):
    victim = box.world.ids(record_type)[0]
    for _ in range(2):
        assert await send("DELETE", f"/workflow/{record_type}", id=victim) == (204, "")
    assert box.world.get(record_type, victim) is None
    box.settings.delete_unknown_status = 404
    assert (await send("DELETE", f"/workflow/{record_type}", id=victim))[0] == 404
    assert (await send("DELETE", f"/workflow/{record_type}"))[0] == 400


async def test_pco_cannot_be_deleted_once_it_was_forwarded(box, send):
    went_on = {
        part["item_id"]
        for part in box.world.records("pco_parts")
        if part["part_type"] in {"forward", "return_of_forward"}
    }
    for pco in box.world.ids("pcos"):
        status, _ = await send("DELETE", "/workflow/pcos", id=pco)
        assert status == (400 if pco in went_on else 204)
    assert set(box.world.ids("pcos")) == went_on


async def test_cloud_delete_has_no_option_that_names_the_child(box, send):
    assert (await send("DELETE", "/fileset/cloudfilesystem-children"))[0] == 204


async def test_answers_of_a_seed_are_the_same_byte_by_byte(box, http):
    """A seed gives the same bytes in every version: whoever recorded answers of a sandbox can compare them."""
    answers = hashlib.sha256()

    async def note(method, path, **sent):
        async with http.request(method, path, **sent) as response:
            answers.update(f"{method} {response.status}\n".encode() + await response.read())

    box.settings.limit = 10_000
    for operation in READS:
        for data_quantity in ("id_only", "basic", "complete"):
            headers = {"data_quantity": data_quantity, **options_for(box, operation)}
            await note("GET", operation.path, headers=headers)
            await note("GET", operation.path, headers={**headers, "pageSize": "7", "pageNumber": "2"})
            await note("GET", operation.path, headers={**headers, "searchQuery": "ar", "sortDirection": "desc"})
    sent = bodies(box)
    for operation in OPERATIONS:
        if operation.name in sent:
            headers = {"projectId": box.world.ids("projects")[0]} if operation.required else {}
            await note(operation.method, operation.path, json=sent[operation.name], headers=headers)
        elif operation.method == "DELETE":
            record_type = operation.path.rpartition("/")[2]
            if record_type in box.world.types:
                await note("DELETE", operation.path, headers={"id": box.world.ids(record_type)[1]})
    for record_type in box.world.types:
        for data_quantity in ("basic", "complete"):
            await note("GET", f"/__world?type={record_type}&data_quantity={data_quantity}")
    assert answers.hexdigest() == "1e0bcbd92be26ab3ce1c180f526573ee6f9a3a50617bb1843e8c593a8e3980de", (
        "the sandbox answers otherwise than before; if a record type or a field is new, write the new digest here"
    )
