"""Tasks."""

from __future__ import annotations

import attrs

from tonicdm.codec import snake_case
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Task(Record):
    """A task (reference: Task)."""

    id: RecordID | None = None
    """The task."""
