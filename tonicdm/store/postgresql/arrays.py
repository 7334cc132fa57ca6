"""Whole pages in one statement: the values of each column travel as one array.

A statement for each row costs its way to the server's planner each time. And a list of keys is looked up by whichever
index the planner thinks good for all of them together; of a table that has grown since its statistics were made, or has
none, it knows too little for that.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Self

import attrs

from tonicdm.store.postgresql.values import by_key, holdable, translated

_INSERT: Final = re.compile(
    r'\s*INSERT INTO (?P<table>\w+) \((?P<columns>[\w", ]+)\)\s+VALUES \(\?(?:, \?)*\)(?P<end>.*)', re.DOTALL
)

_SENT_AS: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "text": ("text", lambda value: holdable(str(value))),
    "jsonb": ("text", str),
    "integer": ("bigint", int),
    "bigint": ("bigint", int),
    "double precision": ("double precision", float),
    "bytea": ("bytea", bytes),
}
"""How the values of a column's type are sent: the type of the array's elements, and what makes one of a value."""


class Insertion:
    """An INSERT of many rows, made of the one for a single row.

    Args:
        sql: With ``?`` for each value.
        types_of: Returns the types of a table's columns.
    """

    def __init__(self, sql: str, types_of: Callable[[str], Mapping[str, str]]) -> None:
        parts = _INSERT.fullmatch(sql)
        assert parts is not None, "an INSERT of whole rows"
        names = [name.strip(' "') for name in parts["columns"].split(",")]
        types = types_of(parts["table"])
        self._types: Sequence[str] = [types[name] for name in names]
        arrays = ", ".join(f"%b::{_SENT_AS[type_][0]}[]" for type_ in self._types)
        values = ", ".join(f"v{number}::{type_}" for number, type_ in enumerate(self._types))
        given = ", ".join(f"v{number}" for number in range(len(names)))
        self.sql: bytes = (
            f"INSERT INTO {parts['table']} ({parts['columns']}) "  # noqa: S608 - the statement's own words
            f"SELECT {values} FROM unnest({arrays}) AS given({given}){parts['end']}"
        ).encode()

    def arrays(self, columns: Sequence[Sequence[Any]]) -> list[list[Any]]:
        """Return the values of each column as they are sent."""
        return [array(type_, values) for type_, values in zip(self._types, columns, strict=True)]


@attrs.frozen
class Change:
    """An UPDATE of many rows in the same way, made of the one for a single row."""

    sql: bytes
    first: int
    """Values that stand before the arrays."""

    @classmethod
    @functools.lru_cache(maxsize=100)
    def of(cls, sql: str, count: int) -> Self:
        """Make one of a statement.

        The rows are found one by one, as `lookup` does, and changed by their places: joined with the keys in one step
        they would be found as the statistics suggest.

        Args:
            sql: With ``?`` for each value.
            count: How many of these, at its end, tell a row.
        """
        head, condition = sql.split(" WHERE ", 1)
        table = head.split()[1]
        parts = condition.rsplit("?", count)
        names = [f"v{number}" for number in range(count)]
        # Between two parts stands the value of a row.
        condition = "".join(f"{part}given.{name}" for part, name in zip(parts, names, strict=False)) + parts[-1]
        given = f"unnest({', '.join(['%b::text[]'] * count)}) AS given({', '.join(names)})"
        found = f"SELECT ctid AS place FROM {table} WHERE ".encode() + translated(by_key(condition)) + b" LIMIT 1"  # noqa: S608
        places = f"SELECT found.place FROM {given} CROSS JOIN LATERAL (".encode() + found + b") AS found"  # noqa: S608
        return cls(translated(head) + b" WHERE ctid = ANY (ARRAY(" + places + b"))", head.count("?"))

    def values(self, parameters: Sequence[Any], columns: Sequence[Sequence[Any]]) -> list[Any]:
        """Return the values of all placeholders, in their order."""
        return [*parameters[: self.first], *columns, *parameters[self.first :]]


def array(type_: str, values: Iterable[Any]) -> list[Any]:
    """Return the values of a column of *type_* as they are sent."""
    _, make = _SENT_AS[type_]
    return [None if value is None else make(value) for value in values]


@functools.lru_cache(maxsize=100)
def lookup(sql: str) -> bytes:
    """Return the statement that looks up each of an array of keys, by a SELECT that ends with ``IN (?)`` of one.

    LIMIT makes it be done for each key by itself: then there is one row to expect, whatever the statistics say, and
    that is what the primary key is for (`values.by_key`).
    """
    one = translated(by_key(sql.removesuffix("IN (?)")) + "= given.key LIMIT 1")
    return b"SELECT found.* FROM unnest(%b::text[]) AS given(key) CROSS JOIN LATERAL (" + one + b") AS found"
