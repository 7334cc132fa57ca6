"""Which fields of a record name other records."""

from __future__ import annotations

import pytest

from tests.cases import for_each
from tonicdm.errors import InvalidOptionError
from tonicdm.store.references import field_names, is_list, parse_references, pointers, stubs_within, target_of
from tonicdm.store.types import TYPES

A, B = "a" * 32, "b" * 32
NAME = "office"


@for_each(
    ("name", "kind"),
    [
        ("office", "offices"),
        ("responsible_person", "persons"),
        ("from_organization", "organizations"),
        ("item_discipline", "disciplines"),
        ("disciplines", "disciplines"),
        ("fileset", "filesets"),
        ("file", "files"),
        ("email_address", "email_addresses"),
    ],
)
def test_the_last_word_of_a_name_tells_the_type(name: str, kind: str):
    assert target_of(name) == kind
    assert kind in TYPES


@pytest.mark.parametrize("name", ["", "shoe", "personal", "postoffice", "office_id"])
def test_other_names_lead_nowhere(name: str):
    with pytest.raises(InvalidOptionError, match="Nothing was sent"):
        target_of(name)


def test_paths_are_read_into_a_tree():
    tree = parse_references(("responsible_person.office", "project", "responsible_person.organization"))
    assert list(tree.names) == ["responsible_person", "project"]
    assert list(tree.names["responsible_person"].names) == ["office", "organization"]
    assert not tree.names["project"]


@pytest.mark.parametrize(
    "item",
    [
        {"office": {"id": A.upper(), "datetimeUpdated": "2026-01-02T03:04:05Z"}},
        {"officeId": A, "office": None},
        {"office_id": f"{A[:8]}-{A[8:12]}-{A[12:16]}-{A[16:20]}-{A[20:]}"},
    ],
)
def test_a_reference_is_found_in_each_of_its_forms(item):
    (found,) = pointers(item, NAME)
    assert found.id == A
    assert not is_list(item, NAME)


def test_a_list_of_references_is_read_whole():
    item = {"disciplines": [{"id": A}, {"id": B}, {"name": "none"}]}
    assert [one.id for one in pointers(item, "disciplines")] == [A, B]
    assert is_list(item, "disciplines")


@pytest.mark.parametrize("item", [{}, {"office": None}, {"office": 5}, {"office": {"name": "London"}}])
def test_what_names_nobody_is_no_reference(item):
    assert pointers(item, NAME) == []


def test_the_names_on_the_wire_cover_both_cases():
    assert {"main_office", "main_office_id", "mainOfficeId"} <= set(field_names("main_office"))


def test_references_with_a_timestamp_are_found_with_their_types():
    item = {
        "id": B,
        "office": {"id": A, "datetimeUpdated": "2026-01-02T03:04:05Z"},
        "itemDiscipline": {"id": B, "updated": "2026-01-02T03:04:05+00:00"},
        "organization": {"id": A},
        "shoe": {"id": A, "updated": "2026-01-02T03:04:05Z"},
        "name": "x",
    }
    found = {kind: (one.id, one.updated) for kind, one in stubs_within(item)}
    assert found == {
        "offices": (A, "2026-01-02T03:04:05+00:00"),
        "disciplines": (B, "2026-01-02T03:04:05+00:00"),
    }
