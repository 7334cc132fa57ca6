"""Equality, hash and repr of attrs classes, written once.

attrs writes these methods anew for each class and compiles them when the class is made, at every start of a program:
more than half of the time that such a class takes. The classes that are loaded with a client have one of these bases
instead, are decorated with ``eq=False, repr=False``, and behave as if attrs had written the methods.

What is left takes sixteen times as long as a class with slots that writes its ``__init__`` itself. So do the states and
the values that the budget alone makes. Their fields are their slots.
"""

from __future__ import annotations

import copy
import operator
import reprlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, TypeVar

import attrs

S = TypeVar("S", bound="Shown")


class Shown:
    """An object that is shown with its fields, and equal to itself alone."""

    __slots__ = ()

    BESIDE: ClassVar[frozenset[str]] = frozenset()
    """Slots of a class without attrs that are neither shown nor compared."""

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        shown = [f"{name}={write(getattr(self, name))}" for name, write in _shown(self.__class__)]
        return f"{self.__class__.__qualname__.rsplit('>.', 1)[-1]}({', '.join(shown)})"


class Value(Shown):
    """A value that does not change: equal to another one of its class with equal fields.

    attrs sees to that where it makes the class. Those that are made several times a call are classes with slots: a
    frozen one is made half as fast, and the fields of a named tuple are read three times more slowly.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Value) or other.__class__ is not self.__class__:
            return NotImplemented
        return all(map(operator.eq, _compared(self), _compared(other)))

    def __hash__(self) -> int:
        return hash((self.__class__, *_compared(self)))


class State(Shown):  # noqa: PLW1641 # Python makes it unhashable, as it is meant to be
    """A value whose fields change: equal in the same way, and no key."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, State) or other.__class__ is not self.__class__:
            return NotImplemented
        return all(map(operator.eq, _compared(self), _compared(other)))


def changed(state: S, /, **changes: Any) -> S:
    """Return a copy of an object of a class without attrs, with other values in some of its slots.

    Args:
        state: The object.
        changes: The values.
    """
    other = copy.copy(state)
    for name, value in changes.items():
        setattr(other, name, value)
    return other


def _shown(cls: type[Shown]) -> Iterator[tuple[str, Callable[[Any], str]]]:
    """Yield the names of what objects of a class are shown with, and what writes each."""
    if not attrs.has(cls):
        yield from ((name, repr) for name in _slots(cls))
        return
    for field in attrs.fields(cls):
        if field.repr:
            yield field.name, repr if field.repr is True else field.repr


def _compared(value: Shown) -> list[Any]:
    """Return what two values of a class are compared by."""
    cls = value.__class__
    names = [field.name for field in attrs.fields(cls) if field.eq] if attrs.has(cls) else _slots(cls)
    return [getattr(value, name) for name in names]


def _slots(cls: Any) -> list[str]:
    return [name for name in cls.__slots__ if name not in cls.BESIDE]
