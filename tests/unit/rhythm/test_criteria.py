"""Criteria as values, and the two forms in which they are written."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cases import for_each
from tonicdm import InvalidOptionError
from tonicdm.rhythm import QueryDialect, all_of, any_of, field
from tonicdm.rhythm.criteria import Condition, Criteria, Group, to_query, to_search
from tonicdm.rhythm.errors import CriteriaError

DIALECT = QueryDialect()
OPERATORS = [*DIALECT.operators]

CONDITIONS = st.builds(
    lambda name, operator, value: Condition(
        name, operator, (value, value) if operator in {"in", "not_in", "between"} else value
    ),
    st.text(min_size=1, max_size=5),
    st.sampled_from(OPERATORS),
    st.text(max_size=5) | st.integers() | st.booleans() | st.none(),
)
CRITERIA = st.recursive(
    CONDITIONS,
    lambda inner: st.builds(
        lambda join, members: (all_of if join else any_of)(*members),
        st.booleans(),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=8,
)


def read(node: dict[str, Any]) -> Criteria:
    """Read what was written, as a server would."""
    if "all" in node or "any" in node:
        ((key, members),) = node.items()
        return (all_of if key == "all" else any_of)(*map(read, members))
    words = {word: name for name, word in DIALECT.operators.items()}
    operator = words[node["operator"]]
    value = node.get("value")
    return Condition(node["field"], operator, tuple(value) if isinstance(value, list) else value)  # type: ignore[arg-type]


def plain(criteria: Criteria) -> Criteria:
    if isinstance(criteria, Group):
        return Group(criteria.join, tuple(map(plain, criteria.members)))
    return (
        Condition(criteria.field, criteria.operator) if criteria.operator in {"is_empty", "is_not_empty"} else criteria
    )


@given(criteria=CRITERIA)
def test_a_query_holds_exactly_what_was_said(criteria: Criteria) -> None:
    whole = criteria if isinstance(criteria, Group) else all_of(criteria)
    assert read(to_query(criteria, DIALECT)) == plain(whole)


def test_operators_make_conditions() -> None:
    name = field("x")
    found = [
        name == 1, name != 1, name < 1, name <= 1, name > 1, name >= 1, name.is_in([1]), name.not_in([1]),
        name.contains("a"), name.starts_with("a"), name.ends_with("a"), name.is_empty(), name.is_not_empty(),
        name.between(1, 2),
    ]  # fmt: skip
    assert [one.operator for one in found] == OPERATORS


def test_joins_of_one_kind_become_flat_and_others_nest() -> None:
    a, b, c = (field(name) == 1 for name in "abc")
    assert (a & b & c) == all_of(a, b, c) == all_of(a, all_of(b, c))
    assert (a & (b | c)).members[1] == any_of(b, c)


def test_and_or_and_not_are_refused() -> None:
    """``a and b`` would silently be ``b``."""
    with pytest.raises(TypeError, match="joined with &"):
        bool(field("a") == 1)
    with pytest.raises(TypeError):
        field("a") == 1 and field("b") == 2


def test_criteria_are_values() -> None:
    assert hash(field("a") == 1) == hash(field("a") == 1)
    with pytest.raises(AttributeError):
        (field("a") == 1).value = 2  # type: ignore[misc]


def test_the_words_come_from_the_dialect() -> None:
    dialect = QueryDialect(any_key="or", field_key="f", operator_key="op", value_key="v", operators={"eq": "="})
    assert to_query(any_of(field("a") == 1), dialect) == {"or": [{"f": "a", "op": "=", "v": 1}]}
    with pytest.raises(CriteriaError, match="no word for the operator 'gt'"):
        to_query(field("a") > 1, dialect)


def test_times_are_written_in_iso_8601_and_need_a_zone() -> None:
    moment = datetime.datetime(2026, 11, 22, 1, tzinfo=datetime.UTC)
    assert (field("a") >= moment).value == "2026-11-22T01:00:00Z"
    with pytest.raises(InvalidOptionError, match="time zone"):
        field("a") >= datetime.datetime(2026, 11, 22)  # noqa: B015, DTZ001


@for_each(
    "wrong",
    [
        lambda: field(""), lambda: field("a").is_in("abc"), lambda: field("a").is_in([]), all_of, lambda: any_of(1),
        lambda: field("a") == object(),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidOptionError):
        wrong()


# --- a search ---------------------------------------------------------------------------------------------------------


def test_a_search_takes_equalities_that_must_all_hold() -> None:
    criteria = (field("last_name") == "Ng") & (field("city") == "Oslo") & field("id").is_in(["a", "b"])
    assert to_search(criteria) == {"last_name": "Ng", "city": "Oslo", "ids": ["a", "b"]}
    assert to_search(field("last_name") == "Ng") == {"last_name": "Ng"}


@pytest.mark.parametrize(
    "criteria",
    [
        (field("a") == 1) | (field("b") == 2),
        (field("a") == 1) & ((field("b") == 2) | (field("c") == 3)),
        field("a") > 1,
        field("name").is_in(["x"]),
        (field("a") == 1) & (field("a") == 2),
    ],
    ids=str,
)
def test_what_a_search_can_not_say_is_refused(criteria: Criteria) -> None:
    with pytest.raises(CriteriaError, match="a search"):
        to_search(criteria)


def test_a_field_is_the_key_of_a_mapping_though_its_comparison_is_a_condition() -> None:
    name = field("x")
    assert {name: 1}[name] == 1
    assert hash(field("x")) != hash(name), "a comparison is no equality"
