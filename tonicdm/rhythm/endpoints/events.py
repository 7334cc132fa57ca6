"""Events."""

from __future__ import annotations

from typing import Any

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, Resource
from tonicdm.rhythm.models import Event


class Events(Resource):
    """Events (``/events`` of the events service)."""

    async def get(self, event: str, *, fields: FieldNames = None, consistent: bool | None = None) -> Event:
        """Return one event (reference: getEvent).

        Args:
            event: Its id.
            fields: Only these fields.
            consistent: Whether a change made just now must be seen.

        Raises:
            NotFoundError: There is none with this id.
        """
        return await self._read("getEvent", Event, {"id": event}, fields=fields, consistent_read=consistent)

    def upcoming(self, *, fields: FieldNames = None) -> Paginator[Event]:
        """List the events to come (reference: getUpcomingEvents).

        Args:
            fields: Only these fields.
        """
        return self._list("getUpcomingEvents", Event, fields=fields)

    def search(self, *, fields: FieldNames = None, **criteria: Any) -> Paginator[Event]:
        """Search events that meet all *criteria* (reference: searchForEvents).

        Args:
            fields: Only these fields.
            criteria: JSON values by wire name; no page lists which there are.
        """
        return self._list("searchForEvents", Event, fields=fields, body=criteria)
