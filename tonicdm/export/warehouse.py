"""A dlt source over the change feed, for every warehouse that dlt can load; needs the extra ``dlt``.

It is plain synchronous reading of the store's file. dlt runs what a resource yields in its own way and on its own
threads, so nothing here calls a server or needs an event loop.
"""

from __future__ import annotations

import datetime
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from tonicdm.codec.scalars import read_datetime
from tonicdm.errors import ConfigError, ExportError
from tonicdm.export.manifest import ExportedType, Manifest, check
from tonicdm.export.source import Source
from tonicdm.late import LateModule
from tonicdm.store.columns import OWN_COLUMNS, OWN_VALUES, Column, SqlType, columns_of, text_form
from tonicdm.store.database import Location
from tonicdm.store.opening import locate
from tonicdm.store.types import RecordType
from tonicdm.store.views import seen_fields

if TYPE_CHECKING:
    import dlt.extract as dlt_sources
else:
    dlt_sources = LateModule("dlt.extract")

TYPES: Final = {
    SqlType.BOOLEAN: "bool",
    SqlType.BIGINT: "bigint",
    SqlType.DOUBLE: "double",
    SqlType.TIMESTAMP: "timestamp",
    SqlType.DATE: "date",
    SqlType.TEXT: "text",
    SqlType.JSON: "json",
}
"""The types of columns as dlt names them."""

STATE: Final = "manifest"
"""The name under which dlt keeps how far a resource has come."""

_OWN: Final = ", ".join(OWN_VALUES)


def dlt_source(
    path: str | os.PathLike[str] | Location, *, types: Sequence[RecordType] | None = None, keep_deleted: bool = False
) -> dlt_sources.DltSource:
    """Return a dlt source with a resource for each record type of a store.

    A run of a pipeline yields what changed since its last one; the change_seq it has reached is in dlt's own state,
    which dlt keeps with the destination. Rows are merged by ``id``, and deleted records are deleted.

    Args:
        path: The store: a file, or ``postgresql://…``.
        types: Only these types; else all that the store has now.
        keep_deleted: Keep the last state of deleted records, with ``deleted_at`` and ``reason``.

    Raises:
        ConfigError: dlt is not installed.
        StoreError: The file is no store.
    """
    try:
        import dlt
    except ModuleNotFoundError as error:
        raise ConfigError("this needs dlt, the extra dlt: pip install dlt") from error
    location = locate(path)
    with Source(location) as source:
        tables = {name: columns_of(name, seen_fields(source.db, name)) for name in source.types()}
    record_types = list(tables) if types is None else [wanted.name for wanted in types if wanted.name in tables]

    @dlt.source(name="tonicdm", max_table_nesting=0)
    def tonicdm() -> Any:
        for record_type in record_types:
            yield dlt.resource(
                _changes(location, record_type, tables[record_type]),
                name=record_type,
                primary_key="id",
                write_disposition="merge",
                columns=hints(tables[record_type], keep_deleted=keep_deleted),
            )

    return tonicdm()


def hints(columns: Sequence[Column], *, keep_deleted: bool) -> dict[str, Any]:
    """Return what dlt is told of the columns of a table; it finds out itself what the model leaves open."""
    types = {**OWN_COLUMNS, **{column.name: column.type for column in columns if column.type is not None}}
    hinted: dict[str, Any] = {name: {"data_type": TYPES[type_], "nullable": True} for name, type_ in types.items()}
    hinted["id"]["nullable"] = False
    if not keep_deleted:
        hinted["reason"]["hard_delete"] = True  # a row with any reason is deleted
    return hinted


def _changes(location: Location, record_type: str, columns: Sequence[Column]) -> Iterator[list[dict[str, Any]]]:
    import dlt

    state = dlt.current.resource_state()
    before = Manifest.read(state[STATE], record_type) if STATE in state else None
    with Source(location) as source:
        identity = source.identity()
        name = uuid.uuid4().hex if before is None else before.destination
        feed = source.feed()
        check(before, record_type, store=identity, feed=feed, runs=source.runs(name), full=False)
        after = 0 if before is None else before.types[record_type].position
        if before is not None and feed.is_pruned(after):
            raise ExportError(
                record_type,
                "has not seen tombstones that were pruned since; load it anew: pipeline.run(source, "
                'refresh="drop_resources")',
            )
        if not source.changed(record_type, after):
            return
        run = source.note_run(name, None if before is None else before.run)
        with source.moment() as sequence:
            for batch in source.rows(record_type, f"{_OWN}, raw", after=after):
                yield [_row(columns, row) for row in batch]
    exported = ExportedType(sequence, keep_deleted=True, columns=tuple(columns))
    state[STATE] = Manifest(name, identity, run, {record_type: exported}, "dlt").as_json()


def _row(columns: Sequence[Column], row: Sequence[Any]) -> dict[str, Any]:
    record = json.loads(row[-1])
    own = {name: cell(type_, value) for (name, type_), value in zip(OWN_COLUMNS.items(), row, strict=False)}
    fields = {column.name: cell(column.type, record.get(column.wire)) for column in columns}
    # dlt warns of columns that come without any value.
    return own | {name: value for name, value in fields.items() if value is not None}


def cell(type_: SqlType | None, value: Any) -> Any:
    """Return a JSON value as dlt takes it for a column of *type_*; one that does not fit stays as it is."""
    if type(value) is str:
        shape = text_form(value) if type_ in {SqlType.TIMESTAMP, SqlType.DATE} else "text"
        if shape == "moment":
            return read_datetime(value)
        return datetime.date.fromisoformat(value) if shape == "date" else value
    return json.dumps(value, ensure_ascii=False) if type_ is SqlType.TEXT and value is not None else value
