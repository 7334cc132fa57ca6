"""Memberships."""

from __future__ import annotations

from tonicdm.rhythm.endpoints.base import FieldNames
from tonicdm.rhythm.endpoints.batch import Batched
from tonicdm.rhythm.models import Membership


class Memberships(Batched[Membership]):
    """Memberships of contacts and organizations (``/memberships`` of the membership service).

    (batches: executeMembershipBatchOperations)
    """

    batch_operation = "executeMembershipBatchOperations"
    batch_model = Membership

    async def get(self, membership: str, *, fields: FieldNames = None, consistent: bool | None = None) -> Membership:
        """Return one membership (reference: getMembership).

        Args:
            membership: Its id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read(
            "getMembership", Membership, {"id": membership}, fields=fields, consistent_read=consistent
        )
