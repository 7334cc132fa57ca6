"""Set-up of a tenant: workflows, deliveries, saved searches."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, Unpack

from tonicdm.rhythm.endpoints.base import Resource
from tonicdm.rhythm.endpoints.values import Flag, Number, Text
from tonicdm.rhythm.models import (
    AccessGroup,
    CustomFieldValue,
    DateTrigger,
    DeliveryFormat,
    QueryDeliverySchedule,
    RecordChangeTrigger,
    SavedSearch,
    Workflow,
)
from tonicdm.rhythm.patches import body_of
from tonicdm.types import ListOf, Unset


class WorkflowFields(TypedDict, total=False):
    """Fields of a workflow that can be sent; described at `Workflow` (reference: Workflow)."""

    name: Text
    service: Text
    context_service: Text
    context_id: Text
    days_before_re_enrollment_is_allowed: Number
    workflow_definition: Any
    is_active: Flag
    trigger_type: Text
    record_change_trigger_options: RecordChangeTrigger | Mapping[str, Any] | Unset | None
    date_trigger_options: DateTrigger | Mapping[str, Any] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class QueryDeliveryScheduleFields(TypedDict, total=False):
    """Fields of a schedule that can be sent; described at `QueryDeliverySchedule`.

    (reference: QueryDeliverySchedule)
    """

    name: Text
    email: Any
    email_addresses: ListOf[str] | Unset | None
    saved_query_id: Text
    output_format: DeliveryFormat | str | Unset | None
    start_date: datetime.datetime | Unset | None
    end_date: datetime.datetime | Unset | None
    do_not_send_empty_results: Flag
    type: Text
    application: Text
    context_id: Text
    schedule: Text
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class SavedSearchFields(TypedDict, total=False):
    """Fields of a search that can be sent; described at `SavedSearch` (reference: SavedSearch)."""

    name: Text
    service: Text
    user_id: Text
    search_parameters: Any
    access_group: AccessGroup | str | Unset | None
    custom_field_values: Sequence[CustomFieldValue | Mapping[str, Any]] | Unset | None
    sys_external_id: Text
    extra: Mapping[str, Any]
    """Fields that this package does not know, by wire name."""


class Workflows(Resource):
    """What runs when a record changes, or relative to a date (``/workflows`` of the platform service)."""

    async def create(self, **fields: Unpack[WorkflowFields]) -> Workflow | None:
        """Create a workflow (reference: createWorkflow); its id is made by the service.

        A rule set in ``record_change_trigger_options`` is made by `tonicdm.rhythm.to_rules`.

        Args:
            fields: See `WorkflowFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._write("createWorkflow", Workflow, body_of(Workflow, fields))


class QueryDeliverySchedules(Resource):
    """Saved queries whose results are sent by e-mail (``/queryDeliverySchedules`` of the platform service)."""

    async def create(self, **fields: Unpack[QueryDeliveryScheduleFields]) -> QueryDeliverySchedule | None:
        """Create a schedule (reference: createQueryDeliverySchedule); its id is made by the service.

        Args:
            fields: See `QueryDeliveryScheduleFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._write(
            "createQueryDeliverySchedule", QueryDeliverySchedule, body_of(QueryDeliverySchedule, fields)
        )


class SavedSearches(Resource):
    """Search parameters that were saved (``/savedSearches`` of the platform service)."""

    async def create(self, **fields: Unpack[SavedSearchFields]) -> SavedSearch | None:
        """Create a saved search (reference: createSavedSearch); its id is made by the service.

        Args:
            fields: See `SavedSearchFields`.

        Returns:
            The record as the server answered it; None if it answered nothing.
        """
        return await self._write("createSavedSearch", SavedSearch, body_of(SavedSearch, fields))
