"""The bases of values: what attrs would have written, by attrs' own words."""

from __future__ import annotations

import copy
import gc
import importlib
import inspect
import pickle
import pkgutil
from typing import Any

import attrs
import pytest

import tonicdm
from tests.cases import for_each
from tonicdm.types import InvalidRecord, RateLimit
from tonicdm.values import Shown, State, Value, changed


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Ours(Value):
    """A value with all that a field can have."""

    name: str
    secret: str = attrs.field(default="x", repr=False)
    place: str = attrs.field(default="here", repr=str.upper)
    note: float = attrs.field(default=0.0, eq=False)


@attrs.frozen(kw_only=True)
class Theirs:
    """The same by attrs alone."""

    name: str
    secret: str = attrs.field(default="x", repr=False)
    place: str = attrs.field(default="here", repr=str.upper)
    note: float = attrs.field(default=0.0, eq=False)


CASES = [
    {"name": "a"},
    {"name": "b"},
    {"name": "a", "secret": "y"},
    {"name": "a", "place": "there"},
    {"name": "a", "note": 1.5},
    {"name": "a", "note": float("nan")},
]


@for_each("values", CASES, ids=str)
def test_a_value_is_shown_as_attrs_shows_it(values: dict[str, Any]) -> None:
    assert repr(Ours(**values)) == repr(Theirs(**values)).replace("Theirs", "Ours")


@for_each("values", CASES, ids=str)
@for_each("others", CASES, ids=str)
def test_values_are_equal_where_attrs_calls_them_so(values: dict[str, Any], others: dict[str, Any]) -> None:
    """So are their hashes."""
    ours, other = Ours(**values), Ours(**others)
    assert (ours == other) is (Theirs(**values) == Theirs(**others))
    assert (ours != other) is (Theirs(**values) != Theirs(**others))
    assert ours != other or hash(ours) == hash(other)


def test_values_of_two_classes_are_not_equal() -> None:
    assert Ours(name="a") != Theirs(name="a")
    assert RateLimit(1, 1, 1.0) != (1, 1, 1.0)


def test_a_value_survives_pickling() -> None:
    value = InvalidRecord(3, "no id", b"{}")
    assert pickle.loads(pickle.dumps(value)) == value


def test_a_state_is_equal_by_its_fields_and_no_key() -> None:
    @attrs.define(eq=False, repr=False)
    class Count(State):
        """Changes."""

        calls: int = 0

    count = Count()
    count.calls = 2
    assert count == Count(2)
    with pytest.raises(TypeError, match="unhashable"):
        hash(count)


def test_what_is_only_shown_is_equal_to_itself_alone() -> None:
    @attrs.define(eq=False, repr=False)
    class Slot(Shown):
        """One of many."""

        taken: int = 0

    slot = Slot()
    assert repr(slot) == "Slot(taken=0)"
    assert slot == slot  # noqa: PLR0124 # the point
    assert slot != Slot()
    assert len({slot, slot, Slot()}) == 2


def test_a_state_that_holds_itself_is_shown() -> None:
    """As attrs shows it, whose methods stop there."""

    @attrs.define(eq=False, repr=False)
    class Node(State):
        """May be in a circle."""

        beside: Any = None

    node = Node()
    node.beside = [node]
    assert repr(node) == "Node(beside=[...])"
    assert repr(Node(Node())) == "Node(beside=Node(beside=None))"


def classes_with_these_bases() -> list[type]:
    """Return all classes of the package that have one of these bases, themselves left out."""
    for module in pkgutil.walk_packages(tonicdm.__path__, "tonicdm."):
        if module.name.startswith(("tonicdm.budget.", "tonicdm.http.", "tonicdm.endpoints.")):
            importlib.import_module(module.name)
    gc.collect()  # attrs makes a class with slots of one without, which is there until then
    found, left = set(), [Shown]
    while left:
        for each in left.pop().__subclasses__():
            left.append(each)
            found.add(each)
    return [each for each in found if each.__module__.startswith("tonicdm.") and each not in {Value, State}]


def test_no_class_of_these_bases_lets_attrs_write_what_the_base_has() -> None:
    """Or asks for what the base can't do: fields that are compared by a key."""
    classes = classes_with_these_bases()
    assert len(classes) > 30
    for each in classes:
        assert not {"__eq__", "__ne__", "__repr__", "__hash__"} & vars(each).keys(), each
        if attrs.has(each):
            assert all(field.eq_key is None for field in attrs.fields(each)), each


def plain_classes() -> list[type]:
    """Return those of these classes that attrs has no part in."""
    return [each for each in classes_with_these_bases() if not attrs.has(each)]


def made(each: type) -> Any:
    """Return an object of a class, with what needs no default being None."""
    needed = [name for name, one in inspect.signature(each).parameters.items() if one.default is one.empty]
    return each(**dict.fromkeys(needed))


def test_a_class_without_attrs_has_a_slot_for_each_of_its_fields_and_no_other() -> None:
    """Its fields are its slots: one that is missing there would be neither shown, nor compared, nor copied."""
    classes = plain_classes()
    assert len(classes) > 10
    for each in classes:
        thing = made(each)
        assert not hasattr(thing, "__dict__"), each
        assert [name for name in each.__slots__ if not hasattr(thing, name)] == [], each
        assert {*each.__slots__} >= each.BESIDE, each
        assert each.__hash__ is None or not issubclass(each, State), each


def test_a_class_without_attrs_is_shown_compared_and_copied_by_its_slots() -> None:
    for each in plain_classes():
        thing = made(each)
        names = [name for name in each.__slots__ if name not in each.BESIDE]
        shown = ", ".join(f"{name}={getattr(thing, name)!r}" for name in names)
        assert repr(thing) == f"{each.__qualname__}({shown})"
        for again in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing)), changed(thing)):
            assert (again == thing) is issubclass(each, (State, Value)), each
            assert repr(again) == repr(thing)
        for name in each.__slots__:
            other = changed(thing, **{name: "another"})
            assert other != thing or name in each.BESIDE, (each, name)
            assert getattr(thing, name) != "another"
