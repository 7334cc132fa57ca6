"""The user behind the token."""

from __future__ import annotations

from typing import Unpack, overload

from tonicdm.endpoints.base import Endpoint, split_data_quantity
from tonicdm.endpoints.bodies import changes_of
from tonicdm.endpoints.fields import Extra, Flag, Pointer
from tonicdm.http.operation import Operation
from tonicdm.models import Me, RecordStub, UserSettings
from tonicdm.types import DataQuantityLike, RecordDataQuantity, StubDataQuantity

PATH = "/core/me"


class UserChanges(Extra, total=False):
    """Settings that the user may change (reference: UserSettings)."""

    daily_reminder: Flag
    """Whether to get a daily reminder by email."""
    division1: Pointer
    """The first division; AdvancedMetrics licence."""
    division2: Pointer
    """The second division; AdvancedMetrics licence."""


class Myself(Endpoint):
    """The user behind the token, with settings (``/core/me``)."""

    record_type = "me"
    _get_operation = Operation(method="GET", path=PATH)
    _update_operation = Operation(method="PATCH", path=PATH)

    @overload
    async def get(self, *, data_quantity: StubDataQuantity) -> RecordStub: ...
    @overload
    async def get(self, *, data_quantity: RecordDataQuantity = "basic") -> Me: ...
    async def get(self, *, data_quantity: DataQuantityLike = "basic") -> Me | RecordStub:
        """Return the signed-in user with settings; tells the home zone, too (reference: getMe).

        Args:
            data_quantity: ``id_only`` returns a stub, ``basic`` and ``complete`` the record. The reference lists none
                here, the concepts page has it on each endpoint ("Rate Limiting"): 20 units are reserved, and the
                answer tells how many it cost.
        """
        return await self._read_own(self._get_operation, Me, data_quantity)

    async def update(self, **fields: Unpack[UserChanges]) -> Me | None:
        """Change the user's own settings (reference: patchMe).

        Args:
            fields: See `UserChanges`.
            daily_reminder: Whether to get a daily reminder by email.
            division1: The first division; AdvancedMetrics licence.
            division2: The second division; AdvancedMetrics licence.
            extra: Fields that this package does not know, by wire name.
            data_quantity: How much of the record comes back: ``basic`` unless given; with ``id_only`` no more than its
                ID and its time of change.

        Returns:
            The user as the server answered it; None if it answered nothing.
        """
        data_quantity, given = split_data_quantity(fields)
        return await self._write(self._update_operation, Me, changes_of(UserSettings, given), data_quantity)
