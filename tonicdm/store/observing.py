"""The types of values that the fields of stored records have, and the column types that follow from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import attrs

from tonicdm.store.columns import Column, SqlType, widened
from tonicdm.store.database import Database

MAX_COLUMNS: Final = 100
"""Fields in one statement; engines bound the columns of a result."""

INDIFFERENT: Final = frozenset({SqlType.TEXT, SqlType.JSON, SqlType.BOOLEAN})
"""Types to which the size of a number and the form of a text are all the same."""


def value_types_of(
    db: Database, columns: Sequence[Column], where: str, parameters: Sequence[object]
) -> dict[str, frozenset[str]]:
    """Return the kinds of values that each field has, by wire name; nulls are none.

    They are the JSON types. In columns whose type hangs on it, whole numbers are told apart by their size
    (``integer``, ``long``, ``huge``) and texts by their form (``text``, ``moment``, ``date``).

    Args:
        db: The store.
        columns: The fields, with the types they have so far.
        where: Which records, as a condition with placeholders.
        parameters: Values for them.
    """

    def distinct(columns: Sequence[Column], expression: Callable[[str], str]) -> dict[str, frozenset[str]]:
        seen_types: dict[str, frozenset[str]] = {}
        for start in range(0, len(columns), MAX_COLUMNS):
            part = columns[start : start + MAX_COLUMNS]
            sql = ", ".join(db.dialect.distinct_texts(expression(column.wire)) for column in part)
            row = db.execute(f"SELECT {sql} FROM record WHERE {where}", parameters).fetchone()  # noqa: S608 - see views
            for column, value_types in zip(part, row, strict=True):
                seen_types[column.wire] = frozenset(value_types.split(",") if value_types else ()) - {"null"}
        return seen_types

    # To look at the JSON types alone takes an eighth of the time, and is enough for most columns.
    seen_types = distinct(columns, db.dialect.json_type)
    unsure = [
        column for column in columns if column.type not in INDIFFERENT and seen_types[column.wire] & {"text", "integer"}
    ]
    return seen_types | distinct(unsure, db.dialect.exact_type)


def typed(db: Database, record_type: str, columns: Sequence[Column], *, after: int | None = None) -> list[Column]:
    """Return *columns* with the types that their values need.

    Args:
        db: The store.
        record_type: The record type.
        columns: With the types they have so far.
        after: Look only at records changed after this position: the others fit already.
    """
    where = db.dialect.type_is(after=after is not None)
    value_types = value_types_of(db, columns, where, (record_type,) if after is None else (record_type, after))
    return [attrs.evolve(column, type=widened(column.type, value_types[column.wire])) for column in columns]


def misfits(before: Sequence[Column], after: Sequence[Column]) -> bool:
    """Tell whether a column that had a type needs another one."""
    types = {column.wire: column.type for column in after}
    return any(column.type is not None and types[column.wire] != column.type for column in before)
