"""All 76 operations of the Rhythm reference: requests by openapi-core, answers made from their schemas."""

from __future__ import annotations

import ast
import contextlib
import json
import pathlib
import re
from typing import Any, get_args, get_type_hints
from urllib.parse import parse_qsl

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_schema_validator import OAS31Validator, oas31_format_checker
from werkzeug.datastructures import Headers, ImmutableMultiDict

from tests.cases import for_each
from tonicdm import rhythm
from tonicdm.codec import OpenEnum, Record, wire_names
from tonicdm.errors import BulkError
from tonicdm.rhythm import models
from tonicdm.rhythm.assumed import ASSUMED, INFERRED_PATHS
from tonicdm.rhythm.models import CODEC
from tonicdm.rhythm.models.executions import ENDED
from tonicdm.rhythm.operations import OPERATIONS as OURS
from tonicdm.rhythm.operations import SERVICES

from .answers import payloads, same
from .reference import opened
from .rhythm import (
    ARN,
    CALLS,
    ID,
    MORE,
    OPERATIONS,
    TENANT,
    SentRequest,
    call,
    document,
    example,
    inlined,
    made_answer,
)

STARTED = {"processOrder", "processCancellation", "processPayment", "processPublicPayment", "processInvoice"}
"""Operations whose answer is an execution."""
BATCHES = {"executeContactBatchOperations", "executeMembershipBatchOperations"}
UNSHOWN = {"listCancellationsByOrderId"}
"""Lists of which the reference shows no more than that an object comes."""
CORE = {name for name, one in OPERATIONS.items() if name not in MORE}
QUICK = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), database=None)

RECORDS = {
    "Contact": models.Contact,
    "Organization": models.Organization,
    "Event": models.Event,
    "Membership": models.Membership,
    "AddressType": models.AddressType,
    "CommunicationType": models.CommunicationType,
    "Address": models.Address,
    "TypedPhoneNumber": models.TypedPhoneNumber,
    "CustomFieldValue": models.CustomFieldValue,
    "QueryExecution": models.QueryExecution,
    "QueryTypeDescription": models.QueryTypeDescription,
    "QueryDefinition": models.QueryDefinition,
    "CustomQueryDefinition": models.CustomQueryDefinition,
    "StepFunctionExecution": models.StepFunctionExecution,
    "ExecutionStarted": models.ExecutionStarted,
    "SysRecord": models.StoredRecord,
    "Order": models.Order,
    "Cancellation": models.Cancellation,
    "Coupon": models.Coupon,
    "Payment": models.Payment,
    "Invoice": models.Invoice,
    "InvoiceLineItem": models.InvoiceLineItem,
    "Credit": models.Credit,
    "InstallmentPlan": models.InstallmentPlan,
    "RegistrationGroup": models.RegistrationGroup,
    "RegistrationProcess": models.RegistrationProcess,
    "RegistrantDirectory": models.RegistrantDirectory,
    "MembershipApplication": models.MembershipApplication,
    "ApplicationProcess": models.ApplicationProcess,
    "Gift": models.Gift,
    "RecurringGift": models.RecurringGift,
    "Certification": models.Certification,
    "CustomField": models.CustomField,
    "Workflow": models.Workflow,
    "QueryDeliverySchedule": models.QueryDeliverySchedule,
    "SavedSearch": models.SavedSearch,
    "EngagementScoreComponent": models.EngagementScoreComponent,
    "EngagementScore": models.EngagementScore,
    "ContactDuplicate": models.ContactDuplicate,
}
ELSEWHERE = {
    "TokenRequest", "TokenResponse", "OAuthError", "AccessTokenClaims",  # the broker's
    "ErrorBody", "JsonPatch", "SysFields", "ContactSearch", "EventSearch", "QueryType", "OutputFormat", "QueryRequest",
    "QueryOutputField", "QuerySortField", "CriteriaGroup", "CriteriaNode", "CriteriaCondition", "PageOfRecords",
    "ContactPage", "OrganizationPage", "EventPage", "OrderPage", "RegistrationGroupPage", "PublicPaymentRequest",
    "BatchPostingPreview", "RegistrationGroupSearch", "PledgeSearch", "BatchRequest", "BatchResponse", "RuleSet",
    "RuleNode",
}  # fmt: skip
"""Schemas that are no records: bodies, pages, and parts of others."""


