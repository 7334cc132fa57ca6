"""The columns of a record type: their names and their SQL types, for the views, the frames and the exports. Pure."""

from __future__ import annotations

import datetime
import enum
import functools
import re
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.codec import Record, wire_names
from tonicdm.store.types import TYPES


class SqlType(enum.StrEnum):
    """What a column holds; the values are the types of DuckDB."""

    BOOLEAN = "BOOLEAN"
    BIGINT = "BIGINT"
    DOUBLE = "DOUBLE"
    TIMESTAMP = "TIMESTAMP WITH TIME ZONE"
    DATE = "DATE"
    TEXT = "VARCHAR"
    JSON = "JSON"


@attrs.frozen
class Column:
    """A column that a field of the records fills."""

    name: str
    wire: str
    """The field's name on the wire."""
    type: SqlType | None = None
    """None as long as neither the model nor a value tells."""


OWN_COLUMNS: Final[Mapping[str, SqlType]] = {
    "id": SqlType.TEXT,
    "updated": SqlType.TIMESTAMP,
    "quality": SqlType.TEXT,
    "status": SqlType.TEXT,
    "deleted_at": SqlType.TIMESTAMP,
    "reason": SqlType.TEXT,
    "change_seq": SqlType.BIGINT,
    "quarantined": SqlType.TEXT,
    "data_quantity": SqlType.TEXT,
}
"""Columns that every table takes from the store itself. ``quality`` is the earlier name of ``data_quantity`` and stays
beside it for one version."""

RENAMED: Final[Mapping[str, str]] = {"data_quantity": "quality"}
"""The names in the table ``record`` of those columns that have another one there."""

OWN_VALUES: Final = tuple(
    "nullif(deleted_at, '')" if name == "deleted_at" else RENAMED.get(name, name) for name in OWN_COLUMNS
)
"""The expressions that fill them from the table ``record``: a soft deleted record may have no time of its own."""

MAX_FIELDS: Final = 1_900
"""Fields of a type that have a column, those that were seen first; SQLite's results have at most 2,000 columns."""

MAX_NAME_LENGTH: Final = 200
"""Characters of a field's name that still makes a column."""

MERGED: Final = frozenset({"id", "status", "updated"})
"""Fields that need no column, because one of the store's own is made of them."""

FITS: Final[Mapping[SqlType, frozenset[str]]] = {
    SqlType.BOOLEAN: frozenset({"true", "false"}),
    SqlType.BIGINT: frozenset({"integer", "long"}),
    SqlType.DOUBLE: frozenset({"integer", "real"}),
    SqlType.TIMESTAMP: frozenset({"moment"}),
    SqlType.DATE: frozenset({"date"}),
    SqlType.TEXT: frozenset({"true", "false", "integer", "long", "huge", "real", "moment", "date", "text"}),
    SqlType.JSON: frozenset({
        "true", "false", "integer", "long", "huge", "real", "moment", "date", "text", "array", "object"
    }),
}  # fmt: skip
"""The kinds of JSON values (`observing.value_types_of`) that a column of a type holds without loss."""

_WIDER: Final[Mapping[SqlType | None, tuple[SqlType, ...]]] = {
    # A column takes the first that fits; nothing ever gets narrower, so that readers can rely on a type.
    None: (SqlType.BOOLEAN, SqlType.BIGINT, SqlType.DOUBLE, SqlType.TIMESTAMP, SqlType.DATE, SqlType.TEXT),
    SqlType.BIGINT: (SqlType.DOUBLE, SqlType.TEXT),
    SqlType.TEXT: (),
}

_PLAIN: Final[Mapping[Any, SqlType]] = {
    bool: SqlType.BOOLEAN,
    # JSON knows one kind of number; a column of them is of whole ones until a fraction comes.
    int: SqlType.BIGINT,
    float: SqlType.BIGINT,
    datetime.datetime: SqlType.TIMESTAMP,
    datetime.date: SqlType.DATE,
}

_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def fits(type_: SqlType | None, value_types: Iterable[str]) -> bool:
    """Tell whether a column of *type_* holds values of all *value_types* without loss."""
    return type_ is not None and FITS[type_].issuperset(value_types)


