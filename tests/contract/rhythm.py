"""The Rhythm reference as far as the tests ask it, and every method of the client with all its arguments."""

from __future__ import annotations

import copy
import datetime
import functools
import json
import pathlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import yaml
from aioresponses import CallbackResult
from yarl import URL

from tonicdm.clock import VirtualClock
from tonicdm.paging import Paginator
from tonicdm.rhythm import (
    MemoryTokenStore,
    QuerySpec,
    RhythmClient,
    ThrottleRules,
    TokenBroker,
    any_of,
    field,
)
from tonicdm.rhythm.endpoints.contacts import ContactCriteria, ContactFields
from tonicdm.rhythm.endpoints.organizations import OrganizationChanges, OrganizationCriteria, OrganizationFields
from tonicdm.rhythm.models import Address, CustomFieldValue, TypedAddress, TypedPhoneNumber

from .mocking import mocked

FILE = pathlib.Path(__file__).with_name("rhythm.openapi.yaml")
TENANT = "www.example.org"
ID = "c0ffee-1_x|y"
ARN = "arn:aws:states:us-east-1:123456789012:execution:process-order:abc-123"
MOMENT = "2026-11-22T01:02:03Z"


@functools.cache
def document() -> dict[str, Any]:
    """Return the reference."""
    return yaml.load(FILE.read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


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
        """The schema of its answer."""
        return inlined(self.node["responses"]["200"])["content"]["application/json"]["schema"]

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
    """Return a value for every field of a TypedDict."""
    found = {}
    for name in options.__annotations__ if options is not OrganizationChanges else _all(options):
        if name.endswith("address") and name != "email_address":
            found[name] = Address(line1="1 High Street", latitude=1.5)
        elif name.startswith("date_"):
            found[name] = datetime.datetime(2026, 11, 22, 1, tzinfo=datetime.UTC)
        else:
            found[name] = VALUES.get(name, f"a {name}")
    return found


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
}
"""The method that is made for each operation of the API; the 29th, issueM2MToken, is the broker's."""


@attrs.frozen
class Sent:
    """A request as it reached the session."""

    method: str
    url: URL
    lines: tuple[tuple[str, str], ...]
    body: bytes | None

    @property
    def json(self) -> Any:
        """Its body."""
        return None if self.body is None else json.loads(self.body)


async def call(name: str, payloads: list[Any]) -> tuple[list[Sent], Any]:
    """Call the method of an operation; return what was sent, and what it gave: of a list its pages.

    Args:
        name: The operation.
        payloads: What is answered, one after another; the last one again and again.
    """
    sent: list[Sent] = []

    def answer(method: str, url: URL, **request: Any) -> CallbackResult:
        sent.append(Sent(method, url, tuple(dict(request["headers"]).items()), request["data"]))
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
    record = {"id": ID, "name": "a name", "zzUnknown": 1, "executionArn": ARN}
    schema = operation.answer
    if schema.get("type") == "array":
        return [record]
    return {"Items": [record], "Count": 1} if "Items" in schema.get("properties", {}) else record


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
