"""A table of cases hides none of them."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cases import for_each


class Subtests:
    """Notes the name of each case, and which failed."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.failed: list[str] = []

    @contextlib.contextmanager
    def test(self, name: str) -> Iterator[None]:
        self.names.append(name)
        try:
            yield
        except AssertionError:
            self.failed.append(name)


def test_each_case_is_run_and_named_though_one_before_has_failed() -> None:
    @for_each("number", [1, 2, 3])
    def is_two(number: int) -> None:
        assert number == 2

    noted = Subtests()
    is_two(subtests=noted)
    assert (noted.names, noted.failed) == (["1", "2", "3"], ["1", "3"])


async def test_tables_are_combined_and_fixtures_are_asked_for() -> None:
    @for_each("first", "ab", ids=str.upper)
    @for_each(("second", "third"), [(1, 2), pytest.param(3, 4, id="last")])
    async def never(first: str, fixture: str, second: int, third: int) -> None:
        raise AssertionError(f"{first}{second}{third}{fixture}")

    noted = Subtests()
    assert list(inspect.signature(never).parameters) == ["fixture", "subtests"]
    await never(subtests=noted, fixture="given")
    assert noted.failed == ["A-1-2", "B-1-2", "A-last", "B-last"]


def test_a_property_is_tried_for_each_case() -> None:
    @for_each("bound", [0, 10])
    @settings(database=None, max_examples=20)
    @given(data=st.data())
    def below(bound: int, data: st.DataObject) -> None:
        assert data.draw(st.integers(0, 5)) <= bound

    noted = Subtests()
    below(subtests=noted)
    assert (noted.names, noted.failed) == (["0", "10"], ["0"])


def test_an_async_property_is_tried_for_each_case() -> None:
    @for_each("bound", [0, 10])
    @settings(database=None, max_examples=20)
    @given(data=st.data())
    async def below(bound: int, data: st.DataObject) -> None:
        assert data.draw(st.integers(0, 5)) <= bound

    noted = Subtests()
    below(subtests=noted)
    assert (noted.names, noted.failed) == (["0", "10"], ["0"])


def test_a_table_may_name_its_cases() -> None:
    table = {"one": 1, "two": 2}

    @for_each("number", table.values(), ids=table)
    def is_two(number: int) -> None:
        assert number == 2

    noted = Subtests()
    is_two(subtests=noted)
    assert noted.failed == ["one"]


def test_a_table_without_a_case_is_an_error() -> None:
    @for_each("number", [])
    def nothing(number: int) -> None: ...

    with pytest.raises(AssertionError, match="without a case"):
        nothing(subtests=Subtests())


@for_each("number", [1, 2])
def test_pytest_collects_a_table_as_a_test(number: int, tmp_path) -> None:
    assert number
    assert tmp_path.exists()
