"""What is parsed is what Python's own parser makes of it, whether orjson is installed or not."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import DecodeError
from tonicdm.codec import parse_json, parsing
from tonicdm.codec.parsing import is_plain, parse_array, parse_strictly, write_compact

ODD = [
    *(b"", b" ", b"\xef\xbb\xbf[1]", b"\xff", "[1]".encode("utf-16"), "[1]".encode("utf-32-le"), b"nonsense", b"[1,]"),
    *(b"NaN", b"[NaN, 1]", b"-Infinity", b"1e999", b"[-1e999]", b"-0", b"-0.0", b"01", b"1.", b".5", b"1E5", b"1e-400"),
    *(b"9223372036854775807", b"9223372036854775808", b"18446744073709551615", b"18446744073709551616"),
    *(b"-9223372036854775808", b"-9223372036854775809", b"[1,-9223372036854775809]", b'{"a": 99999999999999999999}'),
    *(b"[\n99999999999999999999]", b"[\t-99999999999999999999\r]", b"1" * 5_000, b"[0.30000000000000000000000004]"),
    *(
        rb'"\ud800"',
        rb'["\udfff"]',
        rb'"\ud83d\ude00"',
        b'"\xed\xa0\x80"',
        b'"a\x00b"',
        rb'"\u0000"',
        b'"\xf0\x9f\x98\x80"',
    ),
    *(b'{"a": 1, "b": 2, "a": 3}', b'{"\\u0061": 1, "a": 2}', b"{1: 2}", b"{'a': 1}", b"// no\n1", b"1 2"),
    *(b'{"a":[1,%s99999999999999999999 ]}' % before for before in (b" ", b"\t", b"\r", b"\n", b"-", b"[", b"")),
    *(b"[" * 500 + b"]" * 500, b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300),
]

tokens = st.sampled_from(
    [
        "1",
        "-1",
        "0",
        "-0",
        "1.5",
        "1e5",
        "1E+400",
        "true",
        "null",
        '"a"',
        r'"\ud800"',
        r'"\u00e9"',
        '"é"',
        "NaN",
        "[",
        "]",
    ]
)
integers = st.integers(-(2**70), 2**70).map(str) | st.integers(2**63 - 2, 2**64 + 2).map(lambda number: f"-{number}")
numbers = st.floats().map(repr) | integers | st.decimals(allow_nan=False, allow_infinity=False).map(str)
layouts = st.sampled_from(["{}", " {}", "[{}]", "[1,{}]", '{{"a":{}}}', '{{"a": [{}, "x"]}}', "[\n{}\n]", "[{},-{}]"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
texts = (
    st.binary(max_size=40)
    | st.builds(str.format, layouts, tokens | numbers, st.just(1)).map(lambda text: text.encode(errors="surrogatepass"))
    | st.text('[]{},:"\\ 1eE+-.0anu', max_size=30).map(str.encode)
    | st.builds(json.dumps, values, ensure_ascii=st.booleans()).map(lambda text: text.encode(errors="surrogatepass"))
)


def strictly_by_python(text: bytes) -> Any:
    """Parse with nothing but the standard library."""
    return json.loads(text, parse_constant=parsing._no_constant, parse_float=parsing._finite)


def result(parse: Any, text: Any) -> str:
    """Return all that can be told of a value: types, orders and signs; or the kind of error."""
    try:
        return repr(parse(text))
    except RecursionError:
        return "too deep"
    except (ValueError, DecodeError):
        return "no JSON"


def check(text: bytes) -> None:
    assert result(parse_strictly, text) == result(strictly_by_python, text)
    assert result(parse_json, text) == result(json.loads, text).replace("too deep", "no JSON")
    assert result(lambda text: parse_array(text, 64)[0], text) == result(strictly_by_python, text)


def depth_of(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth_of, children), default=0)


def has_floats(value: Any) -> bool:
    if isinstance(value, (dict, list)):
        return any(map(has_floats, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float)


def has_nan(value: Any) -> bool:
    try:
        return json.dumps(value, allow_nan=False) == ""
    except ValueError:
        return True


@settings(deadline=None)
@given(st.lists(values, max_size=3), st.integers(1, 4))
def test_values_are_plain_that_hold_no_floats_and_are_nested_no_deeper(found: list[Any], depth: int):
    assert is_plain(found, depth) == (not has_floats(found) and depth_of(found) <= depth + 1)


@settings(deadline=None)
@given(st.lists(values, max_size=3), st.integers(1, 4))
@example([2**64], 1)
def test_an_array_that_is_parsed_is_plain_if_its_values_are(found: list[Any], depth: int):
    text = json.dumps(found, allow_nan=False) if not has_nan(found) else "[]"
    value, plain = parse_array(text.encode(), depth)
    assert repr(value) == repr(json.loads(text))
    assert plain == is_plain(value, depth)


@settings(deadline=None)
@given(values)
@example('\x00\x1f\x7f\u2028/"\\\b\f\n\r\té\U0001f600')
@example([2**64, -(2**70), 2**63])
@example({"a": float("nan")})
@example([1e-5, 1e16, -0.0])
@example("\ud800")
def test_what_is_written_is_what_python_writes(value: Any):
    """To the byte: a store compares texts, and orjson may be installed later."""

    def by_python(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    expected = result(by_python, value)
    assert result(write_compact, value) == expected
    assert result(lambda value: write_compact(value, plain=is_plain([value], 64)), value) == expected


def test_orjson_is_installed_where_the_tests_run():
    assert parsing.fast_parser() is not None, "else it is compared with nothing: pip install --group tests"


@for_each("text", ODD, ids=lambda text: text[:20].decode(errors="replace"))
def test_what_parsers_disagree_on_is_decided_by_python(text: bytes):
    check(text)


@settings(deadline=None, max_examples=300)
@given(texts)
@example(b"[0,123456789012345678]")
def test_any_bytes_are_parsed_as_python_parses_them(text: bytes):
    check(text)


@pytest.mark.thorough
@settings(deadline=None, max_examples=3_000, derandomize=False)
@given(texts)
def test_many_bytes_are_parsed_as_python_parses_them(text: bytes):
    check(text)


@given(st.integers(-(2**200), 2**200), layouts)
def test_an_integer_of_any_size_stays_one(number: int, layout: str):
    text = layout.format(number, abs(number)).encode()
    assert repr(parse_json(text)) == repr(json.loads(text))


def test_texts_and_members_in_pairs_are_left_to_python():
    assert parse_strictly('{"a": 1}') == {"a": 1}
    assert parse_strictly(b'{"a": 1, "a": 2}', object_pairs_hook=list) == [("a", 1), ("a", 2)]


def test_nothing_asks_for_orjson(monkeypatch: pytest.MonkeyPatch):
    """Without it the same is parsed and written; the module is looked for once."""
    monkeypatch.setitem(sys.modules, "orjson", None)
    found = parsing.fast_parser, parsing.fast_writer
    for find in found:
        find.cache_clear()
    try:
        assert parsing.fast_parser() is None and parsing.fast_writer() is None
        assert parse_json(b"[1, NaN]")[0] == 1
        assert parse_strictly(b'{"a": 18446744073709551616}') == {"a": 2**64}
        assert write_compact({"a": ["\xe9", 1]}, plain=True) == '{"a":["\xe9",1]}'
    finally:
        for find in found:
            find.cache_clear()


def test_an_error_names_no_value_and_no_frame_keeps_the_text_it_could_not_parse():
    with pytest.raises(DecodeError) as caught:
        parse_json(b"<!DOCTYPE html><p>secret")
    assert "an HTML page" in str(caught.value)
    assert caught.value.__context__ is None, "Python's error holds the whole document"


@pytest.mark.parametrize("text", [b"[" + b"1," * 500_000 + b"1]", b'["' + b"1" * 2_000_000 + b'"]'])
def test_the_look_for_long_integers_takes_time_in_proportion_to_the_text(text: bytes):
    began = time.process_time()
    parse_json(text)
    assert time.process_time() - began < 2.0
