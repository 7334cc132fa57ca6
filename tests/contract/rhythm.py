"""The Rhythm reference as far as the tests ask it, and every method of the client with all its arguments."""

from __future__ import annotations

import copy
import datetime
import functools
import json
import pathlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, get_type_hints

import attrs
import yaml
from aioresponses import CallbackResult
from yarl import URL

from tonicdm.clock import VirtualClock
from tonicdm.paging import Paginator
from tonicdm.rhythm import (
    BatchDelete,
    BatchPatch,
    MemoryTokenStore,
    QuerySpec,
    RhythmClient,
    ThrottleRules,
    TokenBroker,
    any_of,
    field,
    to_rules,
)
from tonicdm.rhythm.endpoints.collect import CreditFields, InvoiceFields, PaymentFields
from tonicdm.rhythm.endpoints.commerce import CancellationFields, OrderFields
from tonicdm.rhythm.endpoints.contacts import ContactCriteria, ContactFields
from tonicdm.rhythm.endpoints.fundraising import GiftChanges, PledgeCriteria
from tonicdm.rhythm.endpoints.organizations import OrganizationChanges, OrganizationCriteria, OrganizationFields
from tonicdm.rhythm.endpoints.platform import QueryDeliveryScheduleFields, SavedSearchFields, WorkflowFields
from tonicdm.rhythm.endpoints.registrations import RegistrationGroupCriteria
from tonicdm.rhythm.models import Address, CustomFieldValue, TypedAddress, TypedPhoneNumber

from .mocking import SentRequest, mocked

FILES = ("rhythm.openapi.yaml", "rhythm-more.openapi.yaml")
TENANT = "www.example.org"
ID = "c0ffee-1_x|y"
ARN = "arn:aws:states:us-east-1:123456789012:execution:process-order:abc-123"
MOMENT = "2026-11-22T01:02:03Z"


def _part(name: str) -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(pathlib.Path(__file__).with_name(name).read_text(), Loader=loader)


@functools.cache
def document() -> dict[str, Any]:
    """Return the reference: its first part with what the second one adds and supersedes."""
    found, more = map(_part, FILES)
    for path, methods in more["paths"].items():
        assert not set(methods) & set(found["paths"].get(path, {})) - {"servers", "parameters"}
        found["paths"][path] = {**found["paths"].get(path, {}), **methods}
    for part, named in more["components"].items():
        found["components"].setdefault(part, {}).update(named)
    found["x-services"]["hosts"] = more["x-services"]["hosts"]
    return found