@pytest.fixture(scope="module")
def api() -> OpenAPI:
    return opened(document())


@attrs.frozen
class Asked:
    """A request in the form that openapi-core reads."""

    method: str
    host_url: str
    path: str
    full_url_pattern: str
    parameters: RequestParameters
    body: bytes | None
    content_type: str

    @classmethod
    def of(cls, sent: SentRequest, **changes: Any) -> Asked:
        query = ImmutableMultiDict(list(changes.get("query", sent.url.query).items()))
        parameters = RequestParameters(query=query, header=Headers(list(sent.lines)))
        host, path = str(sent.url.origin()), changes.get("path", sent.url.path)
        kind = {name.lower(): value for name, value in sent.lines}.get("content-type", "application/json")
        body = sent.body if isinstance(sent.body, bytes | None) else sent.body.decode().encode()
        return cls(sent.method.lower(), host, path, host + path, parameters, changes.get("body", body), kind)


@attrs.frozen
class Answered:
    """An answer in the form that openapi-core reads."""

    data: bytes
    status_code: int = 200
    content_type: str = "application/json"
    headers: Headers = attrs.field(factory=Headers)


# --- our list of operations is the reference's -----------------------------------------------------------------------


def test_every_operation_is_known_and_none_is_made_up() -> None:
    """76 in the two files: 75 of the API, each with a method, and the token endpoint."""
    assert len(OPERATIONS) == 76
    assert {*OURS, "issueM2MToken"} == set(OPERATIONS) == {*CALLS, "issueM2MToken"}
    for name, ours in OURS.items():
        theirs = OPERATIONS[name]
        assert (ours.method, ours.path, ours.service) == (theirs.method, theirs.path, theirs.service)
        assert {option.name for option in ours.options.values()} - theirs.options <= {"exclusiveStartKey"}
        assert theirs.options <= {option.name for option in ours.options.values()}
    assert {one.service for one in OURS.values()} <= SERVICES
    described = document()["x-services"]
    assert set(SERVICES) == {*described["seen"], *described["not-printed"], *described["hosts"]}


def test_what_is_assumed_as_a_whole_is_named_so() -> None:
    inferred = {
        name
        for name, one in OPERATIONS.items()
        if one.node.get("x-assumed") or (one.node.get("x-path-source") == "inferred" and name not in CORE)
    }
    assert inferred == INFERRED_PATHS


def test_the_assumed_words_of_queries_stand_in_one_place() -> None:
    """No other module of the room knows them."""
    dialect = ASSUMED.query
    # Our own names of operators are partly the same as those on the wire.
    words = {*dialect.operators.values(), dialect.output_key, dialect.sort_key} - set(dialect.operators)
    # The query types of orders, payments, invoices and credits are also what errors advise to look at.
    words |= {*ASSUMED.finished, *ASSUMED.failed, *ASSUMED.query_types.values()} - {"failed", "error"}
    root = pathlib.Path(rhythm.__file__).parent
    for path in [*root.glob("*.py"), *root.glob("endpoints/*.py")]:
        if path.name in {"assumed.py", "issuer.py"}:  # the issuer's words are OAuth's
            continue
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not texts & words, path


def test_429_means_already_running_where_the_reference_says_so() -> None:
    for name, one in OPERATIONS.items():
        if name in OURS:
            refused = one.node["responses"]["429"].get("$ref", "")
            assert OURS[name].one_at_a_time == refused.endswith("AlreadyRunning")


def test_the_states_that_end_an_execution_are_those_of_the_reference() -> None:
    schema = document()["components"]["schemas"]["StepFunctionExecution"]
    assert set(schema["x-terminal-statuses"]) == ENDED
    assert {str(one) for one in models.ExecutionStatus} == set(schema["properties"]["status"]["enum"])


# --- requests ---------------------------------------------------------------------------------------------------------


