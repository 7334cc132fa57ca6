"""Attributes whose values are made when they are first read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, Self, TypeVar, overload

T = TypeVar("T")


class Lazy(Generic[T]):
    """An attribute of an object, made when it is first read and kept in the object from then on.

    Args:
        make: Makes the value, given the object and the attribute's name.
    """

    def __init__(self, make: Callable[[Any, str], T]) -> None:
        self._make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        if instance is None:
            return self
        value = self._make(instance, self._name)
        vars(instance)[self._name] = value  # found before this descriptor from now on
        return value


def forget(instance: object) -> None:
    """Drop the values that an object keeps, so that each is made anew when it is next read."""
    for owner in type(instance).__mro__:
        for name, attribute in vars(owner).items():
            if isinstance(attribute, Lazy):
                vars(instance).pop(name, None)
