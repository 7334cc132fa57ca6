"""A hypothesis strategy for answers: what a schema of the reference allows, and more than it names."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from hypothesis import strategies as st

from .reference import flat

TEXT = st.text(max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
UNKNOWN_FIELDS = st.dictionaries(TEXT.map(lambda text: f"zz{text}"), JSON, max_size=2)
UNKNOWN_WORD = st.from_regex(r"\Azz[a-z]{1,6}\Z")

_OFFSETS = st.sampled_from(["Z", "z", "+00:00", "-00:00", "+00:01", "+05:30", "-11:00"])
_FRACTIONS = st.sampled_from(["", ".5", ".123", ".123456"])


@st.composite
def _moments(draw: st.DrawFn) -> str:
    moment = draw(st.datetimes(datetime.datetime(1900, 1, 2), datetime.datetime(2200, 1, 1)))  # noqa: DTZ001
    separator = draw(st.sampled_from("Tt"))
    return moment.replace(microsecond=0).isoformat(sep=separator) + draw(_FRACTIONS) + draw(_OFFSETS)


FORMATS: dict[str, st.SearchStrategy[str]] = {
    "date-time": _moments(),
    "date": st.dates().map(lambda day: f"{day:%Y}".zfill(4) + f"{day:-%m-%d}"),
    "email": st.from_regex(r"\A[a-z]{1,8}@[a-z]{1,8}\.com\Z"),
    "uuid": st.uuids().map(str) | st.uuids().map(lambda one: str(one).upper()),
    "uri": st.uuids().map(lambda one: f"https://files.test/{one}"),
    "html": TEXT.map(lambda text: f"<p>{text}</p>"),
}
IDS = st.uuids().map(lambda one: one.hex) | st.uuids().map(lambda one: one.hex.upper())


_MADE: dict[tuple[int, bool], tuple[dict[str, Any], st.SearchStrategy[Any]]] = {}
"""Strategies by their schema's identity, each with its schema, which keeps the identity."""


def payloads(schema: dict[str, Any], *, strange: bool = True) -> st.SearchStrategy[Any]:
    """Return a strategy for values of *schema*; with unknown fields and enumeration values if *strange*."""
    key = (id(schema), strange)
    if key not in _MADE:
        _MADE[key] = (schema, _payloads(flat(schema), strange=strange))
    return _MADE[key][1]


def _payloads(schema: dict[str, Any], *, strange: bool) -> st.SearchStrategy[Any]:
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return st.one_of([payloads(one, strange=strange) for one in schema[key]])
    if "enum" in schema:
        known = st.sampled_from(schema["enum"])
        return known | UNKNOWN_WORD if strange else known
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return st.one_of([_of_type(kind, schema, strange=strange) for kind in kinds]) if kinds else JSON


def _of_type(kind: str, schema: dict[str, Any], *, strange: bool) -> st.SearchStrategy[Any]:
    if kind == "object":
        return _object(schema, strange=strange)
    if kind == "array":
        fewest = schema.get("minItems", 0)
        return st.lists(payloads(schema["items"], strange=strange), min_size=fewest, max_size=max(3, fewest))
    if kind == "string":
        return _strings(schema)
    simple: dict[str, st.SearchStrategy[Any]] = {
        "null": st.none(),
        "boolean": st.booleans(),
        "integer": st.integers(schema.get("minimum", -(2**53)), 2**53),
        "number": st.integers(0, 10**12) | st.floats(0, 10**12),
    }
    return simple[kind]


def _strings(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    if schema.get("pattern") == "^[0-9a-fA-F]{32}$":
        return IDS
    assert "pattern" not in schema
    if "format" in schema:
        return FORMATS[schema["format"]]
    known = st.sampled_from([*schema.get("x-known-values", [""])])
    lengths = {"min_size": schema.get("minLength", 0), "max_size": min(schema.get("maxLength", 20), 20)}
    text = st.text(**lengths)
    return known.filter(lambda word: len(word) >= lengths["min_size"]) | text if schema.get("x-known-values") else text


def _object(schema: dict[str, Any], *, strange: bool) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema.get("properties", {})
    required = {name: payloads(properties[name], strange=strange) for name in schema.get("required", [])}
    rest = {name: payloads(one, strange=strange) for name, one in properties.items() if name not in required}
    found = st.fixed_dictionaries(required, optional=rest)
    return st.builds(lambda known, more: {**known, **more}, found, UNKNOWN_FIELDS) if strange else found


def same(one: Any, other: Any) -> bool:
    """Tell whether two JSON values say the same: times as instants, IDs in any spelling, all else exactly."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, str) and isinstance(other, str):
        return one == other or _instant(one) == _instant(other) != one or _id(one) == _id(other) != ""
    return type(one) is type(other) and bool(one == other)


def _instant(text: str) -> datetime.datetime | str:
    try:
        found = datetime.datetime.fromisoformat(text.upper())
    except ValueError:
        return text
    return found if found.tzinfo else text


def _id(text: str) -> str:
    try:
        return uuid.UUID(text).hex
    except ValueError:
        return ""