@for_each("name", OPERATIONS)
async def test_a_method_calls_its_operation_once_and_validly(name: str, api: OpenAPI) -> None:
    """Host, path, query string and body, with every argument given."""
    operation = OPERATIONS[name]
    sent, _ = await call(name, [example(operation)])
    calls = [one for one in sent if "openid-configuration" not in one.url.path]
    assert len(calls) == 1
    (one,) = calls
    if name != "issueM2MToken":
        assert one.url.host == f"{operation.service}.api.rhythmsoftware.com"
        assert dict(one.lines).get("Authorization") == (None if OURS[name].public else "Bearer secret-token")
        assert OURS[name].public == (operation.node.get("security") == [])
        assert set(one.url.query) == operation.options - {"exclusiveStartKey"}
    else:
        assert "Authorization" not in dict(one.lines)
        assert dict(parse_qsl(one.body.decode()))["grant_type"] == "client_credentials"
    assert api.spec is not None
    found = api.unmarshal_request(Asked.of(one))
    assert not found.errors
    pattern = re.sub(r"\{\w+\}", "[^/]+", operation.path)
    assert re.fullmatch(pattern, one.url.raw_path)


@for_each("name", [name for name, one in OPERATIONS.items() if name in CALLS and one.body is not None])
async def test_a_method_can_send_every_field_that_its_body_may_have(name: str) -> None:
    operation = OPERATIONS[name]
    sent, _ = await call(name, [example(operation)])
    fields = set(operation.body.get("properties", {}))
    if name.startswith("patch"):
        assert {step["op"] for step in sent[0].json} == {"add"}
        made = {"patchInvoice": "processInvoice"}.get(name, name.replace("patch", "create"))
        whole = operation.answer if made not in OPERATIONS else OPERATIONS[made].body
        given, fields = {step["path"][1:] for step in sent[0].json}, set(whole["properties"])
    else:
        given = set(sent[0].json)
    read_only = {
        key for key, value in (operation.body.get("properties") or {}).items() if value.get("readOnly")
    } | {"contact_roles"}  # fmt: skip
    made_by_the_service = {key for key in fields if key.startswith("sys_")} | {
        "id", "ancestor_organization_ids", "number_of_ancestors", "top_level_organization_id", "preferred_phone_number",
        "contact_role_compliance_status", "contact_role_compliance_violations", "human_readable_schedule",
        "last_run_date", "last_error", "last_error_date",
    }  # fmt: skip
    assert fields - given <= made_by_the_service | read_only
    assert given - fields <= {"zzUnknown", "sys_external_id", "name", "zz"}


@for_each("name", [name for name, one in OPERATIONS.items() if "exclusiveStartKey" in one.options])
@for_each("key", ["plain key/+&=?%", {"id": "a b", "n": 1}])
async def test_the_next_page_is_asked_for_by_the_key_of_the_last(name: str, key: Any, api: OpenAPI) -> None:
    page = {"Items": [{"id": ID}], "Count": 1}
    sent, pages = await call(name, [{**page, "LastEvaluatedKey": key}, {**page, "Items": []}])
    assert [len(one) for one in pages] == [1, 0]
    assert "exclusiveStartKey" not in sent[0].url.query
    found = sent[1].url.query["exclusiveStartKey"]
    assert (found if isinstance(key, str) else json.loads(found)) == key
    assert not api.unmarshal_request(Asked.of(sent[1])).errors


WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "a body that is no patch": ("patchContact", {"body": b'{"op":"add"}'}),
    "a step without a path": ("patchContact", {"body": b'[{"op":"add"}]'}),
    "an unknown patch operation": ("patchContact", {"body": b'[{"op":"set","path":"/a"}]'}),
    "a query without fields": ("startQuery", {"body": b"{}"}),
    "a text for a number": ("createContact", {"body": b'{"first_name": 3}'}),
    "a query type without an app": ("getQueryDescription", {"path": f"/queries/{TENANT}/public/description/contacts"}),
    "a kind of customer that is none": (
        "listEngagementScoresByCustomer",
        {"path": f"/engagementScores/{TENANT}/customer/user/x"},
    ),
    "a path that is none": ("listContacts", {"path": f"/contact/{TENANT}"}),
    "a host of another service": ("getEvent", {"path": f"/memberships/{TENANT}/x"}),
}


@for_each("case", WRONG)
async def test_the_validator_sees_what_is_wrong(case: str, api: OpenAPI) -> None:
    """A validator that never objects would prove nothing."""
    name, changes = WRONG[case]
    sent, _ = await call(name, [example(OPERATIONS[name])])
    with pytest.raises(OpenAPIError):
        api.validate_request(Asked.of(sent[-1], **changes))


# --- answers ----------------------------------------------------------------------------------------------------------


@for_each("name", CALLS)
@QUICK
@given(data=st.data())
async def test_an_answer_is_read_and_says_the_same_when_written_again(name: str, data: Any) -> None:
    """Answers are made from the schema, with unknown fields, unknown words and missing fields."""
    await assert_kept(name, data)


