"""Assumptions about what Rhythm's public pages do not say; each is a setting.

The reference file marks such points ``x-assumed``; the paths among them are listed in `INFERRED_PATHS`. When a tenant
shows otherwise, give `RhythmClient` another `Dialect`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import attrs

INFERRED_PATHS: Final = frozenset(
    {
        "getCurrentContactForTenant",
        "listContacts",
        "getContactByEmailAddress",
        "createOrganization",
        "getOrganization",
        "patchOrganization",
        "searchForOrganizations",
        "listAddressTypes",
        "getQueryDefinition",
        "getUpcomingEvents",
        "searchForEvents",
        "getEvent",
        "startQuery",
        "processOrder",
        "processCancellation",
        "listCancellationsByOrderId",
        "processPayment",
        "processInvoice",
        "createCredit",
        "searchForPledges",
        "createWorkflow",
        "createQueryDeliverySchedule",
        "createSavedSearch",
    }
)
"""Operations that the reference marks as assumed as a whole; an error that may stem from it says so."""


@attrs.frozen(kw_only=True)
class QueryDialect:
    """How criteria and fields are written in a query (reference: CriteriaGroup, QueryRequest, all assumed)."""

    all_key: str = "all"
    """Holds conditions that must all match."""
    any_key: str = "any"
    """Holds conditions of which one must match."""
    field_key: str = "field"
    operator_key: str = "operator"
    value_key: str = "value"
    field_format: str = "{name}"
    """How a field's name is written."""
    constants: Mapping[str, str] = attrs.field(factory=dict)
    """Members that every condition has beside."""
    operators: Mapping[str, str] = attrs.field(
        factory=lambda: {
            "eq": "eq",
            "ne": "ne",
            "lt": "lt",
            "le": "lte",
            "gt": "gt",
            "ge": "gte",
            "in": "in",
            "not_in": "not_in",
            "contains": "contains",
            "starts_with": "starts_with",
            "ends_with": "ends_with",
            "is_empty": "is_empty",
            "is_not_empty": "is_not_empty",
            "between": "between",
        }
    )
    """The wire's word for each operator of `tonicdm.rhythm.criteria`; no page names one."""
    output_key: str = "output_fields"
    sort_key: str = "sort_fields"
    direction_key: str = "direction"
    ascending: str = "asc"
    descending: str = "desc"
    criteria_key: str = "criteria"


RULES: Final = QueryDialect(
    field_key="path",
    field_format="$.{name}",
    constants={"fact": "record"},
    operators={
        "eq": "equal",
        "ne": "notEqual",
        "lt": "lessThan",
        "le": "lessThanInclusive",
        "gt": "greaterThan",
        "ge": "greaterThanInclusive",
        "in": "in",
        "not_in": "notIn",
        "contains": "contains",
    },
)
"""The form in which workflows have their rules: ``fact``, ``operator``, ``path``, ``value`` (reference: RuleNode).

Only ``equal`` is printed, and no name of a fact; the other words are those of the public rule engine whose form it is.
Queries may share it, which no page says: ``Dialect(query=RULES)`` sends them so.
"""


@attrs.frozen(kw_only=True)
class BatchDialect:
    """How the operations of a batch are written (reference: BatchRequest, whose members are not printed)."""

    type_key: str = "operation"
    patch: str = "patch"
    delete: str = "delete"
    id_key: str = "id"
    steps_key: str = "patch"
    """Holds the JSON Patch of a record to be changed."""
    error_keys: tuple[str, ...] = ("error", "errors", "error_message", "errorMessage")
    """Members of a result that say that its operation failed, if they hold anything."""
    status_keys: tuple[str, ...] = ("status", "statusCode", "status_code")
    """Members of a result that may hold a status; 400 and above, or one of the next, means that it failed."""
    failed: frozenset[str] = frozenset({"error", "failed", "failure", "rejected"})
    success_key: str = "success"
    """A member of a result that says by false that its operation failed."""


@attrs.frozen(kw_only=True)
class Dialect:
    """What is assumed of the API's form and behaviour."""

    query: QueryDialect = attrs.field(factory=QueryDialect)
    """How queries are written."""
    batch: BatchDialect = attrs.field(factory=BatchDialect)
    """How batches are written."""
    result_uris: tuple[str, ...] = ("uri", "url", "signed_uri", "signedUri", "data_uri", "result_uri")
    """Members of a query's state that may hold the signed URI, the likeliest first (reference: QueryExecution.uri)."""
    finished: frozenset[str] = frozenset(
        {"complete", "completed", "succeeded", "success", "finished", "done", "available"}
    )
    """Words, in lower case, for a query that has its result; no page lists them."""
    failed: frozenset[str] = frozenset(
        {"failed", "failure", "error", "errored", "aborted", "cancelled", "canceled", "timed_out", "timeout"}
    )
    """Words, in lower case, for a query that never will. All others mean that it goes on."""
    start_key_in_body: bool = False
    """Whether a search takes exclusiveStartKey in its body, as one connector sends it; the page says query string."""
    renew_on: frozenset[int] = frozenset({401, 403, 410})
    """Answers of a signed URI for which a fresh one is asked; 403 is what storage services give after its end."""
    patch_operation: Literal["add", "replace"] = "add"
    """How JSON Patch sets a field. ``add`` sets one whether it had a value or not (RFC 6902, 4.1); ``replace``, the
    only word seen in use, must fail by the same text where the record has no such field yet."""
    csv_header: bool = True
    """Whether the first line of a csv result names the columns, and is no row."""
    current_contact: Literal["plain", "tenant"] = "plain"
    """The path of the current contact: ``/contacts/current`` (vendor) or with the tenant in it (a public plugin)."""
    query_types: Mapping[str, str] = attrs.field(
        factory=lambda: {
            "contacts": "rolodex:contacts",
            "organizations": "rolodex:organizations",
            "events": "events:events",
            "memberships": "membership:memberships",
            "orders": "commerce:orders",
            "payments": "collect:payments",
            "invoices": "collect:invoices",
            "credits": "collect:credits",
        }
    )
    """The query type of each record type; only rolodex:contacts is printed."""


ASSUMED: Final = Dialect()
"""What is assumed unless a client is told otherwise."""