def inlined(node: Any, seen: tuple[str, ...] = ()) -> Any:
    """Return *node* with every ``$ref`` replaced by what it names, and every allOf by one schema."""
    if isinstance(node, list):
        return [inlined(one, seen) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"]
        if name in seen:
            return {}
        found: Any = document()
        for key in name.removeprefix("#/").split("/"):
            found = found[key]
        return {**inlined(found, (*seen, name)), **inlined({k: v for k, v in node.items() if k != "$ref"}, seen)}
    found = {key: inlined(value, seen) for key, value in node.items() if key != "allOf"}
    for part in inlined(node.get("allOf", []), seen):
        properties = {**part.get("properties", {}), **found.get("properties", {})}
        required = [*part.get("required", []), *found.get("required", [])]
        found = {**part, **found, "properties": properties, "required": required}
    return found


@attrs.frozen
class Described:
    """One operation of the reference."""

    id: str
    method: str
    path: str
    service: str
    node: dict[str, Any] = attrs.field(repr=False, eq=False)

    @property
    def options(self) -> set[str]:
        """Names of what its query string may hold."""
        return {one["name"] for one in inlined(self.node.get("parameters", [])) if one["in"] == "query"}

    @property
    def answer(self) -> Any:
        """The schema of its answer; empty where none is shown."""
        content = inlined(self.node["responses"]["200"]).get("content", {})
        return content["application/json"]["schema"] if content else {}

    @property
    def body(self) -> Any:
        """The schema of its body; None without one."""
        content = inlined(self.node.get("requestBody", {})).get("content", {})
        return content["application/json"]["schema"] if "application/json" in content else None


def _operations() -> dict[str, Described]:
    found = {}
    for path, methods in document()["paths"].items():
        for method in ("get", "post", "patch", "delete"):
            if method in methods:
                node = methods[method]
                service = URL(methods["servers"][0]["url"].replace("{", "").replace("}", "")).host.partition(".")[0]
                found[node["operationId"]] = Described(node["operationId"], method.upper(), path, service, node)
    return found


OPERATIONS = _operations()
MORE = {
    node["operationId"]
    for methods in _part(FILES[1])["paths"].values()
    for name, node in methods.items()
    if name in {"get", "post", "patch", "delete"}
}
"""Operations of the reference's second part."""

BATCH = [BatchPatch(ID, steps='[{"op": "replace", "path": "/name", "value": "x"}]'), BatchDelete("another")]

FIELDS = ["id", "name"]
VALUES: dict[str, Any] = {
    "number": 7,
    "contact_role_ids": ["r1"],
    "ids": [ID],
    "alternate_domain_names": ["x.org"],
    "flags": ["vip"],
    "tax_exempt": True,
    "link_work_address_to_organization": True,
    "link_work_phone_number_to_organization": False,
    "new_organization_info": {"name": "New"},
    "other_phone_numbers": [TypedPhoneNumber(type_id="t", phone_number="1")],
    "other_addresses": [TypedAddress(type_id="t", address=Address(city="Oslo"))],
    "custom_field_values": [CustomFieldValue(custom_field_id="a__c", string_value="x")],
    "extra": {"zzUnknown": [1, None]},
}


def filled(options: type) -> dict[str, Any]:
    """Return a value for every field of a TypedDict, of the type that it takes."""
    if options.__module__.rpartition(".")[2] in TYPED:
        return {name: _of(name, str(kind)) for name, kind in get_type_hints(options).items()}
    found = {}
    for name in options.__annotations__ if options is not OrganizationChanges else _all(options):
        if name.endswith("address") and name != "email_address":
            found[name] = Address(line1="1 High Street", latitude=1.5)
        elif name.startswith("date_"):
            found[name] = datetime.datetime(2026, 11, 22, 1, tzinfo=datetime.UTC)
        else:
            found[name] = VALUES.get(name, f"a {name}")
    return found


TYPED = {"commerce", "collect", "registrations", "fundraising", "platform"}
"""Modules whose TypedDicts are filled by the types of their fields."""


def _of(name: str, kind: str) -> Any:
    for sign, value in {
        "OpenEnum": "contact",
        "CancellationAction": "issue credit",
        "OwnerType": "contact",
        "PaymentType": "check",
        "PaymentStatus": "complete",
        "CashAccountType": "bank",
        "InvoiceStatus": "open",
        "CreditType": "manual",
        "PremiumAssignment": "assigned",
        "DeliveryFormat": "csv",
        "AccessGroup": "team",
        "models.parts.Address": Address(line1="1 High Street"),
        "CustomFieldValue": [CustomFieldValue(custom_field_id="a__c", string_value="x")],
        "InvoiceLineItem": [{"description": "Dues", "total": 3.5}],
        "GiftSplit": [{"fund_id": "f", "amount": 2}],
        "ElectronicPaymentInfo": {"token": "t", "card_type": "visa"},
        "RecordChangeTrigger": {"ruleset": to_rules(field("city") == "Oslo"), "run_on_record_creation": True},
        "DateTrigger": {"date_property": "renewal_date", "time_units": 3},
        "tuple[datetime": (datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),) * 2,
        "datetime.datetime": datetime.datetime(2026, 11, 22, 1, tzinfo=datetime.UTC),
        "datetime.date": datetime.date(2026, 11, 22),
        "float": 7,
        "bool": True,
        "Mapping[str": {"zzUnknown": [1, None]},
        "ListOf[str]": ["a@example.org"],
        "typing.Any": JSON.get(name, {"a": 1}),
    }.items():
        if sign in kind:
            return value
    return f"a {name}"


