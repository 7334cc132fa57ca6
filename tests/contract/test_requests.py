"""The request of every method, with every option filled, against the reference by openapi-core."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from werkzeug.datastructures import Headers, ImmutableMultiDict
from yarl import URL

from tests.cases import for_each
from tonicdm import models

from . import rhythm
from .calls import BASE, FURTHER, ID, METHOD_OF, Sent, arguments, call, call_with, methods
from .reference import OPERATIONS, Described, document, flat, in_query, opened

PRIMARY = {name: OPERATIONS[operation] for operation, name in METHOD_OF.items()}

ALWAYS = {"data_quantity"}
"""Sent on every call, also where the reference omits it (concepts page, "Rate Limiting")."""
OF_CONCEPTS_PAGE = {"getRfis": {"projectId", "filterStatus", "sortBy"}}
"""Options that only the concepts page shows ("Non-standard Patterns")."""
BY_NAME = {"zzChild"}
"""Options that the reference does not show, so that users name them: every list passes them on."""
PLAIN_HEADERS = {"accept", "content-type", "user-agent", "authorization", "x-request-id"}

NEEDED = {"team.list:project_id", "cloud_folders.list:platform"}
"""Options that a list can't do without."""

OF_CONTACTS = {
    "name", "title", "deskphoneCountryCode", "deskphoneNumber", "deskphoneExtension", "mobilephoneCountryCode",
    "mobilephoneNumber", "dateInactive", "office", "customerDataWarehouseId", "customerErpId", "customerCrmId",
}  # fmt: skip
"""What the concepts page says of email addresses ("Email Addresses, Persons and Staff"), named as inside a person."""
OF_PROJECTS = {"brand", "office", "division1", "division2"}
"""What the concepts page says of projects ("Offices", "Division1 and Division2"; reference: x-fields-without-name)."""

BODIES_BEYOND = {
    "patchGroup": {"id"},
    "patchCloudChild": {"id"},
    "patchPerson": {"officeId", "division1", "division2"},
    "postEmailAddress": OF_CONTACTS,
    "patchEmailAddress": OF_CONTACTS,
    "postProject": OF_PROJECTS,
    "patchProject": OF_PROJECTS,
}
"""Fields that are sent though the schema of the body does not show them; each is explained at its method."""


@pytest.fixture(scope="module")
def by_header() -> OpenAPI:
    return opened(document())


@pytest.fixture(scope="module")
def by_query() -> OpenAPI:
    return opened(in_query())


@attrs.frozen
class Asked:
    """A request in the form that openapi-core reads."""

    method: str
    full_url_pattern: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str = "application/json"
    host_url: str = BASE

    @property
    def path(self) -> str:
        return self.full_url_pattern.removeprefix(BASE)

    @classmethod
    def of(cls, sent: Sent) -> Asked:
        parameters = RequestParameters(
            query=ImmutableMultiDict(list(sent.url.query.items())), header=Headers(list(sent.lines))
        )
        return cls(sent.method.lower(), BASE + sent.url.path, parameters, sent.body)


def options_of(sent: Sent) -> set[str]:
    names = [name for name, _ in sent.lines if name.lower() not in PLAIN_HEADERS]
    assert len(names) == len({name.lower() for name in names}), "a repeated header line"
    return {*names, *sent.url.query}


@pytest.mark.thorough
@for_each("described", [document, in_query, rhythm.document])
def test_a_reference_is_a_valid_document_of_openapi(described):
    """It changes seldom, and to prove it takes longer than all requests."""
    OpenAPI.from_dict(described())


def test_every_operation_has_exactly_one_method_and_no_method_is_without_operation():
    """61 operations, 61 methods; only get, get_many and soft_delete call one of them in a special way."""
    assert METHOD_OF.keys() == OPERATIONS.keys()
    assert len(set(METHOD_OF.values())) == len(OPERATIONS) == 61
    others = set(methods()) - set(METHOD_OF.values())
    assert set(METHOD_OF.values()) <= set(methods())
    assert {name.partition(".")[2] for name in others} <= set(FURTHER)


@for_each("name", methods())
async def test_a_method_calls_its_operation_and_nothing_else(name: str):
    sent, _ = await call(name)
    assert sent
    called = {one.operation for one in sent}
    assert len(called) == 1
    (operation,) = called
    assert operation is not None, f"{sent[0].method} {sent[0].url.path} is not in the reference"
    if name in PRIMARY:
        assert operation == PRIMARY[name]
    else:
        noun = name.partition(".")[0]
        assert METHOD_OF[operation.id].partition(".")[0] == noun


@for_each("name", methods())
async def test_a_request_with_options_in_headers_is_valid(name: str, by_header: OpenAPI):
    sent, _ = await call(name)
    assert sent
    for one in sent:
        assert not one.url.query
        by_header.validate_request(Asked.of(one))


@for_each("name", methods())
async def test_a_request_with_options_in_the_query_is_valid(name: str, by_query: OpenAPI):
    sent, _ = await call(name, option_placement="query")
    assert sent
    for one in sent:
        assert not {name.lower() for name in one.headers} - PLAIN_HEADERS
        by_query.validate_request(Asked.of(one))


