"""The manifest of a destination, and the rules of what a run has to do with it. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

import attrs

from tonicdm.errors import ExportError
from tonicdm.store.columns import Column, SqlType
from tonicdm.store.feed import Feed

VERSION: Final = 1
"""Of the manifest's form."""


@attrs.frozen
class ExportedType:
    """A type as a destination holds it."""

    position: int
    """The change_seq up to which its changes are there."""
    keep_deleted: bool
    columns: tuple[Column, ...]


@attrs.frozen
class Manifest:
    """What a destination says of itself; it is stored with the rows or not at all."""

    destination: str
    """Its own name, made by the first export."""
    store: str
    """The identity of the store whose changes it holds."""
    run: str
    """The run that wrote it."""
    types: Mapping[str, ExportedType] = attrs.field(factory=dict)
    form: str = "duckdb"
    """The format of its data."""
    pending: tuple[str, ...] = ()
    """Types whose new files may still have to take the place of the old ones."""

    def as_json(self) -> str:
        """Return it as it is stored."""
        return json.dumps({"version": VERSION, **attrs.asdict(self)}, indent=1)

    @classmethod
    def read(cls, text: str, where: str) -> Manifest:
        """Read it as it is stored.

        Raises:
            ExportError: It is none, or one of a newer version.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            version = values.pop("version")
            if version == VERSION:
                types = {record_type: _exported(fields) for record_type, fields in values.pop("types").items()}
                return cls(types=types, pending=tuple(values.pop("pending")), **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ExportError(where, "has a manifest that can't be read; export to another place") from error
        raise ExportError(where, "was written by a newer tonicdm; upgrade this one. Nothing was changed")


def _exported(values: Mapping[str, Any]) -> ExportedType:
    columns = (
        Column(column["name"], column["wire"], column["type"] and SqlType(column["type"]))
        for column in values["columns"]
    )
    return ExportedType(values["position"], values["keep_deleted"], tuple(columns))


@attrs.frozen
class Step:
    """What is to be done with a type."""

    record_type: str
    after: int | None
    """The position from which changes are applied; None: all of it is written anew."""
    columns: tuple[Column, ...] = ()
    """The columns that its table has, whose names and types remain."""


def check(manifest: Manifest | None, where: str, *, store: str, feed: Feed, runs: Collection[str], full: bool) -> bool:
    """Tell whether what a destination holds can stay, because changes of this store add up with it.

    Args:
        manifest: What the destination says of itself; None for a new one.
        where: The destination, for the error.
        store: The identity of the store.
        feed: The positions of its change feed.
        runs: The runs to this destination that the store knows.
        full: Whether all is written anew in any case.

    Raises:
        ExportError: It holds another store's records, or later ones than the store has ever had.
    """
    if manifest is None:
        return True
    lost = any(feed.is_lost(exported.position) for exported in manifest.types.values())
    goes_on = manifest.store == store and manifest.run in runs and not lost
    if goes_on or full:
        return goes_on
    if manifest.store != store:
        raise ExportError(where, "holds the records of another store; export to another place, or replace them (full)")
    raise ExportError(
        where, "holds later records than the store, which was restored or is a copy; write all anew (full)"
    )


def steps(
    manifest: Manifest | None,
    record_types: Iterable[str],
    *,
    keep_deleted: bool,
    full: bool,
    intact: Collection[str],
    feed: Feed,
) -> list[Step]:
    """Return what is to be done with each type.

    Args:
        manifest: What the destination says of itself.
        record_types: The types to export.
        keep_deleted: Whether deleted records stay in the tables.
        full: Whether all is written anew.
        intact: The types whose tables are as the manifest says.
        feed: The positions of the store's change feed.
    """
    known = {} if manifest is None or full else manifest.types
    return [
        _step(record_type, known.get(record_type), feed, keep_deleted=keep_deleted, intact=record_type in intact)
        for record_type in record_types
    ]


def _step(record_type: str, exported: ExportedType | None, feed: Feed, *, keep_deleted: bool, intact: bool) -> Step:
    if exported is None:
        return Step(record_type, None)
    # Where tombstones were pruned that the table has not seen, it is written anew.
    as_it_is = intact and exported.keep_deleted == keep_deleted and not feed.is_pruned(exported.position)
    return Step(record_type, exported.position if as_it_is else None, exported.columns)
