"""Stored records as a pyarrow table or a pandas frame; both are extras."""

from __future__ import annotations

import datetime
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import attrs

from tonicdm.codec.scalars import read_datetime
from tonicdm.errors import ConfigError
from tonicdm.store.columns import OWN_COLUMNS, OWN_VALUES, SqlType, columns_of
from tonicdm.store.database import Database
from tonicdm.store.observing import typed
from tonicdm.store.types import TYPES
from tonicdm.store.views import seen_fields

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped, unused-ignore]

_READERS: Final[Mapping[SqlType, Callable[[Any], Any]]] = {
    SqlType.BOOLEAN: bool,  # some engines have none
    SqlType.TIMESTAMP: lambda text: read_datetime(text).astimezone(datetime.UTC),
    SqlType.DATE: datetime.date.fromisoformat,
}

_PANDAS: Final[Mapping[SqlType, str]] = {
    # Those that know a missing value without becoming something else.
    SqlType.BOOLEAN: "boolean",
    SqlType.BIGINT: "Int64",
    SqlType.DOUBLE: "Float64",
    SqlType.TIMESTAMP: "datetime64[us, UTC]",
    SqlType.DATE: "object",
    SqlType.TEXT: "string",
    SqlType.JSON: "string",
}


@attrs.frozen
class Series:
    """A column with all its values."""

    name: str
    type: SqlType | None
    """None in the result of a statement."""
    cells: list[Any]


def module(name: str, extra: str) -> Any:
    """Return a module of an extra.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ConfigError(f"this needs {name}, the extra {extra}: pip install {name}") from error


def series(db: Database, source: str, parameters: Sequence[Any], *, include_deleted: bool) -> list[Series]:
    """Return the columns of a record type, or of a statement's result.

    Args:
        db: The store.
        source: The name of a type, or one SELECT.
        parameters: Values for the placeholders of the SELECT.
        include_deleted: Whether deleted records of the type are among them.
    """
    if source in TYPES:
        return _of_type(db, source, include_deleted=include_deleted)
    cursor = db.execute(source, parameters)
    names = [column[0] for column in cursor.description or ()]
    columns = list(zip(*cursor, strict=True)) or [()] * len(names)
    return [Series(name, None, list(values)) for name, values in zip(names, columns, strict=True)]


def _of_type(db: Database, record_type: str, *, include_deleted: bool) -> list[Series]:
    columns = typed(db, record_type, columns_of(record_type, seen_fields(db, record_type)))
    fields = [db.dialect.cell(column.wire, column.type) for column in columns]
    where = "type = ?" if include_deleted else "type = ? AND reason IS NULL"
    sql = f"SELECT {', '.join([*OWN_VALUES, *fields])} FROM record WHERE {where} ORDER BY id"  # noqa: S608 - quoted in views
    types = [*OWN_COLUMNS.items(), *((column.name, column.type or SqlType.TEXT) for column in columns)]
    out = [Series(name, type_, []) for name, type_ in types]
    readers = [_READERS.get(type_, _same) for _, type_ in types]
    for row in db.execute(sql, (record_type,)):
        for column, read, value in zip(out, readers, row, strict=True):
            column.cells.append(None if value is None else read(value))
    return out


def _same(value: Any) -> Any:
    return value


def to_arrow(columns: Sequence[Series]) -> Any:
    """Return *columns* as a ``pyarrow.Table``."""
    arrow = module("pyarrow", "arrow")
    types: dict[SqlType | None, Any] = {
        None: None,
        SqlType.BOOLEAN: arrow.bool_(),
        SqlType.BIGINT: arrow.int64(),
        SqlType.DOUBLE: arrow.float64(),
        SqlType.TIMESTAMP: arrow.timestamp("us", tz="UTC"),
        SqlType.DATE: arrow.date32(),
        SqlType.TEXT: arrow.string(),
        SqlType.JSON: arrow.string(),
    }
    arrays = [_array(arrow, column.cells, types[column.type]) for column in columns]
    return arrow.Table.from_arrays(arrays, names=[column.name for column in columns])


def _array(arrow: Any, values: list[Any], type_: Any) -> Any:
    try:
        return arrow.array(values, type=type_)
    except (arrow.ArrowInvalid, arrow.ArrowTypeError):
        # A column of a statement may hold numbers and texts at once.
        return arrow.array([None if value is None else str(value) for value in values], type=arrow.string())


def to_pandas(columns: Sequence[Series]) -> pd.DataFrame:
    """Return *columns* as a ``pandas.DataFrame``."""
    pandas = module("pandas", "pandas")
    made = {
        number: pandas.Series(column.cells, dtype=None if column.type is None else _PANDAS[column.type])
        for number, column in enumerate(columns)
    }
    frame = pandas.DataFrame(made)
    frame.columns = [column.name for column in columns]  # a statement may give two columns one name
    return frame