@for_each("name", METHOD_OF.values())
@for_each("placement", ["header", "query"])
async def test_a_method_has_every_option_of_its_operation_and_no_other(name: str, placement: str):
    operation = PRIMARY[name]
    sent, _ = await call(name, option_placement=placement)
    documented = {one["x-query-name" if placement == "query" else "name"]: one for one in _named(operation)}
    spelled = {"data_quantity": "dataQuantity"} if placement == "query" else {}
    also = {spelled.get(one, one) for one in ALWAYS}
    also |= OF_CONCEPTS_PAGE.get(operation.id, set()) | BY_NAME
    if name == "filesets.get_many":
        also |= {"filterIDs", "filterIds"}
    assert set(documented) <= options_of(sent[0])
    assert options_of(sent[0]) <= set(documented) | also


def _named(operation: Described) -> list[dict[str, Any]]:
    return [{"x-query-name": one["name"], **one} for one in operation.parameters]


@for_each("name", [name for name, operation in PRIMARY.items() if operation.body is not None])
async def test_a_method_can_send_every_field_that_its_body_may_have(name: str):
    """Fields marked readOnly and the ID of a record to be made are left out."""
    operation = PRIMARY[name]
    sent, _ = await call(name)
    body = sent[0].json
    body = body[0] if isinstance(body, list) else body
    schema = flat(operation.body or {})
    schema = flat(schema["oneOf"][0]) if "oneOf" in schema else schema
    fields = schema.get("properties", {})
    writable = {key for key, value in fields.items() if not flat(value).get("readOnly")}
    if operation.method == "POST" and name != "rfi_integrations.create":
        writable -= {"id"}
    own = {"datetimeCreated", "datetimeUpdated"}
    assert writable - own - body.keys() == set()
    assert body.keys() - fields.keys() - BODIES_BEYOND.get(operation.id, set()) - {"zzUnknown"} == set()


@for_each("name", METHOD_OF.values())
async def test_a_method_gives_the_records_of_its_operation(name: str):
    """The class is named like the schema; unknown fields of the answer are kept."""
    operation = PRIMARY[name]
    _, result = await call(name)
    if operation.record is None:
        assert result is None or result == ()
        return
    kind = getattr(models, operation.record)
    record = result[0] if name == "filesets.get_many" else result
    assert type(record) is kind
    assert record["zzUnknown"] == 1


@for_each("name", [name for name in methods() if name.endswith((".list", ".staff"))])
async def test_a_list_sends_its_default_order_and_size(name: str):
    """Pages without a set order may overlap: where there is a sort option, it is sent; and 1000 records a page."""
    _, kwargs = arguments(name)
    needed = {key: value for key, value in kwargs.items() if f"{name}:{key}" in NEEDED}
    sent, _ = await call_with(name, (), needed)
    documented = {one["name"]: one for one in PRIMARY[name].parameters}
    expected = set(documented) & {"sortBy", "sortDirection", "pageSize", "pageNumber"}
    assert options_of(sent[0]) & {"sortBy", "sortDirection", "pageSize", "pageNumber"} == expected
    if "sortBy" in documented:
        example = {"notes.list": "actionDateTime"}.get(name, documented["sortBy"]["example"])
        assert sent[0].headers["sortBy"] == example
    if "pageSize" in documented:
        assert sent[0].headers["pageSize"] == "1000"
        assert sent[0].headers["pageNumber"] == "1"
    assert sent[0].headers["data_quantity"] == "basic"


WRONG = {
    "an ID with hyphens": ("getPersons", {"filterIDs": f"{ID},f71f272f-752c-4307-b36c-5124688562c4"}, None),
    "a page that is too large": ("getPersons", {"pageSize": "1001"}, None),
    "an unknown status": ("getPersons", {"filterStatuses": "active,lost"}, None),
    "a missing option": ("getTeam", {}, None),
    "an empty list": ("getFilesets", {"filterIDs": ""}, None),
    "an address that is none": ("getThirdPartyToken", {"platform": "egnyte", "source": "mel"}, None),
    "a missing field": ("postOffice", {}, b'{"status":"active"}'),
    "a text for a number": ("patchOffice", {}, b'{"phoneNumber":"12"}'),
    "an ID without hyphens": ("postNote", {}, f'{{"attachedToId":"{ID}","personId":"{ID}"}}'.encode()),
}


@for_each("placement", ["header", "query"])
@for_each("case", WRONG)
def test_the_validator_sees_what_is_wrong(case: str, placement: str, by_header: OpenAPI, by_query: OpenAPI):
    """A validator that never objects would prove nothing."""
    operation, given, body = WRONG[case]
    described = OPERATIONS[operation]
    spelled = {one["name"]: one.get("x-query-name", one["name"]) for one in described.parameters}
    query = {spelled[name]: value for name, value in given.items()} if placement == "query" else {}
    lines = list(given.items()) if placement == "header" else []
    url = URL(BASE + described.path).with_query(query)
    sent = Sent(described.method, url, (*lines, ("Authorization", "Bearer t")), body)
    with pytest.raises(OpenAPIError):
        (by_query if query or placement == "query" else by_header).validate_request(Asked.of(sent))
