"""Criteria as values: ``field("last_name") == "Ng"``, joined by ``&`` and ``|``, and their wire form.

The wire's form of criteria is only assumed (reference: CriteriaGroup), so nothing but `to_query` knows it, and the
words come from a `QueryDialect`.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NoReturn, TypeAlias

import attrs

from tonicdm.codec.records import write_scalar
from tonicdm.errors import InvalidOptionError
from tonicdm.http.operation import NOTHING_SENT
from tonicdm.rhythm.assumed import RULES, QueryDialect
from tonicdm.rhythm.errors import CriteriaError

Scalar: TypeAlias = str | int | float | bool | datetime.datetime | datetime.date | uuid.UUID | None
Operator: TypeAlias = Literal[
    "eq", "ne", "lt", "le", "gt", "ge", "in", "not_in", "contains", "starts_with", "ends_with", "is_empty",
    "is_not_empty", "between",
]  # fmt: skip
Join: TypeAlias = Literal["all", "any"]


class _Criterion:
    """What can be joined with others."""

    __slots__ = ()

    def __and__(self, other: object) -> Group:
        return NotImplemented if not isinstance(other, (Condition, Group)) else _join("all", (self, other))

    def __or__(self, other: object) -> Group:
        return NotImplemented if not isinstance(other, (Condition, Group)) else _join("any", (self, other))

    def __bool__(self) -> NoReturn:
        # "a == 1 and b == 2" would silently drop its first half.
        raise TypeError("criteria are joined with & and |, or all_of() and any_of(), not with and, or, not")


@attrs.frozen
class Condition(_Criterion):
    """One field, one operator, one value."""

    field: str
    operator: Operator
    value: Any = None
    """A JSON value; none for operators that need none."""


@attrs.frozen
class Group(_Criterion):
    """Members of which all must hold, or one; groups may stand in groups (concepts page, "Query")."""

    join: Join
    members: tuple[Criteria, ...]


Criteria: TypeAlias = Condition | Group
"""A condition or a group of them."""


@attrs.frozen(eq=False)
class Field:
    """A field to compare; made by `field`. Fields of related types have dots in their names."""

    name: str

    def __eq__(self, value: object) -> Condition:  # type: ignore[override]
        return Condition(self.name, "eq", _value(value))

    def __ne__(self, value: object) -> Condition:  # type: ignore[override]
        return Condition(self.name, "ne", _value(value))

    def __lt__(self, value: Scalar) -> Condition:
        return Condition(self.name, "lt", _value(value))

    def __le__(self, value: Scalar) -> Condition:
        return Condition(self.name, "le", _value(value))

    def __gt__(self, value: Scalar) -> Condition:
        return Condition(self.name, "gt", _value(value))

    def __ge__(self, value: Scalar) -> Condition:
        return Condition(self.name, "ge", _value(value))

    def __hash__(self) -> int:
        return object.__hash__(self)

    def is_in(self, values: Iterable[Scalar]) -> Condition:
        """Match any of *values*."""
        return Condition(self.name, "in", _values(self.name, values))

    def not_in(self, values: Iterable[Scalar]) -> Condition:
        """Match none of *values*."""
        return Condition(self.name, "not_in", _values(self.name, values))

    def between(self, low: Scalar, high: Scalar) -> Condition:
        """Match from *low* to *high*, both included as far as the server does so."""
        return Condition(self.name, "between", _values(self.name, (low, high)))

    def contains(self, part: str) -> Condition:
        """Match texts with *part* in them, or lists that hold it."""
        return Condition(self.name, "contains", _value(part))

    def starts_with(self, part: str) -> Condition:
        """Match texts that begin with *part*."""
        return Condition(self.name, "starts_with", _value(part))

    def ends_with(self, part: str) -> Condition:
        """Match texts that end with *part*."""
        return Condition(self.name, "ends_with", _value(part))

    def is_empty(self) -> Condition:
        """Match records without a value."""
        return Condition(self.name, "is_empty")

    def is_not_empty(self) -> Condition:
        """Match records with a value."""
        return Condition(self.name, "is_not_empty")


def field(name: str) -> Field:
    """Return a field that makes conditions when it is compared.

    Args:
        name: Its wire name.
    """
    if not isinstance(name, str) or not name.strip():
        raise InvalidOptionError(f"a criterion needs the name of a field. {NOTHING_SENT}")
    return Field(name)


def all_of(*members: Criteria) -> Group:
    """Return criteria that hold where all *members* do."""
    return _join("all", members)


def any_of(*members: Criteria) -> Group:
    """Return criteria that hold where one of *members* does."""
    return _join("any", members)


def _join(join: Join, members: Iterable[Any]) -> Group:
    flat: list[Criteria] = []
    for member in members:
        if isinstance(member, Group) and member.join == join:
            flat.extend(member.members)
        elif isinstance(member, (Condition, Group)):
            flat.append(member)
        else:
            raise InvalidOptionError(
                f"criteria are made of field(...) comparisons, not of a {type(member).__name__}. {NOTHING_SENT}"
            )
    if not flat:
        raise InvalidOptionError(
            f"a group of criteria needs a member: an empty one could mean all or none. {NOTHING_SENT}"
        )
    return Group(join, tuple(flat))


def _value(value: Any) -> Any:
    return write_scalar(value)


def _values(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise InvalidOptionError(
            f"{name} is compared with a list of values, not with a {type(values).__name__}. {NOTHING_SENT}"
        )
    converted = tuple(map(_value, values))
    if not converted:
        raise InvalidOptionError(f"{name} is compared with an empty list, which no record matches. {NOTHING_SENT}")
    return converted


# --- how they are written -------------------------------------------------------------------------------------------

NO_VALUE: Final = frozenset({"is_empty", "is_not_empty"})
Shape: TypeAlias = Literal["value", "list", "range"]
"""What a criterion of a search takes: one value, a list of which one must match, or two bounds."""
IDS: Final = "ids"
"""The criterion of searches that is about the field ``id`` (reference: ContactSearch, PledgeSearch)."""
CONTACT_SEARCH: Final[Mapping[str, Shape]] = {IDS: "list"}
"""Criteria that are not one value, where nothing else is said of a search."""


def to_search(criteria: Criteria, shapes: Mapping[str, Shape] = CONTACT_SEARCH) -> dict[str, Any]:
    """Return criteria as the body of a search, where all must match (concepts page, "Search").

    Args:
        criteria: What must hold.
        shapes: What the search's criteria take; those that are not named take one value.

    Raises:
        CriteriaError: They have alternatives, an operator that the search has not, or a field twice.
    """
    body: dict[str, Any] = {}
    members = (criteria,) if isinstance(criteria, Condition) or criteria.join == "any" else criteria.members
    for member in members:
        if isinstance(member, Group):
            raise CriteriaError(f"a search has no any and no nested groups. {NOTHING_SENT}")
        name = IDS if member.field == "id" and IDS in shapes else member.field
        if name in body:
            raise CriteriaError(f"a search takes {name} once. {NOTHING_SENT}")
        body[name] = _searched(member, shapes.get(name, "value"))
    return body


_TAKES: Final[dict[Shape, str]] = {
    "value": "one value to be equal to",
    "list": "values to be one of",
    "range": "two bounds: between()",
}
"""What a search takes for a field, by the shape of its criterion."""


def _searched(condition: Condition, shape: Shape) -> Any:
    """Return the value of a search's criterion."""
    match condition.operator, shape:
        case "eq", "value":
            return condition.value
        case "eq", "list":
            return [condition.value]
        case ("in", "list") | ("between", "range"):
            return list(condition.value)
        case _:
            takes = {
                "value": "one value to be equal to",
                "list": "values to be one of",
                "range": "two bounds: between()",
            }
            raise CriteriaError(
                f"a search takes for {condition.field} {takes[shape]}, not {condition.operator!r}. {NOTHING_SENT}"
            )