JSON: dict[str, Any] = {
    name: [{"a": 1}] for name in ("captures", "line_items", "exact_dates", "relative_dates", "searchable_fields")
}
"""Free JSON that is a list."""


def _all(options: type) -> dict[str, Any]:
    return {**OrganizationFields.__annotations__, **options.__annotations__}


CRITERIA = (field("last_name") == "Ng") & any_of(field("number") > 3, field("city").is_in(["Oslo", "Bergen"]))
SPEC = QuerySpec(
    type="rolodex:contacts", fields=("id", "organization.name"), criteria=CRITERIA, sort=("-number",), limit=5,
    offset=1,     name="a name", context_id="x",
)  # fmt: skip

Call = Callable[[RhythmClient], Any]

CALLS: dict[str, Call] = {
    "getCurrentContact": lambda r: r.contacts.current(fields=FIELDS, path="plain"),
    "getCurrentContactForTenant": lambda r: r.contacts.current(fields=FIELDS, path="tenant"),
    "listContacts": lambda r: r.contacts.list(fields=FIELDS),
    "createContact": lambda r: r.contacts.create(**filled(ContactFields)),
    "getContact": lambda r: r.contacts.get(ID, fields=FIELDS, consistent=True),
    "patchContact": lambda r: r.contacts.update(ID, **filled(ContactFields)),
    "getContactByEmailAddress": lambda r: r.contacts.find_by_email("mel+1@example.org", fields=FIELDS),
    "linkCurrentUserToContact": lambda r: r.contacts.link_current_user("mel@example.org", return_url="https://x.org"),
    "searchForContacts": lambda r: r.contacts.search(fields=FIELDS, **filled(ContactCriteria)),
    "createOrganization": lambda r: r.organizations.create(name="Ridge", number=7, **filled(OrganizationFields)),
    "getOrganization": lambda r: r.organizations.get(ID, fields=FIELDS, consistent=False),
    "patchOrganization": lambda r: r.organizations.update(ID, **filled(OrganizationChanges)),
    "searchForOrganizations": lambda r: r.organizations.search(fields=FIELDS, **filled(OrganizationCriteria)),
    "listAddressTypes": lambda r: r.address_types.list(fields=FIELDS),
    "listCommunicationTypes": lambda r: r.communication_types.list(fields=FIELDS),
    "listEngagementScoresByCustomer": lambda r: r.engagement_scores.list("contact", ID, fields=FIELDS),
    "getQueryDefinition": lambda r: r.query_definitions.get(ID, fields=FIELDS),
    "getUpcomingEvents": lambda r: r.events.upcoming(fields=FIELDS),
    "searchForEvents": lambda r: r.events.search(fields=FIELDS, name="Summit", zz=[1]),
    "getEvent": lambda r: r.events.get(ID, fields=FIELDS, consistent=True),
    "getQueryDescription": lambda r: r.queries.describe_type("rolodex:contacts", context_id="x"),
    "startQuery": lambda r: r.queries.start_spec(SPEC, output_format="csv"),
    "describeQuery": lambda r: r.queries.describe("q-1"),
    "describeStateMachineExecution": lambda r: r.step_functions.describe(ARN),
    "cancelStateMachineExecution": lambda r: r.step_functions.cancel(ARN),
    "listCustomQueryDefinitions": lambda r: r.custom_query_definitions.list(fields=FIELDS),
    "runChapterSavedQuery": lambda r: r.queries.start_saved("ch", "sq", output_format="excel"),
    "getMembership": lambda r: r.memberships.get(ID, fields=FIELDS, consistent=True),
    "listOrders": lambda r: r.orders.list(fields=FIELDS),
    "processOrder": lambda r: r.orders.process(**filled(OrderFields)),
    "listOrdersByCoupon": lambda r: r.orders.list_by_coupon("coupon", "c#1:2|3", fields=FIELDS),
    "processCancellation": lambda r: r.cancellations.process(**filled(CancellationFields)),
    "listCancellationsByOrderId": lambda r: r.cancellations.list_by_order("o#1", fields=FIELDS),
    "warmUpCancellationStepFunctions": lambda r: r.cancellations.warm_up(),
    "listCoupons": lambda r: r.coupons.list(fields=FIELDS),
    "listCouponCodeGenProcesses": lambda r: r.coupon_code_generations.list(fields=FIELDS),
    "processPublicPayment": lambda r: r.payments.process_public(
        ID, "a shared secret", contact_info={"email": "a@example.org"}, payment={"token": "t"}
    ),
    "processPayment": lambda r: r.payments.process(**filled(PaymentFields)),
    "getPaymentForPortal": lambda r: r.payments.get_for_portal("org", ID, fields=FIELDS, consistent=True),
    "processInvoice": lambda r: r.invoices.process(**filled(InvoiceFields)),
    "getInvoice": lambda r: r.invoices.get(ID, fields=FIELDS, consistent=True),
    "patchInvoice": lambda r: r.invoices.update(ID, **filled(InvoiceFields)),
    "createCredit": lambda r: r.credits.create(**filled(CreditFields)),
    "previewBatchPosting": lambda r: r.batch_posting.preview(["b1", "b2"], "unit"),
    "warmUpBatchPostingStepFunctions": lambda r: r.batch_posting.warm_up(),
    "listBillingTemplates": lambda r: r.billing_templates.list(fields=FIELDS),
    "listInstallmentPlans": lambda r: r.installment_plans.list(fields=FIELDS),
    "searchForRegistrationGroups": lambda r: r.registration_groups.search(
        fields=FIELDS, **filled(RegistrationGroupCriteria)
    ),
    "listRegistrationProcesses": lambda r: r.registration_processes.list(fields=FIELDS),
    "listProcessesByEventId": lambda r: r.registration_processes.list_by_event("ev", fields=FIELDS),
    "listDirectoriesByEventId": lambda r: r.registrant_directories.list_by_event("ev", fields=FIELDS),
    "getApplication": lambda r: r.applications.get(ID, fields=FIELDS, consistent=True),
    "listApplicationProcesses": lambda r: r.application_processes.list(fields=FIELDS),
    "listBillingNotices": lambda r: r.billing_notices.list(fields=FIELDS),
    "listSections": lambda r: r.sections.list(fields=FIELDS),
    "getChapterMemberContact": lambda r: r.chapters.member_contact("ch", "co"),
    "executeMembershipBatchOperations": lambda r: r.memberships.batch(BATCH),
    "listGifts": lambda r: r.gifts.list(fields=FIELDS),
    "patchGift": lambda r: r.gifts.update(ID, **filled(GiftChanges)),
    "listRecurringGiftsByContactId": lambda r: r.recurring_gifts.list_by_contact("co", fields=FIELDS),
    "searchForPledges": lambda r: r.pledges.search(fields=FIELDS, **filled(PledgeCriteria)),
    "listGivingProcesses": lambda r: r.giving_processes.list(fields=FIELDS),
    "listCertifications": lambda r: r.certifications.list(fields=FIELDS),
    "listCertificationFees": lambda r: r.certification_fees.list(fields=FIELDS),
    "listCustomFields": lambda r: r.custom_fields.list(fields=FIELDS),
    "listTaskTypes": lambda r: r.task_types.list(fields=FIELDS),
    "listPageLayouts": lambda r: r.page_layouts.list(fields=FIELDS),
    "listServiceMetadata": lambda r: r.service_metadata.list(fields=FIELDS),
    "listServiceConfigurations": lambda r: r.service_configurations.list(fields=FIELDS),
    "createWorkflow": lambda r: r.workflows.create(**filled(WorkflowFields)),
    "createQueryDeliverySchedule": lambda r: r.query_delivery_schedules.create(**filled(QueryDeliveryScheduleFields)),
    "createSavedSearch": lambda r: r.saved_searches.create(**filled(SavedSearchFields)),
    "getEngagementScore": lambda r: r.engagement_scores.get(ID, fields=FIELDS, consistent=True),
    "listContactDuplicates": lambda r: r.contact_duplicates.list(fields=FIELDS),
    "executeContactBatchOperations": lambda r: r.contacts.batch(BATCH),
}
"""The method that is made for each operation of the API; the 76th, issueM2MToken, is the broker's."""


