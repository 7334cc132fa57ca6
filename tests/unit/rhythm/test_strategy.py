"""The chooser against the table of the concepts page."""

from __future__ import annotations

import pytest

from tests.cases import for_each
from tonicdm import InvalidOptionError
from tonicdm.rhythm import ASSUMED, field
from tonicdm.rhythm.errors import CriteriaError, UnknownTypeError
from tonicdm.rhythm.strategy import FETCHABLE, FetchOptions, choose, query_type_of

NG = field("last_name") == "Ng"


@for_each(
    ("options", "strategy", "why"),
    [
        (FetchOptions(type="address_types"), "list", "small fixed set"),
        (FetchOptions(type="gifts"), "list", "page by page"),
        (FetchOptions(type="pledges"), "search", "without criteria"),
        (FetchOptions(type="upcoming_events"), "list", "small fixed set"),
        (FetchOptions(type="contacts", limit=10), "list", "few pages"),
        (FetchOptions(type="contacts", criteria=NG), "search", "must all match"),
        (FetchOptions(type="contacts", criteria=NG & (field("city") == "Oslo")), "search", "must all match"),
        (FetchOptions(type="contacts"), "query", "all records"),
        (FetchOptions(type="contacts", limit=10_000), "query", "all records"),
        (FetchOptions(type="organizations"), "query", "all records"),
        (FetchOptions(type="contacts", criteria=NG | (field("city") == "Oslo")), "query", "alternatives"),
        (FetchOptions(type="contacts", criteria=field("number") > 3), "query", "comparisons"),
        (
            FetchOptions(type="contacts", criteria=field("spouse_id") == "x"),
            "query",
            "not known to have the criteria spouse_id",
        ),
        (FetchOptions(type="contacts", criteria=NG, fields=("id", "organization.name")), "query", "related types"),
        (FetchOptions(type="contacts", criteria=field("organization.name") == "x"), "query", "not known"),
        (FetchOptions(type="memberships"), "query", "all records"),
        (FetchOptions(type="events:functions"), "query", "query type"),
        (FetchOptions(type="contacts", strategy="list"), "list", "asked for"),
        (FetchOptions(type="contacts", strategy="search"), "search", "asked for"),
        (FetchOptions(type="events", criteria=field("name") == "x", strategy="search"), "search", "asked for"),
    ],
    ids=str,
)
def test_the_choice_and_its_reason(options: FetchOptions, strategy: str, why: str) -> None:
    found = choose(options)
    assert found.strategy == strategy
    assert why in found.reason


@for_each(
    ("given", "error"),
    [
        ({"type": "nothing"}, UnknownTypeError),
        ({"type": "organizations", "strategy": "list"}, UnknownTypeError),
        ({"type": "address_types", "strategy": "query"}, UnknownTypeError),
        ({"type": "events:functions", "strategy": "search"}, UnknownTypeError),
        ({"type": "contacts", "strategy": "list", "criteria": NG}, CriteriaError),
        ({"type": "contacts", "strategy": "search", "criteria": field("number") > 3}, CriteriaError),
        ({"type": "contacts", "strategy": "search", "fields": ("organization.name",)}, CriteriaError),
        ({"type": "address_types", "criteria": field("name") == "x"}, CriteriaError),
        ({"type": "contacts", "strategy": "guess"}, InvalidOptionError),
        ({"type": "contacts", "limit": -1}, InvalidOptionError),
    ],
    ids=str,
)
def test_what_can_not_be_fetched_so_is_refused_before_anything_is_sent(given: dict, error: type[Exception]) -> None:
    with pytest.raises(error, match="Nothing was sent"):
        choose(FetchOptions(**given))


def test_every_type_that_a_query_can_fetch_has_a_query_type() -> None:
    for name, kind in FETCHABLE.items():
        assert kind.has_query == (name in ASSUMED.query_types)
    assert query_type_of("contacts", ASSUMED) == "rolodex:contacts"
    assert query_type_of("a:b", ASSUMED) == "a:b"
    with pytest.raises(UnknownTypeError):
        query_type_of("address_types", ASSUMED)
