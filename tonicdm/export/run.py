"""Export what changed in a store since the last time to a destination."""

from __future__ import annotations

import asyncio
import pathlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol, Self, TypeAlias

import attrs

from tonicdm.databases import is_url, refuse_other_url
from tonicdm.errors import ConfigError
from tonicdm.export import duck, manifest
from tonicdm.export.database import DuckDBFile
from tonicdm.export.folder import Folder
from tonicdm.export.manifest import ExportedType, Manifest, Step
from tonicdm.export.report import ExportReport, TypeExport, WriteMode
from tonicdm.export.source import Source
from tonicdm.store import RecordType, Store
from tonicdm.store.columns import Column
from tonicdm.store.observing import misfits

FORMS: Final = ("duckdb", "parquet", "csv")


class Destination(Protocol):
    """What an export brings up to date; opened with ``with``."""

    where: str
    """For people."""

    @property
    def form(self) -> str:
        """The format of the data."""
        ...

    @property
    def takes_changes(self) -> bool:
        """Whether changed rows can be replaced; else a type is written anew when it changed."""
        ...

    @property
    def staging(self) -> pathlib.Path:
        """The file for the rows of a type."""
        ...

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc_info: object) -> None: ...

    def interrupt(self) -> None:
        """End what is under way; from another thread."""
        ...

    def manifest(self) -> Manifest | None:
        """Return what the destination says of itself; None for a new one."""
        ...

    def intact_types(self, manifest: Manifest) -> set[str]:
        """Return the types that are as the manifest says."""
        ...

    def claim(self, record_type: str) -> None:
        """Make sure that a type can be written."""
        ...

    def write(self, step: Step, staged: duck.Staged, *, keep_deleted: bool) -> tuple[int, int]:
        """Write the staged rows; return how many were written, and how many were deleted."""
        ...

    def drop(self, record_type: str) -> None:
        """Remove a type."""
        ...

    def commit(self, manifest: Manifest) -> None:
        """Make all that was written visible, with the manifest."""
        ...


@attrs.frozen
class ExportProgress:
    """How far an export has come."""

    record_type: str
    """The type at work."""
    done: int
    """Types that are done."""
    types: int
    """Types in all."""
    rows: int
    """Rows read of the type at work."""


OnProgress: TypeAlias = Callable[[ExportProgress], None]


def destination(to: str) -> Destination:
    """Return the destination that a text such as ``parquet:DIR`` names.

    Raises:
        ConfigError: It names none.
    """
    if is_url(to):
        return _postgresql(to)
    form, _, path = to.partition(":")
    if form not in FORMS:
        refuse_other_url(to, "an export goes to duckdb:FILE, parquet:DIR, csv:DIR or postgresql://...")
    if not path or form not in FORMS:
        raise ConfigError(f"an export goes to duckdb:FILE, parquet:DIR, csv:DIR or postgresql://..., not to {to!r}")
    folder: Literal["parquet", "csv"] = "parquet" if form == "parquet" else "csv"
    return DuckDBFile(path) if form == "duckdb" else Folder(path, folder)


def _postgresql(to: str) -> Destination:
    try:
        from tonicdm.export.postgresql import PostgresqlTables
    except ModuleNotFoundError as error:
        if error.name != "psycopg":
            raise
        needed = "an export to PostgreSQL needs psycopg, the extra postgres: pip install 'psycopg[binary]'"
        raise ConfigError(needed) from error
    return PostgresqlTables(to)


async def export(
    store: Store,
    to: str,
    *,
    types: Sequence[RecordType] | None = None,
    full: bool = False,
    keep_deleted: bool = False,
    on_progress: OnProgress | None = None,
) -> ExportReport:
    """Bring a destination up to date with a store.

    Only what changed since the last export is looked at, by change_seq. The destination holds the position that it has
    reached, and gets it together with the rows: an export that is interrupted leaves what was there before. Others may
    write the store meanwhile; what is exported is one moment of it.

    Args:
        store: The store.
        to: ``duckdb:FILE``, ``parquet:DIR``, ``csv:DIR`` or ``postgresql://…``, with ``#`` and the schema at its end
            unless that is ``tonicdm_export``.
        types: Only these types; else all that the store has.
        full: Write everything anew, also over another store's export.
        keep_deleted: Keep the last state of deleted records, with ``deleted_at`` and ``reason``; else they are removed.
        on_progress: Called as it goes on, from a thread of the export's own.

    Raises:
        ConfigError: *to* names no destination, or DuckDB is not installed and it is no CSV.
        ExportError: The destination is in use, holds something else, or can't be written.
        StoreError: The store can't be read.
    """
    work = _Export(
        store, destination(to), types, full=full, keep_deleted=keep_deleted, on_progress=on_progress or (lambda _: None)
    )
    running = asyncio.ensure_future(asyncio.to_thread(work.run))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        work.stop()
        await asyncio.wait((running,))  # the destination must be closed before its caller goes on
        if not running.cancelled():
            running.exception()
        raise