async def call(name: str, payloads: list[Any]) -> tuple[list[SentRequest], Any]:
    """Call the method of an operation; return what was sent, and what it gave: of a list its pages.

    Args:
        name: The operation.
        payloads: What is answered, one after another; the last one again and again.
    """
    sent: list[SentRequest] = []

    def answer(method: str, url: URL, **request: Any) -> CallbackResult:
        sent.append(SentRequest(method, url, tuple(dict(request["headers"]).items()), request["data"]))
        body = payloads[min(len(sent), len(payloads)) - 1]
        return CallbackResult(status=200, body=b"" if body is None else json.dumps(body).encode())

    with mocked(answer):
        if name == "issueM2MToken":
            return sent, await _mint()
        pace = ThrottleRules(calls_per_second=None)
        async with RhythmClient(TENANT, token="secret-token", throttle=pace, clock=VirtualClock()) as rhythm:
            result = CALLS[name](rhythm)
            if isinstance(result, Paginator):
                return sent, [page.records async for page in result.pages()]
            assert isinstance(result, Awaitable)
            return sent, await result


async def _mint() -> str:
    broker = TokenBroker(
        "example.us.auth0.com", "app", "app-secret", store=MemoryTokenStore(), clock=VirtualClock(), tenant_id=TENANT
    )
    found = (await broker.token()).reveal()
    await broker.close()
    return found


