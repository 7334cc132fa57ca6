"""All 76 operations answer, in the shapes of the reference's schemas."""

import hashlib
import re
from urllib.parse import quote

import jsonschema
import pytest
import yarl
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from tests.cases import for_each
from tests.contract.rhythm import document
from tonicdm.sandbox.rhythm.operations import AUTH, OPERATIONS

REFERENCE = document()
REGISTRY = Registry().with_resource("urn:rhythm", Resource(REFERENCE, DRAFT202012))
DESCRIBED = {
    node["operationId"]: (path, method.upper(), item["servers"][0]["url"], node)
    for path, item in REFERENCE["paths"].items()
    for method, node in item.items()
    if method != "servers"
}
SERVED = [operation for operation in OPERATIONS if operation.service != AUTH]


def assert_valid(instance, pointer):
    jsonschema.Draft202012Validator(
        {"$ref": f"urn:rhythm#{pointer}"}, registry=REGISTRY, format_checker=jsonschema.FormatChecker()
    ).validate(instance)


def pointer_of(operation, status="200"):
    path = operation.path.replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
    node = DESCRIBED[operation.id][3]["responses"][status]
    if "$ref" in node:
        return node["$ref"].removeprefix("#") + "/content/application~1json/schema"
    return f"/paths/{path}/{operation.method.lower()}/responses/{status}/content/application~1json/schema"


def test_routes_are_those_of_the_reference_on_its_hosts():
    served = {(o.id, o.service, o.method, o.path) for o in OPERATIONS}
    described = {
        (name, AUTH if "auth0" in url else url.removeprefix("https://").partition(".")[0], method, path)
        for name, (path, method, url, _) in DESCRIBED.items()
    }
    assert served == described
    assert len(served) == 76


@pytest.fixture
def parameters(rhythm, call):
    """Values for the path of an operation; what it needs is made first."""

    async def values(operation):
        tables = rhythm.world.tables
        record_type = {
            "getOrganization": "organizations", "patchOrganization": "organizations", "getEvent": "events",
            "getMembership": "memberships", "getInvoice": "invoices", "patchInvoice": "invoices", "patchGift": "gifts",
            "getApplication": "applications", "getPaymentForPortal": "payments",
        }  # fmt: skip
        of = record_type.get(operation.id, "contacts")
        execution = rhythm.start_execution("bill")
        known = {
            "tenantId": rhythm.tenant_id,
            "id": tables[of].id(0),
            "emailAddress": tables["contacts"].value(0, "email_address"),
            "customer_type": "contact",
            "customer_id": tables["contacts"].id(0),
            "queryType": "rolodex:contacts",
            "outputFormat": "json",
            "executionArn": execution.arn,
            "stateMachineName": execution.machine,
            "executionId": execution.id,
            "chapterId": "chapter-north",
            "savedQueryId": "all-contacts",
            "coupon_type": "coupon",
            "coupon_id": tables["coupons"].id(0),
            "order_id": tables["orders"].id(0),
            "event_id": tables["events"].id(0),
            "contact_id": tables["contacts"].id(0),
            "contactId": tables["contacts"].id(0),
            "portalOrganizationId": tables["organizations"].id(0),
        }
        if operation.id == "getEngagementScore":
            known["id"] = f"contact|{tables['contacts'].id(0)}|1"
        if operation.id == "getQueryDefinition":
            known["id"] = "all-contacts"
        if operation.id == "describeQuery":
            path = "/queries/{t}/start/rolodex:contacts/json"
            begun = (await call("POST", "system", path, {"output_fields": [{"field": "id"}]}))[1]
            known["id"] = begun["id"]
        return known

    return values


BODIES = {
    "createContact": {"first_name": "Ana", "last_name": "Silva"},
    "createOrganization": {"name": "North", "number": 7},
    "patchContact": [{"op": "replace", "path": "/last_name", "value": "Ng"}],
    "patchOrganization": [{"op": "replace", "path": "/name", "value": "South"}],
    "searchForContacts": {"country": "US"},
    "searchForOrganizations": {},
    "searchForEvents": {},
    "startQuery": {"output_fields": [{"field": "id"}], "criteria": {"all": []}},
    "linkCurrentUserToContact": {"returnUrl": "https://example.org"},
    "processOrder": {"bill_to_type": "contact", "duplicate_prevention_key": "once"},
    "processCancellation": {"order_id": "o", "action": "issue credit"},
    "processPayment": {"type": "check", "owner_type": "contact"},
    "processInvoice": {"date_due": "2027-01-31", "status": "open"},
    "patchInvoice": [{"op": "add", "path": "/purchase_order_number", "value": "7"}],
    "patchGift": [{"op": "add", "path": "/notes", "value": "thanks"}],
    "createCredit": {"type": "manual", "owner_type": "contact"},
    "previewBatchPosting": {"batch_ids": ["b"], "business_unit_id": "u"},
    "searchForPledges": {"status": ["open"], "date": ["2021-01-01T00:00:00Z", "2026-01-01T00:00:00Z"]},
    "createWorkflow": {"name": "Welcome"},
    "createQueryDeliverySchedule": {"name": "Daily", "saved_query_id": "q", "email_addresses": ["a@example.org"]},
    "createSavedSearch": {"name": "Mine", "service": "rolodex"},
    "executeContactBatchOperations": {"operations": []},
    "executeMembershipBatchOperations": {"operations": []},
}


