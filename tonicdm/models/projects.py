"""Projects of your own organization."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case, wire
from tonicdm.models.brands import Brand
from tonicdm.models.divisions import Division
from tonicdm.models.enums import ProjectPurpose, Status, SystemAccess
from tonicdm.models.offices import Office
from tonicdm.models.records import Record
from tonicdm.models.references import Reference
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
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
    brand: Reference[Brand] | None = wire(assumed=True)
    """The brand that it is done under. Assumed: the reference speaks of the object and does not print its name."""
    office: Reference[Office] | None = wire(assumed=True)
    """The office that it is assigned to (concepts page, "Offices"). Assumed, as for the brand."""
    division1: Reference[Division] | None = wire(assumed=True)
    """Its first division (concepts page, "Division1 and Division2"). Assumed; AdvancedMetrics licence."""
    division2: Reference[Division] | None = wire(assumed=True)
    """Its second division. Assumed; AdvancedMetrics licence."""
