"""Registrations for events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Required, TypedDict, Unpack

from tonicdm.paging import Paginator
from tonicdm.rhythm.endpoints.base import FieldNames, Resource, search_body
from tonicdm.rhythm.endpoints.lists import Listed
from tonicdm.rhythm.models import RegistrantDirectory, RegistrationGroup, RegistrationProcess
from tonicdm.types import ListOf


class RegistrationGroupCriteria(TypedDict, total=False):
    """Criteria of a search, which must all match (reference: RegistrationGroupSearch)."""

    event_id: Required[str]
    administrator_id: ListOf[str]
    ids: ListOf[str]
    name: str
    organization_id: ListOf[str]
    extra: Mapping[str, Any]
    """Criteria that this package does not know, by wire name."""


class RegistrationGroups(Resource):
    """Groups who register together (``/registrationGroups`` of the events service)."""

    def search(
        self, *, fields: FieldNames = None, **criteria: Unpack[RegistrationGroupCriteria]
    ) -> Paginator[RegistrationGroup]:
        """Search the groups of an event that meet all *criteria* (reference: searchForRegistrationGroups).

        Args:
            fields: Only these fields.
            criteria: See `RegistrationGroupCriteria`; ids are lists, and the event is needed.
        """
        return self._list("searchForRegistrationGroups", RegistrationGroup, fields=fields, body=search_body(criteria))


class RegistrationProcesses(Listed[RegistrationProcess]):
    """Ways to register (``/registrationProcesses`` of the events service; reference: listRegistrationProcesses)."""

    operation = "listRegistrationProcesses"
    model = RegistrationProcess

    def list_by_event(self, event: str, *, fields: FieldNames = None) -> Paginator[RegistrationProcess]:
        """List the processes of one event (reference: listProcessesByEventId).

        Args:
            event: Its id.
            fields: Only these fields.
        """
        return self._list("listProcessesByEventId", RegistrationProcess, values={"event_id": event}, fields=fields)


class RegistrantDirectories(Resource):
    """Directories of those who registered (``/registrantDirectories`` of the events service)."""

    def list_by_event(self, event: str, *, fields: FieldNames = None) -> Paginator[RegistrantDirectory]:
        """List the directories of one event (reference: listDirectoriesByEventId).

        Args:
            event: Its id.
            fields: Only these fields.
        """
        return self._list("listDirectoriesByEventId", RegistrantDirectory, values={"event_id": event}, fields=fields)
