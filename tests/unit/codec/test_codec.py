"""The definition decides what a record is, whatever its compiled reader makes of a value."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping
from typing import Any

import attrs
import pytest
from cattrs import ClassValidationError, IterableValidationError

from tests.cases import for_each
from tonicdm.codec import elements
from tonicdm.codec.compiler import can_compile
from tonicdm.codec.converter import Codec
from tonicdm.codec.paths import explain
from tonicdm.codec.records import NOTHING, Record, camel_case, wire
from tonicdm.codec.schemas import json_schema
from tonicdm.errors import DecodeError
from tonicdm.models import Office, Person

A = "a" * 32


def broken(_value: Any, _model: Any = None) -> Any:
    raise RuntimeError("abcdef")


def test_where_a_compiled_reader_fails_the_definition_reads_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec()
    monkeypatch.setattr(codec, "reader", lambda _model: broken)
    assert codec.read({"id": A}, Office) == Office(id=A)
    assert codec.read_all([{"id": A}, {"name": "x"}], Office) == [Office(id=A), Office(name="x")]
    with pytest.raises(DecodeError, match=r"\$\[1\]\.name: expected string"):
        codec.read_all([{"id": A}, {"name": 5}], Office)


@for_each("value", [{"id": A}, None, "text", 5])
def test_what_is_no_array_holds_no_records(value: Any) -> None:
    with pytest.raises(DecodeError, match="expected array, found"):
        Codec().read_all(value, Office)


def test_a_foreign_error_is_named_by_its_type_alone() -> None:
    """Its text may repeat the value."""
    assert explain(RuntimeError("abcdef"), Office) == ["$: unreadable (RuntimeError)"]
    assert explain(KeyError("id"), Office, "$[3]") == ["$[3]: the field 'id' is missing"]
    group = ClassValidationError("abcdef", [ValueError("abcdef")], Office)
    items = IterableValidationError("abcdef", [ValueError("abcdef")], list)
    assert explain(group, Office) == explain(items, Office) == ["$: unreadable (ValueError)"]


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class WithInit(Record):
    """A record that does more than to hold its fields."""

    name: str | None = None

    def __attrs_post_init__(self) -> None:
        assert self.name != "impossible"


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Twice(Record):
    """A record that reads one name on the wire in two ways."""

    first: str | None = wire("name")
    second: str | None = wire("name")


@for_each("model", [WithInit, Twice], ids=lambda model: model.__name__)
def test_a_class_whose_reading_is_more_than_its_fields_is_not_compiled(model: type[Record]) -> None:
    assert not can_compile(model)
    assert Codec().read({"name": "x"}, model) == attrs.evolve(
        model(), **{name: "x" for name in ("name", "first", "second") if hasattr(model(), name)}
    )


# --- values -----------------------------------------------------------------------------------------------------------


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_a_value_too_deep_to_be_written_again_is_kept_aside_without_its_text() -> None:
    element = elements.invalid_value(3, "too deep", nested(100_000))
    assert (element.index, element.reason, element.raw) == (3, "too deep", b"")


@for_each(
    ("value", "why"),
    [
        ({"a": float("nan")}, "NaN"),
        ([float("inf")], "NaN"),
        ("\ud800", "surrogates"),
        ({"a": [1, "ä", None]}, None),
    ],
)
def test_what_can_not_be_written_as_json_again_says_why(value: Any, why: str | None) -> None:
    found = elements.unstorable(value)
    assert found is None if why is None else why in (found or "")


@for_each(("depth", "fits"), [(elements.MAX_DEPTH - 1, True), (elements.MAX_DEPTH, False), (100_000, False)])
def test_what_is_nested_too_deep_for_other_readers_can_not_be_written_again(depth: int, fits: bool) -> None:
    assert (elements.unstorable(nested(depth)) is None) is fits


def test_an_array_of_more_elements_than_any_page_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elements, "MAX_ELEMENTS", 3)
    assert len(elements.read_elements(b"[1, 2, NaN]")) == 3
    with pytest.raises(DecodeError, match="more than 3 elements"):
        elements.read_elements(b"[1, 2, 3, 4, NaN]")


# --- records ----------------------------------------------------------------------------------------------------------


def test_an_empty_mapping_of_records_stays_itself_through_copies() -> None:
    assert (len(NOTHING), list(NOTHING), repr(NOTHING)) == (0, [], "{}")
    assert copy.deepcopy(NOTHING) is pickle.loads(pickle.dumps(NOTHING)) is NOTHING
    assert isinstance(NOTHING, Mapping)
    with pytest.raises(KeyError):
        NOTHING["a"]


def test_a_record_that_an_earlier_version_has_pickled_lacks_no_field() -> None:
    """A field that was added since has its default."""
    office = Office(id=A, name="x")
    state = office.__getstate__()
    assert isinstance(state, dict)
    older = object.__new__(Office)
    older.__setstate__({name: value for name, value in state.items() if name not in {"name", "resolved"}})
    assert (older.id, older.name, older.resolved) == (A, None, NOTHING)
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = older.colour


def test_a_schema_describes_what_any_json_may_be_as_anything() -> None:
    schema = json_schema(Person, {"id": "id", "extra": "extra"})
    assert schema["properties"]["id"] == {"type": "string"}
    assert json.dumps(schema)