def to_query(criteria: Criteria, dialect: QueryDialect) -> dict[str, Any]:
    """Return criteria as a query has them: the only place that knows the assumed form.

    Args:
        criteria: What must hold.
        dialect: The words.
    """
    group = criteria if isinstance(criteria, Group) else Group("all", (criteria,))
    return _node(group, dialect)


def to_rules(criteria: Criteria, dialect: QueryDialect = RULES) -> dict[str, Any]:
    """Return criteria as the rule set of a workflow (reference: RuleSet).

    Args:
        criteria: What must hold of the record.
        dialect: The words; only ``equal`` is printed.

    Raises:
        CriteriaError: The rules have no word for an operator.
    """
    return to_query(criteria, dialect)


def _node(criteria: Criteria, dialect: QueryDialect) -> dict[str, Any]:
    if isinstance(criteria, Group):
        key = dialect.all_key if criteria.join == "all" else dialect.any_key
        return {key: [_node(member, dialect) for member in criteria.members]}
    try:
        word = dialect.operators[criteria.operator]
    except KeyError:
        raise CriteriaError(
            f"this dialect has no word for the operator {criteria.operator!r}. {NOTHING_SENT}"
        ) from None
    name = dialect.field_format.format(name=criteria.field)
    condition: dict[str, Any] = {**dialect.constants, dialect.field_key: name, dialect.operator_key: word}
    if criteria.operator not in NO_VALUE:
        condition[dialect.value_key] = list(criteria.value) if isinstance(criteria.value, tuple) else criteria.value
    return condition
