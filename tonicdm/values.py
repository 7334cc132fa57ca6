"""Equality, hash and repr of attrs classes, written once.

attrs writes these methods anew for each class and compiles them when the class is made, at every start of a program:
more than half of the time that such a class takes. The classes that are loaded with a client have one of these bases
instead, are decorated with ``eq=False, repr=False``, and behave as if attrs had written the methods.
"""

from __future__ import annotations

import operator
import reprlib
from typing import Any

import attrs


class Shown:
    """An object that is shown with its fields, and equal to itself alone."""

    __slots__ = ()

    @reprlib.recursive_repr()
    def __repr__(self) -> str:
        shown = [
            f"{field.name}={(repr if field.repr is True else field.repr)(getattr(self, field.name))}"
            for field in _fields(self)
            if field.repr
        ]
        return f"{self.__class__.__qualname__.rsplit('>.', 1)[-1]}({', '.join(shown)})"


class Value(Shown):
    """A value that does not change: equal to another one of its class with equal fields.

    attrs sees to that, but not for those that are made several times a call: to make one that is frozen takes twice as
    long. Such a class is no named tuple either, whose fields are read three times more slowly.
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


def _compared(value: Shown) -> list[Any]:
    """Return what two values of a class are compared by."""
    return [getattr(value, field.name) for field in _fields(value) if field.eq]


def _fields(value: Shown) -> tuple[attrs.Attribute[Any], ...]:
    cls: Any = value.__class__
    return attrs.fields(cls)  # type: ignore[no-any-return]
