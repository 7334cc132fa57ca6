"""Change orders (COs)."""

from __future__ import annotations

import attrs

from tonicdm.codec import snake_case
from tonicdm.models.workflow import WorkflowItem, WorkflowPart


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class CoPart(WorkflowPart):
    """One step of a change order (reference: CoPart)."""

    cost: str | None = None
    """What it costs, as text."""
    time: str | None = None
    """How long it takes, as text."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Co(WorkflowItem):
    """A change order (reference: Co)."""

    cost: str | None = None
    """What it costs, as text."""
    time: str | None = None
    """How long it takes, as text."""
    parts: tuple[CoPart, ...] | None = None
    """What happened to it."""
