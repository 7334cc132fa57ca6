"""Attributes that are made when they are first read."""

from __future__ import annotations

import copy

from tonicdm import TonicDM, UnitBudget
from tonicdm.lazy import Lazy, forget


class Shelf:
    made: list[str]
    first: Lazy[list[str]] = Lazy(lambda shelf, name: shelf.make(name))
    second: Lazy[list[str]] = Lazy(lambda shelf, name: shelf.make(name))

    def __init__(self) -> None:
        self.made = []

    def make(self, name: str) -> list[str]:
        self.made.append(name)
        return [name]


def test_a_value_is_made_once_and_only_when_it_is_read() -> None:
    shelf = Shelf()
    assert shelf.first is shelf.first
    assert shelf.made == ["first"]
    assert isinstance(Shelf.second, Lazy)


def test_what_is_forgotten_is_made_anew_for_the_copy_alone() -> None:
    shelf = Shelf()
    value = shelf.first
    other = copy.copy(shelf)
    forget(other)
    assert other.first is not value
    assert shelf.first is value


def test_a_view_keeps_the_class_of_its_client_and_calls_with_its_own_preferences() -> None:
    """Also where the client has loaded an attribute before."""

    class Named(TonicDM):
        label = ""

    client = Named(token="t", base_url="https://example.test", budget=UnitBudget.memory())
    client.label = "mine"
    before = client.offices
    view = client.with_options(priority="bulk")
    assert isinstance(view, Named)
    assert view.label == "mine"
    assert view.caller.priority == "bulk"
    assert view.offices is not before
    assert view.offices._caller.priority == "bulk"
    assert client.offices is before
    assert client.caller.priority == "normal"
