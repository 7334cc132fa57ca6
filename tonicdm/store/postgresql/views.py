"""The views of a store in PostgreSQL: a column with a type and a comment for each field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tonicdm.databases import MAX_IDENTIFIER_BYTES
from tonicdm.store.columns import Column, SqlType
from tonicdm.store.database import literal, quoted

VIEW_NOTE: Final = "view "
"""Begins the name of the note of a store that tells which form a view has."""
MAX_VIEW_COLUMNS: Final = 1_600
"""Columns of a view; PostgreSQL's results have at most 1,664."""


def view(record_type: str, own: Mapping[str, str], columns: Sequence[Column]) -> str:
    """Return the statements that make the view of a type, in place of the one there is."""
    name_of_view, taken = quoted(record_type), set[str](own)
    expressions = [_own_value(name, value) for name, value in own.items()]
    comments = list[str]()
    for column in columns[: MAX_VIEW_COLUMNS - len(own)]:
        name = short_name(column.name, taken)
        expressions.append(f"{_typed_value(column)} AS {quoted(name)}")
        comment = literal(f"The field {column.wire} of the record")
        comments.append(f"COMMENT ON COLUMN {name_of_view}.{quoted(name)} IS {comment}")
    select = f"SELECT {', '.join(expressions)} FROM record WHERE type = {literal(record_type)}"  # noqa: S608 - quoted
    return "; ".join([f"DROP VIEW IF EXISTS {name_of_view}", f"CREATE VIEW {name_of_view} AS {select}", *comments])


def _own_value(name: str, value: str) -> str:
    # A soft deleted record may have no time of its own; that it is deleted must show all the same.
    if name == "updated":
        return f"as_time({value}) AS {name}"
    return f"{value} AS {name}"


def _typed_value(column: Column) -> str:
    """Return a field as its model has it; NULL where the value is another one, which is in ``raw`` as it came."""
    text, value = f"raw ->> {literal(column.wire)}", f"raw -> {literal(column.wire)}"
    match column.type:
        case SqlType.BOOLEAN:
            return f"CASE jsonb_typeof({value}) WHEN 'boolean' THEN ({text})::boolean END"
        case SqlType.BIGINT | SqlType.DOUBLE:
            return f"CASE jsonb_typeof({value}) WHEN 'number' THEN ({text})::numeric END"
        case SqlType.TIMESTAMP:
            return f"as_time({text})"
        case SqlType.DATE:
            return f"as_date({text})"
        case SqlType.JSON:
            return f"nullif({value}, 'null'::jsonb)"
        case _:
            return text


def short_name(name: str, taken: set[str]) -> str:
    """Return a name that PostgreSQL does not cut, and that no other column has; it is added to *taken*."""
    short, number = name.encode()[:MAX_IDENTIFIER_BYTES].decode(errors="ignore"), 2
    while short in taken:
        end = f"_{number}"
        short = name.encode()[: MAX_IDENTIFIER_BYTES - len(end)].decode(errors="ignore") + end
        number += 1
    taken.add(short)
    return short
