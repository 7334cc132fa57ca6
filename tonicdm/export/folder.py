"""A folder of Parquet or CSV files: one file for each type, written anew when the type changed.

The manifest is what commits: until it takes the place of the old one, nothing that a reader sees has changed. The new
data files lie ready by then, and a run that ends before all of them are in place leaves that to the next one.
"""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
from typing import TYPE_CHECKING, Final, Literal, Self

import attrs

from tonicdm import disk
from tonicdm.errors import ExportError
from tonicdm.export import csvfile, duck
from tonicdm.export.database import LIVE
from tonicdm.export.manifest import Manifest, Step
from tonicdm.store.database import literal

if TYPE_CHECKING:
    import duckdb

NAME: Final = "manifest.json"
# Small row groups: DuckDB holds those that it writes in memory, and a record may be of any size.
PARQUET: Final = "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 8192"


class Folder:
    """A folder of files, opened with ``with``, by one export at a time.

    Args:
        path: The folder; made if absent.
        form: What the files are.
    """

    takes_changes: bool = False

    def __init__(self, path: str, form: Literal["parquet", "csv"]) -> None:
        self.where = path
        self.form: Literal["parquet", "csv"] = form
        self._path = pathlib.Path(path)
        self._work = self._path / ".export"
        self.staging: pathlib.Path = self._work / "rows"
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._interrupted = False
        self._lock: sqlite3.Connection | None = None
        self._ready: list[str] = []
        self._gone: list[str] = []

    def __enter__(self) -> Self:
        if self.form == "parquet":
            self._opened = duck.connect(self.where)
        try:
            with duck.map_errors(self.where):
                self._path.mkdir(exist_ok=True)
                self._work.mkdir(exist_ok=True)
            self._take()
            with duck.map_errors(self.where):
                if self._opened is not None:
                    self._opened.execute(f"SET temp_directory = {literal(str(self._work / 'spill'))}")
                self._finish()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.staging.unlink(missing_ok=True)
        self._release()

    def _take(self) -> None:
        # SQLite's lock works on every system, and ends with the process however that ends.
        self._lock = sqlite3.connect(self._work / "lock", timeout=0.0, isolation_level=None)
        try:
            self._lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise ExportError(self.where, "is being written by another export. Nothing was changed") from error

    def _release(self) -> None:
        if self._opened is not None:
            self._opened.close()
        if self._lock is not None:
            self._lock.close()
        self._opened = self._lock = None

    def interrupt(self) -> None:
        """End the writing under way; from another thread."""
        self._interrupted = True
        if self._opened is not None:
            self._opened.interrupt()

    def manifest(self) -> Manifest | None:
        """Return what the folder says of itself; None for a new one."""
        try:
            text = (self._path / NAME).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ExportError(self.where, f"can't be read: {error.strerror}") from error
        manifest = Manifest.read(text, self.where)
        if manifest.form != self.form:
            raise ExportError(self.where, f"holds an export as {manifest.form}; take another folder for {self.form}")
        return manifest

    def intact_types(self, manifest: Manifest) -> set[str]:
        """Return the types whose files are there."""
        return {record_type for record_type in manifest.types if self._file(record_type).is_file()}

    def claim(self, record_type: str) -> None:
        """Make sure that the files of *record_type* are only ours.

        Raises:
            ExportError: There are others, which a reader would take for more records.
        """
        if any((self._path / record_type).glob(f"*.{self.form}")):
            raise ExportError(
                self.where, f"has files of its own in {record_type}; move them or export to another folder"
            )

    def write(self, step: Step, staged: duck.Staged, *, keep_deleted: bool) -> tuple[int, int]:
        """Write the file of a type beside the one there is; return how many rows it has, and 0.

        Args:
            step: What is to be done.
            staged: All rows of the type.
            keep_deleted: Whether deleted records stay.
        """
        file = self._next(step.record_type)
        with duck.map_errors(self.where):
            file.parent.mkdir(exist_ok=True)
            if self._opened is None:
                written = csvfile.write(staged, file, keep_deleted=keep_deleted, check=self._check)
            else:
                where = "" if keep_deleted else f" WHERE {LIVE}"
                sql = f"COPY (FROM ({staged.select}){where}) TO {literal(str(file))} ({PARQUET})"
                (written,) = self._opened.execute(sql).fetchone() or (0,)
            _to_disk(file)
        self._ready.append(step.record_type)
        return written, 0

    def _check(self) -> None:
        if self._interrupted:
            raise ExportError(self.where, "was interrupted. It holds what it held before")

    def drop(self, record_type: str) -> None:
        """Remove the file of a type, with the commit."""
        self._gone.append(record_type)

    def commit(self, manifest: Manifest) -> None:
        """Put the manifest in place, then the files."""
        with duck.map_errors(self.where):
            self._put(attrs.evolve(manifest, pending=(*self._ready, *self._gone)))
            self._finish()

    def _finish(self) -> None:
        """Put the files in place that the manifest speaks of, and clear away what no manifest speaks of."""
        manifest = self.manifest()
        if manifest is not None and manifest.pending:
            for record_type in manifest.pending:
                if record_type not in manifest.types:
                    self._file(record_type).unlink(missing_ok=True)
                elif self._next(record_type).exists():
                    disk.replace(self._next(record_type), self._file(record_type))
                _to_disk(self._path / record_type)
            self._put(attrs.evolve(manifest, pending=()))
        for left in self._path.glob(f"*/.*.{self.form}.new"):
            left.unlink()

    def _put(self, manifest: Manifest) -> None:
        new = self._work / NAME
        new.write_text(manifest.as_json(), encoding="utf-8")
        _to_disk(new)
        for record_type in manifest.pending:
            _to_disk(self._path / record_type)
        disk.replace(new, self._path / NAME)
        _to_disk(self._path)

    def _file(self, record_type: str) -> pathlib.Path:
        return self._path / record_type / f"{record_type}.{self.form}"

    def _next(self, record_type: str) -> pathlib.Path:
        # Readers' patterns pass over it: it has another ending, and a dot in front.
        return self._path / record_type / f".{record_type}.{self.form}.new"


def _to_disk(path: pathlib.Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    with contextlib.suppress(PermissionError, FileNotFoundError):
        disk.sync(path)
