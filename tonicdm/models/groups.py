"""Groups: reusable lists of recipients in a project."""

from __future__ import annotations

import attrs

from tonicdm.codec import camel_case
from tonicdm.models.enums import AddressPart, GroupScope, Status
from tonicdm.models.records import Record
from tonicdm.types import RecordID


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class GroupMember(Record):
    """One recipient of a group (reference: GroupMember)."""

    email_address_id: RecordID | None = None
    """The recipient's email address."""
    address_part: AddressPart | None = None
    """The recipient line."""


@attrs.frozen(kw_only=True, field_transformer=camel_case, repr=False)
class Group(Record):
    """A reusable list of recipients in a project (reference: Group)."""

    status: Status | None = None
    """Whether it is in use."""
    project_id: RecordID | None = None
    """The project."""
    owner_id: RecordID | None = None
    """Its owner."""
    name: str | None = None
    """Its name; 1 to 40 characters."""
    scope: GroupScope | None = None
    """Where it is meant to be used."""
    members: tuple[GroupMember, ...] | None = None
    """Its recipients."""
