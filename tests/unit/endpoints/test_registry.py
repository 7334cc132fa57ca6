"""One registry names the endpoint class of each record type; a class says its own type."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tests.cases import for_each
from tests.contract.calls import BASE, ID, NOUNS
from tonicdm import TonicDM, UnitBudget
from tonicdm.endpoints.base import Endpoint
from tonicdm.endpoints.persons import Persons
from tonicdm.endpoints.registry import RECORD_TYPES, endpoint_class
from tonicdm.errors import InvalidOptionError
from tonicdm.ids import record_id
from tonicdm.store.types import TYPES


class MyPersons(Persons):
    """What a program derives, in a module of its own."""


class Copy:
    """Notes which records may no longer be served."""

    def __init__(self) -> None:
        self.named: list[str] = []

    async def invalidate(self, record_type: str, record: str) -> None:
        self.named.append(record_type)


@pytest.fixture
async def tonic() -> AsyncGenerator[TonicDM]:
    async with TonicDM(token="t", base_url=BASE, budget=UnitBudget.memory()) as made:
        yield made


async def test_a_class_derived_elsewhere_keeps_its_record_type():
    """A write by a derived class invalidates the records of its own type, not of its module's name."""
    copy = Copy()

    class Caller:
        base_url = BASE

        def __init__(self) -> None:
            self.copy = copy

    caller: Any = Caller()
    async with MyPersons(caller)._writing(record_id(ID)):
        pass
    assert copy.named == ["persons"]


def test_the_registry_names_every_attribute_of_a_client():
    assert tuple(RECORD_TYPES) == NOUNS


@for_each("record_type", NOUNS)
def test_a_class_says_its_record_type_itself(record_type: str):
    """Neither a file's name nor a base class decides it."""
    kind = endpoint_class(record_type)
    assert vars(kind)["record_type"] == record_type


async def test_the_clients_attribute_is_made_of_the_registrys_class(tonic: TonicDM):
    for record_type in RECORD_TYPES:
        made = getattr(tonic, record_type)
        assert isinstance(made, Endpoint)
        assert type(made) is endpoint_class(record_type)
        assert getattr(tonic, record_type) is made, "made once"


def test_the_stores_types_are_of_the_registry():
    assert set(TYPES) <= set(RECORD_TYPES)


def test_an_unknown_type_is_refused_with_what_there_is():
    with pytest.raises(InvalidOptionError, match="no such record type: walls; there are me, persons, "):
        endpoint_class("walls")
