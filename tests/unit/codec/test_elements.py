"""An array is cut into its elements where the parser takes not the whole, and a bad element costs only itself."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.codec import parsing
from tonicdm.codec.elements import MAX_DEPTH, read_elements, split, unstorable
from tonicdm.errors import DecodeError


@pytest.fixture(autouse=True, scope="module", params=["with orjson", "without"])
def parser(request: pytest.FixtureRequest) -> Iterator[None]:
    """What an element is depends on no parser."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "without":
            patch.setattr(parsing, "fast_parser", lambda: None)
        yield


GOOD = {"id": "0" * 31 + "1", "name": "Ada"}
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
layouts = st.sampled_from([{}, {"indent": 1}, {"separators": (" ,\n", "\t: ")}, {"ensure_ascii": False}])
BROKEN = {
    "half of a pair of surrogates": (rb'"\ud800"', "surrogates"),
    "the other half": (rb'"\udfff"', "surrogates"),
    "halves in the wrong order": (rb'"\ude00\ud83d"', "surrogates"),
    "a surrogate as UTF-8": (b'"\xed\xa0\x80"', "surrogates"),
    "no UTF-8": (b'"\xff\xfe"', "UTF-8"),
    "NaN": (b"NaN", "NaN"),
    "an infinity": (b"-Infinity", "NaN"),
    "an infinity by its exponent": (b"1e999", "NaN"),
    "a number of too many digits": (b"9" * 5_000, "digits"),
    "a little too deep": (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, "deep"),
    "far too deep": (b"[" * 100_000 + b"]" * 100_000, "deep"),
    "deep objects": (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "deep"),
    "no JSON": (b"nonsense", "JSON"),
    "a control character": (b'"a\x00b"', "JSON"),
    "nothing": (b"", "JSON"),
    "a comma too many": (b"[1,]", "JSON"),
}


def body(*parts: bytes) -> bytes:
    return b"[" + b", ".join(parts) + b"]"


@settings(deadline=None, max_examples=50)
@given(st.lists(values, max_size=6), layouts)
def test_what_is_cut_and_parsed_one_by_one_is_what_the_parser_makes_of_the_whole(found: list, layout: dict) -> None:
    text = json.dumps(found, **layout).encode()
    assert [json.loads(part) for part in split(text, b"[")] == json.loads(text)


@settings(deadline=None, max_examples=50)
@given(st.lists(values, min_size=1, max_size=5), st.data())
def test_one_bad_element_leaves_the_others_as_they_are(found: list, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(found)))
    bad = (
        b'{"id": "00000000000000000000000000000009", "name": %s}' % data.draw(st.sampled_from(list(BROKEN.values())))[0]
    )
    parts = [json.dumps(one).encode() for one in found]
    came = read_elements(body(*parts[:place], bad, *parts[place:]))
    assert came.values == found
    (invalid,) = came.invalid
    assert (invalid.index, invalid.id) == (place, "0" * 31 + "9")


@for_each(("bad", "reason"), BROKEN.values(), ids=list(BROKEN))
def test_a_bad_element_says_what_is_wrong_keeps_its_text_and_shows_what_can_be_read(bad: bytes, reason: str) -> None:
    element = (
        b'{"id": "00000000000000000000000000000002", "secret": %s, "datetimeUpdated": "2026-01-01T00:00:00Z"}' % bad
    )
    came = read_elements(body(json.dumps(GOOD).encode(), element))
    assert came.values == [GOOD]
    (invalid,) = came.invalid
    assert reason in invalid.reason
    assert invalid.id == "00000000000000000000000000000002"
    assert invalid.readable["datetimeUpdated"] == "2026-01-01T00:00:00Z"
    assert "secret" not in repr(invalid)
    assert b"datetimeUpdated" in invalid.raw


def test_pairs_of_surrogates_and_repeated_names_are_no_fault() -> None:
    """As the parser does, the last of two fields with one name counts."""
    came = read_elements(rb'[{"id": "1", "name": "\ud83d\ude00", "name": "Ada"}, {"name": "\ud83d\ude00"}]')
    assert came.values == [{"id": "1", "name": "Ada"}, {"name": "\U0001f600"}]
    assert not came.invalid


SHAPES = {
    b'{"error": "a secret"}': "an object with error",
    b'{"data": [{"id": "1"}]}': "an object with data",
    b'{"ada@example.org": 1}': "an object",
    b"42": "number",
    b'"a secret"': "string",
    b"true": "boolean",
    b"null": "null",
    b"": "nothing",
    b"  ": "nothing",
    b"<!DOCTYPE html><p>a secret": "an HTML page",
    b"a secret": "no JSON array",
    b'[{"id": "1"}, {"id"': "in the middle",
    b'[{"id": "1"}, "a sec': "in the middle",
    b"[": "in the middle",
    b'[{"id": NaN}] a secret': "more text",
    b'[{"id": [}, {"id": "1"}]': "brackets",
}


@for_each(("text", "said"), SHAPES.items(), ids=lambda value: str(value)[:24])
def test_what_is_no_array_is_an_error_that_says_what_came_and_no_value(text: bytes, said: str) -> None:
    with pytest.raises(DecodeError) as caught:
        read_elements(text, what="GET /core/persons")
    assert said in str(caught.value) and "GET /core/persons" in str(caught.value)
    assert "secret" not in str(caught.value) and "ada" not in str(caught.value)


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=200) | st.text('[]{},:"\\ 1anN\n', max_size=60).map(str.encode))
def test_any_text_is_an_array_or_a_decode_error(text: bytes) -> None:
    for form in (text, b"[" + text, b"[" + text + b"]"):
        try:
            came = read_elements(form)
        except DecodeError:
            continue
        assert all(unstorable(value) is None for value in came.values)
        for value in came.values:
            assert not (isinstance(value, float) and not math.isfinite(value))


@pytest.mark.parametrize(
    "text", [b'["' + b"\\" * 2_000_000, b"[" * 2_000_000, b"[" + b'{"a":[' * 300_000, b'["' + b"a" * 2_000_000]
)
def test_the_time_is_in_proportion_to_the_text(text: bytes) -> None:
    """Of this process: what others do beside it is not counted."""
    began = time.process_time()
    with pytest.raises(DecodeError):
        read_elements(text)
    assert time.process_time() - began < 5.0
