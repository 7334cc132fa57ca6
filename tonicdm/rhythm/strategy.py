"""Choose between list, search and query, and say why. No I/O.

The table of the concepts page ("Retrieving Multiple Items"): all three return chosen fields; lists and searches come in
pages; searches and queries filter; only queries have complex criteria, fields of related types and several formats. The
same page asks for a query where many pages would be read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeAlias, get_args

import attrs

from tonicdm.codec import Record
from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.rhythm.assumed import Dialect
from tonicdm.rhythm.criteria import CONTACT_SEARCH, Criteria, Shape, to_search
from tonicdm.rhythm.errors import CriteriaError, UnknownTypeError
from tonicdm.rhythm.models import (
    AddressType,
    Certification,
    CommunicationType,
    Contact,
    ContactDuplicate,
    Credit,
    CustomQueryDefinition,
    Event,
    Gift,
    Invoice,
    Membership,
    Order,
    Organization,
    Payment,
    Pledge,
    RegistrationGroup,
    RegistrationProcess,
)

Strategy: TypeAlias = Literal["list", "search", "query"]

MAX_LISTED: Final = 200
"""Records that are taken to fit a few pages; no page size is documented."""
_RELATED: Final = re.compile(r"[.:]")


@attrs.frozen(kw_only=True)
class FetchType:
    """How a type of record can be fetched."""

    model: type[Record]
    list_operation: str | None = None
    search_operation: str | None = None
    search_criteria: Mapping[str, Shape] = attrs.field(factory=dict)
    """Criteria that the search is known to have, and what each takes."""
    needed: frozenset[str] = frozenset()
    """Criteria without which the server refuses the search."""
    has_query: bool = False
    fixed: bool = False
    """Whether it is a small set that a tenant defines once."""

    def to_search(self, criteria: Criteria | None) -> dict[str, Any]:
        """Return criteria as the body of this type's search.

        Raises:
            CriteriaError: The search can't express them, or needs one that is not among them.
        """
        try:
            body = {} if criteria is None else to_search(criteria, self.search_criteria or CONTACT_SEARCH)
        except CriteriaError as error:
            if not self.has_query:
                raise
            raise CriteriaError(f"{error} A query can: use strategy='query'.") from None
        if missing := sorted(self.needed - set(body)):
            raise CriteriaError(f"the search needs the criteria {', '.join(missing)}. {NOTHING_SENT}")
        return body

    def can(self, strategy: Strategy) -> bool:
        """Tell whether it can be fetched by *strategy*."""
        return {"list": bool(self.list_operation), "search": bool(self.search_operation), "query": self.has_query}[
            strategy
        ]


def _values(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, "value")


def _lists(*names: str) -> dict[str, Shape]:
    return dict.fromkeys(names, "list")


FETCHABLE: Final[Mapping[str, FetchType]] = {
    "contacts": FetchType(
        model=Contact,
        list_operation="listContacts",
        search_operation="searchForContacts",
        search_criteria={
            **_values("city", "contact_role_id", "country", "email_address", "first_name", "job_title", "last_name",
                      "nickname", "number"),
            "ids": "list",
        },
        has_query=True,
    ),
    "organizations": FetchType(
        model=Organization,
        search_operation="searchForOrganizations",
        search_criteria={"name": "value", "ids": "list"},
        has_query=True,
    ),
    "events": FetchType(model=Event, search_operation="searchForEvents", has_query=True),
    "upcoming_events": FetchType(model=Event, list_operation="getUpcomingEvents", fixed=True),
    "memberships": FetchType(model=Membership, has_query=True),
    "address_types": FetchType(model=AddressType, list_operation="listAddressTypes", fixed=True),
    "communication_types": FetchType(model=CommunicationType, list_operation="listCommunicationTypes", fixed=True),
    "custom_query_definitions": FetchType(
        model=CustomQueryDefinition, list_operation="listCustomQueryDefinitions", fixed=True
    ),
    "registration_groups": FetchType(
        model=RegistrationGroup,
        search_operation="searchForRegistrationGroups",
        search_criteria={
            "event_id": "value", "name": "value", "ids": "list", "administrator_id": "list", "organization_id": "list"
        },
        needed=frozenset({"event_id"}),
    ),
    "registration_processes": FetchType(
        model=RegistrationProcess, list_operation="listRegistrationProcesses", fixed=True
    ),
    "pledges": FetchType(
        model=Pledge,
        search_operation="searchForPledges",
        search_criteria={
            **_lists("appeal_id", "campaign_id", "contact_id", "fund_id", "ids", "order_id", "organization_id",
                     "status", "type"),
            "date": "range",
        },
    ),
    "gifts": FetchType(model=Gift, list_operation="listGifts"),
    "orders": FetchType(model=Order, list_operation="listOrders", has_query=True),
    "payments": FetchType(model=Payment, has_query=True),
    "invoices": FetchType(model=Invoice, has_query=True),
    "credits": FetchType(model=Credit, has_query=True),
    "certifications": FetchType(model=Certification, list_operation="listCertifications"),
    "contact_duplicates": FetchType(model=ContactDuplicate, list_operation="listContactDuplicates"),
}  # fmt: skip
"""The types by name; any query type, such as ``events:functions``, can be fetched by a query besides."""


@attrs.frozen(kw_only=True)
class FetchOptions:
    """What is to be fetched."""

    type: str
    criteria: Criteria | None = None
    fields: tuple[str, ...] | None = None
    limit: int | None = None
    strategy: str = "auto"

    def __attrs_post_init__(self) -> None:
        if self.strategy != "auto" and self.strategy not in get_args(Strategy):
            raise InvalidOptionError(
                f"strategy must be auto, list, search or query, not {self.strategy!r}. {NOTHING_SENT}"
            )
        if self.limit is not None and self.limit < 0:
            raise InvalidOptionError(f"limit must not be negative, it is {self.limit}. {NOTHING_SENT}")


@attrs.frozen
class Choice:
    """The strategy, and why."""

    strategy: Strategy
    reason: str


def query_type_of(name: str, dialect: Dialect) -> str:
    """Return the query type of a type of record, or the query type that was named itself.

    Raises:
        UnknownTypeError: There is neither.
    """
    if name in dialect.query_types:
        return dialect.query_types[name]
    if name in FETCHABLE or not re.fullmatch(r"[^:/\s]+:[^:/\s]+", name):
        raise _unknown(name)
    return name


def choose(options: FetchOptions) -> Choice:
    """Choose how to fetch what is wished for.

    Raises:
        UnknownTypeError: There is no such type, or it has not the strategy asked for.
        CriteriaError: The strategy asked for can't express the criteria.
    """
    fetch_type = FETCHABLE.get(options.type)
    if fetch_type is None:
        return _choose_foreign(options)
    if options.strategy != "auto":
        return _asked_for(options, fetch_type)
    why_query = _needs_query(options, fetch_type)
    if why_query is not None and fetch_type.has_query:
        return Choice("query", why_query)
    if options.criteria is None:
        return _unfiltered(options, fetch_type)
    if fetch_type.search_operation is None:
        raise CriteriaError(f"{options.type} can only be listed, and a list has no criteria. {NOTHING_SENT}")
    fetch_type.to_search(options.criteria)
    return Choice("search", "all criteria are the search's own and must all match: expected to fill a few pages")


def _unfiltered(options: FetchOptions, fetch_type: FetchType) -> Choice:
    if fetch_type.fixed:
        return Choice("list", "a small fixed set: one list")
    if not fetch_type.has_query and fetch_type.list_operation is not None:
        return Choice("list", "its only way: page by page")
    if not fetch_type.has_query:
        fetch_type.to_search(None)
        return Choice("search", "its only way: a search without criteria")
    if fetch_type.list_operation is not None and options.limit is not None and options.limit <= MAX_LISTED:
        return Choice("list", f"at most {options.limit} records: a few pages of the list")
    return Choice("query", "all records: a query returns them at once, where pages could trip the rate limit")


def _needs_query(options: FetchOptions, fetch_type: FetchType) -> str | None:
    """Return why only a query can do it; None if a list or a search can as well."""
    if any(_RELATED.search(name) for name in options.fields or ()):
        return "fields of related types: only a query has them"
    if options.criteria is None:
        return None
    try:
        body = fetch_type.to_search(options.criteria)
    except CriteriaError:
        return "criteria with alternatives, nesting or comparisons: only a query has them"
    foreign = sorted(set(body) - set(fetch_type.search_criteria))
    if foreign and fetch_type.has_query:
        return f"the search is not known to have the criteria {', '.join(foreign)}"
    return None


def _asked_for(options: FetchOptions, fetch_type: FetchType) -> Choice:
    strategy: Strategy = options.strategy  # type: ignore[assignment]
    if not fetch_type.can(strategy):
        able = [name for name in get_args(Strategy) if fetch_type.can(name)]
        raise UnknownTypeError(f"{options.type} has no {strategy}; it has {' and '.join(able)}. {NOTHING_SENT}")
    if strategy == "list" and options.criteria is not None:
        raise CriteriaError(f"a list has no criteria; use strategy='search' or 'query'. {NOTHING_SENT}")
    if strategy == "search":
        fetch_type.to_search(options.criteria)
    if strategy != "query" and any(_RELATED.search(name) for name in options.fields or ()):
        raise CriteriaError(f"a {strategy} has no fields of related types; use strategy='query'. {NOTHING_SENT}")
    return Choice(strategy, "asked for")


def _choose_foreign(options: FetchOptions) -> Choice:
    if not re.fullmatch(r"[^:/\s]+:[^:/\s]+", options.type):
        raise _unknown(options.type)
    if options.strategy not in {"auto", "query"}:
        raise UnknownTypeError(f"{options.type} is a query type: it has no {options.strategy}. {NOTHING_SENT}")
    return Choice("query", "a query type")


def _unknown(name: str) -> UnknownTypeError:
    return UnknownTypeError(
        f"{name!r} is no type that can be fetched: there are {', '.join(FETCHABLE)}, and query types such as "
        f"events:functions. {NOTHING_SENT}"
    )
