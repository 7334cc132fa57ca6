"""The user behind the token."""

from __future__ import annotations

from typing import Unpack

from tonicdm.endpoints.base import Endpoint
from tonicdm.endpoints.bodies import changes_of
from tonicdm.endpoints.fields import Extra, Flag, Pointer
from tonicdm.http.operation import Operation
from tonicdm.models import Me, UserSettings

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

    async def get(self) -> Me:
        """Return the signed-in user with settings; tells the home zone, too (reference: getMe)."""
        return await self._read_one(self._get_operation, Me)

    async def update(self, **fields: Unpack[UserChanges]) -> Me | None:
        """Change the user's own settings (reference: patchMe).

        Args:
            fields: See `UserChanges`.

        Returns:
            The user as the server answered it; None if it answered nothing.
        """
        return await self._write(self._update_operation, Me, changes_of(UserSettings, fields))
