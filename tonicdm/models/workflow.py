"""Fields that RFIs, submittals and change orders share."""

from __future__ import annotations

import datetime

import attrs

from tonicdm.codec import snake_case
from tonicdm.models.disciplines import Discipline
from tonicdm.models.enums import PartType, Stage, Status
from tonicdm.models.records import Record
from tonicdm.models.references import Reference
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class WorkflowPart(Record):
    """One step of a workflow item: received, forwarded, answered, returned (reference: WorkflowPart)."""

    part_type: PartType | None = None
    """Direction of the step."""
    status: str | None = None
    """Its status."""
    number: str | None = None
    """The sender's number."""
    revision: str | None = None
    """The sender's revision."""
    title: str | None = None
    """Its title."""
    message: str | None = None
    """Its text."""
    item_id: RecordID | None = None
    """The item it is a step of."""
    action_datetime: datetime.datetime | None = None
    """When it happened."""
    from_organization_id: RecordID | None = None
    """The organization it came from."""
    response_required_date: datetime.date | None = None
    """When a response is due."""
    fileset_zone: str | None = None
    """Zone that holds its files."""
    fileset_id: RecordID | None = None
    """Its files."""


attrs.resolve_types(WorkflowPart)  # of the fields that other models have of it


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class WorkflowItem(Record):
    """Fields that RFIs, submittals and change orders share (reference: WorkflowItem)."""

    id: RecordID | None = None
    """The item."""
    status: Status | None = None
    """Whether it is in use."""
    project_id: RecordID | None = None
    """The project."""
    item_discipline: Reference[Discipline] | None = None
    """The discipline it is of."""
    stage: Stage | None = None
    """Where it stands."""
    manual_stage: bool | None = None
    """Whether the stage was set by hand."""
    manual_received_datetime: datetime.datetime | None = None
    """When it was received, if set by hand."""
    manual_response_datetime: datetime.datetime | None = None
    """When it was answered, if set by hand."""
    our_response_required_date: datetime.date | None = None
    """When our response is due."""
    our_number: str | None = None
    """Our number for it."""
    our_revision: str | None = None
    """Our revision of it."""
    our_title: str | None = None
    """Overall title, like an email's subject; usually the received part's."""
    responsible_person_id: RecordID | None = None
    """The person who answers for it."""


attrs.resolve_types(WorkflowItem)  # of the fields that other models have of it
