"""Saved queries of an app."""

from __future__ import annotations

from tonicdm.rhythm.endpoints.base import FieldNames, Resource
from tonicdm.rhythm.models import QueryDefinition


class QueryDefinitions(Resource):
    """Saved queries (``/queryDefinitions`` of the rolodex service)."""

    async def get(self, definition: str, *, fields: FieldNames = None) -> QueryDefinition:
        """Return one saved query (reference: getQueryDefinition); `Queries.start` takes what its ``query`` holds.

        Args:
            definition: Its id.
            fields: Only these fields.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read("getQueryDefinition", QueryDefinition, {"id": definition}, fields=fields)
