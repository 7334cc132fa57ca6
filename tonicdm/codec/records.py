"""The base of records: attrs classes that know their wire names and keep unknown fields."""

from __future__ import annotations

import datetime
import enum
import json
import re
import types
import typing
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, runtime_checkable

import attrs

from tonicdm import display
from tonicdm.codec.scalars import is_aware, write_datetime, write_id
from tonicdm.errors import InvalidOptionError
from tonicdm.types import MASK, RecordID, Secret, Unset

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


class marked:  # noqa: N801 - used like a function, and entered for each answer: quicker than a generator
    """Set bookkeeping fields of all records that are decoded inside, nested ones included.

    Args:
        values: By attribute name.
    """

    __slots__ = ("_before", "_values")

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __enter__(self) -> None:
        self._before = MARKS.set(self._values)

    def __exit__(self, *_: object) -> None:
        MARKS.reset(self._before)


def camel(name: str) -> str:
    """Return a snake_case attribute name in camelCase: ``name_long`` is ``nameLong``."""
    head, *others = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in others)


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


_WIRE_NAMES: Final[dict[type, Mapping[str, str]]] = {}


def wire_names(cls: type) -> Mapping[str, str]:
    """Return the wire name of every field of a record class, by attribute name."""
    names = _WIRE_NAMES.get(cls)
    if names is None:
        found = {field.name: field.metadata[WIRE] for field in attrs.fields(cls) if WIRE in field.metadata}
        names = _WIRE_NAMES[cls] = types.MappingProxyType(found)
    return names


def hyphenated_names(cls: type) -> frozenset[str]:
    """Return the attribute names of a record class whose IDs are written with hyphens."""
    return frozenset(field.name for field in attrs.fields(cls) if HYPHENATED in field.metadata)


def assumed_names(cls: type) -> frozenset[str]:
    """Return the attribute names of a record class that no document prints."""
    return frozenset(field.name for field in attrs.fields(cls) if ASSUMED in field.metadata)


Names: TypeAlias = Literal["wire", "python"]
"""How fields are named in what is written: as the API does, or as the attributes are."""

_PLAIN_ID: Final = re.compile(r"[0-9A-Za-z-]{1,36}")
"""An ID that tells nothing by itself."""


def _freeze(extra: Mapping[str, Any]) -> Mapping[str, Any]:
    return extra if extra is NOTHING else dict(extra)


# attrs puts it into the `__init__` of each model, whose module may not know the name.
_freeze.__annotations__.update(typing.get_type_hints(_freeze))


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

    def keys(self) -> list[str]:
        """Return the wire names of the fields that the answer had, so that ``dict(record)`` holds their values."""
        known = (name for name in wire_names(type(self)).values() if name in self)
        return [*known, *self.extra]

    def to_dict(self, *, names: Names = "wire", secrets: bool = False) -> dict[str, Any]:
        """Return the record, and those inside it, as plain JSON values.

        Args:
            names: ``wire`` names fields as the API does, ``python`` as the attributes are. Fields that this package
                does not know have their wire names in both.
            secrets: Whether tokens are written as they are; else ``***`` stands in their place.
        """
        written: dict[str, Any] = to_json_value(self, names=names, secrets=secrets)
        return written

    def to_json(self, *, names: Names = "wire", secrets: bool = False, indent: int | None = None) -> str:
        """Return the record as JSON.

        Args:
            names: As for `to_dict`.
            secrets: As for `to_dict`.
            indent: Blanks by which lines are moved in; everything on one line unless given.
        """
        separators = (",", ":") if indent is None else None
        value = self.to_dict(names=names, secrets=secrets)
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Tell pydantic, and FastAPI through it, how records are written and described."""
        from tonicdm.codec.schemas import core_schema

        return core_schema(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        """Describe a record for the OpenAPI document of an application."""
        from tonicdm.codec.schemas import json_schema

        return json_schema(cls, wire_names(cls))

    def _id_shown(self) -> str:
        """Return the ID for a repr: one that may be an address or a name is left out."""
        value = getattr(self, "id", None)
        return f" {value}" if isinstance(value, str) and _PLAIN_ID.fullmatch(value) else ""

    def __repr__(self) -> str:
        # No value but the ID: reprs end up in logs, and a name or an address has no place there.
        count = sum(getattr(self, name) is not None for name in wire_names(type(self))) + len(self.extra)
        updated: Any = getattr(self, "updated", None)
        when = f", updated {write_datetime(updated.replace(microsecond=0))}" if is_aware(updated) else ""
        return f"<{type(self).__name__}{self._id_shown()}{when}, {count} field{'' if count == 1 else 's'}>"

    def _repr_html_(self) -> str:
        return display.fields(repr(self), shown_values(self).items())

    def __contains__(self, wire_name: object) -> bool:
        try:
            self[wire_name]  # type: ignore[index]
        except KeyError:
            return False
        return True


attrs.resolve_types(Record)  # of the fields that the models have of it


@runtime_checkable
class Substitute(Protocol):
    """A value that is written as another one."""

    def wire_value(self) -> Any:
        """Return what is written in this value's place."""
        ...


def shown_values(record: Record) -> dict[str, Any]:
    """Return the values of a record that a person may see who looks at it, by attribute name."""
    fields = attrs.fields(type(record))
    values = {name: getattr(record, name) for name in wire_names(type(record))}
    known = {name: value if getattr(fields, name).repr else MASK for name, value in values.items() if value is not None}
    # What this package does not know may be a signed link.
    return {**known, **({"extra": f"{len(record.extra)} more: {', '.join(record.extra)}"} if record.extra else {})}


# --- how values are written -------------------------------------------------------------------------------------------


def to_json_value(value: Any, *, names: Names = "wire", secrets: bool = True) -> Any:
    """Return *value* as JSON: records with known nulls and unknown fields.

    Args:
        value: A record, a value of one, or a collection of them.
        names: How known fields are named.
        secrets: Whether secrets are written as they are; else masked.

    Raises:
        InvalidOptionError: Something in it has no JSON form.
    """

    def write(value: Any) -> Any:
        if isinstance(value, Record):
            return write_record(value)
        if isinstance(value, Substitute):
            return write(value.wire_value())
        if isinstance(value, Mapping):
            return {str(key): write(item) for key, item in value.items() if not isinstance(item, Unset)}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [write(item) for item in value]
        if isinstance(value, Secret) and not secrets:
            return MASK
        return write_scalar(value)

    def write_record(record: Record) -> dict[str, Any]:
        out: dict[str, Any] = {}
        hyphenated = hyphenated_names(type(record))
        for name, wire_name in wire_names(type(record)).items():
            value = getattr(record, name)
            if value is not None or wire_name in record.nulls:
                written = with_hyphens(write(value)) if name in hyphenated else write(value)
                out[wire_name if names == "wire" else name] = written
        return {**out, **record.extra}

    return write(value)


def with_hyphens(value: Any) -> Any:
    """Return an ID as the reference writes it in some places; anything else as it is."""
    return write_id(RecordID(value)) if isinstance(value, str) else value


def write_scalar(value: Any) -> Any:
    """Return a single value as JSON.

    Raises:
        InvalidOptionError: It has no JSON form, or is a naive datetime.
    """
    if value is None or type(value) in {str, int, float, bool}:
        return value
    if isinstance(value, datetime.datetime):
        try:
            return write_datetime(value)
        except ValueError as error:
            raise InvalidOptionError(f"{error}. Nothing was sent.") from None
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Secret):
        return value.reveal()
    raise InvalidOptionError(f"a {type(value).__name__} has no JSON form. Nothing was sent.")
