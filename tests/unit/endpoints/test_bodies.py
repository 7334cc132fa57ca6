"""Bodies of writes: the IDs in them are checked at any depth, in whatever form they are given."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from tests.cases import for_each
from tonicdm import InvalidIDError, InvalidOptionError
from tonicdm.endpoints.bodies import body_of, changes_of
from tonicdm.models import Brand, Discipline, GroupMember, Office, Person, PersonEmailAddress, Project, Reference
from tonicdm.models.groups import Group

A = "a" * 32


@for_each(
    "office",
    [
        A,
        {"id": A},
        Reference(id=A),
        Reference(id=A, updated=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)),
        Reference(id=A, record=Office(id=A, name="x")),
    ],
)
def test_a_reference_may_be_given_as_an_id_an_object_or_a_record(office: Any) -> None:
    assert body_of(Project, {"office": office})["office"]["id"] == A


@for_each(
    ("model", "fields"),
    [
        (Project, {"office": "zz"}),
        (Project, {"office": {"id": "zz"}}),
        (Project, {"office": Reference(id="zz")}),
        (Project, {"office": Reference(record=Office(organization_id="zz"))}),
        (Brand, {"disciplines": [Reference(record=Discipline(id="zz"))]}),
        (Person, {"email_addresses": [PersonEmailAddress(id="zz")]}),
        (Project, {"brand": Reference(record=Brand(disciplines=(Reference(id="zz"),)))}),
        (Project, {"office": Reference(record=Office(id="zz"))}),
        (Group, {"members": [GroupMember(email_address_id="zz")]}),
    ],
)
def test_an_id_that_is_none_is_refused_at_any_depth(model: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidIDError):
        body_of(model, fields)


def test_a_record_within_a_record_within_a_list_is_checked_too() -> None:
    nested = Group(members=(GroupMember(email_address_id="zz"),))
    with pytest.raises(InvalidIDError):
        body_of(Group, {"members": [nested]})


def test_a_reference_to_nothing_stands_for_nothing() -> None:
    assert body_of(Project, {"office": Reference()}) == {"office": None}


def test_an_update_changes_something() -> None:
    with pytest.raises(InvalidOptionError, match="at least one field"):
        changes_of(Project, {})
