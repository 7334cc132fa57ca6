"""The reading side of a store: statements, the change feed, records as models, frames."""

from __future__ import annotations

import abc
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

import attrs

from tonicdm.errors import DecodeError, StoreError
from tonicdm.late import LateModule
from tonicdm.models import CODEC, read_with
from tonicdm.store import feed, frames, views
from tonicdm.store.database import Database
from tonicdm.store.types import RecordType, choose
from tonicdm.types import DataQuantity, InvalidRecord, OnInvalid

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped, unused-ignore]
else:
    pd = LateModule("pandas")

T = TypeVar("T")

BATCH: Final = 500
"""Records that are decoded at once."""


@attrs.frozen
class Change:
    """One entry of the change feed: the newest state of a record."""

    sequence: int
    type: str
    id: str
    raw: str
    """The record as plain JSON; of a deleted one, its last state."""
    deleted_at: str | None
    reason: str | None
    """``deleted``, ``soft deleted`` or ``out of sight``; None for a record that is there."""
    quarantined: str | None = None
    """Why the server's newer version could not be read, so that this one is an earlier one; None where it is not."""


class Readable(abc.ABC):
    """The part of a store that only reads."""

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Where the store is, for people."""

    @abc.abstractmethod
    async def read(self, work: Callable[[Database], T]) -> T:
        """Return what *work* reads."""

    async def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one SELECT on the views or tables.

        Args:
            sql: The statement.
            parameters: Values for its placeholders.
        """
        return await self.read(lambda db: db.execute(sql, parameters).fetchall())

    async def changes(self, after: int = 0, *, limit: int = 1000) -> list[Change]:
        """Return the change feed behind position *after*: inserts, updates and deletes, each record once.

        Args:
            after: The `Change.sequence` up to which the reader has got.
            limit: At most so many.

        Raises:
            StoreError: The reader can't go on from there: the file was replaced by a backup, or tombstones that the
                reader has not seen were pruned. Read anew from 0.
        """
        if after and (objection := await self.read(lambda db: feed.read_feed(db).objection(after))):
            raise StoreError(self.name, objection)
        sql = (
            "SELECT change_seq, type, id, raw, deleted_at, reason, quarantined FROM record WHERE change_seq > ? "
            "ORDER BY change_seq LIMIT ?"
        )
        return [Change(*row) for row in await self.query(sql, (after, limit))]

    async def drift(self) -> dict[str, list[str]]:
        """Return the fields that records really have and the models do not know, by type; all of them have columns."""
        fields: dict[str, list[str]] = {}
        left_out = await self.without_column()
        for record_type, name in await self.query("SELECT type, name FROM field WHERE known = 0 ORDER BY type, name"):
            if name not in left_out.get(record_type, ()):
                fields.setdefault(record_type, []).append(name)
        return fields

    async def without_column(self) -> dict[str, list[str]]:
        """Return the fields that are in ``raw`` alone, because of their names or their number, by type."""

        def work(db: Database) -> dict[str, list[str]]:
            record_types = [
                record_type for (record_type,) in db.execute("SELECT DISTINCT type FROM field ORDER BY type")
            ]
            fields = {record_type: views.without_column(db, record_type) for record_type in record_types}
            return {record_type: names for record_type, names in fields.items() if names}

        return await self.read(work)

    async def records(
        self, record_type: str, *, include_deleted: bool = False, on_invalid: OnInvalid = "raise"
    ) -> AsyncGenerator[Any]:
        """Yield the records of a type as models, by ID; each batch as it is when it is read.

        Args:
            record_type: The record type, such as ``persons``.
            include_deleted: Whether deleted records come too, in their last state.
            on_invalid: What becomes of a record that has not the form of its model: ``raise`` ends the iteration when
                it comes to it, ``skip`` yields it as `InvalidRecord`.

        Raises:
            ConfigError: There is no such type.
            DecodeError: A record has not the form of its model.
        """
        (chosen,) = choose([record_type])
        last = ""
        while batch := await self.read(_batch(chosen, last, include_deleted=include_deleted)):
            for record_id, record, error in batch:
                if error is not None and on_invalid != "skip":
                    raise DecodeError(error.paths, what=f"the record {record_id} of {record_type}")
                yield record
            last = batch[-1][0]

    async def to_arrow(self, source: str, parameters: Sequence[Any] = (), *, include_deleted: bool = False) -> Any:
        """Return a record type, or the result of a statement, as a ``pyarrow.Table``; needs the extra ``arrow``.

        Args:
            source: The name of a type, whose columns then have the types of their values, or one SELECT.
            parameters: Values for the placeholders of the SELECT.
            include_deleted: Whether deleted records of the type are among them.

        Raises:
            ConfigError: pyarrow is not installed.
        """
        frames.module("pyarrow", "arrow")
        return frames.to_arrow(await self._series(source, parameters, include_deleted=include_deleted))

    async def to_pandas(
        self, source: str, parameters: Sequence[Any] = (), *, include_deleted: bool = False
    ) -> pd.DataFrame:
        """Return a record type, or the result of a statement, as a ``pandas.DataFrame``; needs the extra ``pandas``.

        Args:
            source: The name of a type, whose columns then have the types of their values, or one SELECT.
            parameters: Values for the placeholders of the SELECT.
            include_deleted: Whether deleted records of the type are among them.

        Raises:
            ConfigError: pandas is not installed.
        """
        frames.module("pandas", "pandas")
        return frames.to_pandas(await self._series(source, parameters, include_deleted=include_deleted))

    async def _series(self, source: str, parameters: Sequence[Any], *, include_deleted: bool) -> list[frames.Series]:
        return await self.read(lambda db: frames.series(db, source, parameters, include_deleted=include_deleted))


def _batch(
    record_type: RecordType, last: str, *, include_deleted: bool
) -> Callable[[Database], list[tuple[str, Any, DecodeError | None]]]:
    live = "" if include_deleted else "AND reason IS NULL "
    sql = f"SELECT id, raw, quality FROM record WHERE type = ? AND id > ? {live}ORDER BY id LIMIT {BATCH}"  # noqa: S608 - fixed
    model = record_type.listing.model

    def decoded(record_id: str, raw: str, data_quantity: str) -> tuple[str, Any, DecodeError | None]:
        value = json.loads(raw)
        try:
            with read_with(DataQuantity(data_quantity)):
                return record_id, CODEC.read(value, model), None
        except DecodeError as error:
            return record_id, InvalidRecord(0, "; ".join(error.paths), raw.encode(), value), error

    def work(db: Database) -> list[tuple[str, Any, DecodeError | None]]:
        # Decoded here, on the store's thread: a batch would hold up the event loop.
        return [decoded(*row) for row in db.execute(sql, (record_type.name, last))]

    return work