@pytest.mark.thorough
@for_each("name", CALLS)
@settings(QUICK, max_examples=100)
@given(data=st.data())
async def test_many_more_answers_are_read_and_say_the_same_when_written_again(name: str, data: Any) -> None:
    await assert_kept(name, data)


async def assert_kept(name: str, data: Any) -> None:
    schema = made_answer(name)
    if not schema:
        sent, result = await call(name, [data.draw(st.none() | st.text(max_size=5) | st.just({}))])
        assert sent and result is None
        return
    answer = json.loads(json.dumps(data.draw(payloads(schema))))
    if name in {"startQuery", "runChapterSavedQuery"}:
        answer["id"] = "q-1"
        _, running = await call(name, [answer])
        assert running.id == "q-1"
        return
    if name in STARTED:
        answer["executionArn"] = ARN
        _, execution = await call(name, [answer])
        assert execution.arn == ARN
        assert same(answer, json.loads(json.dumps(CODEC.write(execution.details))))
        return
    if name in BATCHES:
        with contextlib.suppress(BulkError):  # what is said at random may say that something failed
            _, results = await call(name, [answer])
            assert len(results) == 2
        return
    if name in UNSHOWN:
        answer = {"Items": [answer]}
    ended = answer
    if isinstance(answer, dict) and "Items" in answer:
        ended = {key: value for key, value in answer.items() if key != "LastEvaluatedKey"}
    _, result = await call(name, [ended])
    records = [one for page in result for one in page] if isinstance(result, list) else [result]
    values = ended["Items"] if isinstance(ended, dict) and "Items" in ended else ended
    values = values if isinstance(values, list) else [values]
    written = [json.loads(json.dumps(CODEC.write(one))) for one in records]
    assert len(written) == len(values) and all(map(same, values, written)), f"{values} became {written}"


@for_each("name", CALLS)
@settings(QUICK, max_examples=2)
@given(data=st.data())
def test_the_strategy_makes_what_the_reference_allows(name: str, data: Any) -> None:
    """Checked by a library, so that the test above is about answers a server may give."""
    answer = data.draw(payloads(made_answer(name), strange=False))
    OAS31Validator(inlined(OPERATIONS[name].answer), format_checker=oas31_format_checker).validate(answer)


@for_each("name", OPERATIONS)
async def test_the_answers_of_the_other_tests_are_the_references(name: str, api: OpenAPI) -> None:
    answer = example(OPERATIONS[name])
    sent, _ = await call(name, [answer])
    found = api.unmarshal_response(Asked.of(sent[-1]), Answered(json.dumps(answer).encode()))
    assert not found.errors


@for_each("name", [name for name, one in OPERATIONS.items() if name in CALLS])
async def test_a_method_gives_the_record_of_its_operation_and_keeps_unknown_fields(name: str) -> None:
    operation = OPERATIONS[name]
    _, result = await call(name, [example(operation)])
    if not operation.answer or name in {"startQuery", "runChapterSavedQuery"}:
        return
    if name in BATCHES:
        assert result == [{"id": ID}, {"id": "another"}]
        return
    record = result[0][0] if isinstance(result, list) else result
    record = record.details if name in STARTED else record
    assert isinstance(record, Record)
    assert record["zzUnknown"] == 1


def test_every_schema_is_a_record_or_is_accounted_for() -> None:
    assert {*RECORDS, *ELSEWHERE} == set(document()["components"]["schemas"])


@for_each("name", RECORDS)
def test_a_record_has_the_fields_of_its_schema_and_no_others(name: str) -> None:
    schema = inlined(document()["components"]["schemas"][name])
    assert set(schema["properties"]) == set(wire_names(RECORDS[name]).values())


@for_each("name", RECORDS)
def test_a_field_with_documented_words_is_an_open_enumeration_of_them(name: str) -> None:
    schema = inlined(document()["components"]["schemas"][name])
    hints = get_type_hints(RECORDS[name])
    for attribute, wire_name in wire_names(RECORDS[name]).items():
        words = set(schema["properties"][wire_name].get("enum", []))
        if words:
            enumeration = next(one for one in get_args(hints[attribute]) if isinstance(one, type))
            assert issubclass(enumeration, OpenEnum)
            assert {str(one) for one in enumeration} == words