def widened(type_: SqlType | None, value_types: frozenset[str]) -> SqlType | None:
    """Return the narrowest type from *type_* on that holds values of all *value_types*; None while there is no value.

    Args:
        type_: What the column is; None for a new one.
        value_types: Of all its values, the older ones included.
    """
    if fits(type_, value_types) or (type_ is None and not value_types):
        return type_
    wider = _WIDER.get(type_, (SqlType.TEXT,))
    return next((candidate for candidate in wider if fits(candidate, value_types)), SqlType.JSON)


def text_form(text: str) -> str:
    """Return ``moment`` for an ISO 8601 date-time, ``date`` for a date, ``text`` for all else."""
    try:
        if _DATE.fullmatch(text):
            datetime.date.fromisoformat(text)
            return "date"
        if _MOMENT.fullmatch(text):
            datetime.datetime.fromisoformat(text)
            return "moment"
    except ValueError:
        pass
    return "text"


def columns_of(record_type: str, seen: Iterable[str], before: Sequence[Column] = ()) -> tuple[Column, ...]:
    """Return the columns of *record_type* beside the store's own.

    Args:
        record_type: The record type.
        seen: Wire names of the fields that records really have, in the order in which they were first seen.
        before: The columns that a table has already: they keep their names, their types and their places.
    """
    known = model_columns(record_type)
    columns = list(before)
    held = {column.wire for column in before} | MERGED
    # SQL does not tell columns apart by case.
    taken = {column.name.lower() for column in before} | OWN_COLUMNS.keys()
    new = [wire for wire in known if wire not in held]
    others = [wire for wire in dict.fromkeys(seen) if wire not in held and wire not in known and has_column(wire)]
    for wire in [*new, *sorted(others[: max(0, MAX_FIELDS - len(columns) - len(new))])]:
        column = known.get(wire) or Column(snake(wire), wire)
        name, number = column.name, 2
        while name.lower() in taken:
            name, number = f"{column.name}_{number}", number + 1
        taken.add(name.lower())
        columns.append(attrs.evolve(column, name=name))
    return tuple(columns)


def has_column(wire: str) -> bool:
    """Tell whether a field of this name can have a column: JSON paths and SQL can't spell every name.

    Any other field is in the record's ``raw`` alone.
    """
    return 0 < len(wire) <= MAX_NAME_LENGTH and wire.isprintable() and not {'"', "\\"} & set(wire)


_OTHER_MODELS: Final[dict[str, type[Record]]] = {}


def enter_model(record_type: str, model: type[Record]) -> None:
    """Let the columns of *record_type* be those of *model*: for records of another API, whose room is above this one.

    Args:
        record_type: The record type.
        model: Its class.
    """
    _OTHER_MODELS[record_type] = model
    model_columns.cache_clear()


def model_of(record_type: str) -> type[Record] | None:
    """Return the model of *record_type*; None where no API that is loaded has such a type."""
    if record_type in _OTHER_MODELS:
        return _OTHER_MODELS[record_type]
    return TYPES[record_type].listing.model if record_type in TYPES else None


@functools.cache
def model_columns(record_type: str) -> dict[str, Column]:
    """Return the column of each field that the model of *record_type* knows, by wire name."""
    model = model_of(record_type)
    if model is None:
        return {}
    hints = typing.get_type_hints(model)
    return {wire: Column(name, wire, declared(hints[name])) for name, wire in wire_names(model).items()}


def declared(hint: Any) -> SqlType | None:
    """Return the SQL type of a model's field; None where the model leaves it open."""
    if hint is Any:
        return None
    union = typing.get_origin(hint) in {typing.Union, types.UnionType}
    parts = [part for part in typing.get_args(hint) if part is not types.NoneType] if union else [hint]
    if len(parts) > 1:
        return SqlType.TEXT
    (candidate,) = parts
    if candidate in _PLAIN:
        return _PLAIN[candidate]
    plain = getattr(candidate, "__supertype__", candidate)  # of a NewType
    return SqlType.TEXT if isinstance(plain, type) and issubclass(plain, str) else SqlType.JSON


def snake(name: str) -> str:
    """Return a wire name as a column name: ``nameLong`` is ``name_long``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
