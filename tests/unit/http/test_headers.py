"""Header lines of a response, and those that a caller may add to a call."""

from __future__ import annotations

import copy
import gc
import pickle
import sys
import threading
import types
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


def test_a_token_in_the_name_of_a_line_is_struck_out_and_the_line_is_found() -> None:
    """By the name that is shown; nothing knows it by the other one."""
    lines = Headers([("X-Secret-Id", "1"), ("Via", "a")], lambda text: text.replace("Secret", MASK))
    assert dict(lines) == {f"X-{MASK}-Id": "1", "Via": "a"}
    assert "X-Secret-Id" not in lines
    assert dict(pickle.loads(pickle.dumps(lines))) == dict(lines)


def read_while_another_reads(lines: Headers, at: int) -> tuple[list[dict[str, str]], bool]:
    """Read *lines* on a thread, and by somebody else before its instruction number *at*.

    Returns:
        What was seen, and whether there was such an instruction.
    """
    seen: list[dict[str, str]] = []
    left = at

    def trace(frame: types.FrameType, event: str, _: object) -> Any:
        nonlocal left
        if frame.f_code.co_name != "_lines":
            return trace if frame.f_code.co_name in {"read", "__iter__", "__getitem__", "keys"} else None
        frame.f_trace_opcodes = True
        if event == "opcode":
            left -= 1
            if left == 0:
                seen.append(dict(lines))  # nothing of this is traced
        return trace

    def read() -> None:
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            seen.append({name: lines[name] for name in lines})
        finally:
            sys.settrace(before)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    return seen, left <= 0


def test_two_threads_that_read_lines_first_at_the_same_time_see_them_all_and_masked() -> None:
    """Wherever the other one comes between, also without a lock of the interpreter."""
    expected = {"X-Echo": f"a {MASK}", "Via": "a"}
    for at in range(1, 500):
        lines = Headers([("X-Echo", "a secret"), ("Via", "a")], lambda text: text.replace("secret", MASK))
        seen, came_between = read_while_another_reads(lines, at)
        assert all(each == expected for each in seen)
        if not came_between:
            break
    assert 20 < at < 499


def test_what_has_been_read_is_all_that_is_kept() -> None:
    """Neither the lines as they came nor what strikes out the token, which knows it."""
    token = Secret("a-token-of-some-length")
    lines = Headers([("X-Echo", token.reveal())], token.mask)
    len(lines)
    kept: list[Any] = [lines]
    for each in kept:
        kept += [more for more in gc.get_referents(each) if type(more) in {tuple, dict, str, types.MethodType}]
    assert not any(token.reveal() in each for each in kept if isinstance(each, str))
    assert not any(isinstance(each, types.MethodType) for each in kept)


def test_lines_that_an_earlier_version_has_pickled_are_read() -> None:
    """It stored the names and values as they are shown, by name."""
    lines = Headers.__new__(Headers)
    lines.__setstate__((None, {"_lines": {"via": ("Via", "a, b"), "set-cookie": ("Set-Cookie", MASK)}}))
    assert dict(lines) == {"Via": "a, b", "Set-Cookie": MASK}
