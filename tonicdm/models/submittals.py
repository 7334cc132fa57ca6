"""Submittals: product data and shop drawings handed in for review."""

from __future__ import annotations

import attrs

from tonicdm.codec import snake_case, wire
from tonicdm.models.workflow import WorkflowItem, WorkflowPart


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class SubmittalPart(WorkflowPart):
    """One step of a submittal (reference: SubmittalPart)."""

    response_required: bool | None = None
    """Whether a response is asked for."""
    specsection: str | None = None
    """The sender's specification section."""
    submittal_stamp: str | None = wire("submittalStamp")
    """The stamp of the review."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Submittal(WorkflowItem):
    """A submittal (reference: Submittal)."""

    our_response_required: bool | None = None
    """Whether we have to respond."""
    our_specsection: str | None = None
    """Our specification section."""
    parts: tuple[SubmittalPart, ...] | None = None
    """What happened to it."""
