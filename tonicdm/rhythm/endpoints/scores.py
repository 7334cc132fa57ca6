"""Engagement scores of contacts and organizations."""

from __future__ import annotations

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, Resource
from tonicdm.rhythm.models import EngagementScore, OwnerType


class EngagementScores(Resource):
    """Scores of a contact or an organization (``/engagementScores`` of the rolodex service)."""

    async def get(self, score: str, *, fields: FieldNames = None, consistent: bool | None = None) -> EngagementScore:
        """Return one score (reference: getEngagementScore).

        Args:
            score: Its id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read(
            "getEngagementScore", EngagementScore, {"id": score}, fields=fields, consistent_read=consistent
        )

    def list(
        self, customer_type: OwnerType | str, customer: str, *, fields: FieldNames = None
    ) -> Paginator[EngagementScore]:
        """List the scores of one customer (reference: listEngagementScoresByCustomer).

        Args:
            customer_type: ``contact`` or ``organization``.
            customer: Its id.
            fields: Only these fields.
        """
        values = {"customer_type": str(OwnerType(customer_type)), "customer_id": customer}
        return self._list("listEngagementScoresByCustomer", EngagementScore, values=values, fields=fields)
