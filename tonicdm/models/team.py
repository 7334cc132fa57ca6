"""Teams: who takes part in a project."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.enums import ProjectMemberStatus
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class ProjectMember(Record):
    """Membership of one email address in one project (reference: ProjectMember)."""

    email_address_id: RecordID | None = None
    """The member's email address; not a person."""
    brand_id: RecordID | None = None
    """The brand of the address; usually left out."""
    project_id: RecordID | None = None
    """The project."""
    project_member_status: ProjectMemberStatus | None = wire("ProjectMemberStatus")
    """Standing on the project."""
    is_executive: bool | None = None
    """Whether the member has executive rights; only an organization administrator may set it."""
