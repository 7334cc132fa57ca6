"""Groups: reusable lists of recipients in a project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from tonicdm.endpoints.base import Creating, SoftDeleting
from tonicdm.endpoints.fields import ID, StatusField
from tonicdm.http.operation import Operation
from tonicdm.models import Group, GroupMember, GroupScope
from tonicdm.types import IDLike, Unset

PATH = "/core/groups"


class GroupFields(StatusField, total=False):
    """Fields of a group that may be left out (reference: Group)."""

    owner_id: ID
    """Its owner."""
    scope: GroupScope | str | Unset | None
    """``shared``, ``personal`` or ``discipline``."""
    members: Sequence[GroupMember | Mapping[str, Any]] | Unset
    """All its recipients, as records or as JSON objects."""


class GroupChanges(GroupFields, total=False):
    """Fields of a group that can be changed."""

    project_id: ID
    """The project."""
    name: str | Unset
    """Its name; 1 to 40 characters."""


class Groups(Creating[Group], SoftDeleting[Group]):
    """Reusable lists of recipients (``/core/groups``); the reference has no operation that reads them."""

    record_type = "groups"
    _model = Group
    _create_operation = Operation(method="POST", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    async def create(self, *, project_id: IDLike, name: str, **fields: Unpack[GroupFields]) -> Group | None:
        """Create a group (reference: postGroup).

        Args:
            project_id: The project.
            name: Its name; 1 to 40 characters.
            fields: See `GroupFields`.
            owner_id: Its owner.
            scope: ``shared``, ``personal`` or ``discipline``.
            members: All its recipients, as records or as JSON objects.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._create({"project_id": project_id, "name": name, **fields})

    async def update(self, record: IDLike, **fields: Unpack[GroupChanges]) -> Group | None:
        """Change a group (reference: patchGroup).

        The group's ID goes into the body, as with all other records; the reference's schema does not show it.

        Args:
            record: Its ID.
            fields: See `GroupChanges`.
            project_id: The project.
            name: Its name; 1 to 40 characters.
            owner_id: Its owner.
            scope: ``shared``, ``personal`` or ``discipline``.
            members: All its recipients, as records or as JSON objects.
            status: ``active``, ``inactive`` or ``deleted``.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._update(record, fields)
