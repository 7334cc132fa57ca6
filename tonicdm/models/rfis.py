"""RFIs: requests for information."""

from __future__ import annotations

import attrs

from tonicdm.codec import snake_case, wire
from tonicdm.models.reason_codes import ReasonCode
from tonicdm.models.references import Reference
from tonicdm.models.workflow import WorkflowItem, WorkflowPart


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RfiPart(WorkflowPart):
    """One step of an RFI (reference: RfiPart)."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Rfi(WorkflowItem):
    """A request for information (reference: Rfi)."""

    reason_code: Reference[ReasonCode] | None = wire("reasonCode")
    """Why it was asked."""
    parts: tuple[RfiPart, ...] | None = None
    """What happened to it."""
