"""Parts that several records hold, and the housekeeping fields that all stored records share."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import Record, snake_case, wire


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class FieldError(Record):
    """A calculated field that could not be worked out (reference: SysFields)."""

    field: str | None = None
    """The field."""
    error: str | None = None
    """What went wrong."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class SysRecord(Record):
    """The base of stored records (reference: SysFields)."""

    sys_version: float | None = None
    """Counts the record's versions."""
    sys_created_at: datetime.datetime | None = None
    """When it was made."""
    sys_last_modified_at: datetime.datetime | None = None
    """When it last changed; what an incremental read filters on."""
    sys_created_by_id: str | None = None
    """The user who made it."""
    sys_last_modified_by_id: str | None = None
    """The user of the last change."""
    sys_deleted_by_id: str | None = None
    """The user who deleted it, or tried to."""
    sys_external_id: str | None = None
    """Its id in a foreign system or an import."""
    sys_locked: bool | None = None
    """Whether the API may not change it."""
    sys_bulk_load_pk: str | None = None
    """Its key in a bulk load."""
    sys_bulk_load_at: str | None = None
    """The time of that load, as text."""
    sys_bulk_load_id: str | None = None
    """That load."""
    sys_bulk_load_record_no: float | None = None
    """Its number in that load."""
    sys_bulk_load_source_file: str | None = None
    """The file of that load."""
    sys_last_bulk_data_operation_id: str | None = None
    """The last bulk operation on it."""
    sys_last_bulk_data_operation_sys_version: str | None = None
    """Its version at that operation."""
    sys_directive: str | None = None
    """How it is to be processed."""
    sys_calculated_field_error: str | None = None
    """Why calculated fields are missing."""
    sys_calculated_field_errors: tuple[FieldError, ...] | None = None
    """The same, field by field."""
    sys_snapshot_base_version: float | None = None
    """The version that a snapshot was taken of."""
    sys_has_files_in_s3: bool | None = None
    """Whether files belong to it."""
    sys_configuration_snapshot_id: str | None = None
    """The configuration it was made under."""
    sys_last_security_context: Any = wire(hashed=False)
    """Under what rights it was last changed, as plain JSON."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class StoredRecord(SysRecord):
    """A record of which the reference names the id alone; its other fields are in `extra` (reference: SysRecord)."""

    id: str | None = None
    """The record; absent where ``fields=`` leaves it out."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class Address(Record):
    """A postal address (reference: Address)."""

    line1: str | None = None
    """First line."""
    line2: str | None = None
    """Second line."""
    line3: str | None = None
    """Third line."""
    city: str | None = None
    """City."""
    state: str | None = None
    """State or province."""
    postal_code: str | None = None
    """Postal code."""
    county: str | None = None
    """County."""
    country: str | None = None
    """Country."""
    country_name: str | None = None
    """Its name."""
    time_zone_id: str | None = None
    """Time zone of the place."""
    latitude: float | None = None
    """Degrees north."""
    longitude: float | None = None
    """Degrees east."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class TypedPhoneNumber(Record):
    """A phone number of a kind that the tenant defined (reference: TypedPhoneNumber)."""

    type_id: str | None = None
    """The kind."""
    phone_number: str | None = None
    """The number."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class CustomFieldValue(Record):
    """A value of a field that the tenant defined; the field's type decides which member holds it.

    (reference: CustomFieldValue)
    """

    custom_field_id: str | None = None
    """The field; ends in ``__c``."""
    string_value: str | None = None
    """A text."""
    numeric_value: float | None = None
    """A number."""
    boolean_value: bool | None = None
    """Yes or no."""
    file_url_value: str | None = wire(shown=False)
    """Where a file lies."""
    list_value: tuple[str, ...] | None = None
    """Several texts."""
    table_value: Any = wire(hashed=False)
    """Rows, as plain JSON."""
