"""What an answer is good for: a table of RFC 9110's cases."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.transfer.ranges import Representation, Step, judge, range_headers

KNOWN = Representation(etag='"v1"', last_modified=None, size=100)
NOW = 1_800_000_000.0
MODIFIED = "Wed, 01 Jan 2025 00:00:00 GMT"


def step_of(status: int, headers: dict[str, str], known: Representation | None = KNOWN, received: int = 40) -> Step:
    return judge(status, headers, Representation.of(status, headers, NOW), known, received)


@for_each(
    ("status", "headers", "step"),
    [
        (200, {"ETag": '"v1"', "Content-Length": "100"}, Step.SKIP),
        (200, {"ETag": '"v2"', "Content-Length": "100"}, Step.START),
        (200, {"Content-Length": "100"}, Step.START),
        (200, {"ETag": 'W/"v1"'}, Step.START),
        (206, {"ETag": '"v1"', "Content-Range": "bytes 40-99/100", "Content-Length": "60"}, Step.APPEND),
        (206, {"Content-Range": "bytes 40-99/100"}, Step.APPEND),
        (206, {"Content-Range": "bytes 40-69/100"}, Step.APPEND),
        (206, {"Content-Range": "bytes 40-99/*"}, Step.APPEND),
        (206, {"Content-Range": "bytes 0-99/100"}, Step.AGAIN),
        (206, {"Content-Range": "bytes 41-99/100"}, Step.AGAIN),
        (206, {"Content-Range": "bytes 40-99/101"}, Step.AGAIN),
        (206, {"Content-Range": "bytes 40-100/100"}, Step.AGAIN),
        (206, {"Content-Range": "bytes 40-99/100", "Content-Length": "61"}, Step.AGAIN),
        (206, {"Content-Range": "bytes 40-99/100", "ETag": '"v2"'}, Step.AGAIN),
        (206, {"Content-Range": "bytes 40-99/100", "Content-Encoding": "gzip"}, Step.AGAIN),
        (206, {"Content-Range": "items 40-99/100"}, Step.AGAIN),
        (206, {"Content-Range": "bytes ٤٠-99/100"}, Step.AGAIN),
        (206, {}, Step.AGAIN),
        (416, {"Content-Range": "bytes */40"}, Step.AGAIN),
        (416, {"Content-Range": "bytes */100"}, Step.AGAIN),
        (416, {}, Step.AGAIN),
        (204, {}, Step.REFUSED),
        (304, {}, Step.REFUSED),
        (404, {}, Step.REFUSED),
        (429, {}, Step.LATER),
        (503, {}, Step.LATER),
    ],
)
def test_an_answer_to_a_request_for_the_rest(status: int, headers: dict[str, str], step: Step):
    """40 of 100 bytes are there."""
    assert step_of(status, headers) is step


def test_416_is_the_end_where_all_is_there():
    assert step_of(416, {"Content-Range": "bytes */100"}, received=100) is Step.COMPLETE
    assert (
        step_of(416, {"Content-Range": "bytes */100"}, known=Representation(etag='"v1"'), received=100) is Step.COMPLETE
    )
    assert step_of(416, {"Content-Range": "bytes */100"}, known=None, received=0) is Step.REFUSED


@for_each(
    ("headers", "validator"),
    [
        ({"ETag": '"v1"', "Last-Modified": MODIFIED}, '"v1"'),
        ({"ETag": 'W/"v1"', "Last-Modified": MODIFIED}, MODIFIED),
        ({"ETag": "v1"}, None),
        ({"ETag": '"'}, None),
        ({"Last-Modified": MODIFIED, "Date": MODIFIED}, None),
        ({"Last-Modified": MODIFIED, "Date": "Wed, 01 Jan 2025 00:00:01 GMT"}, MODIFIED),
        ({"Last-Modified": "yesterday"}, None),
        ({}, None),
    ],
)
def test_only_what_stands_for_the_very_bytes_is_a_validator(headers: dict[str, str], validator: str | None):
    """A weak tag does not, nor a time within the second of the answer (RFC 9110, 8.8.2.2 and 8.8.3)."""
    known = Representation.of(200, headers, NOW)
    assert known.validator == validator
    asked = range_headers(known, 40)
    assert (asked.get("Range"), asked.get("If-Range")) == (("bytes=40-", validator) if validator else (None, None))
    assert asked["Accept-Encoding"] == "identity"
    assert "Range" not in range_headers(known, 0)
    assert "Range" not in range_headers(None, 40)


@given(
    st.integers(100, 599),
    st.dictionaries(
        st.sampled_from(
            ["ETag", "Content-Range", "Content-Length", "Content-Encoding", "Last-Modified", "Repr-Digest"]
        ),
        st.text(max_size=30) | st.from_regex(r"bytes [0-9]{1,3}-[0-9]{1,3}/([0-9]{1,3}|\*)", fullmatch=True),
    ),
    st.integers(0, 100),
)
def test_bytes_are_joined_only_where_they_fit(status: int, headers: dict[str, str], received: int):
    """Whatever a server sends: an answer is appended only if it begins where the download is."""
    found = Representation.of(status, headers, NOW)
    if judge(status, headers, found, KNOWN, received) is Step.APPEND:
        assert status == 206
        assert re.match(rf"bytes 0*{received}-", headers["Content-Range"].strip())
        assert found.size in {None, KNOWN.size}
        assert found.etag in {None, KNOWN.etag}


def test_a_part_that_nobody_asked_for_is_a_beginning_only_from_the_first_byte():
    """What is missing behind it is asked for next."""
    assert step_of(206, {"Content-Range": "bytes 0-39/100"}, known=None, received=0) is Step.START
    assert step_of(206, {"Content-Range": "bytes 1-39/100"}, known=None, received=0) is Step.AGAIN
