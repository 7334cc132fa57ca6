"""Set-up of a tenant: fields of its own, workflows, deliveries, saved searches."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import OpenEnum, Record, snake_case, wire
from tonicdm.rhythm.models.parts import CustomFieldValue, SysRecord


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class CustomField(SysRecord):
    """A field that a tenant defined, as far as the reference shows it (reference: CustomField)."""

    id: str | None = None
    """The field, as ``custom_field_id`` names it."""
    acceptable_values: Any = wire(hashed=False)
    """What may stand in it, as plain JSON."""
    can_enter_new_values: bool | None = None
    """Whether other values may too."""
    complex_requirement_rules: Any = wire(hashed=False)
    """When it is needed, as plain JSON."""
    curated_dataset: str | None = None
    """The list its values come from."""
    custom_object_id: str | None = None
    """The type it belongs to."""
    default_value: Any = wire(hashed=False)
    """Its value unless one is given, as plain JSON."""
    display_order: float | None = None
    """Where it stands among the others."""
    enable_default_value: bool | None = None
    """Whether there is such a value."""
    enable_parent_field_mapping: bool | None = None
    """Whether it follows a field above."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class RecordChangeTrigger(Record):
    """What starts a workflow when a record changes (reference: Workflow.record_change_trigger_options)."""

    ruleset: Any = wire(hashed=False)
    """Which records, in the form of `tonicdm.rhythm.to_rules`, as plain JSON."""
    run_on_record_creation: bool | None = None
    """Whether a new record starts it."""
    run_on_record_modification: bool | None = None
    """Whether a change does."""
    run_on_record_deletion: bool | None = None
    """Whether a deletion does."""
    run_only_when_certain_fields_change: tuple[str, ...] | None = None
    """Only changes of these fields."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class DateTrigger(Record):
    """What starts a workflow by a date of a record (reference: Workflow.date_trigger_options)."""

    date_property: str | None = None
    """The field with the date."""
    time_units: float | None = None
    """How many units away."""
    time_interval: str | None = None
    """Of what length."""
    offset: str | None = None
    """Before or after."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Workflow(SysRecord):
    """Something that runs when a record changes, or relative to a date (reference: Workflow)."""

    id: str | None = None
    """The workflow; made by the service."""
    name: str | None = None
    """Its name."""
    service: str | None = None
    """The service whose records it is about."""
    context_service: str | None = None
    """The service it runs in."""
    context_id: str | None = None
    """What it runs in there."""
    days_before_re_enrollment_is_allowed: float | None = None
    """Days before it runs again for a record."""
    workflow_definition: Any = wire(hashed=False)
    """What it does, as plain JSON."""
    sys_context_key: str | None = None
    """The service's own name of the context."""
    is_active: bool | None = None
    """Whether it runs."""
    trigger_type: str | None = None
    """Such as ``record change``."""
    record_change_trigger_options: RecordChangeTrigger | None = None
    """What starts it when a record changes."""
    date_trigger_options: DateTrigger | None = None
    """What starts it by a date."""


class DeliveryFormat(OpenEnum):
    """Form of a delivered result (reference: QueryDeliverySchedule.output_format)."""

    EXCEL = "excel"
    EXCELUNFORMATTED = "excelUnformatted"
    CSV = "csv"
    JSON = "json"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class QueryDeliverySchedule(SysRecord):
    """A saved query whose result is sent by e-mail (reference: QueryDeliverySchedule)."""

    id: str | None = None
    """The schedule; made by the service."""
    name: str | None = None
    """Its name."""
    email: Any = wire(hashed=False)
    """The mail's text, as plain JSON."""
    email_addresses: tuple[str, ...] | None = None
    """Who gets it."""
    saved_query_id: str | None = None
    """The query."""
    output_format: DeliveryFormat | None = None
    """The form of the result."""
    start_date: datetime.datetime | None = None
    """When it begins."""
    end_date: datetime.datetime | None = None
    """When it ends."""
    do_not_send_empty_results: bool | None = None
    """Whether nothing is sent where nothing was found."""
    type: str | None = None
    """The type of record."""
    application: str | None = None
    """The app of the query."""
    context_id: str | None = None
    """What it runs in."""
    schedule: str | None = None
    """When it runs."""
    human_readable_schedule: str | None = None
    """The same for people."""
    sys_next_processing_date: datetime.datetime | None = None
    """When it runs next."""
    last_run_date: datetime.datetime | None = None
    """When it last ran."""
    last_error: str | None = None
    """What went wrong last."""
    last_error_date: datetime.datetime | None = None
    """When that was."""


class AccessGroup(OpenEnum):
    """Who sees a saved search (reference: SavedSearch.access_group)."""

    PERSONAL = "personal"
    TEAM = "team"


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class SavedSearch(SysRecord):
    """Search parameters that were saved (reference: SavedSearch)."""

    id: str | None = None
    """The search; made by the service."""
    name: str | None = None
    """Its name."""
    service: str | None = None
    """The service it searches."""
    user_id: str | None = None
    """Whose it is."""
    search_parameters: Any = wire(hashed=False)
    """What is searched for, as plain JSON."""
    access_group: AccessGroup | None = None
    """Who sees it."""
    custom_field_values: tuple[CustomFieldValue, ...] | None = None
    """Values of the tenant's own fields."""
