"""Disciplines: areas of professional expertise."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Discipline(Record):
    """An area of professional expertise (reference: Discipline; DisciplineRef is its stub)."""

    id: RecordID | None = None
    """The discipline."""
    name_initials: str | None = None
    """Abbreviation of one or two letters."""
    name_short: str | None = None
    """Abbreviation of four letters."""
    name_long: str | None = None
    """Full name."""
