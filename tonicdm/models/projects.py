"""Projects of your own organization."""

from __future__ import annotations

import attrs

from tonicdm.codec import Record, camel_case
from tonicdm.models.enums import ProjectPurpose, Status, SystemAccess
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case)
class Project(Record):
    """A project of your own organization (reference: Project)."""

    id: RecordID | None = None
    """The project."""
    system_access: SystemAccess | None = None
    """How it can be used now; set by the system, for example while the project moves to another zone."""
    status: Status | None = None
    """Whether it is in use."""
    zone: str | None = None
    """Data center that holds the project's data."""
    purpose: ProjectPurpose | None = None
    """What it is for."""
    is_locked: bool | None = None
    """Whether it is open to active team members only; only a tenant administrator may set it."""
    project_number: str | None = None
    """The firm's number for it."""
    project_name_legal: str | None = None
    """Full official name, used on transmittals; 1 to 128 characters."""
    project_name_known_as: str | None = None
    """Friendly name used in the app; up to 16 characters."""
