"""What an export did."""

from __future__ import annotations

import enum
import json

import attrs


class Way(enum.StrEnum):
    """How a type was brought up to date."""

    UNCHANGED = "unchanged"
    """Nothing had changed."""
    CHANGES = "changes"
    """Changed rows were replaced."""
    WHOLE = "whole"
    """All rows were written anew."""


@attrs.frozen
class TypeExport:
    """What was done with a type."""

    type: str
    way: Way
    written: int = 0
    """Rows written."""
    removed: int = 0
    """Records that changed and are not in the table now, as they are deleted."""


@attrs.frozen
class ExportReport:
    """What an export did, type by type."""

    position: int
    """The change_seq up to which the destination is now."""
    types: tuple[TypeExport, ...]
    seconds: float

    @property
    def written(self) -> int:
        """Rows written."""
        return sum(one.written for one in self.types)

    @property
    def removed(self) -> int:
        """Records that changed and are not in the tables now, as they are deleted."""
        return sum(one.removed for one in self.types)

    def as_json(self) -> str:
        """Return it as one line."""
        types = {one.type: {"way": one.way.value, "written": one.written, "removed": one.removed} for one in self.types}
        return json.dumps({
            "position": self.position, "written": self.written, "removed": self.removed,
            "seconds": round(self.seconds, 1), "types": types,
        }, separators=(",", ":"))  # fmt: skip
