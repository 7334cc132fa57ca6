"""Short lists without criteria (concepts page, "List"), and scores of one customer."""

from __future__ import annotations

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, Noun
from tonicdm.rhythm.models import AddressType, CommunicationType, CustomQueryDefinition, EngagementScore
from tonicdm.rhythm.models.memberships import OwnerType


class AddressTypes(Noun):
    """Kinds of addresses (``/addressTypes`` of the rolodex service)."""

    def list(self, *, fields: FieldNames = None) -> Paginator[AddressType]:
        """List them (reference: listAddressTypes).

        Args:
            fields: Only these fields.
        """
        return self._list("listAddressTypes", AddressType, fields=fields)


class CommunicationTypes(Noun):
    """Kinds of communication (``/communicationTypes`` of the rolodex service)."""

    def list(self, *, fields: FieldNames = None) -> Paginator[CommunicationType]:
        """List them (reference: listCommunicationTypes).

        Args:
            fields: Only these fields.
        """
        return self._list("listCommunicationTypes", CommunicationType, fields=fields)


class CustomQueryDefinitions(Noun):
    """Queries that the tenant has defined (``/customQueryDefinitions`` of the platform service)."""

    def list(self, *, fields: FieldNames = None) -> Paginator[CustomQueryDefinition]:
        """List them (reference: listCustomQueryDefinitions).

        Args:
            fields: Only these fields.
        """
        return self._list("listCustomQueryDefinitions", CustomQueryDefinition, fields=fields)


class EngagementScores(Noun):
    """Scores of a contact or an organization (``/engagementScores`` of the rolodex service)."""

    def list(
        self, customer_type: OwnerType | str, customer: str, *, fields: FieldNames = None
    ) -> Paginator[EngagementScore]:
        """List them (reference: listEngagementScoresByCustomer).

        Args:
            customer_type: ``contact`` or ``organization``.
            customer: Its id.
            fields: Only these fields.
        """
        values = {"customer_type": str(OwnerType(customer_type)), "customer_id": customer}
        return self._list("listEngagementScoresByCustomer", EngagementScore, values=values, fields=fields)
