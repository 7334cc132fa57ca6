"""The records of a response: a list, one record, and what is neither."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.cases import for_each
from tonicdm.endpoints.payload import decoded, invalid_error, read_list, read_one
from tonicdm.errors import DecodeError
from tonicdm.http.headers import Headers
from tonicdm.http.messages import Response
from tonicdm.models import Office
from tonicdm.store.types import TYPES
from tonicdm.types import DataQuantity

A, B = "a" * 32, "b" * 32
BASIC = DataQuantity.BASIC


def response(content: Any, status: int = 200) -> Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Response(status=status, headers=Headers(), body=body, rate_limit=None, attempts=1)


def faults_of(items: Sequence[Any]) -> dict[int, str]:
    return {place: "no object" for place, item in enumerate(items) if not isinstance(item, dict)}


def test_an_answer_without_content_is_an_empty_list() -> None:
    assert len(read_list(response(b"", 204), "GET /x", faults_of)) == 0


def test_what_is_no_record_is_kept_aside_with_its_place_and_costs_no_other() -> None:
    elements = read_list(response([{"id": A}, 5, {"id": B}]), "GET /x", faults_of)
    assert [item["id"] for item in elements.values] == [A, B]
    assert [(element.index, element.reason) for element in elements.invalid] == [(1, "no object")]
    assert read_list(response([{"id": A}]), "GET /x", faults_of).invalid == ()


@for_each("content", [{"id": A, "name": "x"}, [{"id": A, "name": "x"}]])
def test_one_record_is_an_object_or_an_array_of_it(content: Any) -> None:
    assert read_one(response(content), Office, "GET /x", BASIC).id == A


@for_each(
    ("content", "why"),
    [
        ([], "an array of 0"),
        ([{"id": A}, {"id": B}], "an array of 2"),
        (b"  ", "found nothing"),
        (None, "found nothing"),
        ([None], "found nothing"),
        ({"error": "no"}, "expected a Office"),
        (5, "expected object"),
    ],
)
def test_what_is_not_one_record_is_an_error_that_says_what_came(content: Any, why: str) -> None:
    with pytest.raises(DecodeError) as refused:
        read_one(response(content), Office, "GET /x", BASIC)
    assert why in str(refused.value)


def test_records_that_have_not_the_form_of_theirs_stand_apart_from_the_others() -> None:
    records, invalid = decoded([{"id": A}, {"id": B, "name": 5}], Office, BASIC)
    assert [record.id for record in records] == [A]
    assert [element.index for element in invalid] == [1]
    assert invalid[0].reason.startswith("$[1].name: expected string")
    assert decoded([{"id": A}], Office, BASIC)[1] == []


def test_the_error_of_a_list_names_each_place_and_carries_what_was_sound() -> None:
    records, invalid = decoded([{"id": A}, {"id": B, "name": 5}], Office, BASIC)
    aside = read_list(response([5]), "GET /x", faults_of).invalid
    error = invalid_error([*invalid, *aside], records, "GET /x")
    assert "$[1].name" in str(error)
    assert "$[0]: no object" in str(error)
    assert (error.records, len(error.invalid)) == (records, 2)


NAMED: list[Any] = [{"id": A}, {"id": "x", "name": "x"}]
UNNAMED: list[Any] = [5, {}, {"id": ""}, {"id": 5}, {"name": "x"}, [A]]


@for_each("record_type", TYPES)
def test_all_are_named_if_nothing_is_to_be_said_of_any(record_type: str) -> None:
    listing = TYPES[record_type].listing
    for items in ([], NAMED, *([*NAMED, other] for other in UNNAMED)):
        assert listing.all_named(items) == (not any(map(listing.nameless, items)))


@for_each("record_type", TYPES)
def test_the_faults_of_a_page_are_those_of_its_elements(record_type: str) -> None:
    listing = TYPES[record_type].listing
    for items in ([], NAMED, NAMED[:1], *([*NAMED[:1], other] for other in (*UNNAMED, {"id": A.upper()}, NAMED[1]))):
        reasons = dict(enumerate(map(listing.fault, items)))
        assert listing.faults(items) == {place: reason for place, reason in reasons.items() if reason is not None}