def example(operation: Described) -> Any:
    """Return an answer that an operation could give; of a list its last page."""
    if operation.id == "issueM2MToken":
        return {"access_token": "a-token", "token_type": "Bearer", "expires_in": 86_400}
    record: dict[str, Any] = {"id": ID, "name": "a name", "zzUnknown": 1, "executionArn": ARN}
    if operation.id.endswith("BatchOperations"):
        return {"error_count": 0, "success_count": 2, "results": [{"id": ID}, {"id": "another"}]}
    if operation.id == "searchForRegistrationGroups":
        record |= {"event_id": "e", "organization_id": "o"}
    schema = operation.answer
    if schema.get("type") == "array":
        return [record]
    paged = "Items" in schema.get("properties", {}) or operation.id == "listCancellationsByOrderId"
    return {"Items": [record], "Count": 1} if paged else record


def without_patterns(schema: Any) -> Any:
    """Return a schema with formats and words in place of patterns, which can be made at random and fit them."""
    if isinstance(schema, Mapping):
        found = {key: without_patterns(value) for key, value in schema.items() if key != "pattern"}
        made = {
            r"^[\w|-]+$": {"format": "uuid"},
            r"^[^:/]+:[^:/]+$": {"enum": ["rolodex:contacts", "events:functions"]},
        }
        return {**found, **made.get(schema.get("pattern", ""), {})}
    return [without_patterns(one) for one in schema] if isinstance(schema, list) else copy.copy(schema)


@functools.cache
def made_answer(name: str) -> Any:
    """Return the schema of an operation's answer as it can be made at random."""
    return without_patterns(OPERATIONS[name].answer)
