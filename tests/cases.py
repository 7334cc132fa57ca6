"""One property over many cases, as one test: each case is a subtest, and what fails is named."""

from __future__ import annotations

import asyncio
import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import attrs
import pytest

Test = Callable[..., Any]
SHOWN = 80
"""Characters of a value that has no name of its own."""


@attrs.frozen
class Table:
    """A test and the cases it is run for."""

    test: Test
    arguments: tuple[str, ...] = ()
    cases: tuple[tuple[str, tuple[Any, ...]], ...] = (("", ()),)
    """The name of each case, and the values of the arguments."""

    def times(self, arguments: Sequence[str], cases: Iterable[tuple[str, tuple[Any, ...]]]) -> Table:
        combined = tuple(
            ("-".join(filter(None, (name, own))), (*values, *more))
            for (own, more), (name, values) in itertools.product(self.cases, cases)
        )
        return Table(self.test, (*arguments, *self.arguments), combined)

    def runs(self, subtests: pytest.Subtests, fixtures: dict[str, Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
        assert self.cases, "a table without a case proves nothing"
        for name, values in self.cases:
            yield subtests.test(name), dict(zip(self.arguments, values, strict=True)) | fixtures


def name_of(value: Any) -> str:
    """Return what names a value in a report."""
    text = value if isinstance(value, str) else getattr(value, "__name__", None) or repr(value)
    text = text.encode("unicode-escape").decode("ascii")  # half a pair of surrogates can't be reported
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def for_each(
    names: str | Sequence[str], values: Iterable[Any], *, ids: Callable[[Any], Any] | Iterable[str] | None = None
) -> Callable[[Test], Test]:
    """Run a test for each value, as ``pytest.mark.parametrize`` does, but collect it as one test.

    Collecting, setting up and reporting a test costs more than most cases of a table do. Unlike parameters, the cases
    share their fixtures, so use it where a case leaves nothing behind. Several tables are combined.

    Args:
        names: Arguments that are given: a name, names separated by commas, or several names.
        values: The cases: values of the one argument, or tuples of all; ``pytest.param`` gives a case an ``id``.
        ids: What names a value in a report, or the names of the cases.
    """
    arguments = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)

    def parts(case: Any) -> Iterator[str]:
        for value in case:
            own = ids(value) if callable(ids) else None
            yield name_of(value) if own is None else str(own)

    names_of_cases = list(ids) if ids is not None and not callable(ids) else None
    cases = []
    for number, given in enumerate(values):
        single = len(arguments) == 1
        if isinstance(given, type(pytest.param())):
            assert not given.marks, "a case of a table is no test that a mark could choose"
            case, name = given.values, given.id
        else:
            case, name = (given,) if single else tuple(given), None
        if names_of_cases is not None:
            name = names_of_cases[number]
        cases.append((name or "-".join(parts(case)), case))

    def decorate(test: Test) -> Test:
        table = getattr(test, "table", None) or Table(run_examples(test))
        return as_test(table.times(arguments, cases))

    return decorate


def run_examples(test: Test) -> Test:
    """Let each example of an async property run in a loop of its own, as pytest-asyncio does where it sees one."""
    property_ = getattr(test, "hypothesis", None)
    if property_ is not None and inspect.iscoroutinefunction(inner := property_.inner_test):

        @functools.wraps(inner)
        def example(*args: Any, **kwargs: Any) -> None:
            asyncio.run(inner(*args, **kwargs))

        property_.inner_test = example
    return test


def as_test(table: Table) -> Test:
    """Return the one test that pytest collects for a table."""
    signature = inspect.signature(table.test)
    fixtures = [parameter for name, parameter in signature.parameters.items() if name not in table.arguments]
    assert "subtests" not in {parameter.name for parameter in fixtures}, "the cases are subtests themselves"

    # Of the test's attributes only the marks are taken: hypothesis's would make a property of the whole table.
    if inspect.iscoroutinefunction(table.test):

        @functools.wraps(table.test, updated=())
        async def run(subtests: pytest.Subtests, **given: Any) -> None:
            for subtest, kwargs in table.runs(subtests, given):
                with subtest:
                    await table.test(**kwargs)
    else:

        @functools.wraps(table.test, updated=())
        def run(subtests: pytest.Subtests, **given: Any) -> None:
            for subtest, kwargs in table.runs(subtests, given):
                with subtest:
                    table.test(**kwargs)

    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in fixtures]
    own = inspect.Parameter("subtests", inspect.Parameter.KEYWORD_ONLY)
    run.__signature__ = signature.replace(parameters=[*named, own])  # type: ignore[attr-defined]
    run.pytestmark = list(getattr(table.test, "pytestmark", []))  # type: ignore[attr-defined]
    run.table = table  # type: ignore[attr-defined]
    return run
