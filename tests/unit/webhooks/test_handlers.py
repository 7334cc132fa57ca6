"""Which handlers are meant for which events, and what they are given."""

from __future__ import annotations

import pytest

from tests.cases import for_each
from tonicdm.errors import ConfigError, DecodeError
from tonicdm.webhooks.handlers import Delivery, Handlers, matches


@for_each(
    ("pattern", "event_type", "record_type", "meant"),
    [
        ("persons.updated", "persons.updated", "persons", True),
        ("person.updated", "persons.updated", "persons", True),
        ("persons.updated", "person.updated", "persons", True),
        ("persons.updated", "PersonUpdated", "persons", True),
        ("email_addresses.updated", "emailAddress.updated", "email_addresses", True),
        ("persons.updated", "persons.deleted", "persons", False),
        ("persons.updated", "offices.updated", "offices", False),
        ("persons.deleted", "persons.undeleted", "persons", False),
        ("persons.*", "persons.deleted", "persons", True),
        ("persons.*", "", "persons", True),
        ("persons.*", "offices.deleted", "offices", False),
        ("persons.updated", "", "persons", False),
        ("zebra.jumped", "zebra.jumped", "", True),
        ("zebra.*", "zebra.jumped", "", True),
        ("zebra.*", "horse.jumped", "", False),
        ("core.persons.updated", "core.persons.updated", "persons", True),
        ("*", "", "", True),
    ],
)
def test_patterns(pattern, event_type, record_type, meant):
    assert matches(pattern, event_type, record_type) is meant


@for_each("pattern", ["", "persons", "*.updated", "persons.", ".updated", "per*.updated", "a b.c"])
def test_other_patterns_are_refused(pattern):
    with pytest.raises(ConfigError, match="a handler is for"):
        Handlers().on(pattern)


def test_a_function_that_is_not_async_is_refused_when_it_is_registered():
    with pytest.raises(ConfigError, match="async"):

        @Handlers().on("*")
        def handler(delivery):
            pass


def test_all_that_match_are_called_in_the_order_of_their_registration():
    handlers = Handlers()

    @handlers.on("*")
    async def first(delivery): ...

    @handlers.on("offices.*")
    async def second(delivery): ...

    @handlers.on("persons.updated")
    async def third(delivery): ...

    assert handlers.matching("persons.updated", "persons") == [first, third]
    assert len(handlers) == 3


def delivery(raw, record_type="offices"):
    return Delivery("offices.updated", record_type, "a" * 32, "evt_1", 0.0, 1, False, raw)


def test_a_delivery_has_the_record_as_a_model_and_as_json():
    one = delivery('{"id": "%s", "name": "Faro", "new": 1}' % ("a" * 32))
    assert one.record.name == "Faro"
    assert one.raw["new"] == 1
    assert one.idempotency_key == "evt_1:" + "a" * 32


def test_a_record_of_another_form_is_an_error_only_for_who_wants_the_model():
    one = delivery('{"id": "%s", "name": 5}' % ("a" * 32))
    assert one.raw["name"] == 5
    with pytest.raises(DecodeError):
        _ = one.record


def test_of_a_record_that_is_gone_there_is_neither():
    assert delivery(None).record is None
    assert delivery(None).raw is None


def test_a_repr_shows_no_content():
    assert "Faro" not in repr(delivery('{"name": "Faro"}'))
