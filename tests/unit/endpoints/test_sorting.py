"""The field that a list is sorted by: named as in Python, sent as on the wire, and refused before it is paid for."""

from __future__ import annotations

import datetime
import enum
import types
import typing
from typing import Any

import pytest

from tonicdm import InvalidOptionError
from tonicdm.codec import wire_names
from tonicdm.endpoints import offices, persons, projects, rfis
from tonicdm.endpoints.notes import Notes
from tonicdm.endpoints.offices import Offices
from tonicdm.endpoints.options import sort_field
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.endpoints.splitting import Order, _order
from tonicdm.models import Office, Person, Project, Rfi

from .pagingserver import Server


def lists() -> dict[str, Any]:
    found = {name: getattr(endpoint_class(name), "_listing", None) for name in RECORD_TYPES}
    return {name: listing for name, listing in found.items() if listing is not None}


def is_plain(hint: Any) -> bool:
    """Tell whether values of a field have an order: texts, numbers, booleans, times and words."""
    options = [one for one in typing.get_args(hint) if one is not type(None)] or [hint]
    plain = (str, int, float, bool, datetime.date, enum.Enum)
    return all(
        getattr(one, "__supertype__", None) is str or (isinstance(one, type) and issubclass(one, plain))
        for one in options
    ) and not isinstance(hint, types.GenericAlias)


def test_every_list_that_can_be_sorted_says_by_what():
    """A field that is sent unless one is given is among them; a list without the option names none."""
    for name, listing in lists().items():
        assert bool(listing.sorts) == ("sort_by" in listing.operation.options), name
        if listing.sort is not None:
            assert sort_field(listing.sort, listing.sorts) == listing.sort, name


@pytest.mark.parametrize(
    ("model", "names"),
    [(Person, persons.PersonSort), (Office, offices.OfficeSort), (Project, projects.ProjectSort), (Rfi, rfis.RfiSort)],
)
def test_where_the_reference_gives_an_example_only_the_plain_fields_are_offered(model: Any, names: Any):
    hints = typing.get_type_hints(model)
    plain = {name for name in wire_names(model) if is_plain(hints[name])}
    assert set(typing.get_args(names)) - {"number"} == plain


async def test_the_wire_name_is_sent():
    server = Server(count=2)
    for spelling in ("phone_number", "phoneNumber"):
        await Offices(server).list(sort_by=spelling).all()  # type: ignore[arg-type]
    assert {sent["sort_by"] for sent in server.calls} == {"phoneNumber"}
    assert sort_field("action_date_time", Notes._listing.sorts) == "actionDateTime"


async def test_a_name_that_is_none_is_refused_when_it_is_written_down():
    server = Server(count=2)
    with pytest.raises(InvalidOptionError, match="did you mean 'phone_number'") as caught:
        Offices(server).list(sort_by="phone_numer")  # type: ignore[arg-type]
    assert "Nothing was sent" in str(caught.value)
    for wrong in (1, "", ["name"]):
        with pytest.raises(InvalidOptionError, match="sort_by must be one of"):
            Offices(server).list(sort_by=wrong)  # type: ignore[arg-type]
    assert not server.calls


async def test_any_other_field_goes_by_its_wire_name():
    """The reference shows the names of some lists by an example only, so that none can be ruled out."""
    server = Server(count=2)
    await Offices(server).list(options={"sortBy": "customField"}).all()  # type: ignore[arg-type]
    assert server.calls[0]["sort_by"] == "customField"
    with pytest.raises(InvalidOptionError, match="argument sort_by="):
        Offices(server).list(sort_by="name", options={"sortBy": "custom"})  # type: ignore[arg-type]


def test_a_field_that_is_known_is_the_argument():
    with pytest.raises(InvalidOptionError, match="argument sort_by="):
        Offices(Server(count=1)).list(options={"sortBy": "phoneNumber"})  # type: ignore[arg-type]


def test_parts_of_a_list_are_merged_by_the_wire_name():
    assert _order(Offices._listing, {"sort_by": sort_field("phone_number", Offices._listing.sorts)}) == Order(
        "phoneNumber", descending=False
    )
