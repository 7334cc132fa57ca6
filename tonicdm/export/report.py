"""The report of an export."""

from __future__ import annotations

import enum
import json

import attrs


class WriteMode(enum.StrEnum):
    """How a type was brought up to date."""

    UNCHANGED = "unchanged"
    """Nothing had changed."""
    CHANGES = "changes"
    """Changed rows were replaced."""
    WHOLE = "whole"
    """All rows were written anew."""


@attrs.frozen
class TypeExport:
    """The report on one type."""

    record_type: str
    mode: WriteMode
    written: int = 0
    """Rows written."""
    removed: int = 0
    """Records that changed and are not in the table now, as they are deleted."""


@attrs.frozen
class ExportReport:
    """The report of an export, type by type."""

    position: int
    """The change_seq up to which the destination is now."""
    types: tuple[TypeExport, ...]
    seconds: float

    @property
    def written(self) -> int:
        """Rows written."""
        return sum(done.written for done in self.types)

    @property
    def removed(self) -> int:
        """Records that changed and are not in the tables now, as they are deleted."""
        return sum(done.removed for done in self.types)

    def as_json(self) -> str:
        """Return it as one line."""
        types = {
            done.record_type: {
                "mode": done.mode.value,
                "way": done.mode.value,  # the earlier name, kept for one version more
                "written": done.written,
                "removed": done.removed,
            }
            for done in self.types
        }
        return json.dumps({
            "position": self.position, "written": self.written, "removed": self.removed,
            "seconds": round(self.seconds, 1), "types": types,
        }, separators=(",", ":"))  # fmt: skip
