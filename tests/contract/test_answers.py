"""Answers made from the schemas of the reference decode, and say the same when written again."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from tests.cases import for_each
from tonicdm import models
from tonicdm.codec import OpenEnum, Record, assumed_names, wire_names
from tonicdm.endpoints import brands, notes, team
from tonicdm.endpoints.options import sort_field
from tonicdm.models import CODEC, RecordStub

from .answers import payloads, same
from .reference import OPERATIONS, Described, document, flat, resolve, schemas

QUICK = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), database=None)

WRITTEN_IN = {
    "OfficeWrite": "Office",
    "NoteWrite": "Note",
    "CloudFolderChildWrite": "CloudFolderChild",
    "DisciplineRef": "Discipline",
}
"""Schemas that are parts of others: the bodies of writes, and a discipline's stub."""
NO_RECORDS = {"CompactUUID", "ErrorMessage"}

RECORDS = [name for name, schema in schemas().items() if schema.get("type") == "object" or "allOf" in schema]
ENUMS = [name for name, schema in schemas().items() if "enum" in schema or "x-known-values" in schema]
READS = [one for one in OPERATIONS.values() if one.record is not None]


def kind_of(schema: str) -> type[Record]:
    return getattr(models, WRITTEN_IN.get(schema, schema))


def test_every_schema_is_a_record_or_an_enumeration():
    assert {*RECORDS, *ENUMS, *NO_RECORDS} == schemas().keys()


@for_each("operation", READS, ids=lambda one: one.id)
@QUICK
@given(data=st.data())
def test_an_answer_decodes_and_encodes_to_the_same_values(operation: Described, data: Any):
    """Unknown fields, unknown words of enumerations and missing fields included."""
    assert_kept(operation, data)


@pytest.mark.thorough
@for_each("operation", READS, ids=lambda one: one.id)
@settings(QUICK, max_examples=200)
@given(data=st.data())
def test_many_more_answers_decode_and_encode_to_the_same_values(operation: Described, data: Any):
    assert_kept(operation, data)


def assert_kept(operation: Described, data: Any) -> None:
    status, schema = operation.answer
    assert status in {200, 201}
    items = schema.get("items", schema)
    full, *stub = items.get("anyOf", [items])
    kind = kind_of(operation.record)
    for value in data.draw(st.lists(payloads(full), max_size=2), label="records"):
        assert_same(value, kind)
    if stub:
        assert_same(data.draw(payloads(stub[0]), label="stub"), RecordStub)


def assert_same(value: Any, kind: type[Record]) -> None:
    value = json.loads(json.dumps(value))
    record = CODEC.read(value, kind)
    written = json.loads(json.dumps(CODEC.write(record)))
    assert same(value, written), f"{value} became {written}"
    if "token" not in value:
        again = pickle.loads(pickle.dumps(record))
        assert again == copy.deepcopy(record) == record
        assert json.dumps(CODEC.write(again)) == json.dumps(written)
    assert hash(record) == hash(CODEC.read(value, kind)) or "token" in value


@for_each("name", RECORDS)
@settings(QUICK, max_examples=5)
@given(data=st.data())
def test_the_strategy_makes_what_the_schema_allows(name: str, data: Any):
    """Checked by a library, so that the other tests are about answers a server may give."""
    schema = {**resolve(schemas()[name]), "components": document()["components"]}
    value = data.draw(payloads({"$ref": f"#/components/schemas/{name}"}, strange=False))
    OAS31Validator(schema, format_checker=oas31_format_checker).validate(value)


@for_each("name", RECORDS)
def test_a_record_has_the_fields_of_its_schema_and_what_the_concepts_page_speaks_of(name: str):
    """A field that no document prints is marked as assumed, and in its docstring, too."""
    kind = kind_of(name)
    wire = set(wire_names(kind).values()) - {wire_names(kind)[own] for own in assumed_names(kind)}
    documented = set(flat(schemas()[name]).get("properties", {}))
    if name in WRITTEN_IN:
        assert documented <= wire
    else:
        if name == "Me":  # "the same structure as any other Person record" (concepts page, "User")
            documented |= set(schemas()["Person"]["properties"])
        assert documented == wire, f"{kind.__module__}.{name} differs from the reference in {documented ^ wire}"


def words_of(schema: dict[str, Any]) -> set[str]:
    schema = flat(schema)
    return {*schema.get("enum", []), *schema.get("x-known-values", [])}


@for_each("name", RECORDS)
def test_a_field_with_documented_words_is_an_open_enumeration_of_them(name: str):
    kind = kind_of(name)
    hints = get_type_hints(kind)
    for attribute, wire_name in wire_names(kind).items():
        words = words_of(flat(schemas()[name])["properties"].get(wire_name, {})) if name not in WRITTEN_IN else set()
        if words:
            enumeration = next(one for one in get_args(hints[attribute]) if isinstance(one, type))
            assert issubclass(enumeration, OpenEnum), wire_name
            assert words <= set(enumeration), wire_name


@pytest.mark.parametrize("name", ENUMS)
def test_an_enumeration_has_the_words_of_its_schema(name: str):
    from tonicdm import DataQuantity

    kind = DataQuantity if name == "DataQuantity" else getattr(models, name)
    assert {str(one) for one in kind} == words_of(schemas()[name])


@pytest.mark.parametrize(
    ("operation", "endpoint"),
    [("getBrands", brands.Brands), ("getTeam", team.Team), ("getNotes", notes.Notes)],
)
def test_a_closed_choice_of_orders_is_that_of_the_reference(operation: str, endpoint: type):
    """Each choice is written as Python writes names, and sent as the reference prints it."""
    (schema,) = [one["schema"] for one in OPERATIONS[operation].parameters if one["name"] == "sortBy"]
    assert [sort_field(name, endpoint._listing.sorts) for name in endpoint._listing.sorts] == schema["enum"]


@for_each(
    ("option", "kind"),
    [
        ("filterObjectType", models.ObjectType),
        ("filterThumbnailSize", models.ThumbnailSize),
        ("filterWorkflows", models.Workflow),
        ("filterStages", models.Stage),
        ("filterIndustryRoles", models.IndustryRole),
        ("filterCustomerTypes", models.CustomerType),
    ],
    ids=str,
)
def test_the_words_of_an_option_are_those_of_the_reference(option: str, kind: type[OpenEnum]):
    found = [one for operation in OPERATIONS.values() for one in operation.parameters if one["name"] == option]
    words = words_of(found[0]["schema"]) | words_of(found[0]["schema"].get("items", {}))
    assert {str(one) for one in kind} == words
