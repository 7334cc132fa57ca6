"""Changes as JSON Patch, and custom fields that must not be lost."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import InvalidOptionError
from tonicdm.rhythm.models import CODEC, Contact, CustomFieldValue
from tonicdm.rhythm.patches import body_of, checked_steps, custom_value, merged, pointer, steps_of
from tonicdm.types import UNSET


def test_changes_become_steps_and_unset_is_left_out() -> None:
    found = steps_of(Contact, {"first_name": "Mel", "nickname": None, "suffix": UNSET, "extra": {"zz/a~b": 1}})
    assert found == [
        {"op": "add", "path": "/first_name", "value": "Mel"},
        {"op": "add", "path": "/nickname", "value": None},
        {"op": "add", "path": "/zz~1a~0b", "value": 1},
    ]
    assert steps_of(Contact, {"number": 1}, "replace")[0]["op"] == "replace"


@given(name=st.text(max_size=10))
def test_a_pointer_names_exactly_one_member(name: str) -> None:
    """Read back as RFC 6901 says."""
    path = pointer(name)
    assert path.count("/") == 1
    assert path[1:].replace("~1", "/").replace("~0", "~") == name


@for_each(
    "wrong",
    [
        {},
        {"suffix": UNSET},
        {"id": "a"},
        {"extra": {"id": "a"}},
        {"first_nam": "x"},
        {"first_name": 3},
        {"number": "3"},
    ],
)
def test_what_the_service_would_refuse_is_refused_here(wrong: dict) -> None:
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        steps_of(Contact, wrong)


def test_a_body_has_wire_names_and_times_with_a_zone() -> None:
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    found = body_of(Contact, {"date_profile_last_updated": moment, "home_address": {"city": "Oslo"}})
    assert found == {"date_profile_last_updated": "2026-01-01T00:00:00Z", "home_address": {"city": "Oslo"}}


def test_custom_fields_that_are_not_named_are_kept() -> None:
    current = [
        CustomFieldValue(custom_field_id="a__c", string_value="keep"),
        CustomFieldValue(custom_field_id="b__c", numeric_value=1),
        CustomFieldValue(custom_field_id="c__c", boolean_value=True),
    ]
    found = merged(current, {"b__c": 2, "c__c": None, "d__c": ["x", "y"]})
    assert CODEC.write(found) == [
        {"custom_field_id": "a__c", "string_value": "keep"},
        {"custom_field_id": "b__c", "numeric_value": 2},
        {"custom_field_id": "d__c", "list_value": ["x", "y"]},
    ]


@for_each(
    ("value", "member"),
    [
        (True, "boolean_value"), (1, "numeric_value"), (1.5, "numeric_value"), ("x", "string_value"),
        (datetime.date(2026, 1, 2), "string_value"), (["x"], "list_value"), ([{"a": 1}], "table_value"),
    ],
)  # fmt: skip
def test_a_value_goes_into_the_member_of_its_type(value: object, member: str) -> None:
    assert list(CODEC.write(custom_value("a__c", value))) == ["custom_field_id", member]


def test_a_value_that_is_in_its_member_already_stays_there() -> None:
    value = CustomFieldValue(custom_field_id="a__c", string_value="x")
    assert custom_value("b__c", value) is value


def test_a_value_of_no_type_is_refused() -> None:
    with pytest.raises(InvalidOptionError, match="a__c"):
        custom_value("a__c", object())


@for_each("wrong", ["{", "[" * 100_000, "{}", "[]", '["add"]', '[{"op": "add"}]', '[{"op": 1, "path": "/a"}]'])
def test_a_patch_that_is_no_list_of_steps_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        checked_steps(wrong)