async def token(rhythm):
    """Return a user's token: it is good for the calls that need a contact, too."""
    rhythm.settings.password_grant = True
    form = {
        "grant_type": "password",
        "client_id": rhythm.client_id,
        "client_secret": rhythm.client_secret,
        "username": rhythm.user_email,
        "password": rhythm.user_password,
    }
    return rhythm.issuer.grant(form, rhythm.now())["access_token"]


@for_each("operation", SERVED, ids=lambda operation: operation.id)
async def test_operation_answers_in_the_references_shape(rhythm, clock, call, parameters, operation):
    known = await parameters(operation)
    clock.advance(20)
    path = re.sub(r"\{(\w+)\}", lambda found: known[found[1]], operation.path)
    bearer = await token(rhythm)
    body = BODIES.get(operation.id)
    if operation.id == "searchForRegistrationGroups":
        body = {"event_id": known["event_id"]}
    if operation.id == "processPublicPayment":
        invoice = rhythm.world.tables["invoices"].record(0)
        body = {"contact_info": {}, "invoice_id": invoice["id"], "payment": {}, "sharing_secret": "shared-0"}
    if body is not None:
        schema = DESCRIBED[operation.id][3]["requestBody"]["content"]["application/json"]["schema"]
        if "$ref" in schema:
            assert_valid(body, schema["$ref"].removeprefix("#"))
    status, answer, headers = await call(operation.method, operation.service, path, body, token=bearer)
    assert status == 200, answer
    assert rhythm.journal[-1].operation == operation.id
    if "content" in DESCRIBED[operation.id][3]["responses"]["200"]:
        assert_valid(answer, pointer_of(operation))
    assert set(DESCRIBED[operation.id][3]["responses"]["200"].get("headers", {})) <= set(headers)


@for_each("operation", SERVED, ids=lambda operation: operation.id)
async def test_refusals_have_the_references_error_body(rhythm, call, parameters, operation):
    known = await parameters(operation)
    path = re.sub(r"\{(\w+)\}", lambda found: known[found[1]], operation.path)
    for fault, status in (("server_error", "500"), ("forbidden", "403"), ("too_many_requests", "429")):
        rhythm.faults.next(fault, method=operation.method)
        found, answer, _ = await call(operation.method, operation.service, path, token="x")
        assert str(found) == status
        assert_valid(answer, pointer_of(operation, status))
    if operation.id == "processPublicPayment":
        return  # it takes no token
    found, answer, _ = await call(operation.method, operation.service, path, headers={})
    assert found == 401
    assert_valid(answer, pointer_of(operation, "401"))


async def test_token_answers_in_the_references_shape(rhythm, mint):
    status, body = await mint()
    assert status == 200
    assert_valid(body, "/components/schemas/TokenResponse")
    assert_valid(rhythm.issuer.claims(body["access_token"]), "/components/schemas/AccessTokenClaims")
    for form in ({"client_secret": "wrong"}, {"audience": None}):
        assert_valid((await mint(**form))[1], "/components/schemas/OAuthError")


SCHEMAS = {
    "contacts": "Contact", "organizations": "Organization", "events": "Event", "memberships": "Membership",
    "orders": "Order", "cancellations": "Cancellation", "payments": "Payment", "invoices": "Invoice",
    "credits": "Credit", "installment_plans": "InstallmentPlan", "registration_groups": "RegistrationGroup",
    "registration_processes": "RegistrationProcess", "registrant_directories": "RegistrantDirectory",
    "applications": "MembershipApplication", "application_processes": "ApplicationProcess", "gifts": "Gift",
    "recurring_gifts": "RecurringGift", "certifications": "Certification", "contact_duplicates": "ContactDuplicate",
    "custom_fields": "CustomField", "workflows": "Workflow", "query_delivery_schedules": "QueryDeliverySchedule",
    "saved_searches": "SavedSearch",
}  # fmt: skip


async def test_every_seeded_record_has_the_references_shape(rhythm):
    for record_type, table in rhythm.world.tables.items():
        for rank in table.ranks():
            assert_valid(table.record(rank), f"/components/schemas/{SCHEMAS.get(record_type, 'SysRecord')}")


async def test_answers_of_a_seed_are_the_same_byte_by_byte(rhythm, plain, call, parameters):
    """A seed gives the same bytes in every version; of the addresses only the port differs."""
    answers = hashlib.sha256()
    port = f":{yarl.URL(rhythm.url).port}"
    for operation in SERVED:
        known = await parameters(operation)
        path = operation.path.replace("{tenantId}", "{t}")
        for name, value in known.items():
            path = path.replace("{" + name + "}", quote(value, safe=""))
        status, body, _ = await call(operation.method, operation.service, path, BODIES.get(operation.id))
        answers.update(f"{operation.id} {status} {body!r}\n".replace(port, "").encode())
    for record_type in rhythm.world.tables:
        async with plain.get(f"{rhythm.url}/__world", params={"type": record_type}) as response:
            answers.update(await response.read())
    assert answers.hexdigest() == "21055a3cd747d0f79184f4b485711e9e9b313a27d49c6c84734eaac93875add9"
