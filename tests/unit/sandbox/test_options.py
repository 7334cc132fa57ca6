"""Options as the sandbox receives and reads them; a 400 says what was wrong."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.sandbox.messages import Refusal, Request
from tonicdm.sandbox.options import (
    read_data_quantity,
    read_ids,
    read_integer,
    read_moment,
    read_statuses,
    read_words,
    receive,
)
from tonicdm.sandbox.routes import OPERATIONS
from tonicdm.sandbox.settings import SandboxSettings

OFFICES = next(operation for operation in OPERATIONS if (operation.method, operation.path) == ("GET", "/core/offices"))


def received(*headers, query=(), arrives=lambda _: True, **settings):
    request = Request(method="GET", path="/core/offices", headers=headers, query=query)
    return receive(request, OFFICES, SandboxSettings(**settings), arrives)


def test_options_are_taken_from_the_place_that_the_server_reads():
    """What stands in the other one is the client's fault, which a server would be silent about."""
    both = {"query": (("pageSize", "5"),)}
    header = received(("pageSize", "7"), **both, option_source="header")
    assert (header.options, header.placement) == ({"pageSize": "7"}, "both")
    query = received(("pageSize", "7"), **both, option_source="query")
    assert query.options == {"pageSize": "5"}
    assert header.client_faults == ("pageSize was sent in the query and ignored",)
    assert query.client_faults == ("pageSize was sent in the header and ignored",)


def test_two_lines_of_a_name_are_one_list_and_a_fault():
    found = received(("filterIDs", "a" * 32), ("filterids", "b" * 32))
    assert found.options == {"filterIDs": f"{'a' * 32},{'b' * 32}"}
    assert found.client_faults == ("filterIDs was sent on more than one line",)


def test_the_case_of_a_name_counts_only_where_the_server_is_strict():
    assert received(("PAGESIZE", "7")).options == {"pageSize": "7"}
    with pytest.raises(Refusal, match="it is spelled pageSize"):
        received(("PAGESIZE", "7"), strict_case=True)


def test_what_no_operation_knows_is_ignored_and_noted():
    found = received(("X-Trace", "1"), ("filterFilesetIDs", "a" * 32), query=(("colour", "red"),))
    assert found.options == {}
    assert found.placement == "none"
    assert set(found.client_faults) == {
        "unknown query parameter colour",
        f"filterFilesetIds is no option of {OFFICES.name}",
    }


def test_a_header_that_a_proxy_drops_has_not_arrived():
    assert received(("updated_after", "2024-01-01"), arrives=lambda name: "_" not in name).options == {}


@for_each(
    ("text", "number"),
    [
        ("1", 1),
        ("10", 10),
        ("0", None),
        ("11", None),
        ("-1", None),
        ("1_0", None),
        (" 1", None),
        ("1" * 30, None),
        ("", None),
    ],
)
def test_only_digits_are_a_whole_number(text, number):
    if number is None:
        with pytest.raises(Refusal, match="no whole number from 1 to 10"):
            read_integer("pageSize", text, 1, 10)
    else:
        assert read_integer("pageSize", text, 1, 10) == number


def test_a_number_without_a_most_names_the_least_alone():
    with pytest.raises(Refusal, match="no whole number from 1") as refused:
        read_integer("pageNumber", "0", 1)
    assert refused.value.message.endswith("from 1")


@given(st.text(max_size=30))
def test_no_text_at_all_breaks_the_reading_of_a_number_or_a_time(text):
    for read in (lambda: read_integer("x", text, 0), lambda: read_moment("x", text)):
        with contextlib.suppress(Refusal):
            read()


@for_each(
    ("text", "seconds"),
    [
        ("2024-01-01", 1_704_067_200),
        ("2024-01-01T00:00:00", 1_704_067_200),
        ("2024-01-01T02:00:00+02:00", 1_704_067_200),
        ("yesterday", None),
        ("2024-13-01", None),
    ],
)
def test_a_time_without_an_offset_is_utc(text, seconds):
    if seconds is None:
        with pytest.raises(Refusal, match="neither a date nor a date-time"):
            read_moment("updated_after", text)
    else:
        assert read_moment("updated_after", text) == seconds


def test_lists_are_read_as_the_reference_has_them():
    assert read_ids("filterIDs", f"{'A' * 32},{'a' * 32},{'b' * 32}") == ["a" * 32, "b" * 32]
    assert read_statuses("1,inactive,4") == ["active", "inactive", "deleted"]
    assert read_words("x", "a,b") == ["a", "b"]
    for wrong in (lambda: read_ids("filterIDs", "zz"), lambda: read_statuses("2"), lambda: read_words("x", "a,,b")):
        with pytest.raises(Refusal, match="is"):
            wrong()


def test_a_data_quantity_is_one_of_three_words_or_absent():
    assert read_data_quantity({}) is None
    assert read_data_quantity({"data_quantity": "basic"}) == "basic"
    with pytest.raises(Refusal, match="'all' is not one of"):
        read_data_quantity({"data_quantity": "all"})
