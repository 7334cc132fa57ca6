"""Queries: the saved ones, the descriptions of their fields, and the state of one that was started."""

from __future__ import annotations

import datetime
from typing import Any

import attrs

from tonicdm.codec import Record, snake_case, wire
from tonicdm.rhythm.models.parts import SysRecord
from tonicdm.types import Secret


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class QueryExecution(Record):
    """How a query stands (reference: QueryExecution)."""

    id: str | None = None
    """The query."""
    status: str | None = None
    """Its state; no page lists the words."""
    has_result_set: bool | None = None
    """Whether it returned data; false is an end like any other."""
    rows: float | None = None
    """Rows of the result."""
    size: float | None = None
    """Size of the result."""
    duration: float | None = None
    """How long it took; the unit is not documented."""
    metadata_uri: Secret | None = wire(shown=False, hashed=False)
    """Where the result's description lies; signed, so it is a secret."""
    schedule_id: str | None = None
    """The schedule that started it."""
    uri: Secret | None = wire(shown=False, hashed=False)
    """Where the result lies (the name is assumed); signed, so it is a secret."""
    sys_created_at: datetime.datetime | None = None
    """When it was started."""
    sys_created_by_id: str | None = None
    """Who started it."""
    sys_last_modified_at: datetime.datetime | None = None
    """When its state last changed."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class QueryDefinition(Record):
    """A saved query (reference: QueryDefinition, its layout is assumed)."""

    id: str | None = None
    """The definition."""
    name: str | None = None
    """Its name."""
    type: str | None = None
    """The query type, such as ``rolodex:contacts``."""
    context_id: str | None = None
    """The context, for types that need one."""
    query: Any = wire(hashed=False)
    """The query as it is sent, plain JSON."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class CustomQueryDefinition(SysRecord):
    """A query that the tenant defined in the platform app (reference: CustomQueryDefinition)."""

    id: str | None = None
    """The definition."""
    definition: Any = wire(hashed=False)
    """What it does, as plain JSON; the name of the member is assumed."""


@attrs.frozen(kw_only=True, field_transformer=snake_case, repr=False)
class QueryTypeDescription(Record):
    """A query type and its fields; the lists are plain JSON, as no page shows their items.

    (reference: QueryTypeDescription)
    """

    id: str | None = None
    """The type."""
    name: str | None = None
    """Its name."""
    description: str | None = None
    """What it is."""
    primary_table: str | None = None
    """The table that it reads first."""
    context: Any = wire(hashed=False)
    """The context it needs."""
    perform_custom_resolution_logic: bool | None = None
    """Whether its values are worked out in a way of their own."""
    common_table_expressions: Any = wire(hashed=False)
    """Parts of the query that are reused."""
    services: Any = wire(hashed=False)
    """The services that it reads from."""
    fields: Any = wire(hashed=False)
    """All fields that criteria and output may name."""
    default_output_fields: Any = wire(hashed=False)
    """The fields that are returned unless others are asked for."""
    default_sort_fields: Any = wire(hashed=False)
    """The order unless another is asked for."""
