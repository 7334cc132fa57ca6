"""Meanings of the columns of a store: their types, and the words of the models about them."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import attrs

from tonicdm.codec import Record, wire_names
from tonicdm.store.columns import OWN_COLUMNS, Column, SqlType, columns_of, model_of
from tonicdm.store.database import Database
from tonicdm.store.observing import typed
from tonicdm.store.views import seen_fields

OWN_MEANINGS: Final[Mapping[str, str]] = {
    "id": "The record's ID, compact lower case.",
    "updated": "When the record last changed, by the server.",
    "quality": "The earlier name of data_quantity.",
    "status": "The record's status, as the server writes it.",
    "deleted_at": "When the record was found to be deleted; null while it is there.",
    "reason": "Why it counts as deleted: deleted, soft deleted, out of sight, erased; null while it is there.",
    "change_seq": "The position of its last change in the change feed of the store.",
    "quarantined": "Why the server's newer version could not be stored, so that this is an earlier one; else null.",
    "data_quantity": "How much of the record was asked for: basic or complete.",
    "raw": "The whole record as JSON.",
}
"""The meaning of the columns that the store itself makes."""

UNKNOWN: Final = "A field that the documents do not show."

_MARKUP: Final = re.compile(r"``([^`]*)``|`~?([^`]*)`")


@attrs.frozen
class ColumnMeaning:
    """One column, as it is told to people."""

    name: str
    type: str
    """Its SQL type, as DuckDB names it."""
    meaning: str
    field: str = ""
    """The field's name on the wire; empty for a column of the store's own."""


@attrs.frozen
class TableMeaning:
    """The view or table of one record type."""

    name: str
    meaning: str
    columns: tuple[ColumnMeaning, ...]


def meanings(record_type: str, columns: Sequence[Column]) -> TableMeaning:
    """Return what a table means and each of its columns.

    Args:
        record_type: The record type.
        columns: Its columns beside the store's own, with their types.
    """
    model = model_of(record_type)
    classes: Any = model  # mypy takes a class whose instances can't be hashed to be one that can't
    words: Mapping[str, str] = {} if model is None else attribute_docs(classes)
    own = [ColumnMeaning(name, type_.value, OWN_MEANINGS[name]) for name, type_ in OWN_COLUMNS.items()]
    fields = [
        ColumnMeaning(column.name, (column.type or SqlType.TEXT).value, words.get(attribute, UNKNOWN), column.wire)
        for column, attribute in _attributes(model, columns)
    ]
    return TableMeaning(record_type, "" if model is None else first_sentence(model.__doc__ or ""), (*own, *fields))


def schema_of(db: Database, record_types: Sequence[str] | None = None) -> list[TableMeaning]:
    """Return the tables that a store has a view of, with the types that their values have.

    Args:
        db: The store.
        record_types: Only these; all that have shown a record unless given.
    """
    seen = [name for (name,) in db.execute("SELECT DISTINCT type FROM field ORDER BY type").fetchall()]
    wanted = seen if record_types is None else [name for name in record_types if name in seen]
    return [meanings(name, typed(db, name, columns_of(name, seen_fields(db, name)))) for name in wanted]


def _attributes(model: type[Record] | None, columns: Sequence[Column]) -> Iterator[tuple[Column, str]]:
    """Yield each column with the name of the attribute that holds its field; a column may have a number behind it."""
    names = {} if model is None else {wire: name for name, wire in wire_names(model).items()}
    yield from ((column, names.get(column.wire, "")) for column in columns)


@functools.cache
def attribute_docs(model: Any) -> Mapping[str, str]:
    """Return what the source of a class says of each attribute, in plain text; what it inherits included.

    Args:
        model: The class.
    """
    words: dict[str, str] = {}
    for base in reversed(model.__mro__[:-1]):
        try:
            source = textwrap.dedent(inspect.getsource(base))
        except (OSError, TypeError):
            continue  # a package without its source says nothing
        (statement, *_) = ast.parse(source).body
        if not isinstance(statement, ast.ClassDef):
            continue
        for attribute, text in zip(statement.body, statement.body[1:], strict=False):
            if (
                isinstance(attribute, ast.AnnAssign)
                and isinstance(attribute.target, ast.Name)
                and isinstance(text, ast.Expr)
                and isinstance(text.value, ast.Constant)
                and isinstance(text.value.value, str)
            ):
                words[attribute.target.id] = plain(text.value.value)
    return words


def plain(text: str) -> str:
    """Return a docstring as plain text in one line."""
    return _MARKUP.sub(lambda match: match[1] or match[2] or "", " ".join(text.split()))


def first_sentence(text: str) -> str:
    """Return the first paragraph of a docstring as plain text in one line."""
    return plain(text.strip().partition("\n\n")[0])
