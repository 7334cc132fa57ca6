"""Nothing is coerced: a value has the type that is documented, or the answer can't be decoded."""

from __future__ import annotations

import datetime
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import UNSET, DecodeError, InvalidOptionError
from tonicdm.models import CODEC, Brand, Co, Me, Note, Office, Person, PersonEmailAddress, Project, ThirdPartyToken

ID = "f71f272f752c4307b36c5124688562c4"


def test_null_is_never_the_text_none():
    office = CODEC.read({"name": None}, Office)
    assert office.name is None
    assert "name" in office
    assert "address" not in office
    assert CODEC.write(office) == {"name": None}


@for_each(
    ("kind", "value"),
    [
        (Office, {"name": 5}),
        (Office, {"name": True}),
        (Office, {"name": ["London"]}),
        (Office, {"phoneNumber": "020"}),
        (Office, {"phoneNumber": True}),
        (Project, {"isLocked": "false"}),
        (Project, {"isLocked": 0}),
        (Me, {"isOrganizationManager": "1"}),
        (Me, {"isOrganizationManager": 0.5}),
        (Me, {"isOrganizationManager": True}),
        (Brand, {"domains": "pacific.com"}),
        (Brand, {"domains": {"a": 1}}),
        (Brand, {"domains": [1]}),
        (Brand, {"domains": [None]}),
        (Brand, {"disciplines": ID}),
        (Person, {"emailAddresses": {}}),
        (Person, {"emailAddresses": ["mel@pacific.com"]}),
        (Person, {"office": 5}),
        (Person, {"id": 5}),
        (Person, {"status": 1.5}),
        (Person, {"status": True}),
        (Person, {"datetimeCreated": 1637950000}),
        (Person, {"datetimeCreated": "yesterday"}),
        (PersonEmailAddress, {"dateActive": "2026-02-30"}),
        (PersonEmailAddress, {"dateActive": "2026-02-03 and more"}),
        (PersonEmailAddress, {"deskphoneNumber": True}),
        (ThirdPartyToken, {"token": 5}),
        (Office, []),
        (Office, "London"),
        (Office, None),
    ],
    ids=lambda one: json.dumps(one) if isinstance(one, (dict, list, str)) else str(getattr(one, "__name__", one)),
)
def test_a_value_of_another_type_is_refused(kind: type[Any], value: Any):
    with pytest.raises(DecodeError):
        CODEC.read(value, kind)


@for_each("number", [0, 44, 2**60, 2079460000, 20.5, 0.1, 1e300])
def test_a_number_is_written_as_it_came(number: float):
    written = CODEC.write(CODEC.read({"phoneNumber": number}, Office))["phoneNumber"]
    assert (type(written), written) == (type(number), number)


@pytest.mark.parametrize("value", [44, 20.5, "044", "+44 20"])
def test_a_phone_field_whose_type_is_inferred_takes_numbers_and_texts(value: float | str):
    address = CODEC.read({"deskphoneNumber": value}, PersonEmailAddress)
    assert address.deskphone_number == value
    assert CODEC.write(address) == {"deskphoneNumber": value}


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_a_field_that_is_only_known_as_null_keeps_any_json(value: Any):
    assert CODEC.write(CODEC.read({"deskPhone": value}, Person)) == {"deskPhone": value}


def test_an_error_names_wire_paths_and_never_values():
    value = {"emailAddresses": [{}, {"isPrime": "secret-1", "dateActive": "secret-2"}], "office": {"name": 77}}
    with pytest.raises(DecodeError) as caught:
        CODEC.read_all([{}, value], Person)
    assert set(caught.value.paths) == {
        "$[1].emailAddresses[1].isPrime: expected boolean, found string",
        "$[1].emailAddresses[1].dateActive: expected date, found string",
        "$[1].office.name: expected string, found number",
    }
    assert "secret" not in str(caught.value)
    assert "77" not in str(caught.value)


@pytest.mark.parametrize("at", ["office", "parts"])
def test_an_error_inside_a_nested_record_is_named_by_its_path(at: str):
    kind, value, path = {
        "office": (Person, {"office": {"id": ID, "phoneNumber": "x"}}, "$.office"),
        "parts": (Co, {"parts": [{"cost": 5}]}, "$.parts[0].cost"),
    }[at]
    with pytest.raises(DecodeError) as caught:
        CODEC.read(value, kind)
    assert caught.value.paths[0].startswith(path)


@pytest.mark.parametrize("text", ["2026-02-03", "2026-02-03T00:00:00Z", "2026-02-03T23:59:00+01:00"])
def test_a_date_may_come_as_a_date_time(text: str):
    assert CODEC.read({"dateActive": text}, PersonEmailAddress).date_active == datetime.date(2026, 2, 3)


def test_a_time_keeps_its_offset_and_without_one_is_utc():
    odd = CODEC.read({"datetimeCreated": "2021-11-03T16:21:02+00:01"}, Office).datetime_created
    assert odd is not None
    assert odd.utcoffset() == datetime.timedelta(minutes=1)
    assert CODEC.write(Office(datetime_created=odd)) == {"datetimeCreated": "2021-11-03T16:21:02+00:01"}
    naive = CODEC.read({"datetimeCreated": "2021-11-03T16:21:02"}, Office).datetime_created
    assert naive is not None
    assert naive.tzinfo is datetime.UTC


def test_a_naive_time_is_not_written():
    with pytest.raises(InvalidOptionError, match="time zone"):
        CODEC.write(Office(datetime_created=datetime.datetime(2026, 2, 3)))  # noqa: DTZ001


@pytest.mark.parametrize("spelling", [ID, ID.upper(), str(uuid.UUID(ID)), str(uuid.UUID(ID)).upper()])
def test_an_id_is_compact_and_small_however_it_is_spelled(spelling: str):
    note = CODEC.read({"id": spelling, "attachedToId": spelling}, Note)
    assert note.id == note.attached_to_id == ID


def test_an_id_is_written_with_hyphens_where_the_reference_has_them():
    """Notes: attachedToId and personId are of the format uuid, the ID itself is compact."""
    note = Note(**dict.fromkeys(("id", "attached_to_id", "person_id"), ID))
    hyphenated = str(uuid.UUID(ID))
    assert CODEC.write(note) == {"id": ID, "attachedToId": hyphenated, "personId": hyphenated}
    assert CODEC.write_fields(Note, {"person_id": ID}) == {"personId": hyphenated}
    assert CODEC.write_fields(Note, {"person_id": uuid.UUID(ID)}) == {"personId": hyphenated}
    assert CODEC.write_fields(Note, {"person_id": None, "content": UNSET}) == {"personId": None}
    assert CODEC.write(CODEC.read({"personId": "somebody"}, Note)) == {"personId": "somebody"}


def test_unknown_fields_are_kept_read_and_written():
    brand = CODEC.read({"nameLong": "P", "logo": {"url": None}}, Brand)
    assert brand["logo"] == {"url": None}
    assert brand["nameLong"] == "P"
    assert brand.extra == {"logo": {"url": None}}
    assert CODEC.write(brand) == {"nameLong": "P", "logo": {"url": None}}
    with pytest.raises(KeyError):
        brand["nameShort"]


@pytest.mark.parametrize("value", [b"x", object(), {1: object()}, [{object()}], 1j])
def test_what_has_no_json_form_is_refused_before_anything_is_sent(value: Any):
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        CODEC.write(value)
