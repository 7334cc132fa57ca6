"""Header lines of a response, and those that a caller may add to a call."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from tests.cases import for_each
from tonicdm import InvalidOptionError
from tonicdm.http.headers import Headers, check_added, is_added, merged
from tonicdm.types import MASK, Secret

OPTIONS = frozenset({"filterids", "pagesize"})


def test_a_line_is_found_whatever_the_case_of_its_name() -> None:
    lines = Headers([("X-Request-ID", "r1"), ("Via", "a"), ("via", "b")])
    assert lines["x-request-id"] == lines["X-REQUEST-ID"] == "r1"
    assert "via" in lines
    assert 5 not in lines
    assert lines["Via"] == "a, b", "values of one name are joined"
    assert (list(lines), len(lines)) == (["X-Request-ID", "Via"], 2)
    assert lines == Headers([("X-Request-ID", "r1"), ("Via", "a, b")])
    assert lines != dict(lines)


@for_each("name", ["Set-Cookie", "authorization", "X-Amz-Security-Token"])
def test_what_is_somebodys_key_is_in_no_line_and_no_repr(name: str) -> None:
    lines = Headers([(name, "abcdef")])
    assert lines[name] == MASK
    assert "abcdef" not in repr(lines)


def test_a_link_keeps_its_path_and_loses_its_signature() -> None:
    lines = Headers([("Location", "https://files.example/a?sig=abcdef"), ("X-Note", "token")], lambda text: text[:99])
    assert lines["location"] == f"https://files.example/a?{MASK}"
    assert lines["x-note"] == "token"


@for_each(
    "name", ["Host", "Content-Length", "Range", "Cookie", "X-Rate-Limit-Reset", "Retry-After", "filterX", "pageSize"]
)
def test_a_line_that_says_who_calls_what_it_costs_or_what_is_asked_for_is_none_to_add(name: str) -> None:
    assert not is_added(name, OPTIONS)
    with pytest.raises(InvalidOptionError, match=f"{name} can't be added"):
        check_added({name: "1"}, OPTIONS)


@for_each(
    ("headers", "why"),
    [
        (["X-Trace"], "must be a mapping"),
        ({"X Trace": "1"}, "a header's name"),
        ({5: "1"}, "a header's name"),
        ({"X-Trace": 5}, "must be a text"),
        ({"X-Trace": "1", "x-trace": "2"}, "given twice"),
        ({"X-Trace": "a\r\nHost: b"}, "X-Trace"),
    ],
)
def test_what_can_not_be_sent_as_a_line_is_refused_before_the_call(headers: Any, why: str) -> None:
    with pytest.raises(InvalidOptionError, match=why) as refused:
        check_added(headers, OPTIONS)
    assert "Nothing was sent" in str(refused.value)


def test_added_lines_replace_those_of_their_name_and_keep_the_order() -> None:
    added = check_added({"X-Trace": "2", "X-More": "3"}, OPTIONS)
    assert merged([("x-trace", "1"), ("Accept", "a")], added) == (("X-Trace", "2"), ("Accept", "a"), ("X-More", "3"))


def test_lines_that_nobody_has_looked_at_are_copied_and_stored_without_the_token() -> None:
    """Neither a pickle nor a copy holds what must not be shown, whether the lines were read before or not."""
    token = Secret("a-token-of-some-length")
    lines = [("X-Echo", f"Bearer {token.reveal()}"), ("Set-Cookie", "session=4711"), ("Server", "x")]
    stored = pickle.dumps(Headers(lines, token.mask))
    assert token.reveal().encode() not in stored
    assert b"4711" not in stored
    for copied in (pickle.loads(stored), copy.deepcopy(Headers(lines, token.mask))):
        assert copied == Headers(lines, token.mask)
        assert token.reveal() not in repr(copied)
