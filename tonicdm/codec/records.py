"""The base of records: attrs classes that know their wire names and keep unknown fields."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Callable, Generator, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol, Self, runtime_checkable

import attrs

WIRE: Final = "wire"
"""Key of a field's metadata under which its wire name stands."""

HYPHENATED: Final = "hyphenated"
"""Key of a field's metadata that is there where the reference writes the ID with hyphens (``format: uuid``)."""


ASSUMED: Final = "assumed"
"""Key of a field's metadata that is there where no document prints its name or its type."""


class _Nothing(Mapping[str, Any]):
    """An empty mapping that stays empty, and is itself again after pickling and copying."""

    __slots__ = ()

    def __getitem__(self, name: str) -> Any:
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __repr__(self) -> str:
        return "{}"

    def __reduce__(self) -> str:
        return "NOTHING"


NOTHING: Final[Mapping[str, Any]] = _Nothing()

_BOOKKEEPING: Final = {"bookkeeping": True}
"""Metadata of a field that stands for nothing on the wire."""

MARKS: Final[ContextVar[Mapping[str, Any]]] = ContextVar("tonicdm_marks", default=NOTHING)
"""Bookkeeping fields that every record gets which is decoded now, by attribute name."""


@contextlib.contextmanager
def marked(**values: Any) -> Generator[None]:
    """Set bookkeeping fields of all records that are decoded inside, nested ones included."""
    before = MARKS.set(values)
    try:
        yield
    finally:
        MARKS.reset(before)


def camel(name: str) -> str:
    """Return a snake_case attribute name in camelCase: ``name_long`` is ``nameLong``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def camel_case(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Give every field without a wire name of its own the camelCase one; a ``field_transformer`` of attrs."""
    return [_named(field, camel(field.name)) for field in fields]


def snake_case(_cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Give every field without a wire name of its own its attribute name; a ``field_transformer`` of attrs."""
    return [_named(field, field.name) for field in fields]


def camel_case_assumed(*documented: str) -> Callable[[type, list[attrs.Attribute[Any]]], list[attrs.Attribute[Any]]]:
    """Make a transformer like `camel_case` for a class of which documents print only the fields *documented*."""

    def transform(cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
        return [
            field if field.name in documented or WIRE not in field.metadata
            else field.evolve(metadata={**field.metadata, ASSUMED: True})
            for field in camel_case(cls, fields)
        ]  # fmt: skip

    return transform


def _named(field: attrs.Attribute[Any], wire_name: str) -> attrs.Attribute[Any]:
    if WIRE in field.metadata or not field.metadata.keys().isdisjoint(_BOOKKEEPING):
        return field
    return field.evolve(metadata={**field.metadata, WIRE: wire_name})


def wire(
    name: str | None = None,
    *,
    shown: bool = True,
    hashed: bool = True,
    hyphenated: bool = False,
    assumed: bool = False,
) -> Any:
    """Make an optional field that is out of the ordinary.

    Args:
        name: Its wire name, where that follows no rule.
        shown: Whether its value may stand in a repr; signed URLs may not.
        hashed: Whether its value can be hashed; free JSON cannot.
        hyphenated: Whether its ID is written with hyphens.
        assumed: Whether no document prints its name or its type. What comes under that name and has another type costs
            nothing: the field is None then, and the value stands in `Record.extra` as it came.
    """
    metadata: dict[str, Any] = {} if name is None else {WIRE: name}
    if hyphenated:
        metadata[HYPHENATED] = True
    if assumed:
        metadata[ASSUMED] = True
    return attrs.field(default=None, metadata=metadata, repr=shown, hash=None if hashed else False)


def bookkeeping() -> Any:
    """Make a field that stands for nothing on the wire, and is no part of what makes two records equal."""
    return attrs.field(default=None, eq=False, repr=False, metadata=_BOOKKEEPING)


def wire_names(cls: type) -> dict[str, str]:
    """Return the wire name of every field of a record class, by attribute name."""
    return {field.name: field.metadata[WIRE] for field in attrs.fields(cls) if WIRE in field.metadata}


def hyphenated_names(cls: type) -> frozenset[str]:
    """Return the attribute names of a record class whose IDs are written with hyphens."""
    return frozenset(field.name for field in attrs.fields(cls) if HYPHENATED in field.metadata)


def assumed_names(cls: type) -> frozenset[str]:
    """Return the attribute names of a record class that no document prints."""
    return frozenset(field.name for field in attrs.fields(cls) if ASSUMED in field.metadata)


def _freeze(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    return extra if extra is NOTHING else dict(extra)


@attrs.frozen(kw_only=True)
class Record:
    """The base of all records.

    A record lists the fields that are documented; a server may send more. Those are kept as plain JSON in `extra`
    and read by their wire name, ``record["wireName"]``, as the known ones can be.
    """

    extra: Mapping[str, Any] = attrs.field(
        default=NOTHING, converter=_freeze, hash=False, repr=False, metadata=_BOOKKEEPING
    )
    """Fields that this package does not know, by wire name, as plain JSON values."""
    nulls: frozenset[str] = attrs.field(default=frozenset(), eq=False, repr=False, metadata=_BOOKKEEPING)
    """Wire names of known fields that came as null; absent ones read as None too, but are not listed here."""
    resolved: Mapping[str, Any] = attrs.field(default=NOTHING, eq=False, repr=False, metadata=_BOOKKEEPING)
    """Records that this one refers to, by the names that were asked for: a record, a tuple of them, or None."""

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Return the default of a field that a record lacks which an earlier version has pickled."""
            field = getattr(attrs.fields(type(self)), name, None)
            if field is None or field.default is attrs.NOTHING:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            return field.default

    def __getitem__(self, wire_name: str) -> Any:
        """Return the decoded value of a known field, or the plain JSON value of an unknown one.

        Raises:
            KeyError: The answer had no such field.
        """
        for name, known in wire_names(type(self)).items():
            if known == wire_name:
                value = getattr(self, name)
                if value is None and wire_name not in self.nulls:
                    break
                return value
        return self.extra[wire_name]

    def __contains__(self, wire_name: object) -> bool:
        try:
            self[wire_name]  # type: ignore[index]
        except KeyError:
            return False
        return True


@runtime_checkable
class Substitute(Protocol):
    """A value that is written as another one."""

    def wire_value(self) -> Any:
        """Return what is written in this value's place."""
        ...


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
