"""The manifest of a folder of downloads: one JSON line for each file; the last one for an ID holds."""

from __future__ import annotations

import json
import os
import pathlib
from typing import Any, Final

import attrs

from tonicdm.errors import DownloadError
from tonicdm.transfer.names import safe_name

NAME: Final = "manifest.jsonl"
VERSION: Final = 1


@attrs.frozen(kw_only=True)
class Entry:
    """A file that came whole."""

    id: str
    """Its ID."""
    name: str
    """Its name in the folder."""
    size: int
    """Bytes."""
    updated: str | None
    """The record's last update when it came, as text; None where the record has none."""


class Manifest:
    """The manifest of a folder.

    Args:
        folder: The folder.
        project: The project whose files it holds: another one's must not be mixed in.
    """

    def __init__(self, folder: pathlib.Path, project: str) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._project = project
        self.entries: dict[str, Entry] = {}

    def open(self) -> None:
        """Read it; a line that a crash tore off is left out.

        Raises:
            DownloadError: The folder can't be made or read, or holds the files of another project.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        except OSError as error:
            raise self._failed(f"can't be read: {error.strerror}") from error
        rows = [row for line in lines if (row := _row(line)) is not None]
        if not rows:
            self._append({"version": VERSION, "project": self._project}, anew=True)
            return
        if rows[0].get("project") != self._project or rows[0].get("version") != VERSION:
            raise self._failed("is of another project, or of another version of this package; choose another folder")
        for row in rows[1:]:
            try:
                entry = Entry(**row)
            except TypeError:
                continue
            # A manifest that somebody changed must not lead out of the folder.
            if safe_name(entry.name) == entry.name:
                self.entries[entry.id] = entry

    def has(self, record_id: str, updated: str | None) -> bool:
        """Return whether a file is there as it was brought, and its record has not changed since."""
        entry = self.entries.get(record_id)
        if entry is None or entry.updated != updated:
            return False
        try:
            return (self._folder / entry.name).stat().st_size == entry.size
        except OSError:
            return False

    def add(self, entry: Entry) -> None:
        """Write down a file; it is on the disk when this returns."""
        self._append(attrs.asdict(entry))
        self.entries[entry.id] = entry

    def _append(self, row: dict[str, Any], *, anew: bool = False) -> None:
        try:
            with self._path.open("w" if anew else "a", encoding="utf-8") as file:
                # A line that a crash tore off must not swallow this one.
                file.write(("" if anew else "\n") + json.dumps(row) + "\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise self._failed(f"can't be written: {error.strerror}") from error

    def _failed(self, what: str) -> DownloadError:
        return DownloadError(f"the manifest {self._path} {what}.", path=str(self._path))


def _row(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
