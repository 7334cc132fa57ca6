"""Criteria of a query: any and all groups, nested, over conditions (concepts page, "Query").

The words any and all are documented, the rest is assumed: the names stand in `RhythmSettings`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from tonicdm.sandbox.messages import Refusal
from tonicdm.sandbox.rhythm.settings import Operator, RhythmSettings

Getter = Callable[[str], Any]
"""Gives the value of a field of the record at hand."""
Predicate = Callable[[Getter], bool]


def compile_group(group: Any, settings: RhythmSettings, knows: Callable[[str], bool]) -> Predicate:
    """Return what tells whether a record matches.

    Args:
        group: Criteria as they arrived; an empty object matches everything.
        settings: Names of groups and operators.
        knows: Whether a field exists.

    Raises:
        Refusal: 400, the criteria mean nothing.
    """
    if not isinstance(group, dict):
        raise Refusal(400, "criteria must be an object")
    if "field" in group:
        return _condition(group, settings, knows)
    names = {settings.all_name, settings.any_name}
    if unknown := sorted(set(group) - names):
        raise Refusal(400, f"criteria have no {', '.join(unknown)}; a group has {' or '.join(sorted(names))}")
    parts: dict[str, list[Predicate]] = {}
    for name, members in group.items():
        if not isinstance(members, list):
            raise Refusal(400, f"criteria: {name} must be an array")
        parts[name] = [compile_group(member, settings, knows) for member in members]
    every, some = parts.get(settings.all_name, []), parts.get(settings.any_name)
    return lambda get: all(test(get) for test in every) and (some is None or any(test(get) for test in some))


def comparable(value: Any, *, ignore_case: bool) -> Any:
    """Return a value in a form that compares: moments as seconds, texts without case if so wished."""
    if isinstance(value, str):
        if len(value) >= 10 and value[4:5] == "-" and (moment := _moment(value)) is not None:
            return moment
        return value.casefold() if ignore_case else value
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _moment(text: str) -> float | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _condition(node: Mapping[str, Any], settings: RhythmSettings, knows: Callable[[str], bool]) -> Predicate:
    field, name, value = node["field"], node.get("operator"), node.get("value")
    if not isinstance(field, str) or not knows(field):
        raise Refusal(400, f"criteria: no field {field!r}")
    operator = settings.operators.get(str(name))
    if operator is None:
        raise Refusal(400, f"criteria: no operator {name!r}; there are {', '.join(settings.operators)}")
    ignore = settings.ignore_case
    if operator in {"in", "not_in", "between"}:
        if not isinstance(value, list) or (operator == "between" and len(value) != 2):
            raise Refusal(400, f"criteria: {name} wants an array{' of two' if operator == 'between' else ''}")
        wanted: Any = [comparable(part, ignore_case=ignore) for part in value]
    else:
        wanted = comparable(value, ignore_case=ignore)
    test = _TESTS[operator]
    return lambda get: test(comparable(get(field), ignore_case=ignore), wanted)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda own, wanted: type(own) is type(wanted) and own is not None and compare(own, wanted)


def _text(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda own, wanted: isinstance(own, str) and isinstance(wanted, str) and compare(own, wanted)


def _contains(own: Any, wanted: Any) -> bool:
    if isinstance(own, list):
        return wanted in own
    return isinstance(own, str) and isinstance(wanted, str) and wanted in own


_EMPTY: tuple[Any, ...] = (None, "", [], {})

_TESTS: Mapping[Operator, Callable[[Any, Any], bool]] = {
    "eq": lambda own, wanted: own is not None and own == wanted,
    "ne": lambda own, wanted: own != wanted,
    "gt": _ordered(lambda own, wanted: own > wanted),
    "gte": _ordered(lambda own, wanted: own >= wanted),
    "lt": _ordered(lambda own, wanted: own < wanted),
    "lte": _ordered(lambda own, wanted: own <= wanted),
    "in": lambda own, wanted: own is not None and own in wanted,
    "not_in": lambda own, wanted: own not in wanted,
    "contains": _contains,
    "starts_with": _text(str.startswith),
    "ends_with": _text(str.endswith),
    "is_empty": lambda own, _: own in _EMPTY,
    "is_not_empty": lambda own, _: own not in _EMPTY,
    "between": lambda own, wanted: type(own) is type(wanted[0]) is type(wanted[1]) and wanted[0] <= own <= wanted[1],
}
