"""Shapes say what values look like and nothing of what they say."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm.conformance.shapes import forms_of, merged, records_of, shape_of

SECRETS = (
    "Jane Doe",
    "jane@pacific.example",
    "f71f272f752c4307b36c5124688562c4",
    "https://x/y?sig=s3cret",
    "+44 20 7946",
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(SECRETS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "name", *SECRETS]), inner),
    max_leaves=12,
)


@given(VALUES)
def test_no_value_stands_in_a_shape(value: object):
    """Not as a value, and not as a key where keys are data."""
    text = json.dumps(shape_of(value))
    assert not [secret for secret in SECRETS if secret in text]
    assert not any(number in text for number in ("7946", "s3cret"))


@given(st.lists(VALUES, max_size=5))
def test_a_shape_is_one_whatever_the_order(values: list[object]):
    """A page shuffled has the same shape, so that two recordings can be compared."""
    shapes = [shape_of(value) for value in values]
    assert forms_of(merged(shapes)) == forms_of(merged(reversed(shapes)))


@for_each(
    ("value", "shape"),
    [
        ("f71f272f752c4307b36c5124688562c4", "hex32"),
        ("f71f272f-752c-4307-b36c-5124688562c4", "uuid"),
        ("2021-11-03T16:21:02+00:01", "datetime offset"),
        ("2021-11-03T16:21:02.123Z", "datetime Z"),
        ("2021-11-03T16:21:02", "datetime naive"),
        ("2021-11-03", "date"),
        ("a@b.example", "email"),
        ("12", "digits"),
        ("12.50", "decimal text"),
        ("", "empty text"),
        ("Jane", "text"),
        ("active", "word active"),
        (True, "boolean"),
        (1, "integer"),
        ([], {"array": 0, "items": None}),
    ],
)
def test_kinds(value: object, shape: object):
    """A word of the reference's enumerations is kept: it says nothing of a customer."""
    assert shape_of(value, frozenset({"active"})) == shape


def test_a_list_of_records_has_the_fields_of_all():
    """A field that some lack is optional; one of two kinds says both."""
    body = shape_of([{"id": "0" * 32, "office": None}, {"id": "1" * 32, "office": {"id": "2" * 32}, "x": 1}])
    count, fields = records_of(body)
    assert count == 2
    assert body["items"]["optional"] == ["x"]
    assert forms_of(fields["office"]) == {"null", "object"}
    assert records_of(shape_of({"id": "x"}))[0] == 1
    assert records_of(shape_of("x")) == (0, {})