class _StoppedError(Exception):
    """The caller has been cancelled."""


class _Export:
    def __init__(
        self,
        store: Store,
        to: Destination,
        types: Sequence[RecordType] | None,
        *,
        full: bool,
        keep_deleted: bool,
        on_progress: OnProgress,
    ) -> None:
        self._location = store.location
        self._to = to
        self._types = types
        self._full = full
        self._keep_deleted = keep_deleted
        self._on_progress = on_progress
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the work at the next batch; from another thread."""
        self._stopped.set()
        self._to.interrupt()

    def run(self) -> ExportReport:
        began = time.perf_counter()
        with Source(self._location) as source, self._to:
            before = self._to.manifest()
            identity = source.identity()
            name = uuid.uuid4().hex if before is None else before.destination
            goes_on = manifest.check(
                before, self._to.where, store=identity, feed=source.feed(), runs=source.runs(name),
                full=self._full,
            )  # fmt: skip
            run = source.note_run(name, before.run if before is not None else None)
            with source.moment() as sequence:
                exported, done = self._write(source, before, sequence)
            kept = dict(before.types) if before is not None else {}
            if not goes_on:
                for record_type in kept.keys() - exported.keys():
                    self._to.drop(record_type)
                kept = {}
            self._check()
            self._to.commit(Manifest(name, identity, run, {**kept, **exported}, self._to.form))
        return ExportReport(sequence, tuple(done), time.perf_counter() - began)

    def _write(
        self, source: Source, before: Manifest | None, sequence: int
    ) -> tuple[dict[str, ExportedType], list[TypeExport]]:
        record_types = source.types()
        if self._types is not None:
            record_types = [wanted.name for wanted in self._types if wanted.name in record_types]
        steps = manifest.steps(
            before, record_types, keep_deleted=self._keep_deleted, full=self._full,
            intact=self._to.intact_types(before) if before is not None else (), feed=source.feed(),
        )  # fmt: skip
        ours = before.types.keys() if before is not None else ()
        for record_type in record_types:
            if record_type not in ours:
                self._to.claim(record_type)
        exported: dict[str, ExportedType] = {}
        done: list[TypeExport] = []
        for number, step in enumerate(steps):

            def report_rows(rows: int, record_type: str = step.record_type, number: int = number) -> None:
                self._check()
                self._on_progress(ExportProgress(record_type, number, len(steps), rows))

            report_rows(0)
            columns, report = self._type(source, step, report_rows)
            exported[step.record_type] = ExportedType(sequence, self._keep_deleted, columns)
            done.append(report)
        return exported, done

    def _type(
        self, source: Source, step: Step, on_progress: Callable[[int], None]
    ) -> tuple[tuple[Column, ...], TypeExport]:
        columns = list(step.columns)
        if step.after is not None:
            if not source.changed(step.record_type, step.after):
                return step.columns, TypeExport(step.record_type, WriteMode.UNCHANGED)
            columns = source.columns(step.record_type, columns, after=step.after)
            # A column that gets another type is filled from the store again: its old values are not converted.
            if misfits(step.columns, columns) or not self._to.takes_changes:
                step = attrs.evolve(step, after=None)
        if step.after is None:
            columns = source.columns(step.record_type, columns, after=None)
        staged = duck.stage(
            source, step.record_type, self._to.staging, columns, after=step.after, on_progress=on_progress
        )
        written, removed = self._to.write(step, staged, keep_deleted=self._keep_deleted)
        mode = WriteMode.WHOLE if step.after is None else WriteMode.CHANGES
        return staged.columns, TypeExport(step.record_type, mode, written, removed)

    def _check(self) -> None:
        if self._stopped.is_set():
            raise _StoppedError
