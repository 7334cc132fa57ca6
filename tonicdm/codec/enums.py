"""Enumerations that a server may extend."""

from __future__ import annotations

import enum
from typing import Any, Self


class OpenEnum(enum.StrEnum):
    """An enumeration that a server may extend: an unknown value is kept, typed and equal to its text."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Not registered: values of a server must not grow the class for the life of the process.
        member = str.__new__(cls, value)
        member._name_ = value
        member._value_ = value
        return member

    @property
    def known(self) -> bool:
        """Whether this package knows the value."""
        return self._value_ in type(self)._value2member_map_

    def __reduce_ex__(self, protocol: object) -> tuple[Any, ...]:
        return type(self), (self._value_,)

    def __deepcopy__(self, memo: object) -> Self:
        return self
