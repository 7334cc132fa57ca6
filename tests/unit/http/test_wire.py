"""Options become one line each, or a query string; nothing else gets through."""

from __future__ import annotations

import datetime
import uuid
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import ConfigError, InvalidIDError, InvalidOptionError
from tonicdm.endpoints.options import DATA_QUANTITY, options, passed
from tonicdm.http.operation import Operation, Parameter, boolean, json_text, text
from tonicdm.http.wire import Prepared, build, check_path

OPERATION = Operation(
    method="GET",
    path="/core/offices",
    options=options(
        "filter_ids", "filter_statuses", "updated_after", "search_query", "page_size", flag=Parameter("flag", boolean)
    ),
)
NOON = datetime.datetime(2026, 1, 2, 12, tzinfo=datetime.UTC)


def test_each_option_is_one_line_as_documented() -> None:
    request = build(
        OPERATION,
        {
            "filter_ids": [uuid.UUID(int=1), "A" * 32],
            "filter_statuses": ["active", "deleted"],
            "updated_after": NOON,
            "search_query": {"a": "ä"},
            "page_size": 100,
            "flag": True,
        },
        data_quantity="id_only",
        data_quantity_option=DATA_QUANTITY,
    )
    assert request.headers == (
        ("Accept", "application/json"),
        ("filterIDs", f"{1:032x},{'a' * 32}"),
        ("filterStatuses", "active,deleted"),
        ("updated_after", "2026-01-02T12:00:00Z"),
        ("searchQuery", '{"a":"\\u00e4"}'),
        ("pageSize", "100"),
        ("flag", "true"),
        ("data_quantity", "id_only"),
    )
    assert request.target == "/core/offices"


def test_the_query_form_uses_the_names_of_the_reference() -> None:
    request = build(
        OPERATION,
        {"filter_ids": ["a" * 32, "b" * 32], "search_query": "x y&z=ä"},
        placement="query",
        prefix="/v1.0",
        data_quantity="basic",
        data_quantity_option=DATA_QUANTITY,
    )
    assert request.headers == (("Accept", "application/json"),)
    assert request.path == "/v1.0/core/offices"
    assert parse_qsl(request.query) == [
        ("filterIds", f"{'a' * 32},{'b' * 32}"),
        ("searchQuery", "x y&z=ä"),
        ("dataQuantity", "basic"),
    ]


@given(st.text())
def test_no_text_ever_breaks_out_of_its_header_line(value: str) -> None:
    operation = Operation(method="GET", path="/x", options={"o": Parameter("o", text)})
    try:
        request = build(operation, {"o": value})
    except InvalidOptionError:
        return
    ((_, line),) = [pair for pair in request.headers if pair[0] == "o"]
    assert line == value
    assert line.isascii() and line.isprintable() and line == line.strip()


@given(st.text(min_size=1))
def test_every_text_survives_the_query_string(value: str) -> None:
    operation = Operation(method="GET", path="/x", options={"o": Parameter("o", text)})
    try:
        request = build(operation, {"o": value}, placement="query")
    except InvalidOptionError:
        return
    assert request.query.isascii()
    assert parse_qsl(request.query, keep_blank_values=True) == [("o", value)]


def test_values_too_long_for_common_servers_are_refused() -> None:
    with pytest.raises(InvalidOptionError, match="get_many"):
        build(OPERATION, {"filter_ids": ["a" * 32] * 249})
    assert build(OPERATION, {"filter_ids": [f"{n:032x}" for n in range(248)]})


def test_missing_and_unknown_options_are_named() -> None:
    operation = Operation(method="GET", path="/x", options=options("project_id"), required=frozenset({"project_id"}))
    with pytest.raises(InvalidOptionError, match="project_id"):
        build(operation, {})
    with pytest.raises(InvalidOptionError, match="it has project_id"):
        build(operation, {"projectId": "a" * 32})


@given(
    st.permutations(["filter_ids", "filter_statuses", "page_size", "flag"]),
    st.integers(0, 4),
    st.sampled_from(["header", "query"]),
    st.sampled_from([None, {"a": 1}]),
)
def test_a_request_is_the_same_whatever_part_of_it_was_prepared(names, count, placement, body) -> None:
    """The options that come with each call stand in front of those that all calls have."""
    values = {"filter_ids": ["a" * 32], "filter_statuses": ["active"], "page_size": 5, "flag": True}
    varying, fixed = names[:count], names[count:]
    common = {"placement": placement, "prefix": "/v1", "data_quantity": "basic", "data_quantity_option": DATA_QUANTITY}
    prepared = Prepared(OPERATION, {name: values[name] for name in fixed}, varying=varying, **common)
    for _ in range(2):
        made = prepared.request({name: values[name] for name in varying}, body)
        assert made == build(OPERATION, {name: values[name] for name in names}, body=body, **common)


def test_what_is_prepared_is_checked_as_what_comes_with_a_call_is() -> None:
    flag = Parameter("flag", boolean)
    same = Operation(method="GET", path="/x", options={"flag": flag, "FLAG": flag}, required=frozenset({"flag"}))
    with pytest.raises(InvalidOptionError, match="has no option 'other'"):
        Prepared(same, {"other": 1})
    with pytest.raises(InvalidOptionError, match="needs the option flag"):
        Prepared(same, {}, varying=["FLAG"])
    with pytest.raises(InvalidOptionError, match="flag was given twice"):
        Prepared(same, {"flag": True}, varying=["FLAG"]).request({"FLAG": True})
    with pytest.raises(InvalidOptionError, match="get_many"):
        Prepared(OPERATION, {}, varying=["filter_ids"], placement="query").request({"filter_ids": ["a" * 32] * 249})


@for_each("value", [[int("1" * 32)], ["a" * 31], "a" * 32, [], ["a" * 32, 5], [b"a" * 32]])
def test_a_list_of_ids_holds_ids_and_nothing_that_looks_like_one(value: object) -> None:
    with pytest.raises((InvalidOptionError, InvalidIDError)):
        build(OPERATION, {"filter_ids": value})


def test_json_options_refuse_what_json_has_not() -> None:
    with pytest.raises(InvalidOptionError):
        json_text("o", {"x": object()})


def test_paths_are_absolute_and_encoded() -> None:
    assert check_path("/core/ä b") == "/core/%C3%A4%20b"
    for wrong in ("core", "//host/core", "/core/../admin", "/a?b", "/a#b", "/a\\b", "/a\n"):
        with pytest.raises(ConfigError):
            check_path(wrong)


@for_each("value", [1, "true", 0.0])
def test_a_boolean_is_nothing_that_only_resembles_one(value: object) -> None:
    with pytest.raises(InvalidOptionError, match="flag must be True or False"):
        build(OPERATION, {"flag": value})


@for_each("given", [["updated_after"], "updated_after", 5])
def test_options_that_no_document_shows_are_given_by_name(given: object) -> None:
    with pytest.raises(InvalidOptionError, match="must map wire names to values"):
        passed(OPERATION, given)
