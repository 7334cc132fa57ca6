"""Whether a record that is there is the one that was sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cases import for_each
from tonicdm import InvalidOptionError
from tonicdm.endpoints.lookback import matcher
from tonicdm.models import Discipline, Office, Person, PersonEmailAddress, Project, Reference, Rfi, RfiPart

A, B = "a" * 32, "b" * 32


@for_each(
    ("model", "sent", "shown", "found"),
    [
        (Office, {"name": "Lisbon"}, Office(name=" Lisbon "), True),
        (Office, {"name": "Lisbon"}, Office(name="Porto"), False),
        (Office, {"name": "Lisbon", "address": "x"}, Office(name="Lisbon"), True),
        (Office, {"name": "Lisbon"}, Office(address="x"), False),
        (Project, {"office": A}, Project(office=Reference(id=A)), True),
        (Project, {"office": A}, Project(office=Reference(id=B)), False),
        (Rfi, {"item_discipline": A}, Rfi(item_discipline=Reference(id=A, record=Discipline(id=A))), True),
        (Rfi, {"parts": [{"title": "x"}]}, Rfi(parts=(RfiPart(title="x", number="1"),)), True),
        (Rfi, {"parts": [{"title": "x"}]}, Rfi(parts=(RfiPart(title="y"),)), False),
        (Rfi, {"parts": [{"title": "x"}]}, Rfi(parts=(RfiPart(title="x"), RfiPart(title="x"))), False),
        (
            Person,
            {"email_addresses": [PersonEmailAddress(email_address="a@b.c")]},
            Person(email_addresses=(PersonEmailAddress(id=A, email_address="a@b.c"),)),
            True,  # the server gave it its ID
        ),
        (
            Person,
            {"email_addresses": [PersonEmailAddress(id=B, email_address="a@b.c")]},
            Person(email_addresses=(PersonEmailAddress(id=A, email_address="a@b.c"),)),
            False,
        ),
    ],
)
def test_a_record_is_the_one_that_was_sent_if_all_that_it_shows_of_it_is_equal(
    model: Any, sent: dict[str, Any], shown: Any, found: bool
) -> None:
    """Texts without outer blanks, references by their IDs, objects by what was sent of them."""
    assert matcher(model, sent, None)(shown) is found


@for_each(
    ("fields", "names", "why"),
    [
        ({"name": "x"}, "name", "must be a list of fields"),
        ({"name": "x"}, [], "at least one of the fields"),
        ({"name": "x"}, ["address"], "at least one of the fields"),
        ({"name": None}, ["name"], "nothing is sent under name"),
    ],
)
def test_fields_that_can_tell_no_record_are_refused(fields: dict[str, Any], names: Any, why: str) -> None:
    with pytest.raises(InvalidOptionError, match=why):
        matcher(Office, fields, names)
